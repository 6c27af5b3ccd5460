"""The wrapping keys of whoever reads: options that name their folder, and the keyring from it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from chainnode.client.opening import Keyring
    from chainnode.suites.wrapping import WrappingKey

Command = TypeVar("Command", bound=Callable[..., object])
WRAPPING_KEYS = click.option(
    "--wrapping-keys",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="本部门按月的封装密钥目录 · folder with our wrapping keys, YYYYMM.key.json",
)
_OPTIONS = (
    WRAPPING_KEYS,
    click.option("--organisation", default="", help="本部门代码 · id of our organisation"),
)


def keyring_options(function: Command) -> Command:
    """Add the options to a command, which gets `wrapping_keys` and `organisation`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def keyring_of(wrapping_keys: Path | None, organisation: str) -> "Keyring | None":
    """Return the keys of a folder; None: no folder or no organisation was named.

    A month without a file leaves what it would open closed; a file that must not be used is
    refused when it is needed (`SecretFileRefused`).
    """
    from chainnode.client.opening import Keyring

    if wrapping_keys is None or not organisation:
        return None
    return Keyring(organisation=organisation, of_month=partial(key_of_month, wrapping_keys))


def key_of_month(folder: Path, period: int) -> "WrappingKey | None":
    """Return our wrapping key of a month YYYYMM; None: the folder has no such file.

    Raises:
        SecretFileRefused: the key file or the pass phrase must not be used.

    """
    from chainnode.keys import open_wrapping_key, read_passphrase
    from chainnode.month_keys import wrapping_key_file

    file = wrapping_key_file(folder, period)
    if not file.exists():
        return None
    return open_wrapping_key(file, passphrase=read_passphrase())[1]
