"""`kun console`: the departments' web pages, a process beside the node."""

from pathlib import Path

import click

from chainnode.cli.exits import ExitCode
from chainnode.cli.tree import kun_command, kun_group

console = kun_group("console", text="控制台 · web pages for auditors and operators")


@kun_command("run", text="在前台运行 · run in the foreground until SIGTERM or Ctrl-C")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    required=True,
    help="配置文件 · console.toml",
)
def run(config_file: Path) -> int:
    """Serve pages to people who log in at the configured provider."""
    from chainnode.console.config import load_console_config
    from chainnode.console.run import run_console

    run_console(load_console_config(config_file))
    return ExitCode.OK


console.add_command(run)
