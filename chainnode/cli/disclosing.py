"""What `kun audit disclose` and `kun audit reasons` need beside a record: what its parties have."""

from pathlib import Path
from typing import TYPE_CHECKING

from chainnode.cli.exits import UsageProblem
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.client import Client
    from chainnode.exchange import Encrypted, Field, Half
    from chainnode.gateway.kept import KeptCalls
    from chainnode.verify.evidence import RecordFacts
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
    calls = open_kept(trust, kept=kept, secret=secret)
    found = calls.find(named_half(trust, part))
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


def named_half(trust: "Trust", part: "RecordedHalf") -> "Half":
    """Return what keeps and encryption know a recorded half by."""
    from chainnode.exchange import Half

    return Half(
        chain_id=trust.chain_id,
        requester=part.requester,
        provider=part.provider,
        call_id=part.call_id,
        side=part.side,
    )


def open_kept(trust: "Trust", *, kept: Path, secret: Path) -> "KeptCalls":
    """Open the kept calls of a gateway.

    Raises:
        ConfigurationError: the files cannot be used.

    """
    from chainnode.gateway.kept import SECRET_BYTES, KeptCalls
    from chainnode.secret_files import read_secret_file

    bare = read_secret_file(secret, bytes_max=SECRET_BYTES)
    return KeptCalls(kept, suite=trust.suite, secret=bare)


def reasons_document(
    client: "Client",
    found: "RecordFacts",
    *,
    wrapping_keys: Path | None,
    organisation: str,
) -> dict[str, object]:
    """Return the reasons of a half.

    Raises:
        UsageProblem: it carries none, or no key was named for an encrypted part.
        NoPairKey, SecretFileRefused: the key is not to be had.
        InvalidEvidence: the record is no half with reasons.

    """
    from chainnode.exchange import read_encrypted
    from chainnode.verify.disclosure import recorded_half

    part = recorded_half(found)
    private = b"" if found.call is None else found.call.private
    if not private:
        raise UsageProblem(
            "NO_REASONS",
            Text(
                "这条记录没有附带事由（或节点已删除）",
                "this record carries no reasons (or the node has deleted them)",
            ),
        )
    encrypted = read_encrypted(private)
    clear = private
    if encrypted is not None:
        clear = _decrypted(client, part, encrypted, wrapping_keys, organisation)
    return _reasons(clear, is_encrypted=encrypted is not None)


def _decrypted(
    client: "Client",
    part: "RecordedHalf",
    encrypted: "Encrypted",
    wrapping_keys: Path | None,
    organisation: str,
) -> bytes:
    from chainnode.client.pair_keys import Reader
    from chainnode.exchange import Pair, decrypt_private
    from chainnode.keys import open_wrapping_key, read_passphrase
    from chainnode.month_keys import wrapping_key_file
    from chainnode.suites.port import InvalidSignature
    from chainnode.verify import InvalidEvidence

    if wrapping_keys is None or not organisation:
        raise UsageProblem(
            "ENCRYPTED",
            Text(
                "事由已加密：请用 --wrapping-keys 与 --organisation 指明本部门的封装密钥",
                "the reasons are encrypted: name our keys with --wrapping-keys and --organisation",
            ),
        )
    file = wrapping_key_file(wrapping_keys, encrypted.period)
    _, wrapping = open_wrapping_key(file, passphrase=read_passphrase())
    pair = Pair(requester=part.requester, provider=part.provider, period=encrypted.period)
    pair_key = client.open_pair_key(pair, Reader(organisation=organisation, wrapping=wrapping))
    half = named_half(client.trust, part)
    try:
        return decrypt_private(client.trust.suite, encrypted, pair_key=pair_key, half=half)
    except InvalidSignature as error:
        raise InvalidEvidence(
            check="reasons",
            expected="a private part under the key of its pair and month",
            actual="one that this key does not open",
        ) from error


def _reasons(clear: bytes, *, is_encrypted: bool) -> dict[str, object]:
    import msgspec

    from chainnode.verify import UnreadableEvidence
    from contracts.schemas.access import AccessPrivate

    try:
        said = msgspec.msgpack.decode(clear, type=AccessPrivate)
    except ValueError as error:
        raise UnreadableEvidence(
            check="reasons", expected="a private part of access 2", actual="other bytes"
        ) from error
    names = [one for one in said.__struct_fields__ if one not in {"salt", "derived_from"}]
    texts: dict[str, object] = {name: getattr(said, name) for name in names}
    chain = [one.hex() for one in said.derived_from]
    return {"encrypted": is_encrypted, **texts, "derived_from": chain}
