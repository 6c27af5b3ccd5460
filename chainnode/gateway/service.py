"""What one data service offers and expects, and as whom its gateway speaks. Plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from chainnode.errors import ConfigurationError
from chainnode.gateway.selectors import Selector

# A half has four subjects, each people record ten more; a call about more people is a bulk call.
SUBJECTS_MAX: Final = 64
WINDOW_MS_DEFAULT: Final = 60_000
REQUEST_BYTES_MAX_DEFAULT: Final = 1024 * 1024
RECEIPT_TIMEOUT_S_DEFAULT: Final = 10.0
ID_TYPE_DEFAULT: Final = "111"


class OnFailure(Enum):
    """When data may leave: with its half durably kept, or with the ledger's receipt for it."""

    SPOOL = "spool"
    BLOCK = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One catalogue item behind one service.

    `field_of` maps members of answers to fields of the item; a member that is not in it is its
    own name. `subjects` say where a request names people; with none, no call is about anybody.
    `open_paths` are answered without a call: health checks, never data. `serves_metrics`: so
    are the gateway's own figures, which say how many calls came to what.
    """

    organisation: str
    item: str
    subjects: tuple[Selector, ...] = ()
    id_type: str = ID_TYPE_DEFAULT
    purpose: Selector | None = None
    system: str = ""
    field_of: Mapping[str, str] = field(default_factory=dict)
    open_paths: frozenset[str] = frozenset()
    serves_metrics: bool = False
    on_failure: OnFailure = OnFailure.SPOOL
    receipt_timeout_s: float = RECEIPT_TIMEOUT_S_DEFAULT
    window_ms: int = WINDOW_MS_DEFAULT
    request_bytes_max: int = REQUEST_BYTES_MAX_DEFAULT

    def __post_init__(self) -> None:
        limits = (
            ("receipt_timeout_s", self.receipt_timeout_s, 0.1, 300.0),
            ("window_ms", self.window_ms, 1_000, 600_000),
            ("request_bytes_max", self.request_bytes_max, 0, 64 * 1024 * 1024),
        )
        faults = [
            f"{name}: expected {low} … {high}, got {value}"
            for name, value, low, high in limits
            if not low <= value <= high
        ]
        if not self.item:
            faults.append("item: expected the name of a catalogue item, got none")
        if faults:
            raise ConfigurationError("gateway: " + "; ".join(faults))
