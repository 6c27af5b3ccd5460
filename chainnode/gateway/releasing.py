"""What of an answer may leave: members of JSON objects are cut to the fields that are given.

Pure. Every member is mapped to a field of the catalogue item, by its own name unless the
service says otherwise; a member that maps to no field is never released. What is no JSON object
or array of objects cannot be cut: it counts as every field of the item.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from chainnode.exchange.bounded_json import IllegalJson, json_text

_Object = dict[str, msgspec.Raw]
_DECODER = msgspec.json.Decoder(_Object | list[_Object])
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What is left of an answer: how many objects it has, and how many members were cut."""

    body: bytes = field(repr=False)
    count: int
    removed: int


def release(
    body: bytes, *, given: int, item_fields: tuple[str, ...], field_of: Mapping[str, str]
) -> Released | None:
    """Cut an answer to the fields whose bits are `given`; None when it cannot be cut.

    `field_of` maps members to fields of the item; a member that is not in it is its own name.
    Values that stay are byte for byte as the service wrote them.
    """
    try:
        # What is too deep to be cut is also one field of the response's commitment.
        json_text(body)
        value = _DECODER.decode(body)
    except (IllegalJson, ValueError):
        return None
    numbers = {name: number for number, name in enumerate(item_fields)}

    def is_given(member: str) -> bool:
        number = numbers.get(field_of.get(member, member))
        return number is not None and bool(given >> number & 1)

    objects = value if isinstance(value, list) else [value]
    kept = [{name: raw for name, raw in one.items() if is_given(name)} for one in objects]
    removed = sum(map(len, objects)) - sum(map(len, kept))
    shown = kept if isinstance(value, list) else kept[0]
    return Released(body=_ENCODER.encode(shown), count=len(objects), removed=removed)
