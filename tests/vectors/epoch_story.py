"""One chain through three epochs, as the vectors of epochs, forks and exports tell it.

Epoch 0 ends at height 20: a key is replaced and a fifth member joins. Epoch 1 ends at height 30
by a recovery record. Every signature is the same in every run.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chainnode.suites.port import PrivateKey
from chainnode.verify.strict_json import JsonObject
from chainnode.verify.trust import Trust
from tests.builders_epochs import (
    Group,
    end_link,
    first_group,
    header_in,
    record_in,
    recovery_link,
    second_group,
)
from tests.builders_evidence import GENESIS_MS, TIME_MS
from tests.builders_trails import IndexedChain
from tests.vectors.signing import repeatable_keys

FIRST_END, SECOND_END = 20, 30
HEIGHT = SECOND_END + 1
PINNED_HEIGHT = 1


class RepeatableChain(IndexedChain):
    """The indexed chain with signatures that are the same in every run."""

    def private_keys(self, numbers: Iterable[int]) -> list[PrivateKey]:
        return repeatable_keys(self.suite, numbers)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One vector: evidence, the trust it is judged with, what must come out, what it proves."""

    name: str
    trust: Trust
    evidence: JsonObject
    expect: str = "accepted"
    digest: bytes | None = None
    identifier: str | None = None
    facts: JsonObject | None = None

    def document(self) -> JsonObject:
        return {
            "name": self.name,
            "trust": self.trust.form(),
            "content_digest": None if self.digest is None else self.digest.hex(),
            "identifier": self.identifier,
            "as_of_ms": TIME_MS,
            "expect": self.expect,
            "facts": self.facts,
            "evidence": self.evidence,
        }


class Story:
    """The chain, its two groups of members, and the links between its epochs."""

    def __init__(self, suite_name: str, *, label: str = "synthetic") -> None:
        self.chain = RepeatableChain(suite_name, label=label)
        self.first = first_group(self.chain)
        self.second = second_group(self.chain)
        self.batches = [self.chain.suite.digest(b"batch %d" % number) for number in (1, 2)]
        self.end = self.end_link()
        self.recovery = self.recovery_link()
        self.links = [self.end, self.recovery]
        self.trust = self.pinned(self.first, epoch=0, height=PINNED_HEIGHT)

    def end_link(self, signers: Sequence[int] = (0, 2, 3)) -> JsonObject:
        """Epoch 0 ends as announced; three of four members sign."""
        return end_link(
            self.chain, self.first, self.second, epoch=0, height=FIRST_END, signers=signers
        )

    def recovery_link(self, signers: Sequence[int] = (0, 1, 2, 4)) -> JsonObject:
        """Epoch 1 ends because headers diverged; four of five members sign."""
        return recovery_link(
            self.chain,
            self.second,
            epoch=1,
            height=SECOND_END,
            batches=self.batches,
            signers=signers,
        )

    def record(self, links: Sequence[JsonObject] | None = None) -> JsonObject:
        """Evidence of a record in epoch 2, with other links if they are given."""
        shown = self.links if links is None else links
        return record_in(
            self.chain, self.second, shown, epoch=2, height=HEIGHT, signers=(0, 1, 3, 4)
        )

    def pinned(self, group: Group, *, epoch: int, height: int) -> Trust:
        """A trust file of some epoch of this chain."""
        trust = Trust.from_genesis(self.chain.genesis)
        header = header_in(self.chain, group, epoch=epoch, height=height)
        known = Trust(
            chain_id=trust.chain_id,
            suite=trust.suite,
            parameters=trust.parameters,
            epochs={epoch: group.members},
            checkpoint=trust.checkpoint,
        )
        return known.pinned_at(
            epoch=epoch,
            height=height,
            header_digest=header.digest(self.chain.suite.digest),
            time_ms=GENESIS_MS,
        )
