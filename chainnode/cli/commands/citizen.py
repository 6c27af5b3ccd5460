"""`kun citizen`: run the page on which people see who used their data."""

from pathlib import Path

import click

from chainnode.cli.exits import ExitCode
from chainnode.cli.tree import kun_command, kun_group

citizen = kun_group(
    "citizen", text="谁看过我的数据 · the page where people see who used their data"
)


@kun_command("run", text="在前台运行 · run in the foreground until SIGTERM or Ctrl-C")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    required=True,
    help="配置文件 · citizen.toml",
)
def run(config_file: Path) -> int:
    """Serve the people that the configured provider lets in."""
    from chainnode.citizen.config import load_citizen_config
    from chainnode.citizen.run import run_citizen

    run_citizen(load_citizen_config(config_file))
    return ExitCode.OK


citizen.add_command(run)
