"""`kun version`: this must start fast, so it imports almost nothing."""

import platform

from chainnode.cli.exits import ExitCode
from chainnode.cli.tree import current_session, kun_command


@kun_command("version", text="版本 · versions of Kunlian and Python")
def version() -> int:
    """Print the installed version and what it runs on."""
    output = current_session().output
    facts = {"kunlian": installed_version(), "python": platform.python_version()}
    output.answer(facts, lambda: output.line(f"kun {facts['kunlian']}"))
    return ExitCode.OK


def installed_version() -> str:
    """Return the version of the distribution; a plain clone has none."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    try:
        return version_of("kunlian")
    except PackageNotFoundError:
        return "0 (clone)"
