"""Fields of a message, shown under the commitment of a recorded half."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from chainnode.client.disclosing import disclosure_evidence
from chainnode.exchange import commitment
from chainnode.submission import Call
from chainnode.verify import InvalidEvidence, UnreadableEvidence, verify_evidence
from chainnode.verify.disclosure import DisclosureFacts
from chainnode.verify.strict_json import JsonObject
from tests.builders_halves import (
    FIELDS,
    NOT_A_HALF,
    POSITION,
    SEEDS,
    WITHOUT_COMMITMENT,
    HalvesChain,
    halves_chain,
)

SUITES = ("sm", "intl")


def evidence(
    chain: HalvesChain, message: str, names: set[str], *, position: int = POSITION
) -> JsonObject:
    return disclosure_evidence(
        chain.suite,
        chain.authored_record(position),
        message=message,
        seed=SEEDS[message],
        fields=FIELDS[message],
        names=names,
    )


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("message", FIELDS)
def test_chosen_fields_are_shown_and_no_others(suite: str, message: str) -> None:
    chain = halves_chain(suite)
    for one in FIELDS[message]:
        facts = verify_evidence(evidence(chain, message, {one.name}), chain.trust)
        assert isinstance(facts, DisclosureFacts)
        assert (facts.fields, facts.message) == ((one,), message)
        assert facts.record.call == chain.calls[POSITION]


def _shown(changes: Callable[[JsonObject], object]) -> Callable[[JsonObject], None]:
    def change(evidence: JsonObject) -> None:
        fields = evidence["fields"]
        assert isinstance(fields, list)
        assert isinstance(fields[0], dict)
        changes(fields[0])

    return change


REFUSED: dict[str, Callable[[JsonObject], object]] = {
    "another value": _shown(lambda one: one.update(value="other")),
    "another name": _shown(lambda one: one.update(name="other")),
    "another salt": _shown(lambda one: one.update(salt="00" * 16)),
    "index + 1": _shown(lambda one: one.update(index=2)),
    "index beyond the size": _shown(lambda one: one.update(index=7)),
    "path truncated": _shown(lambda one: one.update(path=[])),
    "another size": lambda one: one.update(size=2),
    "the other message": lambda one: one.update(message="response"),
    "body withheld": lambda one: one.update(body=[]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_half_does_not_bind_is_refused(name: str) -> None:
    chain = halves_chain("intl")
    forged = evidence(chain, "request", {"method"})
    REFUSED[name](forged)
    with pytest.raises(InvalidEvidence):
        verify_evidence(forged, chain.trust)


@pytest.mark.parametrize(
    ("change", "expected"),
    [({"fields": []}, "at least one"), ({"message": "both"}, "request or response")],
)
def test_what_is_no_disclosure_is_unreadable(change: JsonObject, expected: str) -> None:
    chain = halves_chain("intl")
    with pytest.raises(UnreadableEvidence, match=expected):
        verify_evidence({**evidence(chain, "request", {"method"}), **change}, chain.trust)


@pytest.mark.parametrize(
    ("position", "expected"),
    [(WITHOUT_COMMITMENT, "a commitment to the request"), (NOT_A_HALF, "one side of a call")],
)
def test_a_record_that_binds_no_message_discloses_nothing(position: int, expected: str) -> None:
    chain = halves_chain("intl")
    with pytest.raises(InvalidEvidence, match=expected):
        verify_evidence(evidence(chain, "request", {"method"}, position=position), chain.trust)


def test_a_body_that_is_not_the_recorded_one_is_refused() -> None:
    chain = halves_chain("intl")
    forged = evidence(chain, "request", {"method"})
    public = chain.calls[POSITION].public.replace(
        chain_root := commitment(
            chain.suite.digest, seed=SEEDS["request"], fields=FIELDS["request"]
        ),
        hashlib.sha256(chain_root).digest(),
    )
    body = forged["body"]
    assert isinstance(body, list)
    forged["body"] = [body[0], base64.b64encode(public).decode(), body[2]]
    with pytest.raises(InvalidEvidence):
        verify_evidence(forged, chain.trust)


class GarbledChain(HalvesChain):
    """A chain whose half is no MessagePack at all: a later rule set may record anything."""

    def _call(self, index: int) -> Call:
        call = super()._call(index)
        return replace(call, public=b"\xc1\xff") if index == POSITION else call


def test_a_half_that_does_not_decode_is_refused_and_nothing_else_escapes() -> None:
    chain = GarbledChain("intl")
    with pytest.raises(InvalidEvidence, match="one side of a call"):
        verify_evidence(evidence(chain, "request", {"method"}), chain.trust)
