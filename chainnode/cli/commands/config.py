"""`kun config show`: what a node would run with, after `KUN_*` variables. Nothing is secret."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from chainnode.cli.exits import ExitCode
from chainnode.cli.node_folder import SETTINGS_FILE, folder_option
from chainnode.cli.tree import current_session, kun_command, kun_group

if TYPE_CHECKING:
    from chainnode.config import ApiLimits, NodeConfig


config = kun_group("config", text="配置 · configuration")


@kun_command("show", text="生效的设置 · the settings in effect, faults named all at once")
@folder_option
def show(folder: Path) -> int:
    """Read and check a node's settings and print them."""
    from chainnode.config import load_config

    output = current_session().output
    facts = settings_document(load_config(folder / SETTINGS_FILE))

    def lines() -> None:
        for name, value in facts.items():
            output.line(f"{name} = {value}")

    output.answer(facts, lines)
    return ExitCode.OK


def settings_document(settings: "NodeConfig") -> dict[str, object]:
    """Return the settings as JSON: paths and addresses as text."""
    document: dict[str, object] = {}
    for one in fields(settings):
        value = getattr(settings, one.name)
        if one.name == "api_limits":
            document |= _limits(value)
        elif one.name == "peers":
            document[one.name] = {str(peer): str(at) for peer, at in value.items()}
        elif isinstance(value, int | None):
            document[one.name] = value
        else:
            document[one.name] = str(value)
    return document


def _limits(limits: "ApiLimits") -> dict[str, object]:
    told: dict[str, object] = {}
    for one in fields(limits):
        value = getattr(limits, one.name)
        told[f"api_{one.name}"] = value if isinstance(value, int) else [str(net) for net in value]
    return told


config.add_command(show)
