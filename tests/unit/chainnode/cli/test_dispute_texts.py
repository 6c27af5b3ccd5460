"""Texts of disputes: written from a file, read by filer, responsible and auditors alone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chainnode.client import AccessCall, AccessReason, Client, Final, access_record
from chainnode.client.dispute_calls import (
    Objection,
    Written,
    correct_dispute,
    object_to,
    written,
)
from chainnode.client.dispute_texts import (
    TextState,
    dispute_texts,
    first_responsible,
    writing_key,
    writing_month,
)
from chainnode.client.pair_keys import Reader
from chainnode.keys import Passphrase, open_wrapping_key
from chainnode.suites import suite_named
from chainnode.verify import Trust
from contracts.schemas.call_words import Side
from contracts.schemas.disputes import DISPUTES, Ground, Target
from tests.builders import ORGANISATIONS, submission_key
from tests.unit.chainnode.cli.conftest import Done, at_home
from tests.unit.chainnode.cli.towns import Town, town_at

OWNER, OTHER, STRANGER, FILER = range(4)
ITEM = "population/basic"
TEXT = "这不是我的住址。\n请更正。"
ANSWER = "已按户籍更正"
NUMBER = "11010519491231002X"


@pytest.fixture
def town(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Town]:
    at_home(tmp_path, monkeypatch)
    with town_at(tmp_path, capsys) as made:
        made.must(OWNER, "catalog", "publish", ITEM, "--title", "人口", "--field", "name")
        yield made


def client_of(town: Town, department: int) -> Client:
    trust = Trust.load((town.path / "genesis.json").read_bytes())
    return Client([town.served.url], trust, submission_key("intl", department))


def month_of(town: Town) -> int:
    with client_of(town, FILER) as client:
        return writing_month(client)


def keys_of(town: Town, department: int) -> tuple[str, str]:
    return "--wrapping-keys", str(town.path / f"wrapping{department}")


def has_key(town: Town, *departments: int) -> None:
    """Make and publish the wrapping keys of departments for the month."""
    period = month_of(town)
    for one in departments:
        folder = town.path / f"wrapping{one}"
        folder.mkdir()
        file = str(folder / f"{period}.key.json")
        made = town.bare_words("key", "new", file, "--suite", "intl", "--purpose", "wrapping")
        assert made.code == 0, made.err
        town.must(one, "key", "publish", file, "--month", f"{period // 100}-{period % 100:02}")


def file_of(town: Town, text: str) -> tuple[str, str]:
    path = town.path / "text.txt"
    path.write_text(text + "\n", encoding="utf-8")
    return "--text-file", str(path)


def filed(town: Town, *more: str) -> Done:
    words = ("dispute", "object", "--ground", "data-wrong", "--item", ITEM)
    return town.kun(FILER, *words, *more, "--json")


def shown(town: Town, reader: int, number: str, *, whose: int | None = None) -> list[list[str]]:
    """Return action, state and text of each record, as a reader with these keys sees them."""
    keys = keys_of(town, reader if whose is None else whose)
    told = town.must(reader, "dispute", "show", number, "--purpose", "texts", *keys).json
    texts = told["texts"]
    assert isinstance(texts, list)
    return [[one["action"], one["text_state"], one["text"]] for one in texts]


def test_a_text_is_read_by_filer_and_responsible_and_answered(town: Town) -> None:
    has_key(town, OWNER, FILER)
    town.must(OWNER, "key", "share", ORGANISATIONS[FILER], *keys_of(town, OWNER))
    done = filed(town, *file_of(town, TEXT), *keys_of(town, FILER))
    assert done.code == 0, done.err
    number = str(done.json["dispute"])
    acts = (
        ("extend", "--reason", "archive"),
        ("correct", "--reason", "fixed"),
    )
    for action, *words in acts:
        said = (*file_of(town, ANSWER), *keys_of(town, OWNER))
        town.must(OWNER, "dispute", action, number, *words, *said)

    expected = [
        ["object", "opened", TEXT],
        ["extend", "opened", ANSWER],
        ["correct", "opened", ANSWER],
    ]
    assert shown(town, FILER, number) == expected
    assert shown(town, OWNER, number) == expected

    of_record = ("--record", str(done.json["record"]), *keys_of(town, OWNER))
    one = town.must(OWNER, "dispute", "show", number, *of_record).json
    assert [text["text"] for text in one["texts"]] == [TEXT]


def test_whoever_was_not_given_the_key_learns_that_there_is_a_text(town: Town) -> None:
    has_key(town, OWNER, FILER)
    town.must(OWNER, "key", "share", ORGANISATIONS[FILER], *keys_of(town, OWNER))
    has_key(town, STRANGER)
    number = str(filed(town, *file_of(town, TEXT), *keys_of(town, FILER)).json["dispute"])
    assert shown(town, STRANGER, number) == [["object", "cannot_open", None]]
    # The stranger's keys open nothing for the filer either.
    assert shown(town, FILER, number, whose=STRANGER) == [["object", "cannot_open", None]]


def test_the_responsible_shares_the_key_when_it_answers(town: Town) -> None:
    has_key(town, OWNER, FILER)
    number = str(filed(town).json["dispute"])
    words = ("--reason", "right", *file_of(town, ANSWER), *keys_of(town, OWNER))
    town.must(OWNER, "dispute", "refuse", number, *words)
    assert shown(town, FILER, number) == [
        ["object", "none", None],
        ["refuse", "opened", ANSWER],
    ]


def test_without_a_key_nothing_is_sent_and_the_command_that_mends_it_is_named(town: Town) -> None:
    has_key(town, FILER)
    refused = filed(town, *file_of(town, TEXT), *keys_of(town, FILER))
    assert refused.code == 3
    assert f"kun key share {ORGANISATIONS[FILER]}" in refused.err
    assert TEXT not in refused.err

    number = str(filed(town).json["dispute"])
    has_key(town, OTHER)
    has_none = town.kun(
        *(OWNER, "dispute", "refuse", number, "--reason", "x"),
        *file_of(town, ANSWER),
        *keys_of(town, OTHER),
    )
    # The owner published no key; the folder of another one does not help.
    assert has_none.code == 3
    assert "kun key publish" in has_none.err
    told = town.must(FILER, "dispute", "show", number).json
    assert told["state"] == "open 处理中"


@pytest.mark.parametrize("who", [OTHER, FILER], ids=["another", "the filer"])
def test_another_than_the_responsible_writes_no_answer(town: Town, who: int) -> None:
    has_key(town, who)
    number = str(filed(town).json["dispute"])
    words = ("--reason", "x", *file_of(town, ANSWER), *keys_of(town, who))
    refused = town.kun(who, "dispute", "refuse", number, *words)
    assert refused.code == 4
    assert f"{ORGANISATIONS[OWNER]} has to do it" in refused.err


@pytest.mark.parametrize(
    "text",
    ["", "x" * 1_001, f"我的号码是 {NUMBER}", "电话 13812345678", "红\x1b[31m字", "x" * 5_000],
    ids=["none", "too long", "an identity number", "a mobile number", "controls", "a book"],
)
def test_a_text_that_must_not_be_written_is_refused_unread_by_anybody(
    town: Town, text: str
) -> None:
    (town.path / "wrapping0").mkdir()
    refused = filed(town, *file_of(town, text), *keys_of(town, OWNER))
    assert refused.code == 2
    assert NUMBER not in refused.err
    assert "\x1b" not in refused.err


def test_a_text_needs_the_folder_of_our_keys(town: Town) -> None:
    refused = filed(town, *file_of(town, TEXT))
    assert (refused.code, "--wrapping-keys" in refused.err) == (2, True)
    (town.path / "wrapping3").mkdir()
    empty = filed(town, *file_of(town, TEXT), *keys_of(town, FILER))
    assert empty.code == 5
    assert "kun key new" in empty.err


def test_a_record_of_something_else_is_not_opened(town: Town) -> None:
    number = str(filed(town).json["dispute"])
    refused = town.kun(FILER, "dispute", "show", number, "--record", "0")
    assert (refused.code, "--record 0" in refused.err) == (2, True)


@pytest.mark.parametrize("mistake", ["another commitment", "another dispute", "in clear"])
def test_a_text_that_is_not_what_was_committed_to_is_said_so(town: Town, mistake: str) -> None:
    has_key(town, OWNER, FILER)
    number = bytes.fromhex(str(filed(town).json["dispute"]))
    period = month_of(town)
    suite = suite_named("intl")
    file = town.path / "wrapping0" / f"{period}.key.json"
    _, wrapping = open_wrapping_key(file, passphrase=Passphrase(b"correct horse"))
    with client_of(town, OWNER) as client:
        key = writing_key(
            client,
            filer=ORGANISATIONS[FILER],
            responsible=ORGANISATIONS[OWNER],
            dispute_id=bytes(16) if mistake == "another dispute" else number,
            period=period,
            reader=Reader(organisation=ORGANISATIONS[OWNER], wrapping=wrapping),
        )
        words = written(suite, ANSWER, key)
        if mistake == "another commitment":
            words = Written(commitment=b"?" * 32, private=words.private)
        if mistake == "in clear":
            words = Written(
                commitment=words.commitment, private=b"\x92\xc4\x10" + bytes(16) + b"\xa1x"
            )
        call = correct_dispute(number, reason_code="x", words=words)
        outcome = client.submit("disputes", [call])
    assert isinstance(outcome, Final)
    assert outcome.is_accepted
    assert shown(town, FILER, number.hex())[-1] == ["correct", "does_not_match", None]


def test_a_body_that_a_node_does_not_show_is_said_to_be_withheld(town: Town) -> None:
    done = filed(town)
    with client_of(town, FILER) as client:
        found, _ = client.record(int(str(done.json["record"])))
        (text,) = dispute_texts(
            client,
            (replace(found, call=None),),
            filer=ORGANISATIONS[FILER],
            reader_of=lambda _: None,
        )
    assert (text.state, text.text) == (TextState.WITHHELD, "")


def test_nothing_is_written_about_what_is_not_there(town: Town) -> None:
    (town.path / "wrapping3").mkdir()
    words = ("dispute", "object", "--ground", "data-wrong", "--item", "population/none")
    refused = town.kun(FILER, *words, *file_of(town, TEXT), *keys_of(town, FILER))
    assert refused.code == 1
    assert "item" in refused.err


@pytest.mark.parametrize(
    ("ground", "responsible"),
    [("unauthorised", OTHER), ("data-wrong", OWNER), ("record-wrong", STRANGER)],
)
def test_a_text_goes_to_whoever_the_ledger_will_name(
    town: Town, ground: str, responsible: int
) -> None:
    """The ledger decides; what the client foresees must be the same."""
    objection = Objection(
        ground=Ground[ground.replace("-", "_").upper()],
        target=Target.CALL,
        requester=ORGANISATIONS[OTHER],
        provider=ORGANISATIONS[STRANGER],
        call_id=b"c" * 16,
        item=ITEM,
    )
    half = AccessCall(
        call_id=b"c" * 16,
        side=Side.PROVIDER,
        requester=ORGANISATIONS[OTHER],
        provider=ORGANISATIONS[STRANGER],
        item=ITEM,
        trace_id=bytes(16),
    )
    with client_of(town, STRANGER) as client:
        assert isinstance(client.submit("access", [access_record(half, AccessReason())]), Final)
    with client_of(town, FILER) as client:
        assert first_responsible(client, objection) == ORGANISATIONS[responsible]
        client.submit("disputes", [object_to(b"d" * 16, objection)])
        row = client.state(DISPUTES, b"d" * 16).row
    assert row is not None
    assert row.responsible == ORGANISATIONS[responsible]


def test_a_key_is_shared_once_and_only_with_who_has_published_one(town: Town) -> None:
    has_key(town, OWNER)
    share = ("key", "share", ORGANISATIONS[FILER], *keys_of(town, OWNER))
    too_early = town.kun(OWNER, *share)
    assert too_early.code == 3
    assert ORGANISATIONS[FILER] in too_early.err
    assert "kun key publish" in too_early.err

    has_key(town, FILER)
    period = month_of(town)
    month = ("--month", f"{period // 100}-{period % 100:02}")
    first, second = town.must(OWNER, *share).json, town.must(OWNER, *share, *month).json
    assert first == second
    assert (first["requester"], first["provider"]) == (ORGANISATIONS[FILER], ORGANISATIONS[OWNER])

    without = town.kun(OWNER, "key", "share", ORGANISATIONS[FILER])
    assert (without.code, "--wrapping-keys" in without.err) == (2, True)


def test_a_dispute_about_our_own_item_carries_a_text_too(town: Town) -> None:
    """Filer and responsible are one: it shares the key with itself."""
    has_key(town, OWNER)
    words = ("dispute", "object", "--ground", "other", "--item", ITEM)
    done = town.must(OWNER, *words, *file_of(town, TEXT), *keys_of(town, OWNER)).json
    assert shown(town, OWNER, str(done["dispute"])) == [["object", "opened", TEXT]]
