"""The state of a chain, changed by accepted calls as wire-format §9 and §14 say.

Why a call is refused is not decided here: receipts say which ones were. What an accepted one
leaves is: rows, outcome, index keys, records of the ledger itself, deadlines.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.naive_index import tree_root
from tests.second_reader.cryptography_of import Reader
from tests.second_reader.encoding import NotCanonical, dec, enc

DAY_MS, EAST_8_MS = 86_400_000, 8 * 3_600_000
WINDOW = 4096
Row = list[Any]


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Whose call it is, and when."""

    organisation: str
    now_ms: int
    height: int
    digest: bytes
    index: int
    # The public part, with its salt.
    public: bytes

    @property
    def place(self) -> Row:
        """Where its record stands."""
        return [self.digest, self.index]


@dataclass(frozen=True, kw_only=True)
class Own:
    """A record of the ledger itself."""

    contract: str
    action: str
    public: bytes
    outcome: int
    keys: list[bytes]


@dataclass(kw_only=True)
class Left:
    """What a call leaves in the log, and what it asks for."""

    outcome: int
    keys: list[bytes]
    own: list[Own] = field(default_factory=list)
    due: tuple[int, Row] | None = None


class State:
    """Rows by their encoded key."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}

    def find(self, *key: object) -> Row | None:
        value = self.rows.get(enc(list(key)))
        return None if value is None else dec(value)

    def put(self, row: Row, *key: object) -> None:
        self.rows[enc(list(key))] = enc(row)

    def drop(self, *key: object) -> None:
        self.rows.pop(enc(list(key)), None)


def day_of(now_ms: int) -> int:
    """The date YYYYMMDD in +08:00 (proleptic Gregorian, by days since 1970)."""
    days = (now_ms + EAST_8_MS) // DAY_MS
    year = 1970
    while days >= (length := 366 if _is_leap(year) else 365):
        days -= length
        year += 1
    months = [31, 29 if _is_leap(year) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    month = 1
    for length in months:
        if days < length:
            break
        days -= length
        month += 1
    return year * 10_000 + month * 100 + days + 1


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


class Town:
    """Applies calls to a state."""

    def __init__(self, reader: Reader, genesis: Row) -> None:
        self.reader = reader
        self.state = State()
        self.parameters: dict[str, int] = dict(genesis[5])
        self.rules = self.parameters["rules"]
        self.deadline_ms = self.parameters["match_deadline_ms"]
        for organisation, name, roles, keys in genesis[7]:
            self.state.put([name, roles], "members", "org", organisation)
            for public_key, key_roles, valid_from, valid_to in keys:
                row = [public_key, organisation, key_roles, valid_from, valid_to]
                self.state.put(row, "members", "key", reader.key_id(public_key))

    def index_key(self, kind: int, value: str | bytes) -> bytes:
        """§6, §9: kind ‖ value, a long value by its digest."""
        data = value.encode() if isinstance(value, str) else value
        return bytes([kind]) + (data if len(data) <= 63 else self.reader.h(data))

    def use_nonce(self, key_id: bytes, nonce: int) -> None:
        """§9: note a nonce; the window moves up so that it becomes the last one."""
        base, bits = self.state.find("nonces", "window", key_id) or [0, bytes(WINDOW // 8)]
        number = int.from_bytes(bits, "little")
        if nonce >= base + WINDOW:
            shift = nonce - WINDOW + 1 - base
            base, number = base + shift, number >> shift
        number |= 1 << (nonce - base)
        row = [base, number.to_bytes(WINDOW // 8, "little")]
        self.state.put(row, "nonces", "window", key_id)

    def apply(self, contract: str, action: str, sender: Sender) -> Left:
        """Apply one accepted call."""
        _, *part = dec(sender.public)
        left: Left = getattr(self, f"_{contract}_{action}")(part, sender)
        return left

    # Catalogue.

    def _catalog_publish(self, part: Row, sender: Sender) -> Left:
        item, version, title, grade, share, fields, supervisor = part
        row = [sender.organisation, version, title, grade, share, fields, supervisor, 0]
        self.state.put(row, "catalog", "item", item)
        return Left(outcome=1, keys=self._item_keys(item, sender))

    def _catalog_withdraw(self, part: Row, sender: Sender) -> Left:
        (item,) = part
        row = self._known("catalog", "item", item)
        self.state.put([*row[:7], 1], "catalog", "item", item)
        return Left(outcome=2, keys=self._item_keys(item, sender))

    def _item_keys(self, item: str, sender: Sender) -> list[bytes]:
        return [self.index_key(3, sender.organisation), self.index_key(4, item)]

    # Grants.

    def _grants_apply(self, part: Row, sender: Sender) -> Left:
        grant, item, *asked = part
        owner = self._known("catalog", "item", item)
        row = [sender.organisation, owner[0], owner[6], item, *asked, 1, sender.now_ms, ""]
        return self._granted(grant, row)

    def _grants_review(self, part: Row, sender: Sender) -> Left:
        grant, decision, fields, quota, valid_to = part
        row = self._known("grants", "grant", grant)
        if not decision:
            return self._decided(grant, row, 4, sender)
        row[5], row[9], row[10] = fields, valid_to, quota
        grade = self._known("catalog", "item", row[3])[3]
        return self._decided(grant, row, 3 if grade == 1 else 2, sender)

    def _grants_confirm(self, part: Row, sender: Sender) -> Left:
        grant, decision = part
        row = self._known("grants", "grant", grant)
        return self._decided(grant, row, 3 if decision else 4, sender)

    def _grants_suspend(self, part: Row, sender: Sender) -> Left:
        row = self._known("grants", "grant", part[0])
        return self._decided(part[0], row, 5, sender, suspended_by=sender.organisation)

    def _grants_resume(self, part: Row, sender: Sender) -> Left:
        return self._decided(part[0], self._known("grants", "grant", part[0]), 3, sender)

    def _grants_revoke(self, part: Row, sender: Sender) -> Left:
        return self._decided(part[0], self._known("grants", "grant", part[0]), 6, sender)

    def _decided(
        self, grant: str, row: Row, state: int, sender: Sender, *, suspended_by: str = ""
    ) -> Left:
        return self._granted(grant, [*row[:11], state, sender.now_ms, suspended_by])

    def _granted(self, grant: str, row: Row) -> Left:
        self.state.put(row, "grants", "grant", grant)
        keys = [(2, row[0]), (3, row[1]), (4, row[3]), (5, grant)]
        return Left(outcome=row[11], keys=[self.index_key(*one) for one in keys])

    # Pseudonyms and content.

    def _pseudonyms_open_epoch(self, part: Row, sender: Sender) -> Left:
        department, epoch, check = part
        row = [sender.organisation, epoch, sender.now_ms, check]
        self.state.put(row, "pseudonyms", "epoch", department)
        return Left(outcome=1, keys=self._pair_keys(department, sender.organisation))

    def _pseudonyms_usage(self, part: Row, sender: Sender) -> Left:
        department, _epoch, _from_ms, to_ms, made, refused = part
        before = self.state.find("pseudonyms", "used", department) or [0, 0, 0]
        row = [to_ms, before[1] + made, before[2] + refused]
        self.state.put(row, "pseudonyms", "used", department)
        return Left(outcome=2, keys=self._pair_keys(department, sender.organisation))

    def _content_publish_key(self, part: Row, sender: Sender) -> Left:
        period, public_key = part
        self.state.put([public_key], "content", "wrapping", sender.organisation, period)
        return Left(outcome=1, keys=[self.index_key(3, sender.organisation)])

    def _content_share(self, part: Row, sender: Sender) -> Left:
        requester, provider, period, check = part
        row = [check, sender.place]
        self.state.put(row, "content", "shared", requester, provider, period)
        return Left(outcome=2, keys=self._pair_keys(requester, provider))

    def _pair_keys(self, second: str, third: str) -> list[bytes]:
        return [self.index_key(2, second), self.index_key(3, third)]

    # Questions, and certificates from before the ledger.

    def _audit_question(self, part: Row, sender: Sender) -> Left:
        kind, values = part[:2]
        if self.rules < 3:
            asked = values if kind == 1 else []
        else:
            asked = [] if kind in {7, 8} else values
        keys = [self.index_key(kind, one) for one in asked]
        return Left(outcome=1, keys=[*keys, self.index_key(2, sender.organisation)])

    def _certificates_import(self, part: Row, sender: Sender) -> Left:
        name, *said, code_system, code, state, since_ms = part
        place = [sender.digest, sender.index]
        first = enc(
            ["kun.certhistory", 1, sender.height, since_ms, code_system, code, state, *place]
        )
        root = tree_root(self.reader.h, [first])
        row = [sender.organisation, *said, code_system, code, state, 1, root]
        self.state.put(row, "certificates", "id", name)
        self.state.put([first], "certificates", "history", name)
        self.state.put([name], "certificates", "file", said[1])
        keys = [self.index_key(6, name), self.index_key(3, sender.organisation)]
        return Left(outcome=2, keys=keys)

    # Calls under seal, and people beyond four.

    def _access_people(self, part: Row, _sender: Sender) -> Left:
        call_id, side, requester, provider, _first, tokens = part
        key = ("access", "people", requester, provider, call_id, side)
        count, _, digest = self.state.find(*key) or [0, b"", bytes(32)]
        digest = self.reader.h(digest + b"".join(tokens))
        self.state.put([count + len(tokens), tokens[-1], digest], *key)
        return Left(outcome=3, keys=[self.index_key(1, one) for one in tokens])

    def _access_seal(self, part: Row, sender: Sender) -> Left:
        seal_id, department, from_ms, until_ms, _basis = part
        row = [sender.organisation, department, from_ms, until_ms]
        self.state.put(row, "access", "seal", seal_id)
        return Left(outcome=4, keys=self._pair_keys(department, sender.organisation))

    def _access_sealed(self, part: Row, sender: Sender) -> Left:
        seal_id, subjects, _count, _requested_ms, commitment = part
        row = [sender.organisation, seal_id, subjects, 0]
        self.state.put(row, "access", "sealed", commitment)
        keys = [*(self.index_key(1, one) for one in subjects)]
        return Left(outcome=5, keys=[*keys, self.index_key(3, sender.organisation)])

    def _access_unseal(self, part: Row, _sender: Sender) -> Left:
        commitment, secret, requester, item, purpose = part
        content = enc(["kun.sealed", 1, secret, requester, item, purpose])
        assert self.reader.h(content) == commitment
        row = self._known("access", "sealed", commitment)
        self.state.put([*row[:3], 1], "access", "sealed", commitment)
        keys = [*(self.index_key(1, one) for one in row[2])]
        keys += [*self._pair_keys(requester, row[0]), self.index_key(4, item)]
        return Left(outcome=6, keys=keys)

    def _known(self, *key: object) -> Row:
        row = self.state.find(*key)
        assert row is not None, key
        return row


def token_of(other: bytes, sizes: list[int]) -> Row | None:
    """What a half embeds of the other side's token; None: it is none. Sizes 0: an integer."""
    try:
        row = dec(other)
    except NotCanonical:
        return None
    if not isinstance(row, list) or len(row) != len(sizes):
        return None
    legal = all(
        isinstance(one, bytes) and len(one) == size if size else isinstance(one, int)
        for one, size in zip(row, sizes, strict=True)
    )
    return row if legal else None
