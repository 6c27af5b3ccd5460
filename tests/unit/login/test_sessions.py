import pytest

from chainnode.login import LoginCode, LoginRefused, Person, Role, SessionLimits, Sessions

LIMITS = SessionLimits(idle_s=60, absolute_s=600, sessions_max=3, of_one_max=2)


def somebody(name: str) -> Person:
    return Person(pseudonym=name, roles=frozenset({Role.AUDITOR}), claims={"number": "4711"})


def test_one_person_has_so_many_sessions_and_the_longest_unused_makes_way() -> None:
    sessions = Sessions(LIMITS, now_s=lambda: 0.0)
    first, second = (sessions.begin(somebody("a"))[0] for _ in range(2))
    sessions.find(first)

    third, _ = sessions.begin(somebody("a"))

    assert sessions.find(second) is None
    assert sessions.find(first) is not None
    assert sessions.find(third) is not None


def test_nobody_is_pushed_out_by_somebody_else() -> None:
    sessions = Sessions(LIMITS, now_s=lambda: 0.0)
    kept = [sessions.begin(somebody(one))[0] for one in "abc"]

    with pytest.raises(LoginRefused) as refused:
        sessions.begin(somebody("d"))

    assert refused.value.code is LoginCode.TOO_MANY_SESSIONS
    assert all(sessions.find(one) is not None for one in kept)


def test_sessions_that_have_ended_make_room() -> None:
    now = [0.0]
    sessions = Sessions(LIMITS, now_s=lambda: now[0])
    for one in "abc":
        sessions.begin(somebody(one))
    now[0] = 60.0

    sessions.begin(somebody("d"))

    assert len(sessions) == 1


@pytest.mark.parametrize("session_id", ["", "x" * 42, "x" * 43, "x" * 10_000, "é" * 43])
def test_what_is_no_id_of_a_session_is_nobodys(session_id: str) -> None:
    sessions = Sessions(LIMITS, now_s=lambda: 0.0)
    sessions.begin(somebody("a"))

    assert sessions.find(session_id) is None


def test_a_session_ends_for_who_still_holds_it_too() -> None:
    now = [0.0]
    sessions = Sessions(LIMITS, now_s=lambda: now[0])
    session_id, session = sessions.begin(somebody("a"))
    assert sessions.lives(session)

    sessions.end(session_id)

    assert not sessions.lives(session)


def test_nothing_secret_or_personal_is_in_what_is_shown_of_a_session() -> None:
    session_id, session = Sessions(LIMITS, now_s=lambda: 0.0).begin(somebody("a"))

    assert session_id not in repr(session)
    assert session.csrf not in repr(session)
    assert "4711" not in repr(session)


def test_the_token_of_one_session_is_not_that_of_another() -> None:
    sessions = Sessions(LIMITS, now_s=lambda: 0.0)
    _, one = sessions.begin(somebody("a"))
    _, other = sessions.begin(somebody("b"))

    assert one.has_csrf(one.csrf)
    assert not one.has_csrf(other.csrf)
    assert not one.has_csrf("é")
