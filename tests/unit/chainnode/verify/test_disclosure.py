"""Fields of a message, shown under the commitment of a recorded half."""

import base64
import hashlib
from collections.abc import Callable
from functools import cache

import pytest

from chainnode.client.calls import AccessCall, AccessReason, access_record
from chainnode.exchange import Field, commitment, disclose
from chainnode.submission import Call
from chainnode.verify import InvalidEvidence, UnreadableEvidence, verify_evidence
from chainnode.verify.disclosure import DisclosureFacts
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.access import Side
from tests.builders_trails import IndexedChain

SUITES = ("sm", "intl")
SEEDS = {"request": b"q" * 32, "response": b"a" * 32}
FIELDS = {
    "request": (Field("method", "POST"), Field("target", "/people"), Field("body.id", '"X"')),
    "response": (Field("status", "200"), Field("body.name", '"甲"'), Field("body.city", '"乙"')),
}
POSITION = 3
WITHOUT_COMMITMENT = 2
NOT_A_HALF = 1


class HalvesChain(IndexedChain):
    """A chain on which one record is a half with commitments to both of its messages."""

    def _call(self, index: int) -> Call:
        if index == NOT_A_HALF:
            return super()._call(index)
        roots = {
            name: commitment(self.suite.digest, seed=SEEDS[name], fields=fields)
            for name, fields in FIELDS.items()
        }
        has_commitments = index != WITHOUT_COMMITMENT
        call = AccessCall(
            call_id=bytes(16),
            side=Side.PROVIDER,
            requester="HOUSING",
            provider="POLICE",
            item="population.basic",
            trace_id=bytes(16),
            request_commitment=roots["request"] if has_commitments else b"",
            response_commitment=roots["response"] if has_commitments else b"",
        )
        return access_record(call, AccessReason(purpose_code="housing"))


@cache
def halves_chain(suite: str) -> HalvesChain:
    return HalvesChain(suite)


def evidence(
    chain: HalvesChain, message: str, names: set[str], *, position: int = POSITION
) -> JsonObject:
    made = disclose(chain.suite.digest, seed=SEEDS[message], fields=FIELDS[message], names=names)
    return {
        **chain.authored_record(position),
        "kind": "disclosure",
        "message": message,
        "size": made.size,
        "fields": [
            {
                "index": one.index,
                "salt": one.salt.hex(),
                "name": one.field.name,
                "value": one.field.value,
                "path": [node.hex() for node in one.path],
            }
            for one in made.fields
        ],
    }


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
