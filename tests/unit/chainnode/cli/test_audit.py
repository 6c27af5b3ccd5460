"""`kun audit query`: a purpose is mandatory, rows are proven, no plain identity goes out."""

import json
from pathlib import Path

import pytest

from chainnode.cli.exits import UsageProblem
from chainnode.cli.questions import BASES, FINDINGS, Asking, asked_for
from chainnode.cli.target import Target
from contracts.schemas.access import Finding
from contracts.schemas.audit import Basis
from contracts.schemas.codes import Code
from contracts.schemas.index_kinds import IndexKind
from contracts.schemas.members import ORGANISATIONS
from tests.builders_evidence import ISSUER, SUBJECT, sample
from tests.unit.chainnode.cli.conftest import Site

_SUBJECT = ("--subject", SUBJECT.hex())
_PURPOSE = ("--purpose", "yearly inspection")


def test_rows_are_shown_with_what_is_and_is_not_proven(site: Site) -> None:
    done = site.kun("audit", "query", *_SUBJECT, *_PURPOSE, "--json", signs=True)

    answer = done.json
    assert done.code == 0
    assert [one["position"] for one in answer["items"]] == [1, 3, 5, 7, 9]
    assert (answer["complete"], answer["incomplete_because"]) == (False, "NO_INDEX")
    assert answer["as_of_height"] == site.nodes[0].chain.height


def test_no_row_is_an_answer_too(site: Site) -> None:
    site.nodes[0].chain.rows = ()

    done = site.kun("audit", "query", *_SUBJECT, *_PURPOSE, "--json", signs=True)

    assert (done.code, done.json["items"]) == (0, [])


def test_a_purpose_is_mandatory(site: Site) -> None:
    assert site.kun("audit", "query", *_SUBJECT, signs=True).code == 2
    assert site.kun("audit", "query", *_SUBJECT, "--purpose", "  ", signs=True).code == 2
    assert not any(node.seen for node in site.nodes)


@pytest.mark.parametrize("subject", ["110101199003078888", "DEMO-0001", "", "ab" * 31, "zz" * 32])
def test_a_subject_that_is_no_pseudonym_never_leaves_this_process(site: Site, subject: str) -> None:
    done = site.kun("audit", "query", "--subject", subject, *_PURPOSE, "--json", signs=True)

    assert (done.code, done.json["error"]["code"]) == (2, "SUBJECT")
    assert not any(node.seen for node in site.nodes)
    assert subject == "" or subject not in done.out + done.err


@pytest.mark.parametrize("options", [(), (*_SUBJECT, "--item", "population.basic")])
def test_exactly_one_kind_of_question_is_asked(site: Site, options: tuple[str, ...]) -> None:
    assert site.kun("audit", "query", *options, *_PURPOSE, signs=True).code == 2


def test_findings_are_asked_for_by_the_words_of_the_contract() -> None:
    assert tuple(one.name.lower().replace("_", "-") for one in Finding) == FINDINGS


@pytest.mark.parametrize(
    ("option", "value", "kind", "key"),
    [
        ("grant", "G-2026-1", IndexKind.GRANT, "G-2026-1"),
        ("trace", "ab" * 16, IndexKind.TRACE, b"\xab" * 16),
        ("dispute", "cd" * 16, IndexKind.DISPUTE, b"\xcd" * 16),
        ("finding", "halves-differ", IndexKind.FINDING, bytes((Finding.HALVES_DIFFER,))),
        ("unmatched", ISSUER, IndexKind.UNMATCHED, ISSUER),
        ("responsible", ISSUER, IndexKind.RESPONSIBLE, ISSUER),
    ],
)
def test_an_exchange_is_asked_for_by_its_grant_its_finding_and_its_gap(
    option: str, value: str, kind: IndexKind, key: bytes | str
) -> None:
    target = Target(nodes=(), trust_file=None, key_file=None, passphrase_file=None)

    assert asked_for(_asking(**{option: value}), target) == (kind, (key,))


def test_a_gap_of_nobody_is_refused_by_the_option_that_named_it(site: Site) -> None:
    done = site.kun("audit", "query", "--unmatched", "no such office", *_PURPOSE, signs=True)

    assert done.code == 2
    assert "--unmatched: no department is called 'no such office'" in done.err


def _asking(
    *,
    grant: str | None = None,
    finding: str | None = None,
    unmatched: str | None = None,
    trace: str | None = None,
    dispute: str | None = None,
    responsible: str | None = None,
) -> Asking:
    return Asking(
        subjects=(),
        person=None,
        id_type="111",
        custodian=None,
        custodian_ca=None,
        at=(),
        department=None,
        item=None,
        certificate=None,
        grant=grant,
        finding=finding,
        unmatched=unmatched,
        trace=trace,
        dispute=dispute,
        responsible=responsible,
        basis="supervision",
        side="requester",
        begin=None,
        end=None,
        purpose="yearly inspection",
    )


def test_a_row_that_a_node_forged_is_not_shown(site: Site) -> None:
    def forge(path: str, told: dict) -> dict:  # type: ignore[type-arg]  # the answer as it came
        if path != "/audit":
            return told
        rows = [{**one, "position": one["position"] + 1} for one in told["items"]]
        return {**told, "items": rows}

    site.alter_all(forge)

    assert site.kun("audit", "query", *_SUBJECT, *_PURPOSE, signs=True).code == 3


@pytest.mark.parametrize(("code", "exit_code"), [(Code.ROLE_MISSING, 4), (Code.EXPIRED, 1)])
def test_a_question_that_the_chain_refuses_has_no_answer(
    site: Site, code: Code, exit_code: int
) -> None:
    chain = site.nodes[0].chain
    chain.refuse_with, chain.refusals_left = code, 10

    done = site.kun("audit", "query", *_SUBJECT, *_PURPOSE, "--json", signs=True)

    assert (done.code, done.json["error"]["code"]) == (exit_code, code.name)


