"""`kun audit` where the chain has an index: banner, alarm, titles, and exports checked anywhere."""

from pathlib import Path

import pytest

from chainnode.cli.exits import UsageProblem
from chainnode.cli.organisations import organisation_named, shown_names
from chainnode.cli.target import resolve_target
from chainnode.pages import verify_page
from chainnode.verify.archive import read_archive, write_archive
from tests.builders_evidence import POLICE, SUBJECT
from tests.builders_exports import PURPOSE, QuestionedChain, questioned_chain
from tests.unit.chainnode.cli.conftest import Site

_QUERY = ("audit", "query", "--subject", SUBJECT.hex(), "--purpose", "yearly inspection")


@pytest.fixture(scope="session")
def evidence() -> QuestionedChain:
    return questioned_chain("intl")


def export_of(site: Site, chain: QuestionedChain) -> Path:
    return Path(site.file("report.kunproof", chain.export(page=b"<html>")))


def test_the_banner_says_how_many_to_when_by_how_many_and_that_it_was_checked_here(
    site: Site,
) -> None:
    done = site.kun(*_QUERY, signs=True)
    assert done.code == 0
    assert done.out.startswith(
        "20 of 20, complete to 2026-03-02T10:00:11.000+08:00, 3 of 4 signatures, checked here"
    )
    answer = site.kun(*_QUERY, "--json", signs=True).json
    assert (answer["complete"], answer["incomplete_because"]) == (True, None)
    assert (len(answer["items"]), answer["alarms"]) == (20, [])
    assert (len(answer["signers"]), answer["members"]) == (3, 4)


def test_a_limit_is_said_and_nothing_is_called_complete_then(site: Site) -> None:
    answer = site.kun(*_QUERY, "--limit", "3", "--json", signs=True).json
    assert (answer["complete"], answer["incomplete_because"]) == (False, "LIMIT")
    assert len(answer["items"]) == 3


def test_a_node_that_drops_a_row_sets_off_an_alarm_that_names_it(site: Site) -> None:
    def drop(path: str, told: dict) -> dict:  # type: ignore[type-arg]  # the answer as it came
        if path != "/audit":
            return told
        (trail,) = told["evidence"]["trails"]
        changed = {**trail, "entries": trail["entries"][1:], "bodies": trail["bodies"][1:]}
        return {**told, "evidence": {**told["evidence"], "trails": [changed]}}

    # The honest node takes no submission, so a liar is of use first and is asked first.
    honest, *liars = site.nodes
    honest.problem, honest.problem_at = (503, "BUSY"), "/v1/submissions"
    for node in liars:
        node.alter = drop
    urls = {node.url for node in liars}
    done = site.kun(*_QUERY, signs=True)
    answer = site.kun(*_QUERY, "--json", signs=True).json
    assert done.code == 0
    assert any(f"ALARM: {url}" in done.out for url in urls)
    assert urls.issuperset(one["node"] for one in answer["alarms"])
    assert (answer["complete"], len(answer["alarms"]) > 0) == (True, True)
    site.alter_all(drop)
    refused = site.kun(*_QUERY, signs=True)
    assert (refused.code, honest.url in refused.err) == (3, True)


def test_an_export_is_checked_without_any_node(site: Site, evidence: QuestionedChain) -> None:
    file = export_of(site, evidence)
    done = site.bare("audit", "verify", str(file), "--trust", site.trust, "--json")
    assert (done.code, done.json["kind"]) == (0, "export")
    assert (done.json["complete"], len(done.json["items"])) == (True, 20)
    assert done.json["question"]["purpose"] == PURPOSE
    assert done.json["exported_from"] == evidence.trust.epochs[0][2].organisation
    plain = site.bare("audit", "verify", str(file), "--trust", site.trust)
    assert "20 of 20" in plain.out
    assert not any(node.seen for node in site.nodes)


def test_an_answer_is_no_certificate_and_the_command_for_it_is_named(
    site: Site, evidence: QuestionedChain
) -> None:
    site.kun(*_QUERY, "--evidence", "pages.json", signs=True)
    for file in (str(export_of(site, evidence)), "pages.json"):
        done = site.bare("verify", file, "--json")
        assert (done.code, done.json["error"]["code"]) == (2, "AUDIT_ANSWER")
        assert f"kun audit verify {file}" in site.bare("verify", file).err
    archive = site.file("paper.ofd", write_archive({"manifest.json": b"{}"}))
    judged = site.kun("verify", archive, "--as-of", "2026-03-02T10:00:30+08:00", "--json")
    assert judged.json["verdict"] == "NOT_REGISTERED"


