"""What `kun gateway forget` erases."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chainnode.cli.disclosing import open_kept
from chainnode.cli.exits import UsageProblem
from chainnode.cli.instants import start_ms
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.exchange import Half
    from chainnode.verify.trust import Trust

_CALL_ID_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """All before a time, or one call by its three names."""

    before: str | None
    call: str | None
    requester: str | None
    provider: str | None


def forgotten(trust: "Trust", what: Forgotten, *, kept: Path, secret: Path) -> int:
    """Erase, and return how many halves that were.

    Raises:
        UsageProblem: neither or both were named, or half of a call's names.
        ConfigurationError, StorageError: the files cannot be used.

    """
    names = (what.call, what.requester, what.provider)
    if (what.before is None) == (None in names) or (what.before and any(names)):
        raise UsageProblem(
            "WHAT",
            Text(
                "请指定 --before，或同时指定 --call、--requester、--provider",
                "name --before, or --call with --requester and --provider",
            ),
        )
    calls = open_kept(trust, kept=kept, secret=secret)
    try:
        if what.before is not None:
            return calls.erase_before(start_ms(what.before, option="--before"))
        return sum(calls.erase(half) for half in _halves(trust, what))
    finally:
        calls.close()


def _halves(trust: "Trust", what: Forgotten) -> list["Half"]:
    """Return both sides of a call; a gateway has kept at most its own."""
    from chainnode.exchange import Half

    try:
        call_id = bytes.fromhex(what.call or "")
    except ValueError:
        call_id = b""
    if len(call_id) != _CALL_ID_BYTES:
        raise UsageProblem(
            "CALL_ID",
            Text(
                f"--call：应为 {2 * _CALL_ID_BYTES} 位十六进制",
                f"--call: expected {2 * _CALL_ID_BYTES} hexadecimal digits",
            ),
        )
    return [
        Half(
            chain_id=trust.chain_id,
            requester=what.requester or "",
            provider=what.provider or "",
            call_id=call_id,
            side=side,
        )
        for side in (0, 1)
    ]
