"""`kun node recover`: leave an epoch whose headers diverged, by a record that a quorum signs.

One department proposes; the file goes round, each signs it with its node stopped; with a quorum
everybody applies it to a fresh data directory. docs/operating.md, "Headers differ".
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.exits import ExitCode
from chainnode.cli.node_folder import SETTINGS_FILE, folder_option
from chainnode.cli.tree import current_session, kun_command, kun_group

if TYPE_CHECKING:
    from chainnode.config import NodeConfig
    from chainnode.genesis import Genesis
    from chainnode.recovery import RecoveryFile
    from chainnode.verify.strict_json import JsonObject


recover = kun_group("recover", text="区块头不一致后的恢复 · go on after headers diverged")


def _record_option(function: Callable[..., int]) -> Callable[..., int]:
    return click.option(
        "--record",
        "path",
        type=click.Path(path_type=Path, dir_okay=False),
        required=True,
        help="恢复记录文件 · the recovery file",
    )(function)


def _site(folder: Path) -> "tuple[NodeConfig, Genesis]":
    from chainnode.config import load_config
    from chainnode.genesis import load_genesis_file

    config = load_config(folder / SETTINGS_FILE)
    return config, load_genesis_file(config.genesis)


@kun_command("propose", text="由本节点数据拟定恢复记录 · write a record from this node's data")
@folder_option
@_record_option
def propose(folder: Path, path: Path) -> int:
    """Write an unsigned record; the node is stopped."""
    from chainnode.recovery.offline import open_stopped
    from chainnode.recovery.offline import propose as propose_record

    config, genesis = _site(folder)
    with open_stopped(config, genesis) as node:
        file = propose_record(node)
    _write(path, file)
    return _show(file, quorum=_quorum(genesis))


@kun_command(
    "sign", text="签名；此后本密钥在旧纪元不再投票 · sign: the key votes no more in the old epoch"
)
@folder_option
@_record_option
def sign(folder: Path, path: Path) -> int:
    """Check the record against this node's data and add our signature; the node is stopped."""
    from chainnode.recovery.era import read_recovery
    from chainnode.recovery.offline import open_stopped, sign_with_stored_key

    config, genesis = _site(folder)
    with open_stopped(config, genesis) as node:
        file = sign_with_stored_key(node, read_recovery(path))
    _write(path, file)
    return _show(file, quorum=_quorum(genesis))


@kun_command("apply", text="重做到新的数据目录 · execute again into a fresh data directory")
@folder_option
@_record_option
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="新的数据目录，之后写入 kun.toml · the new data directory, for kun.toml afterwards",
)
def apply(folder: Path, path: Path, target: Path) -> int:
    """Make the directory in which the chain goes on; can be repeated after a crash."""
    from chainnode.recovery.era import read_recovery
    from chainnode.recovery.offline import apply as apply_record
    from chainnode.recovery.offline import open_stopped

    output = current_session().output
    config, genesis = _site(folder)
    with open_stopped(config, genesis) as node:
        height = apply_record(node, read_recovery(path), target)
    output.answer(
        {"data_dir": str(target), "height": height},
        lambda: output.line(
            output.words(
                f"{target}：已重做到高度 {height}；请把 kun.toml 的 data_dir 指向它再启动",
                f"{target}: executed again to height {height}; point data_dir in kun.toml to it"
                " and start the node",
            )
        ),
    )
    return ExitCode.OK


@kun_command("show", text="查看并核验 · show a record, and verify it against genesis")
@folder_option
@_record_option
def show(folder: Path, path: Path) -> int:
    """Verify a record; 0 when a quorum signed it, 3 when not."""
    from chainnode.recovery.document import Verifier
    from chainnode.recovery.era import read_recovery
    from chainnode.suites import suite_named

    _, genesis = _site(folder)
    file = read_recovery(path)
    Verifier(genesis=genesis, suite=suite_named(genesis.suite_name)).verify(file)
    quorum = _quorum(genesis)
    _show(file, quorum=quorum)
    return ExitCode.OK if len(file.signatures) >= quorum else ExitCode.CANNOT_DECIDE


def _quorum(genesis: "Genesis") -> int:
    from consensus.types import FIRST_EPOCH, Membership

    return Membership(epoch=FIRST_EPOCH, size=len(genesis.replicas)).quorum


def _write(path: Path, file: "RecoveryFile") -> None:
    """Replace the file as a whole: a signature that was given must not be lost half-way."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(file.encode())
    new.replace(path)


def _show(file: "RecoveryFile", *, quorum: int) -> int:
    output = current_session().output
    record = file.record
    document: JsonObject = {
        "chain_id": record.chain_id.hex(),
        "epoch": record.epoch,
        "next_epoch": record.next_epoch,
        "height": record.height,
        "header_digest": record.header_digest.hex(),
        "last_height": record.last_height,
        "batches": [one.hex() for one in record.batches],
        "signers": list(file.signers),
        "quorum": quorum,
    }

    def lines() -> None:
        for name, value in document.items():
            output.line(f"{name:<14} {value}")

    output.answer(document, lines)
    return ExitCode.OK


for _command in (propose, sign, apply, show):
    recover.add_command(_command)
