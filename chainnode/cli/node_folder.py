"""The folder of one node, as the commands about it take it."""

from collections.abc import Callable
from pathlib import Path

import click

SETTINGS_FILE = "kun.toml"


def folder_option(function: Callable[..., int]) -> Callable[..., int]:
    """Add `--dir`, the folder of a node, to a command."""
    return click.option(
        "--dir",
        "folder",
        type=click.Path(path_type=Path),
        required=True,
        envvar="KUN_NODE_DIR",
        help="节点目录，内有 kun.toml · folder of the node, with its kun.toml",
    )(function)
