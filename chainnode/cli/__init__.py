"""The command line `kun`: one module per command, loaded when the command is run.

`main` is the only public name; it turns every error into an exit code (`exits`).
"""

from chainnode.cli.main import main

__all__ = ["main"]
