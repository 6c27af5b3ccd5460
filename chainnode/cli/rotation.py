"""`kun key rotate`: a new key with the roles of an old one, and the old one's end, as records.

Both calls travel in one submission, the addition first: there is no moment at which a service
has no key. A rotation that was cut short is taken up again by the same command, because what the
chain has already is not asked for twice.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from chainnode.cli.exits import Refused, Unacceptable, UsageProblem
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.cli.target import Target
    from chainnode.client import Client, Final
    from chainnode.submission import Call
    from contracts.schemas.members import KeyRow

_KEY_ID_HEX = 40
# An end must not lie before the block that says so, and blocks follow the median of clocks.
OVERLAP_MS_MIN = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """From which key to which file, and how long the old one is still good."""

    old: bytes
    new_file: Path
    passphrase_file: Path | None
    overlap_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What the chain has after it; `final` None: everything was there already."""

    old: bytes
    new: bytes
    row: "KeyRow"
    old_ends_ms: int
    final: "Final | None"


def old_key_id(text: str) -> bytes:
    """Read a key id, or take that of a key file, which need not be unlocked.

    Raises:
        FileNotFoundError: neither an id nor a file.

    """
    from chainnode.keys import read_key_file

    if len(text) == _KEY_ID_HEX and not Path(text).exists():
        try:
            return bytes.fromhex(text)
        except ValueError:
            pass
    return read_key_file(Path(text)).key_id


def rotate(target: "Target", rotation: Rotation) -> Rotated:
    """Make the new key where its file is missing, then let the chain have it and end the old one.

    Raises:
        CommandError: no such key, another organisation's, refused, or not final in time.

    """
    from chainnode.submission import key_id

    if rotation.overlap_ms < OVERLAP_MS_MIN:
        raise UsageProblem("OVERLAP", Text("--overlap：至少 5s", "--overlap: at least 5s"))
    suite, member = target.open_key()
    with target.open_client(signs=True) as client:
        row = _registered(client, rotation.old)
        _require_own(client, row, key_id(suite, member.public_key))
        public_key = _new_public_key(target, rotation)
        new = key_id(suite, public_key)
        if new == rotation.old:
            raise UsageProblem(
                "SAME_KEY",
                Text("新旧密钥是同一个", "the new key and the old one are the same"),
            )
        ends_ms = _end_ms(target, row, rotation)
        added = _addition(client, row, public_key, new)
        ended = _end(row, rotation.old, ends_ms)
        # A member key cannot end itself: its successor does.
        is_own = rotation.old == key_id(suite, member.public_key)
        final = _submitted(client, added if is_own else [*added, *ended])
    if is_own:
        final = _ended_by_successor(target, rotation, ended) or final
    return Rotated(old=rotation.old, new=new, row=row, old_ends_ms=ends_ms, final=final)


def _ended_by_successor(
    target: "Target", rotation: Rotation, ended: "list[Call]"
) -> "Final | None":
    successor = replace(
        target,
        key_file=rotation.new_file,
        passphrase_file=rotation.passphrase_file or target.passphrase_file,
    )
    with successor.open_client(signs=True) as client:
        return _submitted(client, ended)


def _registered(client: "Client", key_id: bytes) -> "KeyRow":
    row = client.key(key_id).row
    if row is None:
        raise Unacceptable(
            "MEMBERS_NO_SUCH_KEY",
            Text(
                f"链上没有密钥 {key_id.hex()}（已核验）",
                f"no key {key_id.hex()} is registered (proven)",
            ),
        )
    return row


def _require_own(client: "Client", row: "KeyRow", sender: bytes) -> None:
    """Refuse another organisation's key before anything is made or added."""
    own = client.key(sender).row
    if own is None or own.organisation != row.organisation:
        raise Refused(
            "FOREIGN_ORGANISATION",
            Text(
                f"旧密钥属于 {row.organisation}，--key 不是它的成员密钥",
                f"the old key is that of {row.organisation}, and --key is not",
            ),
        )


def _new_public_key(target: "Target", rotation: Rotation) -> bytes:
    """Read the key that is to follow, or draw it into a new file."""
    from chainnode.keys import (
        KeyPurpose,
        read_key_file,
        read_passphrase,
        write_key_file,
    )

    suite = target.load_trust().suite
    if not rotation.new_file.exists():
        passphrase = read_passphrase(rotation.passphrase_file or target.passphrase_file)
        write_key_file(
            rotation.new_file,
            suite.generate_private_key(),
            suite=suite,
            purpose=KeyPurpose.SUBMISSION,
            passphrase=passphrase,
        )
    found = read_key_file(rotation.new_file)
    if found.suite.name != suite.name or found.purpose is not KeyPurpose.SUBMISSION:
        raise UsageProblem(
            "WRONG_KEY_FILE",
            Text(
                f"{rotation.new_file}：应为本链套件 {suite.name} 的提交密钥",
                f"{rotation.new_file}: expected a submission key of the chain's suite {suite.name}",
            ),
        )
    return found.public_key


def _end_ms(target: "Target", row: "KeyRow", rotation: Rotation) -> int:
    """Return when the old key ends: after the overlap, or sooner where the chain says so."""
    import time

    now_ms = time.time_ns() // 1_000_000 + target.clock_offset_ms
    wanted_ms = now_ms + rotation.overlap_ms
    return min(row.valid_to_ms, wanted_ms) if row.valid_to_ms else wanted_ms


def _addition(client: "Client", row: "KeyRow", public_key: bytes, new: bytes) -> "list[Call]":
    """Return the call that adds the new key, unless the chain has it as it should be."""
    from chainnode.client import add_key
    from contracts.schemas.members import Role

    known = client.key(new).row
    if known is None:
        return [add_key(public_key, roles=[Role(one) for one in row.roles])]
    if (known.organisation, known.roles) != (row.organisation, row.roles) or known.valid_to_ms:
        raise Unacceptable(
            "MEMBERS_KEY_KNOWN",
            Text(
                "新密钥已登记为别的用途或已终止：请换一个文件",
                "the new key is registered for something else, or ends: name another file",
            ),
        )
    return []


def _end(row: "KeyRow", old: bytes, ends_ms: int) -> "list[Call]":
    from chainnode.client import end_key

    return [] if row.valid_to_ms == ends_ms else [end_key(old, valid_to_ms=ends_ms)]


def _submitted(client: "Client", calls: "list[Call]") -> "Final | None":
    """Submit what is still missing; None where nothing is."""
    from chainnode.cli.outcomes import require_accepted
    from contracts.schemas import members

    return require_accepted(client.submit(members.NAME, calls)) if calls else None