def test_an_export_says_whether_its_page_is_that_of_this_release(
    site: Site, evidence: QuestionedChain
) -> None:
    for page, same in ((b"<html>", False), (verify_page(), True), (None, None)):
        file = site.file("report.kunproof", evidence.export(page=page))
        done = site.bare("audit", "verify", file, "--trust", site.trust, "--json")
        assert (done.code, done.json["page"], done.json["page_same"]) == (0, page is not None, same)


def test_a_changed_export_is_refused_with_the_exit_code_of_its_fault(
    site: Site, evidence: QuestionedChain
) -> None:
    file = export_of(site, evidence)
    whole = file.read_bytes()
    file.write_bytes(whole + b" ")
    assert site.bare("audit", "verify", str(file), "--trust", site.trust).code == 2
    members = read_archive(whole)
    members["rows.jsonl"] = members["rows.jsonl"].replace(b'"outcome":0', b'"outcome":2', 1)
    file.write_bytes(write_archive(members))
    done = site.bare("audit", "verify", str(file), "--trust", site.trust, "--json")
    assert (done.code, done.json["check"]) == (3, "members")


def test_a_file_that_is_there_is_never_overwritten(site: Site) -> None:
    taken = site.file("taken", b"the only copy")
    for words in (
        ("audit", "prove", "3", "--out", taken),
        (*_EXPORT, "--out", taken),
        (*_QUERY, "--evidence", taken),
    ):
        assert site.kun(*words, signs=True).code == 2
    assert Path(taken).read_bytes() == b"the only copy"


_EXPORT = ("audit", "export", "--subject", SUBJECT.hex(), "--purpose", "yearly inspection")


def test_the_kept_pages_of_an_answer_are_checked_anywhere(site: Site) -> None:
    out = str(site.path / "pages.json")
    assert site.kun(*_QUERY, "--evidence", out, signs=True).code == 0
    checked = site.bare("audit", "verify", out, "--trust", site.trust, "--json")
    assert (checked.code, checked.json["kind"], checked.json["complete"]) == (0, "answer", True)
    assert len(checked.json["items"]) == 20
    assert "20 of 20" in site.bare("audit", "verify", out, "--trust", site.trust).out


def test_one_record_is_proven_and_its_evidence_can_be_checked_anywhere(site: Site) -> None:
    out = str(site.path / "record.json")
    done = site.kun("audit", "prove", "3", "--out", out, "--json")
    assert (done.code, done.json["position"]) == (0, 3)
    checked = site.bare("audit", "verify", out, "--trust", site.trust, "--json")
    assert (checked.code, checked.json["kind"], checked.json["position"]) == (0, "record", 3)


@pytest.mark.parametrize("place", ["log", "block"])
def test_one_record_is_proven_with_the_signature_of_its_sender(
    site: Site, evidence: QuestionedChain, place: str
) -> None:
    out = str(site.path / "record.json")
    done = site.kun("audit", "prove", "18", "--authored", "--place", place, "--out", out, "--json")
    assert (done.code, done.json["position"]) == (0, 18 if place == "log" else None)
    assert done.json["author"]["public_key"] == evidence.client_key.public_key.hex()
    checked = site.bare("audit", "verify", out, "--trust", site.trust, "--json")
    assert (checked.code, checked.json) == (0, done.json)
    assert (
        done.json["author"]["key_id"]
        in site.bare("audit", "verify", out, "--trust", site.trust).out
    )


def test_a_record_says_in_the_log_whether_its_sender_is_shown(site: Site) -> None:
    by_default = site.kun("audit", "prove", "18", "--authored", "--json").json
    assert (by_default["position"], by_default["author"]["organisation"]) == (18, POLICE)
    assert site.kun("audit", "prove", "18", "--json").json["author"] is None


def test_a_place_without_the_sender_is_no_question(site: Site) -> None:
    assert site.kun("audit", "prove", "18", "--place", "block").code == 2
    assert not any(node.seen for node in site.nodes)


def test_a_sender_that_no_node_has_kept_is_told(site: Site) -> None:
    site.alter_all(lambda _path, told: {**told, "authorship": []})
    done = site.kun("audit", "prove", "18", "--authored", "--json")
    assert (done.code, "AUTHOR_NOT_KEPT" in done.out + done.err) == (3, True)


def test_a_department_is_found_by_its_title(site: Site) -> None:
    target = resolve_target(folder=None, trust=Path(site.trust), needs_nodes=False)
    names = shown_names(target)
    assert organisation_named(names[POLICE], target) == POLICE
    assert organisation_named(POLICE.lower(), target) == POLICE
    assert organisation_named("NOBODY-2", target) == "NOBODY-2"
    for unknown in ("nobody knows", ""):
        with pytest.raises(UsageProblem):
            organisation_named(unknown, target)
