"""`kun custodian`: make its secret, open key epochs, run the service. No secret is ever shown."""

from pathlib import Path

import click

from chainnode.cli.exits import ExitCode
from chainnode.cli.tree import current_session, kun_command, kun_group

custodian = kun_group("custodian", text="标识托管 · the service that makes subject tokens")

_config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    required=True,
    help="配置文件 · custodian.toml",
)


@kun_command("init", text="生成根密钥文件 · make the root secret, sealed with a pass phrase")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--suite", type=click.Choice(["sm", "intl"]), default="sm", show_default=True)
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="口令文件，权限 0600 · file of mode 0600; default: KUN_KEY_PASSPHRASE_FILE",
)
def init(file: Path, suite: str, passphrase_file: Path | None) -> int:
    """Draw a root secret into a new file; an existing file is never overwritten."""
    from chainnode.custodian.root_file import create_root
    from chainnode.keys import read_passphrase
    from chainnode.suites import suite_named

    create_root(file, suite=suite_named(suite), passphrase=read_passphrase(passphrase_file))
    output = current_session().output

    def lines() -> None:
        output.line(output.words(f"根密钥：{file}", f"root secret: {file}"))
        output.line(
            output.words(
                "请离线备份：丢失后，旧标识码再也无法计算，无法回答历史查询。",
                "Keep a copy off this machine: without it no old token can be computed again,"
                " and no question about the past be answered.",
            )
        )

    output.answer({"file": str(file), "suite": suite}, lines)
    return ExitCode.OK


@kun_command("open-epoch", text="为部门启用新密钥期 · open the next key epoch of departments")
@_config_option
@click.argument("departments", nargs=-1, required=True)
def open_epoch(config_file: Path, departments: tuple[str, ...]) -> int:
    """Record that tokens of these departments are made with a new key from now on."""
    from chainnode.custodian.config import load_custodian_config
    from chainnode.custodian.run import opened

    output = current_session().output
    with opened(load_custodian_config(config_file)) as one:
        epochs = one.records.open_epochs(departments)

    def lines() -> None:
        for department, epoch in epochs.items():
            output.line(f"{department}  {output.words('密钥期', 'epoch')} {epoch}")

    output.answer({"epochs": epochs}, lines)
    return ExitCode.OK


@kun_command("run", text="在前台运行 · run in the foreground until SIGTERM or Ctrl-C")
@_config_option
def run(config_file: Path) -> int:
    """Serve tokens to the gateways and auditors that the ledger knows."""
    from chainnode.custodian.config import load_custodian_config
    from chainnode.custodian.run import run_custodian

    run_custodian(load_custodian_config(config_file))
    return ExitCode.OK


for _command in (init, open_epoch, run):
    custodian.add_command(_command)
