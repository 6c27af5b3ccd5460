"""Whom a command talks to: the nodes of a devnet, or those named by `--node`.

Inside a devnet the trust anchor is its genesis file and the keys are its demo identities;
outside, `--trust` and `--key` name them. Nothing is taken from a node's word.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from chainnode.cli.exits import UsageProblem
from chainnode.cli.tree import current_session
from chainnode.cli.words import Text

if TYPE_CHECKING:
    from chainnode.client import Client
    from chainnode.suites.port import PrivateKey, Suite
    from chainnode.verify.trust import Trust

Function = TypeVar("Function", bound=Callable[..., object])

DEFAULT_FOLDER = ".kun-devnet"
TRUST_BYTES_MAX = 4 * 1024 * 1024
# Enough of a chain id to tell chains apart; the whole of it stands in the file.
STATE_NAME_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRef:
    """A node to talk to; `title` is its department's name where that is known."""

    name: str
    title: str
    api: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The nodes, and the files that this site believes in. Paths may be absent."""

    nodes: tuple[NodeRef, ...]
    trust_file: Path | None
    key_file: Path | None
    passphrase_file: Path | None
    clock_offset_ms: int = 0
    folder: Path | None = None

    @property
    def urls(self) -> tuple[str, ...]:
        """Addresses of the nodes, in the order in which they are asked."""
        return tuple(one.api for one in self.nodes)

    def load_trust(self) -> "Trust":
        """Read the trust anchor.

        Raises:
            UsageProblem: none was named.
            InvalidTrust: the file is no trust or genesis file.

        """
        from chainnode.verify.trust import Trust

        if self.trust_file is None:
            raise UsageProblem(
                "TRUST_MISSING",
                Text(
                    "需要信任文件：--trust 文件（或创世文件）",
                    "a trust anchor is needed: --trust FILE (a trust or genesis file)",
                ),
            )
        with self.trust_file.open("rb") as file:
            return Trust.load(file.read(TRUST_BYTES_MAX + 1))

    def open_client(self, *, signs: bool = False) -> "Client":
        """Return an SDK client of these nodes; with `signs` it has the key.

        Raises:
            UsageProblem: a file that is needed was not named.

        """
        import time

        from chainnode.client import Client

        def now_ms() -> int:
            return time.time_ns() // 1_000_000 + self.clock_offset_ms

        key = self.open_key()[1] if signs else None
        trust = self.load_trust()
        return Client(
            self.urls, trust, key, state_file=self.state_file(trust.chain_id), now_ms=now_ms
        )

    def state_file(self, chain_id: bytes) -> Path:
        """Return where the newest block of this chain that was verified here is remembered.

        A devnet keeps it in its own folder, so that it goes when the chain goes.
        """
        folder = state_folder() if self.folder is None else self.folder / "client"
        return folder / f"{chain_id.hex()[:STATE_NAME_DIGITS]}.json"

    def open_key(self) -> "tuple[Suite, PrivateKey]":
        """Read and unlock the key that signs for this command.

        Raises:
            UsageProblem: none was named.
            KeyFileRefused: the key or passphrase file must not be used.

        """
        from chainnode.keys import KeyPurpose, open_key, read_passphrase

        if self.key_file is None:
            raise UsageProblem(
                "KEY_MISSING", Text("需要密钥：--key 文件", "a key is needed: --key FILE")
            )
        return open_key(
            self.key_file,
            purpose=KeyPurpose.SUBMISSION,
            passphrase=read_passphrase(self.passphrase_file),
        )


def state_folder() -> Path:
    """Return `KUN_STATE_DIR`, else the user's folder for state (XDG Base Directory)."""
    named = os.environ.get("KUN_STATE_DIR")
    if named:
        return Path(named)
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "kunlian"


