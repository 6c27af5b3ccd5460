"""One person's view: tokens of all departments, recorded questions, proven answers, exports.

What is shown is made from the same verified records as the exports that are handed out, and both
are kept for the session for a short time: paging asks nothing new of the ledger, and the answer
does not change under the reader.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from chainnode.citizen.names import NameBook, Names
from chainnode.citizen.objections import RULES_MIN, FiledHere
from chainnode.citizen.reasons import Reason, Reasons, reason_of
from chainnode.citizen.sorting import uses_in, with_half
from chainnode.citizen.subjects import Subject
from chainnode.citizen.usages import Usage, Uses, lacks_half
from chainnode.client import (
    AsyncClient,
    AuditAnswer,
    CannotDecide,
    Person,
    PersonTokens,
    TokenDesk,
    person_tokens,
)
from chainnode.client.asking import PAGE_ROWS_MAX
from chainnode.errors import NodeError
from chainnode.submission import key_id
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.rows import ProvenRecord
from chainnode.verify.strict_json import JsonObject
from contracts.schemas.access import CALLS, DISPUTABLE_CALLS, CallRow, place_in
from contracts.schemas.audit import VALUES_MAX, Basis
from contracts.schemas.index_kinds import IndexKind

# Stands in the record of each question, for everybody to read.
OWN_VIEW: Final = "本人查询 the person's own view"
_IDENTIFIER_CHARACTERS: Final = 32
# Calls whose half is looked up by itself; a person in more lists of people sees the rest without.
_LOOKED_UP_MAX: Final = 256
# A record that was looked up by its place, and its evidence.
_Placed: TypeAlias = tuple[ProvenRecord, JsonObject]


class TooManyRows(NodeError):
    """More is recorded of the person than one view holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """All answers as they are handed out: one signed `.kunproof`, and what it proves.

    Before `complete_to_ms` nothing is missing (None: that is not proven).
    """

    data: bytes = field(repr=False)
    complete_to_ms: int | None
    height: int
    records: tuple[ProvenRecord, ...] = field(repr=False)

    @property
    def listed(self) -> tuple[int, ...]:
        """Where the records stand, ascending."""
        return tuple(one.position for one in self.records)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything of one subject at one time.

    `extra` is evidence of halves that stand outside of the person's trails.
    """

    proof: Proof
    uses: Uses = field(repr=False)
    reasons: Mapping[str, Reason] = field(repr=False)
    identifiers: Mapping[str, Usage] = field(repr=False)
    names: Names
    extra: tuple[JsonObject, ...] = field(repr=False)
    departments: tuple[tuple[str, int], ...]
    without: tuple[str, ...]
    tokens: frozenset[bytes] = field(repr=False)
    has_disputes: bool

    @property
    def size(self) -> int:
        """How many bytes the export takes."""
        return len(self.proof.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Asks on behalf of people: as whom, of whom, and to what length."""

    client: AsyncClient
    desk: TokenDesk
    departments: tuple[str, ...]
    names: NameBook
    reasons: Reasons
    rows_max: int
    page: bytes = field(repr=False)
    # Makes the ids of disputes: the same in every session and after a restart.
    objection_key: bytes = field(repr=False)

    async def view(self, subject: Subject, *, secret: bytes) -> View:
        """Ask everything about a subject; `secret` makes the ids of uses, and is the session's.

        Raises:
            TokensNotMade, QuestionNotRecorded, CannotDecide: there is no answer now.
            ConfigurationError: no department has a key epoch.
            TooManyRows: more than a view holds.

        """
        person = Person(id_type=subject.id_type, number=subject.number, purpose=OWN_VIEW)
        tokens = await person_tokens(self.client, self.desk, person, departments=self.departments)
        answers = [await self._answer(one) for one in _groups(tokens)]
        proof = await self._proof(answers, tokens)
        own = key_id(self.client.trust.suite, self.desk.key.public_key)
        filed = FiledHere(tokens=frozenset(tokens.tokens), secret=self.objection_key)
        found = uses_in(proof.records, own_key_id=own, filed_here=filed)
        uses, extra = await self._with_halves(found)
        return await self._named(_Found(proof=proof, uses=uses, extra=extra), tokens, secret)

    async def evidence(self, usage: Usage) -> list[JsonObject]:
        """Return evidence of every record of one use.

        Raises:
            CannotDecide: no node proves one of them.

        """
        return [(await self.client.record(one))[1] for one in usage.positions]

    async def _answer(self, tokens: Sequence[bytes]) -> AuditAnswer:
        answer = await self.client.question(
            IndexKind.SUBJECT,
            tokens,
            purpose=OWN_VIEW,
            basis=Basis.OWN_VIEW,
            limit=PAGE_ROWS_MAX,
        )
        while answer.next_cursor is not None:
            if len(answer.items) > self.rows_max:
                raise TooManyRows(f"expected at most {self.rows_max} records")
            answer = await self.client.next_page(answer, limit=PAGE_ROWS_MAX)
        return answer

    async def _proof(self, answers: Sequence[AuditAnswer], tokens: PersonTokens) -> Proof:
        exported = await self.client.export(*answers, page=self.page, told=tokens.told)
        answer = exported.facts.answer
        return Proof(
            data=exported.data,
            complete_to_ms=answer.complete_to_ms if answer.is_complete else None,
            height=answer.header.height,
            records=answer.rows,
        )

    async def _with_halves(self, uses: Uses) -> tuple[Uses, tuple[_Placed, ...]]:
        """Look up what was asked for in calls that name the person in a list of people alone."""
        extra: list[_Placed] = []
        found: dict[tuple[str, str, str], Usage] = {}
        for one in lacks_half(uses.usages)[:_LOOKED_UP_MAX]:
            for record, evidence in await self._halves(one):
                found[one.name] = with_half(found.get(one.name, one), record)
                extra.append((record, evidence))
        usages = [found.get(one.name, one) for one in uses.usages]
        usages.sort(key=lambda one: (-one.used_ms, one.name))
        return replace(uses, usages=tuple(usages)), tuple(extra)

    async def _halves(self, usage: Usage) -> list[_Placed]:
        try:
            row = await self._call_row(usage)
            if row is None:
                return []
            places = [place_in(row.requesters), place_in(row.providers)]
            return [
                await self.client.placed_record(one.submission_digest, one.call_index)
                for one in places
                if one is not None
            ]
        except (CannotDecide, InvalidEvidence, ValueError):
            # What the trails prove stands without it; the page says that the item is not shown.
            return []

    async def _call_row(self, usage: Usage) -> CallRow | None:
        """Return where the halves of a call stand, by the rules of the chain."""
        names = (usage.requester, usage.provider, bytes.fromhex(usage.name[2]))
        if self.client.trust.parameters.rules >= RULES_MIN:
            return (await self.client.state(DISPUTABLE_CALLS, *names)).row
        return (await self.client.state(CALLS, *names)).row

    async def _named(self, found: "_Found", tokens: PersonTokens, secret: bytes) -> View:
        uses = found.uses
        identifiers = {_identifier(one, secret): one for one in uses.usages}
        organisations = {one.requester for one in uses.usages}
        organisations |= {one.provider for one in uses.usages}
        organisations |= {one.department for one in uses.sealed}
        organisations |= {department for department, _ in tokens.places} | set(tokens.without)
        names = await self.names.names(
            organisations=organisations, items={one.item for one in uses.usages}
        )
        opened = await self.reasons.opened(
            [*found.proof.records, *(record for record, _ in found.extra)]
        )
        return View(
            proof=found.proof,
            uses=uses,
            reasons={name: reason_of(one, opened) for name, one in identifiers.items()},
            identifiers=identifiers,
            names=names,
            extra=tuple(evidence for _, evidence in found.extra),
            departments=tokens.places,
            without=tokens.without,
            tokens=frozenset(tokens.tokens),
            has_disputes=self.client.trust.parameters.rules >= RULES_MIN,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What is proven, before anything has a name."""

    proof: Proof
    uses: Uses = field(repr=False)
    extra: tuple[_Placed, ...] = field(repr=False)


def _groups(tokens: PersonTokens) -> list[tuple[bytes, ...]]:
    """Return the tokens as questions may name them, each group ascending."""
    found = tokens.tokens
    return [
        tuple(sorted(found[first : first + VALUES_MAX]))
        for first in range(0, len(found), VALUES_MAX)
    ]


def _identifier(usage: Usage, secret: bytes) -> str:
    """Return a word for a use that says nothing outside of its session."""
    content = "\0".join((usage.kind.value, *usage.name)).encode()
    return hmac.digest(secret, content, hashlib.sha256).hex()[:_IDENTIFIER_CHARACTERS]