def test_further_pages_are_fetched_and_a_limit_is_said(site: Site) -> None:
    for node in site.nodes:
        node.cursor_of_page = lambda cursor: (
            ((1, 3), "next") if cursor is None else ((5, 7, 9), None)
        )

    whole = site.kun("audit", "query", *_SUBJECT, *_PURPOSE, "--json", signs=True)
    cut = site.kun("audit", "query", *_SUBJECT, *_PURPOSE, "--limit", "2", "--json", signs=True)

    assert [one["position"] for one in whole.json["items"]] == [1, 3, 5, 7, 9]
    assert len(cut.json["items"]) == 2
    assert cut.json["incomplete_because"] == "LIMIT"


def test_the_answer_is_exported_as_it_came(site: Site) -> None:
    site.kun(
        "audit", "query", *_SUBJECT, *_PURPOSE, "--evidence", "out.json", "--quiet", signs=True
    )

    exported = json.loads((site.path / "out.json").read_text(encoding="utf-8"))
    assert exported["format"] == "kunlian-audit-answer"
    assert len(exported["pages"][0]["items"]) == 5
    checked = site.bare("audit", "verify", "out.json", "--trust", site.trust, "--json")
    assert (checked.code, checked.json["kind"], checked.json["complete"]) == (0, "answer", False)
    assert [one["position"] for one in checked.json["items"]] == [1, 3, 5, 7, 9]


def test_kept_pages_that_were_changed_are_refused(site: Site) -> None:
    site.kun("audit", "query", *_SUBJECT, *_PURPOSE, "--evidence", "out.json", signs=True)
    whole = json.loads((site.path / "out.json").read_text(encoding="utf-8"))
    (page,) = whole["pages"]

    for items, check in (
        ([{**page["items"][0], "position": 2}, *page["items"][1:]], "record"),
        ([*page["items"], page["items"][0]], "order"),
    ):
        changed = json.dumps({**whole, "pages": [{**page, "items": items}]}).encode()
        done = site.bare(
            "audit", "verify", site.file("changed.json", changed), "--trust", site.trust, "--json"
        )
        assert (done.code, done.json["check"]) == (3, check)
    empty = site.file("empty.json", json.dumps({**whole, "pages": []}).encode())
    assert site.bare("audit", "verify", empty, "--trust", site.trust).code == 2


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--department", "no such bureau"), "DEPARTMENT"),
        (("--certificate", "12345"), "CERTIFICATE"),
        ((*_SUBJECT, "--from", "2026-05", "--to", "2026-03"), "PERIOD_REVERSED"),
    ],
)
def test_what_can_be_on_no_chain_is_not_answered_by_a_proof_of_nothing(
    site: Site, options: tuple[str, ...], code: str
) -> None:
    done = site.kun("audit", "query", *options, *_PURPOSE, "--json", signs=True)

    assert (done.code, done.json["error"]["code"]) == (2, code)
    assert not any(node.seen for node in site.nodes)


def test_a_person_sees_a_table_and_what_is_not_proven(site: Site) -> None:
    done = site.kun("audit", "query", *_SUBJECT, *_PURPOSE, signs=True)

    assert done.out.startswith("5 records, each checked here")
    assert "not proven: NO_INDEX" in done.out
    assert len(done.out.splitlines()) == 8


@pytest.mark.parametrize("kind", ["record", "receipt", "state", "certificate", "equivocation"])
def test_evidence_of_every_kind_is_checked_without_a_node(
    site: Site, kind: str, tmp_path: Path
) -> None:
    chain = site.evidence
    made = {
        "record": chain.record(5),
        "receipt": chain.receipt(1),
        "state": chain.state([ORGANISATIONS.key(ISSUER)]),
        "certificate": chain.certificate_of(sample("revoked")),
        "equivocation": chain.equivocation(),
    }
    file = tmp_path / "evidence.json"
    file.write_text(json.dumps(made[kind]))

    done = site.bare("audit", "verify", str(file), "--trust", "genesis.json", "--json")
    plain = site.bare("audit", "verify", str(file), "--trust", "genesis.json")

    assert (done.code, done.json["proven"], done.json["kind"]) == (0, True, kind)
    assert plain.code == 0
    assert kind in plain.out


def test_evidence_that_fails_a_check_names_it(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "evidence.json"
    file.write_text(json.dumps({**site.evidence.record(5), "position": 6}))
    failed = site.bare("audit", "verify", str(file), "--trust", "genesis.json", "--json")
    file.write_bytes(b"no evidence")
    unreadable = site.bare("audit", "verify", str(file), "--trust", "genesis.json", "--json")

    assert (failed.code, failed.json["proven"], failed.json["check"]) == (3, False, "record")
    assert (unreadable.code, unreadable.json["proven"]) == (2, False)
    assert site.bare("audit", "verify", str(file)).code == 2
    assert site.bare("audit", "verify", "nowhere.json", "--trust", "genesis.json").code == 2


def test_the_bases_of_a_question_are_the_words_of_the_contract() -> None:
    assert tuple(one.name.lower().replace("_", "-") for one in Basis) == BASES


@pytest.mark.parametrize("option", ["trace", "dispute"])
@pytest.mark.parametrize("value", ["ab" * 15, "zz" * 16], ids=["too short", "no digits"])
def test_an_id_that_is_none_is_refused_by_its_option(option: str, value: str) -> None:
    target = Target(nodes=(), trust_file=None, key_file=None, passphrase_file=None)
    with pytest.raises(UsageProblem, match=f"--{option}"):
        asked_for(_asking(**{option: value}), target)