def target_options(function: Function) -> Function:
    """Add `--dir --node --key --trust` to a command."""
    options = (
        click.option(
            "--dir",
            "folder",
            type=click.Path(path_type=Path),
            envvar="KUN_DIR",
            help="开发网目录 · folder of a devnet",
        ),
        click.option(
            "--node",
            "nodes",
            multiple=True,
            metavar="URL",
            envvar="KUN_NODE",
            help="节点地址，可重复 · address of a node, repeatable",
        ),
        click.option(
            "--key",
            "key",
            type=click.Path(path_type=Path),
            envvar="KUN_KEY",
            help="密钥文件 · key file",
        ),
        click.option(
            "--trust",
            "trust",
            type=click.Path(path_type=Path),
            envvar="KUN_TRUST",
            help="信任文件或创世文件 · trust or genesis file",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def resolve_target(
    *,
    folder: Path | None,
    nodes: tuple[str, ...] = (),
    key: Path | None = None,
    trust: Path | None = None,
    identity: str | None = None,
    needs_nodes: bool = True,
) -> Target:
    """Decide whom to talk to: `--node` wins over a devnet, `--key` and `--trust` over its files.

    Raises:
        UsageProblem: neither a devnet nor a node is named.
        NotADevnet: the folder is none.

    """
    folder = _devnet_at_hand(folder, nodes)
    if folder is not None:
        return _devnet_target(folder, nodes=nodes, key=key, trust=trust, identity=identity)
    if identity is not None and key is None:
        raise UsageProblem(
            "IDENTITY_OUTSIDE_DEVNET",
            Text("--as 只用于开发网；请用 --key", "--as names an identity of a devnet; use --key"),
        )
    if needs_nodes and not nodes:
        raise UsageProblem(
            "NODE_MISSING",
            Text(
                "不知道连接哪个节点：--dir 开发网目录，或 --node 地址",
                "which node? name a devnet (--dir DIR) or a node (--node URL)",
            ),
            hint=Text("建一个开发网：kun devnet up", "make a devnet: kun devnet up"),
        )
    return Target(nodes=_named_nodes(nodes), trust_file=trust, key_file=key, passphrase_file=None)


def _devnet_at_hand(folder: Path | None, nodes: tuple[str, ...]) -> Path | None:
    """Return the devnet that is named, or the one that stands here where no node is named."""
    if folder is None and not nodes and Path(DEFAULT_FOLDER, "topology.json").exists():
        return Path(DEFAULT_FOLDER)
    return folder


def acting_target(
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    *,
    default: str,
) -> Target:
    """Return whom to ask, and as whom: in a devnet the identity `default` unless told otherwise."""
    identity = current_session().identity
    is_unsaid = identity is None and key is None and not nodes
    if is_unsaid and _devnet_at_hand(folder, nodes) is not None:
        identity = default
    return resolve_target(folder=folder, nodes=nodes, key=key, trust=trust, identity=identity)


def _named_nodes(urls: tuple[str, ...]) -> tuple[NodeRef, ...]:
    if not urls:
        return ()
    # HTTP is loaded where a node is named, and not to verify offline.
    from chainnode.cli.probe import NODES_MAX, split_url

    if len(urls) > NODES_MAX:
        raise UsageProblem(
            "TOO_MANY_NODES",
            Text(f"最多 {NODES_MAX} 个 --node", f"at most {NODES_MAX} times --node"),
        )
    refs = []
    for url in urls:
        parts = split_url(url)
        refs.append(NodeRef(name=parts.netloc, title=parts.netloc, api=url.rstrip("/")))
    return tuple(refs)


def _devnet_target(
    folder: Path,
    *,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    identity: str | None,
) -> Target:
    from devnet.topology import DevnetFolder, load_topology

    devnet = DevnetFolder(folder)
    topology = load_topology(devnet)
    if key is None and identity is not None:
        key = identity_file(devnet.path / "identities", identity)
    refs = tuple(
        NodeRef(name=one.name, title=one.department.title, api=one.api) for one in topology.nodes
    )
    return Target(
        nodes=_named_nodes(nodes) or refs,
        trust_file=trust or devnet.genesis,
        key_file=key,
        passphrase_file=devnet.passphrase,
        clock_offset_ms=topology.clock_offset_ms,
        folder=folder,
    )


def identity_file(identities: Path, name: str) -> Path:
    """Return the key file of an identity of a devnet.

    Raises:
        UsageProblem: there is none of that name, or one for each department.

    """
    from chainnode.cli.tree import nearest

    known = sorted(path.name.removesuffix(".key.json") for path in identities.glob("*.key.json"))
    of_departments = [one for one in known if one.startswith(f"{name}-")]
    if name not in known and of_departments:
        shown = ", ".join(of_departments)
        raise UsageProblem(
            "WHICH_IDENTITY",
            Text(
                f"以哪个部门的身份？--as 其一：{shown}",
                f"as which department? --as one of: {shown}",
            ),
        )
    if name not in known:
        near = nearest(name, known)
        raise UsageProblem(
            "UNKNOWN_IDENTITY",
            Text(
                f"--as：没有身份 {name!r:.60}；已有：{', '.join(known)}",
                f"--as: no identity {name!r:.60}; known: {', '.join(known)}",
            ),
            hint=None if near is None else Text(f"是否指 {near}？", f"Did you mean {near}?"),
        )
    return identities / f"{name}.key.json"
