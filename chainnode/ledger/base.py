"""Where the chain of this node begins: at genesis, or at the snapshot that was installed last.

One small value under `keyspace.BASE`; the write that replaces it is the switch from one state to
the other (ADR-0013). A ledger that executed every block since genesis has none.
"""

from dataclasses import dataclass

from chainnode.codec import Limits, as_array, as_int, decode, encode
from chainnode.errors import InvalidInput
from chainnode.ledger import keyspace
from chainnode.ledger.errors import DamagedLedger
from chainnode.ledger.store import Store

_FIELDS = 3
_LIMITS = Limits(bytes_max=64, depth_max=1, elements_max=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The first block that is not here but stood upon: `height` 0 is genesis, which is whole.

    `slot` is where the state lives; log entries are here from `first_position` on.
    """

    slot: int = 0
    height: int = 0
    first_position: int = 0

    @property
    def other_slot(self) -> int:
        """The slot in which a snapshot may be put together."""
        return 1 - self.slot


def encode_base(base: Base) -> bytes:
    """Return the value under `keyspace.BASE`."""
    return encode((base.slot, base.height, base.first_position))


def read_base(store: Store) -> Base:
    """Return where the chain in this store begins.

    Raises:
        DamagedLedger: unreadable.

    """
    stored = store.get(keyspace.BASE)
    if stored is None:
        return Base()
    try:
        slot, height, position = as_array(decode(stored, _LIMITS), _FIELDS, "base")
        return Base(
            slot=as_int(slot, "slot", maximum=max(keyspace.SLOTS)),
            height=as_int(height, "height"),
            first_position=as_int(position, "position"),
        )
    except InvalidInput as error:
        raise DamagedLedger(what="base", expected="a base", actual=str(error)) from error
