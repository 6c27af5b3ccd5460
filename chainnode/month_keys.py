"""Where an organisation keeps its wrapping keys: a folder with one key file a month, YYYYMM."""

import asyncio
from pathlib import Path

from chainnode.errors import ConfigurationError
from chainnode.keys import Passphrase, open_wrapping_key
from chainnode.suites.port import Suite
from chainnode.suites.wrapping import WrappingKey


def wrapping_key_file(folder: Path, period: int) -> Path:
    """Return where the wrapping key of a month YYYYMM stands."""
    return folder / f"{period}.key.json"


class WrappingKeyFiles:
    """A folder with one key file a month."""

    def __init__(self, folder: Path, *, suite: Suite, passphrase: Passphrase) -> None:
        self._folder = folder
        self._suite = suite
        self._passphrase = passphrase

    async def wrapping_key(self, period: int) -> WrappingKey:
        """Return the key of a month, opened on a thread: a pass phrase costs time.

        Raises:
            ConfigurationError: there is none, or its file cannot be used.

        """
        path = wrapping_key_file(self._folder, period)
        suite, key = await asyncio.to_thread(open_wrapping_key, path, passphrase=self._passphrase)
        if suite.name != self._suite.name:
            raise ConfigurationError(
                f"{path}: expected a key of suite {self._suite.name}, got {suite.name}"
            )
        return key
