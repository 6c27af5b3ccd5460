"""Disclosures: a chain with two halves whose messages are known, and lies about their fields.

Some come from the department itself, which knows every seed and makes whole trees of other
fields; the others change each place of an honest disclosure, one at a time and in several ways.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from chainnode.client.disclosing import disclosure_evidence
from chainnode.codec import Limits, as_array, as_bytes, decode
from chainnode.exchange import Field, commitment
from chainnode.submission import Call
from chainnode.verify import Facts
from chainnode.verify.disclosure import DisclosureFacts
from chainnode.verify.forms import Anchor
from chainnode.verify.strict_json import JsonObject, JsonValue
from contracts.schemas.access import AccessRecord, Side
from contracts.schemas.shape import encode_part
from tests.builders_evidence import GENESIS_MS
from tests.builders_trails import IndexedChain
from tests.forgeries.changes import Mutant, at, every_place, mutant_at, replaced

REQUESTER, PROVIDER = "HOUSING", "POLICE"
MESSAGES = ("request", "response")
# Where a half stands, where a second one, and where one that commits to nothing.
POSITION, OTHER_POSITION, EMPTY_POSITION = 14, 33, 21
# How often each place of an honest disclosure is changed.
CHANGES_EACH = 8


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message of a recorded call, as its parties keep it."""

    seed: bytes
    fields: tuple[Field, ...]


def message_of(position: int, message: str) -> Message:
    """Return what was said in the call that is recorded at `position`."""
    number = str(position)
    fields = {
        "request": (
            Field("method", "POST"),
            Field("target", f"/people/{number}"),
            Field("purpose", "housing"),
            Field("body.id", f'"{number}"'),
        ),
        "response": (
            Field("status", "200"),
            *(Field(f"body.{name}", f'"{name} {number}"') for name in ("name", "city", "street")),
            Field("body.married", "false"),
        ),
    }
    return Message(seed=f"{message} {number}".encode().ljust(32), fields=fields[message])


class DisclosedChain(IndexedChain):
    """An indexed chain on which two records are halves with commitments, and one half has none."""

    contract_version = 2

    def _call(self, index: int) -> Call:
        if index not in {POSITION, OTHER_POSITION, EMPTY_POSITION}:
            return super()._call(index)
        roots = {one: self.commitment_at(index, one) for one in MESSAGES}
        part = AccessRecord(
            salt=bytes([index]) * 16,
            call_id=bytes([index]) * 16,
            side=Side.PROVIDER,
            requester=REQUESTER,
            provider=PROVIDER,
            item="population.basic",
            item_version=1,
            fields=7,
            subjects=(),
            people=0,
            decision=0,
            status=200,
            count=1,
            requested_ms=GENESIS_MS,
            answered_ms=GENESIS_MS,
            trace_id=bytes(16),
            parent_call_id=b"",
            grant="",
            checked_height=0,
            other=b"",
            request_commitment=roots["request"],
            response_commitment=roots["response"],
        )
        return Call(action="record", public=encode_part(part), private=b"")

    def commitment_at(self, position: int, message: str) -> bytes:
        if position == EMPTY_POSITION:
            return b""
        said = message_of(position, message)
        return commitment(self.suite.digest, seed=said.seed, fields=said.fields)

    def disclosure(
        self,
        message: str,
        names: Collection[str],
        *,
        position: int = POSITION,
        fields: Sequence[Field] | None = None,
        seed: bytes | None = None,
        anchor: Anchor | None = None,
    ) -> JsonObject:
        """Return evidence of fields; of others than the recorded ones, when it is to lie."""
        said = message_of(position, message)
        return disclosure_evidence(
            self.suite,
            self.authored_record(position, anchor=anchor),
            message=message,
            seed=said.seed if seed is None else seed,
            fields=said.fields if fields is None else fields,
            names=names,
        )


@cache
def disclosed_chain(suite_name: str, label: str = "synthetic") -> DisclosedChain:
    """Return the chain of this suite and label; treat it as read-only."""
    return DisclosedChain(suite_name, label=label)


def honest(chain: DisclosedChain) -> JsonObject:
    """Return a disclosure of three of the five fields of an answer."""
    return chain.disclosure("response", {"body.married", "body.name", "status"})


def is_true_disclosure(facts: Facts) -> bool:
    """Tell whether a recorded call had these fields in this message."""
    if not isinstance(facts, DisclosureFacts):
        return False
    call = facts.record.call
    said = [
        message_of(position, facts.message).fields
        for position in (POSITION, OTHER_POSITION)
        if call is not None and bytes([position]) * 16 == _call_id(call)
    ]
    return len(said) == 1 and bool(facts.fields) and set(facts.fields) <= set(said[0])


