"""What a vector of evidence is, and how one is made of another by a single change."""

import base64
import copy
from dataclasses import dataclass

from chainnode.verify.strict_json import JsonObject, JsonValue
from tests.builders_evidence import TIME_MS

DAY_MS = 86_400_000
DIGEST_BYTES = 32


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


Place = tuple[str | int, ...]


def altered(evidence: JsonObject, place: Place, value: object) -> JsonObject:
    """Return the evidence with another value in one place."""
    result = copy.deepcopy(evidence)
    target: object = result
    for step in place[:-1]:
        target = target[step]  # type: ignore[index]  # plain JSON
    target[place[-1]] = value  # type: ignore[index]  # plain JSON
    return result


def found(evidence: JsonObject, place: Place) -> JsonValue:
    """Return what stands in one place."""
    value: JsonValue = evidence
    for step in place:
        value = value[step]  # type: ignore[index]  # plain JSON
    return value


def array(evidence: JsonObject, place: Place) -> list[JsonValue]:
    """Return the array in one place."""
    value = found(evidence, place)
    assert isinstance(value, list)
    return value


def swapped(evidence: JsonObject, place: Place) -> JsonObject:
    """Return the evidence with the first two elements of an array in the place of each other."""
    one, other, *rest = array(evidence, place)
    return altered(evidence, place, [other, one, *rest])


def bit(evidence: JsonObject, place: Place) -> JsonObject:
    """Return the evidence with one bit of a digest (hex) or of other bytes (base64) flipped."""
    text = found(evidence, place)
    assert isinstance(text, str)
    if len(text) == 2 * DIGEST_BYTES:
        changed = bytearray.fromhex(text)
        changed[-1] ^= 1
        return altered(evidence, place, changed.hex())
    changed = bytearray(base64.b64decode(text))
    changed[-1] ^= 1
    return altered(evidence, place, base64.b64encode(changed).decode())


def cut(evidence: JsonObject, place: Place) -> JsonObject:
    """Return the evidence with the last byte of some base64 gone."""
    text = found(evidence, place)
    assert isinstance(text, str)
    return altered(evidence, place, base64.b64encode(base64.b64decode(text)[:-1]).decode())
