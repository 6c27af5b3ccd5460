"""What `kun audit disclose` takes out of a gateway's kept calls."""

from pathlib import Path
from typing import TYPE_CHECKING

from chainnode.cli.exits import UsageProblem
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.exchange import Field
    from chainnode.verify.rows import Half as RecordedHalf
    from chainnode.verify.trust import Trust


def kept_message(
    trust: "Trust", part: "RecordedHalf", *, message: str, kept: Path, secret: Path
) -> tuple[bytes, tuple["Field", ...]]:
    """Return seed and fields of one message of a recorded half.

    Raises:
        UsageProblem: nothing is kept of it (any more).
        ConfigurationError: the files cannot be used.
        DamagedKept: what was kept was changed.

    """
    from chainnode.exchange import Half
    from chainnode.gateway.kept import SECRET_BYTES, KeptCalls
    from chainnode.secret_files import read_secret_file

    half = Half(
        chain_id=trust.chain_id,
        requester=part.requester,
        provider=part.provider,
        call_id=part.call_id,
        side=part.side,
    )
    calls = KeptCalls(
        kept, suite=trust.suite, secret=read_secret_file(secret, bytes_max=SECRET_BYTES)
    )
    found = calls.find(half)
    calls.close()
    if found is not None:
        chosen = found.request if message == "request" else found.response
    if found is None or not chosen.fields:
        raise UsageProblem(
            "NOT_KEPT",
            Text(
                f"网关没有保存（或已删除）这次调用的{message}内容：{kept}",
                f"the gateway keeps no {message} of this call (any more): {kept}",
            ),
        )
    return chosen.seed, chosen.fields