def _call_id(call: Call) -> bytes:
    """Calls are known by their id, which follows the salt."""
    return as_bytes(as_array(decode(call.public, Limits(bytes_max=4096)), None, "public")[1], "id")


def withholds_fields(original: JsonObject, mutant: Mutant) -> bool:
    """Tell whether a change shows fewer fields and nothing else: that proves less, truly."""
    if mutant.place != ("fields",):
        return False
    before, after = (at(one, ("fields",)) for one in (original, mutant.document))
    assert isinstance(before, list)
    if not isinstance(after, list) or not after:
        return False
    return after == [one for one in before if one in after]


def disclosure_attacks(
    chain: DisclosedChain, foreign: DisclosedChain
) -> Iterator[tuple[str, JsonObject]]:
    """Yield (name, evidence); every one says of a call what was not recorded."""
    yield from _other_fields(chain)
    yield from _mixed_up(chain, foreign)
    yield from _changed_places(chain)


def _other_fields(chain: DisclosedChain) -> Iterator[tuple[str, JsonObject]]:
    """Whole trees of other fields, made with the true seeds, under the record as it is."""
    for message in MESSAGES:
        said = message_of(POSITION, message).fields
        for number, one in enumerate(said):
            rest = (*said[:number], *said[number + 1 :])
            lie = Field(one.name, one.value + " ")
            for name, fields in (
                ("another value", (*rest, lie)),
                ("another name", (*rest, Field(one.name + "x", one.value))),
                ("one more", (*said, Field(one.name + "x", one.value))),
                ("one less", rest),
            ):
                for shown in fields:
                    forged = chain.disclosure(message, {shown.name}, fields=fields)
                    yield f"{message} with {name}, {one.name}: {shown.name} shown", forged
            yield (
                f"{message} under another seed: {one.name}",
                chain.disclosure(message, {one.name}, seed=bytes(32)),
            )
            genuine = chain.disclosure(message, {one.name})
            yield (
                f"{message}: the true path beside another value of {one.name}",
                _replaced(genuine, ("fields", 0, "value"), lie.value),
            )


def _mixed_up(chain: DisclosedChain, foreign: DisclosedChain) -> Iterator[tuple[str, JsonObject]]:
    """True fields of another message, call or chain, and a record without a commitment."""
    for message, other in (MESSAGES, MESSAGES[::-1]):
        names = {one.name for one in message_of(POSITION, message).fields}
        genuine = chain.disclosure(message, names)
        yield f"{message} as the {other}", {**genuine, "message": other}
        for donor, whose in (
            (chain.disclosure(message, names, position=OTHER_POSITION), "another call"),
            (chain.disclosure(other, {"method"} if other == "request" else {"status"}), other),
        ):
            yield (
                f"fields of {whose} as the {message}",
                {**genuine, "fields": donor["fields"], "size": donor["size"]},
            )
        yield f"{message} of another chain", foreign.disclosure(message, names)
        said = message_of(POSITION, message)
        yield (
            f"{message} of a record that commits to none",
            chain.disclosure(
                message, names, position=EMPTY_POSITION, fields=said.fields, seed=said.seed
            ),
        )
    for record in (chain.authored_record(POSITION + 1), foreign.authored_record(POSITION)):
        stripped = {name: record[name] for name in ("entry", "place", "body", "authorship")}
        yield "fields beside another record", {**honest(chain), **stripped}


def _changed_places(chain: DisclosedChain) -> Iterator[tuple[str, JsonObject]]:
    """Each place of an honest disclosure changed; what changes no claim is left out by rule."""
    document = honest(chain)
    chance = Random(f"{chain.suite.name} places of a disclosure")  # noqa: S311 - a seeded choice
    for place in every_place(document):
        for number in range(CHANGES_EACH):
            changed = mutant_at(document, place, chance)
            if changed is not None and not excluded_disclosure(document, changed):
                yield (
                    f"disclosure: {'.'.join(map(str, place))}: {changed.what} {number}",
                    (changed.document),
                )


def excluded_disclosure(original: JsonObject, mutant: Mutant) -> bool:
    """Fewer fields, authorship withheld, and numbers that only lead through a tree."""
    leads = bool(mutant.place) and mutant.place[-1] in {"index", "size"}
    withheld = mutant.place == ("authorship",) and mutant.document["authorship"] == []
    return leads or withheld or withholds_fields(original, mutant)


def _replaced(document: JsonObject, place: tuple[str | int, ...], new: JsonValue) -> JsonObject:
    changed = replaced(document, place, new)
    assert isinstance(changed, dict)
    return changed
