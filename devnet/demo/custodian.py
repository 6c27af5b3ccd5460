"""The demo's custodian: makes the pseudonyms under which people stand on the chain.

One key per providing department, derived from one secret, so that tokens of two departments
cannot be joined. A real custodian is a department's rate-limited service; the demo's is a file
of mode 0600 that its client and its registry read.
"""

import hmac
import secrets
from pathlib import Path

from chainnode.codec import encode
from chainnode.errors import ConfigurationError
from chainnode.secret_files import read_secret_file, write_secret_file

SECRET_BYTES = 32
SECRET_FILE = "custodian.secret"  # noqa: S105 - a file name
_ID_TYPE = "demo"


class Custodian:
    """Makes subject tokens; the secret never leaves the object."""

    def __init__(self, secret: bytes, *, hash_name: str) -> None:
        self._secret = secret
        self._hash_name = hash_name

    def token(self, *, provider: str, person_id: str) -> bytes:
        """Return the 32-byte pseudonym of a person at one providing department."""
        key = hmac.digest(self._secret, encode(("kun.demo.custodian", provider)), self._hash_name)
        return hmac.digest(key, encode((_ID_TYPE, person_id)), self._hash_name)


def create_secret(path: Path) -> None:
    """Draw the secret into a file that only we can read."""
    write_secret_file(path, secrets.token_bytes(SECRET_BYTES))


def load_custodian(path: Path, *, hash_name: str) -> Custodian:
    """Read the secret.

    Raises:
        ConfigurationError: unreadable, wrong length, or readable by others.

    """
    secret = read_secret_file(path, bytes_max=SECRET_BYTES)
    if len(secret) != SECRET_BYTES:
        raise ConfigurationError(f"{path}: expected {SECRET_BYTES} bytes, got {len(secret)}")
    return Custodian(secret, hash_name=hash_name)
