"""Forge, verify, count."""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from random import Random
from typing import cast

from chainnode.suites.port import InvalidKey, InvalidSignature, Suite
from chainnode.verify import Facts, InvalidEvidence, Trust, verify_evidence
from chainnode.verify.strict_json import JsonObject
from tests.builders_trails import IndexedChain
from tests.forgeries.attacks import attacks
from tests.forgeries.changes import Mutant, mutant, transplant
from tests.forgeries.disclosures import disclosed_chain, disclosure_attacks
from tests.forgeries.originals import Original, is_true, originals

SUITES = ("intl", "sm")
# One forgery in so many takes a part from other evidence.
_TRANSPLANTS = 5


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of forgeries; `excluded` ones prove the same, less, or another question."""

    forgeries: int = 0
    refused: int = 0
    excluded: int = 0
    accepted: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    escaped: list[str] = field(default_factory=list)
    checks: set[str] = field(default_factory=set)

    def add(self, other: "Tally") -> None:
        """Add another tally."""
        self.forgeries += other.forgeries
        self.refused += other.refused
        self.excluded += other.excluded
        self.accepted += other.accepted
        self.untrue += other.untrue
        self.escaped += other.escaped
        self.checks |= other.checks

    def form(self) -> dict[str, object]:
        """Return the figures, and names where there must be none."""
        return {
            "forgeries": self.forgeries,
            "refused": self.refused,
            "excluded_by_rule": self.excluded,
            "accepted": self.accepted[:5],
            "untrue": self.untrue[:5],
            "escaped": self.escaped[:5],
            "checks": sorted(self.checks),
        }


def trial(suite: str, *, count: int, seed: int) -> dict[str, Tally]:
    """Forge about `count` times; return a tally a kind of evidence."""
    chain, foreign = disclosed_chain(suite), disclosed_chain(suite, "another chain")
    trust = replace(chain.trust, suite=cast("Suite", Remembering(chain.suite)))
    found = {"attacks": Tally(), "disclosure attacks": Tally()}
    for name, document in attacks(chain, foreign):
        _try(found["attacks"], name, document, chain, trust)
    for name, document in disclosure_attacks(chain, foreign):
        _try(found["disclosure attacks"], name, document, chain, trust)
    kinds = originals(chain, foreign)
    for original in kinds:
        verify_evidence(original.document, trust)
        chance = Random(f"{suite} {original.name} {seed}")  # noqa: S311 - a seeded choice
        found[original.name] = _forge(original, count // len(kinds), chance, chain, trust)
    return found


def _forge(
    original: Original, count: int, chance: Random, chain: IndexedChain, trust: Trust
) -> Tally:
    tally = Tally()
    while tally.forgeries < count:
        forged = _one(original, chance)
        if forged is None:
            continue
        name = f"{original.name}: {'.'.join(map(str, forged.place))}: {forged.what}"
        if original.is_excluded(original.document, forged):
            tally.excluded += 1
            facts = _facts(forged.document, trust, tally, name)
            if facts is not None and not is_true(facts, chain):
                tally.untrue.append(name)
            continue
        _try(tally, name, forged.document, chain, trust)
    return tally


def _one(original: Original, chance: Random) -> Mutant | None:
    if chance.randrange(_TRANSPLANTS):
        return mutant(original.document, chance)
    return transplant(original.document, chance.choice(original.donors), chance)


def _try(tally: Tally, name: str, document: JsonObject, chain: IndexedChain, trust: Trust) -> None:
    """Count one forgery that nothing excuses."""
    tally.forgeries += 1
    escaped = len(tally.escaped)
    facts = _facts(document, trust, tally, name)
    if facts is not None:
        tally.accepted.append(name)
        if not is_true(facts, chain):
            tally.untrue.append(name)
    elif len(tally.escaped) == escaped:
        tally.refused += 1


def _facts(document: JsonObject, trust: Trust, tally: Tally, name: str) -> Facts | None:
    try:
        return verify_evidence(document, trust)
    except InvalidEvidence as error:
        tally.checks.add(error.check)
    except Exception as error:  # noqa: BLE001 - whatever escapes is the finding
        tally.escaped.append(f"{name}: {type(error).__name__}")
    return None


class Remembering:
    """As much of a suite as evidence needs; the same signature is not verified twice."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self.name = suite.name
        self.digest = suite.digest
        self._verified = lru_cache(maxsize=100_000)(self._verify)

    def verify(self, *, public_key: bytes, signature: bytes, content: bytes) -> None:
        """Verify once; afterwards repeat the answer."""
        error = self._verified(public_key, signature, content)
        if error is not None:
            raise error

    def check_public_key(self, public_key: bytes) -> None:
        """As the suite does."""
        self._suite.check_public_key(public_key)

    def _verify(
        self, public_key: bytes, signature: bytes, content: bytes
    ) -> InvalidKey | InvalidSignature | None:
        try:
            self._suite.verify(public_key=public_key, signature=signature, content=content)
        except (InvalidKey, InvalidSignature) as error:
            return error
        return None
