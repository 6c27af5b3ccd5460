"""A fingerprint that is read aloud binds the whole anchor, and a misheard group is noticed."""

import json
from collections.abc import Callable
from itertools import combinations

import pytest

from chainnode.verify import Trust
from chainnode.verify.spoken import (
    DIGITS,
    GROUPS,
    UnreadableCode,
    anchor_digest,
    check_digit,
    is_same,
    spoken_code,
)
from chainnode.verify.strict_json import JsonObject
from tests.builders_evidence import TIME_MS, SyntheticChain, synthetic_chain

SUITES = ("sm", "intl")


@pytest.fixture(params=SUITES)
def chain(request: pytest.FixtureRequest) -> SyntheticChain:
    return synthetic_chain(request.param)


def trust_file(chain: SyntheticChain) -> JsonObject:
    return chain.trust.pinned_at(
        epoch=0, height=12, header_digest=bytes(range(32)), time_ms=TIME_MS
    ).form()


def loaded(form: JsonObject) -> Trust:
    return Trust.load(json.dumps(form).encode())


# Written down once, so that no change of this program changes what people have noted.
KNOWN = {"sm": "580037 814443 970747 051155 905355", "intl": "123359 231174 392150 352758 647726"}


def test_the_code_of_a_known_genesis_stays_what_it_is(chain: SyntheticChain) -> None:
    assert spoken_code(chain.trust) == KNOWN[chain.suite.name]


def test_the_code_has_five_groups_of_six_digits_and_83_bits(chain: SyntheticChain) -> None:
    groups = spoken_code(chain.trust).split(" ")
    assert [len(one) for one in groups] == [DIGITS + 1] * GROUPS
    assert "".join(groups).isdecimal()
    assert 10 ** (DIGITS * GROUPS) > 2**80


def renamed(form: JsonObject) -> JsonObject:
    members = form["members"]
    assert isinstance(members, list)
    first = members[0]
    assert isinstance(first, list)
    return {"members": [[first[0], "DEPT-X", first[2]], *members[1:]]}


def with_window(form: JsonObject) -> JsonObject:
    parameters = form["parameters"]
    assert isinstance(parameters, dict)
    return {"parameters": {**parameters, "window": 32}}


CHANGES: dict[str, Callable[[JsonObject], JsonObject]] = {
    "chain": lambda _: {"chain_id": bytes(32).hex()},
    "parameters": with_window,
    "epoch": lambda _: {"epoch": 1},
    "height": lambda _: {"height": 13},
    "header": lambda _: {"header_digest": bytes(32).hex()},
    "time": lambda _: {"time_ms": TIME_MS + 1},
    "members": renamed,
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_field_of_a_trust_file_is_in_what_is_compared(
    chain: SyntheticChain, name: str
) -> None:
    form = trust_file(chain)
    changed = loaded({**form, **CHANGES[name](form)})
    assert anchor_digest(changed) != anchor_digest(loaded(form))


def test_genesis_is_compared_by_its_chain_id(chain: SyntheticChain) -> None:
    assert anchor_digest(chain.trust) == chain.trust.chain_id
    assert anchor_digest(loaded(trust_file(chain))) != chain.trust.chain_id


def test_either_form_is_recognised_however_it_was_written_down(chain: SyntheticChain) -> None:
    code, digest = spoken_code(chain.trust), anchor_digest(chain.trust).hex()
    for told in (
        code,
        code.replace(" ", ""),
        code.replace(" ", "-"),
        f" {code}\n",
        digest,
        digest.upper(),
        f"{chain.suite.hash_name}:{digest}",
    ):
        assert is_same(told, chain.trust)
    other = synthetic_chain(chain.suite.name, label="another").trust
    assert not is_same(code, other)
    assert not is_same(digest, other)


@pytest.mark.parametrize("told", ["", "12345", "x" * 30, "0" * 29, "0" * 31, "g" * 64, "0" * 999])
def test_what_is_neither_is_refused(chain: SyntheticChain, told: str) -> None:
    with pytest.raises(UnreadableCode):
        is_same(told, chain.trust)


def test_every_wrong_digit_and_every_swap_of_neighbours_names_its_group(
    chain: SyntheticChain,
) -> None:
    groups = spoken_code(chain.trust).split(" ")
    for at, group in enumerate(groups):
        wrong = [
            group[:place] + digit + group[place + 1 :]
            for place in range(len(group))
            for digit in "0123456789"
            if digit != group[place]
        ]
        swapped = [
            group[:place] + group[place + 1] + group[place] + group[place + 2 :]
            for place in range(len(group) - 1)
            if group[place] != group[place + 1]
        ]
        for misheard in wrong + swapped:
            told = [*groups[:at], misheard, *groups[at + 1 :]]
            with pytest.raises(UnreadableCode) as caught:
                is_same(" ".join(told), chain.trust)
            assert caught.value.group == at + 1


def test_two_groups_that_change_places_are_noticed(chain: SyntheticChain) -> None:
    groups = spoken_code(chain.trust).split(" ")
    for one, other in combinations(range(GROUPS), 2):
        told = [*groups]
        told[one], told[other] = told[other], told[one]
        with pytest.raises(UnreadableCode):
            is_same(" ".join(told), chain.trust)


def test_the_check_digit_is_that_of_damm() -> None:
    # 572 has check digit 4 (H. M. Damm, 2004); the group's number stands before the payload.
    assert check_digit(5, "72") == "4"
