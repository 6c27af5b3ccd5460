"""`kun trust`: what a verifier believes in, shown and pinned to a newer block."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainnode.cli.exits import ExitCode
from chainnode.cli.fact_lines import print_facts
from chainnode.cli.new_files import write_new
from chainnode.cli.target import resolve_target, target_options
from chainnode.cli.tree import current_session, kun_command, kun_group

if TYPE_CHECKING:
    from chainnode.cli.output import Output
    from chainnode.cli.target import Target
    from chainnode.verify import Trust


trust = kun_group("trust", text="信任文件 · trust files")


@kun_command("show", text="显示信任文件 · show a trust or genesis file")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--fingerprint",
    metavar="CODE",
    help="与对方读出的指纹比对：30 位数字或十六进制 · compare with what was read to you",
)
@target_options
def show(
    *,
    file: Path | None,
    fingerprint: str | None,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
) -> int:
    """Show the chain, its members and the pinned block; 1 when a fingerprint is another."""
    from chainnode.verify.spoken import is_same

    output = current_session().output
    target = resolve_target(
        folder=folder, nodes=nodes, key=key, trust=file or trust, needs_nodes=False
    )
    anchor = target.load_trust()
    facts = trust_facts(anchor)
    is_equal = None if fingerprint is None else is_same(fingerprint, anchor)
    if is_equal is not None:
        facts["same"] = is_equal

    def lines() -> None:
        print_facts(output, facts)
        if is_equal is not None:
            _print_comparison(output, is_equal=is_equal)

    output.answer(facts, lines)
    return ExitCode.NEGATIVE if is_equal is False else ExitCode.OK


def _print_comparison(output: "Output", *, is_equal: bool) -> None:
    if is_equal:
        output.line(output.words("指纹一致", "the fingerprint is the same"), colour="green")
    else:
        told = output.words("指纹不同：不要使用此文件", "another fingerprint: do not use this file")
        output.line(told, colour="red")


def trust_facts(anchor: "Trust") -> dict[str, object]:
    """Return what a person compares before believing a trust file."""
    from chainnode.verify.spoken import anchor_digest, spoken_code
    from chainnode.verify.verdict import local_time

    (epoch,) = anchor.epochs
    pinned = anchor.checkpoint
    return {
        "fingerprint": spoken_code(anchor),
        "digest": f"{anchor.suite.hash_name}:{anchor_digest(anchor).hex()}",
        "chain_id": anchor.chain_id.hex(),
        "suite": anchor.suite.name,
        "devnet": anchor.is_devnet,
        "epoch": epoch,
        "height": pinned.height,
        "header_digest": None if pinned.header_digest is None else pinned.header_digest.hex(),
        "time": local_time(pinned.time_ms),
        "members": [
            [one.replica_id, one.organisation, one.vote_key.hex()] for one in anchor.epochs[epoch]
        ],
    }


@kun_command(
    "export", text="导出钉住最新区块的信任文件 · export a trust file, pinned to the newest block"
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="写入文件，缺省为标准输出 · where to, default: standard output",
)
@target_options
def export(
    *,
    out: Path | None,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
) -> int:
    """Fetch the newest certified header, check it against the trust at hand, and pin it."""
    output = current_session().output
    target = resolve_target(folder=folder, nodes=nodes, key=key, trust=trust)
    document = pinned_trust(target).form()
    if out is None:
        output.answer(document, lambda: output.line(json.dumps(document, indent=2)))
        return ExitCode.OK
    out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    facts = {"file": str(out), "height": document["height"]}
    output.answer(
        facts,
        lambda: output.line(
            output.words(
                f"{out}：钉住高度 {facts['height']}", f"{out}: pinned at height {facts['height']}"
            )
        ),
    )
    return ExitCode.OK


def pinned_trust(target: "Target") -> "Trust":
    """Return the trust at hand, pinned to the newest header that a node can prove.

    Raises:
        CannotDecide: no node showed a header that survives its checks.

    """
    with target.open_client() as client:
        newest = client.header_latest()
        return newest.trust.pinned_at(
            epoch=newest.epoch,
            height=newest.height,
            header_digest=newest.digest,
            time_ms=newest.time_ms,
        )


@kun_command("page", text="写出离线核验页 verify.html · write the page that verifies offline")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("verify.html"),
    help="写入文件，缺省为 verify.html · where to, default: verify.html",
)
def page(*, out: Path) -> int:
    """Write the self-contained page, and show the digest by which two copies are compared."""
    from chainnode.pages import verify_page

    output = current_session().output
    data = verify_page()
    # The same page again is no conflict.
    if not (out.is_file() and out.read_bytes() == data):
        write_new(out, data)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    output.answer(
        {"file": str(out), "digest": digest, "bytes": len(data)},
        lambda: output.line(f"{out}  {digest}"),
    )
    return ExitCode.OK


for _command in (show, export, page):
    trust.add_command(_command)
