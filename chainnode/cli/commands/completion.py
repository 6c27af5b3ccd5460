"""`kun completion`: the script that completes commands and options in a shell."""

import click
from click.shell_completion import get_completion_class

from chainnode.cli.exits import ExitCode
from chainnode.cli.tree import current_session, kun_command


@kun_command(
    "completion", text='命令补全 · print a completion script: eval "$(kun completion bash)"'
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the script for one shell."""
    output = current_session().output
    maker = get_completion_class(shell)
    if maker is None:
        raise click.UsageError(f"no completion for {shell}")
    root = click.get_current_context().find_root().command
    script = maker(root, {}, "kun", "_KUN_COMPLETE").source()
    output.answer({"shell": shell, "script": script}, lambda: output.line(script))
    return ExitCode.OK
