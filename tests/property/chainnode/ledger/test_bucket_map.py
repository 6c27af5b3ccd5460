"""The packed map against one built from scratch, through any series of changes."""

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from chainnode.ledger.bucket_map import (
    ROW_BYTES,
    BucketMap,
    bucket_number,
    empty_root,
    verify_map_proof,
)

BITS = 8


def h(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def naive_root(content: dict[bytes, bytes], bits: int = BITS) -> bytes:
    """docs/wire-format.md §2, word by word."""
    level = []
    for bucket in range(2**bits):
        prefix = f"{bucket:0{bits}b}"
        rows = sorted(
            h(key) + h(value)
            for key, value in content.items()
            if f"{int.from_bytes(h(key)):0256b}".startswith(prefix)
        )
        level.append(h(b"\x00" + b"".join(rows)))
    while len(level) > 1:
        level = [h(b"\x01" + b"".join(level[at : at + 4])) for at in range(0, len(level), 4)]
    return level[0]


class Owner:
    """A map with its rows and contents at every height."""

    def __init__(self) -> None:
        self.map = BucketMap(h, bits=BITS)
        self.rows: list[dict[int, bytes]] = [{}]
        self.contents: list[dict[bytes, bytes]] = [{}]

    def move(self, changes: dict[bytes, bytes | None]) -> None:
        rows = dict(self.rows[-1])
        digests = {h(key): None if value is None else h(value) for key, value in changes.items()}
        delta = self.map.update(digests, lambda bucket: rows.get(bucket, b""))
        self.map.stage(delta)
        rows.update(delta.rows)
        content = {key: value for key, value in self.contents[-1].items() if key not in changes}
        content.update({key: value for key, value in changes.items() if value is not None})
        self.rows.append(rows)
        self.contents.append(content)
        self.map.commit()
        self.map.forget()


keys = st.integers(0, 30).map(lambda one: f"key {one}".encode())
values = st.none() | st.integers(0, 3).map(lambda one: f"value {one}".encode())
histories = st.lists(st.dictionaries(keys, values, max_size=12), max_size=5)


@settings(max_examples=40)
@given(histories)
def test_root_equals_that_of_a_map_built_from_scratch(
    history: list[dict[bytes, bytes | None]],
) -> None:
    owner = Owner()

    for changes in history:
        owner.move(changes)

    rebuilt = BucketMap(h, bits=BITS)
    rebuilt.load((bucket, rows) for bucket, rows in owner.rows[-1].items() if rows)
    assert owner.map.root == naive_root(owner.contents[-1])
    assert rebuilt.root == owner.map.root
    assert sum(map(len, owner.rows[-1].values())) == ROW_BYTES * len(owner.contents[-1])


@settings(max_examples=25)
@given(histories)
def test_every_key_is_proven_present_or_absent_at_every_height_so_far(
    history: list[dict[bytes, bytes | None]],
) -> None:
    owner = Owner()
    roots = [owner.map.root]
    for changes in history:
        owner.move(changes)
        roots.append(owner.map.root)

    for height, root in enumerate(roots):
        for number in range(31):
            key = f"key {number}".encode()
            rows = owner.rows[height].get(bucket_number(h(key), BITS), b"")
            proof = owner.map.prove(h(key), rows, height)
            value = owner.contents[height].get(key)
            verify_map_proof(h, bits=BITS, root=root, key=key, value=value, proof=proof)


def test_the_empty_map_has_the_root_of_the_format_at_every_size() -> None:
    for bits in range(8, 18, 2):
        assert BucketMap(h, bits=bits).root == empty_root(h, bits=bits)
    assert empty_root(h, bits=BITS) == naive_root({})
