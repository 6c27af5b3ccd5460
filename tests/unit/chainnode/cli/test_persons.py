"""`kun audit query --person`: from a number to all that is recorded, with a real custodian."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from chainnode.cli.exits import UsageProblem
from chainnode.cli.persons import read_number
from chainnode.client import (
    AccessCall,
    AccessReason,
    Client,
    Final,
    Person,
    TokenDesk,
    TokensNotMade,
    access_record,
    fetch_person_tokens,
)
from chainnode.custodian.tokens import RootSecret
from chainnode.errors import ConfigurationError
from chainnode.identity.numbers import IdType, InvalidIdentity
from chainnode.secret_files import SecretFileRefused, write_secret_file
from chainnode.verify import Trust
from contracts.schemas.access import Side
from tests.builders import ORGANISATIONS, submission_key
from tests.builders_identity import citizen_number
from tests.custodian_site import CUSTODIAN, custodian_at
from tests.unit.chainnode.cli.towns import Town, town_at

PERSON, OTHER = citizen_number(), citizen_number(serial=77)
REQUESTER, PROVIDER, AUDITOR = range(3)
# Ten tokens: one more than a question may name.
EPOCHS = {PROVIDER: 9, REQUESTER: 1}
WORDS = ("audit", "query", "--purpose", "inspection", "--json")


@dataclass
class Served:
    """A town with a custodian that listens at `url`."""

    town: Town
    url: str
    root: RootSecret
    folder: Path

    def client(self, number: int) -> Client:
        trust = Trust.from_genesis(self.town.served.genesis)
        return Client((self.town.served.url,), trust, submission_key("intl", number))

    def token(self, department: int, epoch: int, number: str = PERSON) -> bytes:
        key = self.root.epoch_key(ORGANISATIONS[department], epoch)
        (token,) = key.tokens(IdType.CITIZEN, (number,))
        return token

    def record(self, call: int, provider: int, *tokens: bytes) -> None:
        """Record a call of the requester to a department about these subjects."""
        half = access_record(
            AccessCall(
                call_id=bytes((call,)) * 16,
                side=Side.PROVIDER,
                requester=ORGANISATIONS[AUDITOR],
                provider=ORGANISATIONS[provider],
                item="population.basic",
                trace_id=bytes(16),
                subjects=tokens,
            ),
            AccessReason(purpose_code="gongzufang", reason_text="x"),
        )
        with self.client(provider) as client:
            outcome = client.submit("access", [half])
        assert isinstance(outcome, Final)
        assert outcome.is_accepted

    def number_file(self, number: str = PERSON) -> str:
        path = self.folder / f"number{len(list(self.folder.glob('number*')))}"
        write_secret_file(path, number.encode())
        return str(path)

    def query(self, *words: str) -> dict[str, object]:
        custodian = ("--custodian", self.url)
        done = self.town.kun(AUDITOR, *WORDS, *custodian, *words)
        assert done.code == 0, done.err
        assert PERSON not in done.out + done.err
        return done.json


@pytest.fixture
def served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    monkeypatch.setenv("KUN_KEY_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    monkeypatch.setenv("KUN_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("KUN_LANG", "en")
    home = tmp_path / "custodian"
    home.mkdir()
    with (
        town_at(tmp_path, capsys) as town,
        custodian_at(town.served, home, epochs=EPOCHS) as (url, root),
    ):
        yield Served(town=town, url=url, root=root, folder=home)


def test_a_number_becomes_all_records_of_all_epochs_and_departments(served: Served) -> None:
    served.record(1, PROVIDER, served.token(PROVIDER, 1))
    served.record(2, PROVIDER, served.token(PROVIDER, 9))
    served.record(3, REQUESTER, served.token(REQUESTER, 1))
    served.record(4, PROVIDER, served.token(PROVIDER, 2, OTHER))
    told = served.query("--person", served.number_file())
    items = told["items"]
    assert isinstance(items, list)
    found = {one["call"]["call_id"] for one in items}
    assert found == {(bytes((call,)) * 16).hex() for call in (1, 2, 3)}
    assert told["complete"] is True
    questions = told["questions"]
    assert isinstance(questions, list)
    assert len({one["digest"] for one in questions}) == 2
    assert told["person"] == {
        "custodian": ORGANISATIONS[CUSTODIAN],
        "departments": {ORGANISATIONS[PROVIDER]: 9, ORGANISATIONS[REQUESTER]: 1},
        "without_tokens": sorted((ORGANISATIONS[AUDITOR], ORGANISATIONS[CUSTODIAN])),
    }


def test_one_department_alone_is_asked_when_it_is_named(served: Served) -> None:
    served.record(1, PROVIDER, served.token(PROVIDER, 1))
    served.record(3, REQUESTER, served.token(REQUESTER, 1))
    told = served.query("--person", served.number_file(), "--at", ORGANISATIONS[REQUESTER])
    items = told["items"]
    assert isinstance(items, list)
    assert [one["call"]["provider"] for one in items] == [ORGANISATIONS[REQUESTER]]


def test_evidence_and_export_of_a_person_are_checked_anywhere(served: Served) -> None:
    served.record(1, REQUESTER, served.token(REQUESTER, 1))
    kept, out = served.folder / "kept.json", served.folder / "all.kunproof"
    served.query("--person", served.number_file(), "--evidence", str(kept))
    export = ("audit", "export", "--purpose", "inspection", "--out", str(out))
    person = ("--person", served.number_file(), "--custodian", served.url)
    assert served.town.kun(AUDITOR, *export, *person).code == 0
    for file in (kept, served.folder / "kept.json.2", out):
        assert served.town.bare("audit", "verify", str(file)).code == 0
        assert PERSON.encode() not in file.read_bytes()


def test_all_questions_about_a_person_are_one_file_with_every_rendering(served: Served) -> None:
    served.record(1, PROVIDER, served.token(PROVIDER, 1))
    served.record(3, REQUESTER, served.token(REQUESTER, 1))
    out = served.folder / "all.kunproof"
    export = ("audit", "export", "--purpose", "inspection", "--out", str(out))
    person = ("--person", served.number_file(), "--custodian", served.url, "--attest")
    assert served.town.kun(AUDITOR, *export, *person, "--with", "csv,parquet,pdf").code == 0
    told = served.town.bare("audit", "verify", str(out), "--json").json
    assert (told["complete"], len(told["items"]), len(told["questions"])) == (True, 2, 2)
    attested = [one["attested_not_proven"] for one in told["questions"]]
    assert {one["custodian"] for one in attested} == {ORGANISATIONS[CUSTODIAN]}
    places = [(one["department"], one["key_epoch"]) for part in attested for one in part["places"]]
    every_epoch = [(ORGANISATIONS[PROVIDER], number) for number in range(1, 10)]
    assert sorted(places) == sorted([*every_epoch, (ORGANISATIONS[REQUESTER], 1)])
    plain = served.town.bare("audit", "verify", str(out)).out
    assert "attested_not_proven" in plain
    assert "{" not in plain
    assert told["parts"] == {
        "rows.jsonl": "proven",
        "rows.csv": "proven",
        "rows.parquet": "signed, its rows are those proven",
        "summary.pdf": "signed",
    }


def test_what_cannot_be_rendered_is_refused_before_anything_is_asked(served: Served) -> None:
    out = served.folder / "all.kunproof"
    export = ("audit", "export", "--purpose", "inspection", "--out", str(out))
    for words in (("--item", "x", "--with", "xlsx"), ("--item", "x", "--attest")):
        assert served.town.kun(AUDITOR, *export, *words).code == 2
        assert not out.exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--person", PERSON), 2, "command line"),
        (("--person", "nowhere"), 2, "command line"),
        (("--person", "-", "--item", "x"), 2, "expected one of"),
    ],
    ids=["number", "no file", "two questions"],
)
def test_what_cannot_be_asked_is_refused_and_never_repeated(
    served: Served, words: tuple[str, ...], code: int, told: str
) -> None:
    done = served.town.kun(AUDITOR, *WORDS, "--custodian", served.url, *words)
    assert done.code == code
    assert told in done.err + done.out
    assert PERSON not in done.err + done.out


def test_a_person_needs_a_custodian(served: Served) -> None:
    done = served.town.kun(AUDITOR, *WORDS, "--person", served.number_file())
    assert done.code == 2
    assert "--custodian" in done.err + done.out


def test_mistyped_number_is_refused_here_and_not_repeated(served: Served) -> None:
    wrong = PERSON[:-1] + ("0" if PERSON[-1] != "0" else "1")
    custodian = ("--custodian", served.url)
    done = served.town.kun(AUDITOR, *WORDS, *custodian, "--person", served.number_file(wrong))
    assert done.code == 2
    assert wrong not in done.err + done.out


def test_refusal_of_the_custodian_is_told_with_its_code(served: Served) -> None:
    personal = ("audit", "query", "--purpose", f"about {OTHER}", "--json")
    person = ("--person", served.number_file(), "--custodian", served.url)
    done = served.town.kun(AUDITOR, *personal, *person)
    assert done.code == 3
    assert "PERSONAL_TEXT" in done.err + done.out


def test_sdk_refuses_what_gives_no_tokens_before_and_after_it_asks(served: Served) -> None:
    own = submission_key("intl", AUDITOR)
    desk, stranger, closed = (
        TokenDesk(url=url, key=key)
        for url, key in (
            (served.url, own),
            (served.url, submission_key("intl", 99)),
            ("http://127.0.0.1:1", own),
        )
    )
    person = Person(id_type="111", number=PERSON, purpose="x")
    wrong = Person(id_type="111", number="12", purpose="x")
    with served.client(AUDITOR) as client:
        with pytest.raises(ConfigurationError, match="one custodian"):
            fetch_person_tokens(client, desk, person, departments=[ORGANISATIONS[AUDITOR]])
        with pytest.raises(ConfigurationError, match="the ledger knows"):
            fetch_person_tokens(client, stranger, person, departments=ORGANISATIONS)
        with pytest.raises(InvalidIdentity):
            fetch_person_tokens(client, desk, wrong, departments=ORGANISATIONS)
        with pytest.raises(TokensNotMade, match="UNREACHABLE"):
            fetch_person_tokens(client, closed, person, departments=ORGANISATIONS)


def test_number_never_travels_in_clear() -> None:
    with pytest.raises(ConfigurationError, match="https"):
        TokenDesk(url="http://custodian.local", key=submission_key("intl", 0))


def test_number_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(f"{PERSON}\nmore\n"))
    assert read_number("-") == PERSON


def test_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "number"
    path.write_text(PERSON)
    path.chmod(0o644)
    with pytest.raises(SecretFileRefused):
        read_number(str(path))


def test_option_that_is_no_file_is_not_repeated() -> None:
    with pytest.raises(UsageProblem) as caught:
        read_number(PERSON)
    assert PERSON not in str(caught.value) + caught.value.text.zh + caught.value.text.en


def test_a_person_has_no_number_in_its_repr() -> None:
    assert PERSON not in repr(Person(id_type="111", number=PERSON, purpose="x"))
