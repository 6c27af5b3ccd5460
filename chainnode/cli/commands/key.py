"""`kun key`: make a key file and show what it says. Nothing secret is ever printed."""

from pathlib import Path

import click

from chainnode.cli.exits import ExitCode
from chainnode.cli.tree import current_session, kun_command, kun_group

key = kun_group("key", text="密钥 · keys")


@kun_command("new", text="生成密钥文件 · make a key file, sealed with a pass phrase")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--suite", type=click.Choice(["sm", "intl"]), default="sm", show_default=True)
@click.option(
    "--purpose",
    type=click.Choice(["submission", "vote", "wrapping"]),
    default="submission",
    show_default=True,
    help="用途 · what it is for",
)
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="口令文件，权限 0600 · file of mode 0600; default: KUN_KEY_PASSPHRASE_FILE",
)
def new(file: Path, suite: str, purpose: str, passphrase_file: Path | None) -> int:
    """Draw a key and seal it into a new file; an existing file is never overwritten."""
    from chainnode.keys import KeyPurpose, read_passphrase, write_key_file
    from chainnode.suites import suite_named
    from chainnode.suites.wrapping import generate_wrapping_key

    passphrase = read_passphrase(passphrase_file)
    chosen = suite_named(suite)
    wanted = KeyPurpose(purpose)
    wraps = wanted is KeyPurpose.WRAPPING
    write_key_file(
        file,
        generate_wrapping_key(chosen) if wraps else chosen.generate_private_key(),
        suite=chosen,
        purpose=wanted,
        passphrase=passphrase,
    )
    return _show(file)


@kun_command("show", text="显示密钥编号与公钥 · show key id and public key")
@click.argument("file", type=click.Path(path_type=Path))
def show(file: Path) -> int:
    """Show what a key file says without opening it."""
    return _show(file)


def _show(file: Path) -> int:
    import base64

    from chainnode.keys import read_key_file

    output = current_session().output
    found = read_key_file(file)
    facts = {
        "file": str(file),
        "suite": found.suite.name,
        "purpose": found.purpose.value,
        "key_id": found.key_id.hex(),
        "public_key": base64.b64encode(found.public_key).decode(),
    }

    def lines() -> None:
        for name, value in facts.items():
            output.line(f"{name:<11} {value}")

    output.answer(facts, lines)
    return ExitCode.OK


for _command in (new, show):
    key.add_command(_command)
