"""`kun key`: make a key file, show what it says, replace a key on the chain. Prints no secret."""

from pathlib import Path

import click

from chainnode.cli.dispute_texts import reader_of_month
from chainnode.cli.exits import ExitCode, UsageProblem
from chainnode.cli.opened import WRAPPING_KEYS
from chainnode.cli.target import acting_target, target_options
from chainnode.cli.tree import current_session, kun_command, kun_group
from chainnode.cli.words import Text

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


@kun_command("rotate", text="换密钥：登记新的、终止旧的 · add a new key and end the old one")
@click.argument("old", metavar="OLD")
@click.argument("new_file", metavar="NEW", type=click.Path(path_type=Path))
@target_options
@click.option(
    "--overlap",
    default="1m",
    show_default=True,
    metavar="TIME",
    help="旧密钥还有效多久：90s、15m、24h · how long the old one is still good",
)
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="新密钥的口令文件，缺省同 --key · of the new key; default: as for --key",
)
def rotate_(
    *,
    old: str,
    new_file: Path,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    overlap: str,
    passphrase_file: Path | None,
) -> int:
    """Replace OLD, a key file or key id, by the key in NEW; --key is a member key.

    NEW is made when it does not exist. The same command goes on where one was cut short.
    """
    from chainnode.cli.instants import age_ms
    from chainnode.cli.rotation import Rotation, old_key_id, rotate
    from chainnode.genesis import ROLES
    from chainnode.verify.verdict import local_time

    rotation = Rotation(
        old=old_key_id(old),
        new_file=new_file,
        passphrase_file=passphrase_file,
        overlap_ms=age_ms(overlap, option="--overlap"),
    )
    target = acting_target(folder, nodes, key, trust, default="member")
    done = rotate(target, rotation)
    facts = {
        "old": done.old.hex(),
        "old_ends": local_time(done.old_ends_ms),
        "new": done.new.hex(),
        "file": str(new_file),
        "organisation": done.row.organisation,
        "roles": ", ".join(ROLES[one] for one in done.row.roles),
        "height": None if done.final is None else done.final.height,
    }
    return _print(facts)


@kun_command("publish", text="公布封装公钥 · publish the wrapping key of a month")
@click.argument("file", type=click.Path(path_type=Path))
@target_options
@click.option("--month", required=True, metavar="YYYY-MM", help="月份 · that it is for")
def publish(
    *,
    file: Path,
    month: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
) -> int:
    """Let others wrap keys of this month for our organisation; --key is a member key.

    FILE comes from `kun key new --purpose wrapping`. A month is published once.
    """
    from chainnode.cli.instants import start_ms
    from chainnode.cli.sharing import submitted
    from chainnode.client import publish_wrapping_key
    from chainnode.keys import KeyPurpose, read_key_file
    from contracts.schemas.days import local_month

    period = local_month(start_ms(month, option="--month"))
    wrapping = read_key_file(file)
    if wrapping.purpose is not KeyPurpose.WRAPPING:
        raise UsageProblem(
            "PURPOSE",
            Text(
                f"{file}：应为 wrapping 密钥，实为 {wrapping.purpose.value}",
                f"{file}: expected a wrapping key, got a {wrapping.purpose.value} key",
            ),
        )
    target = acting_target(folder, nodes, key, trust, default="member")
    with target.open_client(signs=True) as client:
        call = publish_wrapping_key(wrapping.public_key, period=period)
        final = submitted(client, "content", call)
    return _print({"file": str(file), "period": period, "height": final.height})


@kun_command("share", text="共享与一部门的月密钥 · share the key of a department and us")
@click.argument("organisation", metavar="ORG")
@target_options
@WRAPPING_KEYS
@click.option("--month", metavar="YYYY-MM", help="月份，缺省为本月 · default: this month")
def share(
    *,
    organisation: str,
    folder: Path | None,
    nodes: tuple[str, ...],
    key: Path | None,
    trust: Path | None,
    wrapping_keys: Path | None,
    month: str | None,
) -> int:
    """Draw the key under which ORG writes to us this month, as who asks or objects.

    Both have published a wrapping key of the month; --key is a service key. Shared once: a second
    time changes nothing.
    """
    from chainnode.cli.dispute_texts import keys_missing, no_key_file, no_pair_key, own_organisation
    from chainnode.cli.instants import start_ms
    from chainnode.cli.organisations import organisation_named
    from chainnode.client.dispute_texts import writing_month
    from chainnode.client.pair_keys import NoPairKey
    from chainnode.exchange import Pair
    from contracts.schemas.days import local_month

    if wrapping_keys is None:
        raise keys_missing()
    target = acting_target(folder, nodes, key, trust, default="service")
    other = organisation_named(organisation, target, option="ORG")
    with target.open_client(signs=True) as client:
        own = own_organisation(client, target)
        period = (
            writing_month(client)
            if month is None
            else local_month(start_ms(month, option="--month"))
        )
        reader = reader_of_month(wrapping_keys, own, period)
        if reader is None:
            raise no_key_file(wrapping_keys, period)
        try:
            client.share_pair_key(Pair(requester=other, provider=own, period=period), reader)
        except NoPairKey as error:
            raise no_pair_key(error, is_sharing=True) from error
    return _print({"requester": other, "provider": own, "period": period})


def _show(file: Path) -> int:
    import base64

    from chainnode.keys import read_key_file

    found = read_key_file(file)
    return _print(
        {
            "file": str(file),
            "suite": found.suite.name,
            "purpose": found.purpose.value,
            "key_id": found.key_id.hex(),
            "public_key": base64.b64encode(found.public_key).decode(),
        }
    )


def _print(facts: dict[str, str | int | None]) -> int:
    output = current_session().output

    def lines() -> None:
        for name, value in facts.items():
            output.line(f"{name:<12} {value}")

    output.answer(facts, lines)
    return ExitCode.OK


for _command in (new, show, rotate_, publish, share):
    key.add_command(_command)
