"""What a vector of evidence is, and how one is made of another by a single change."""

import copy
from dataclasses import dataclass

from chainnode.verify.strict_json import JsonObject
from tests.builders_evidence import TIME_MS

DAY_MS = 86_400_000


@dataclass(frozen=True, kw_only=True)
class Case:
    """One vector: evidence, what was asked, what must come out, and for trails what is proven."""

    name: str
    evidence: JsonObject
    expect: str
    digest: bytes | None = None
    identifier: str | None = None
    as_of_ms: int = TIME_MS
    proves: JsonObject | None = None

    def document(self) -> JsonObject:
        return {
            "name": self.name,
            "content_digest": None if self.digest is None else self.digest.hex(),
            "identifier": self.identifier,
            "as_of_ms": self.as_of_ms,
            "max_age_ms": DAY_MS,
            "expect": self.expect,
            "proves": self.proves,
            "evidence": self.evidence,
        }


def altered(evidence: JsonObject, place: tuple[str | int, ...], value: object) -> JsonObject:
    """Return the evidence with another value in one place."""
    result = copy.deepcopy(evidence)
    target: object = result
    for step in place[:-1]:
        target = target[step]  # type: ignore[index]  # plain JSON
    target[place[-1]] = value  # type: ignore[index]  # plain JSON
    return result
