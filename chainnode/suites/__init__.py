"""Cryptographic suites behind one port; the suite is a property of genesis (ADR-0002)."""

from functools import cache

from chainnode.errors import ConfigurationError
from chainnode.suites.port import InvalidKey, InvalidSignature, PrivateKey, Suite

SUITE_NAMES = ("sm", "intl")


@cache
def suite_named(name: str) -> Suite:
    """Return the one instance of a suite; its provider is loaded and tested at the first call.

    The imports are late: a chain of one suite never loads the other's provider.

    Raises:
        ConfigurationError: unknown name, or the suite's provider cannot be used here.

    """
    match name:
        case "sm":
            from chainnode.suites.sm import SmSuite  # noqa: PLC0415 - see above

            return SmSuite()
        case "intl":
            from chainnode.suites.intl import IntlSuite  # noqa: PLC0415 - see above

            return IntlSuite()
        case _:
            raise ConfigurationError(
                f"suite: expected one of {', '.join(SUITE_NAMES)}, got {name[:64]!r}"
            )


__all__ = ["SUITE_NAMES", "InvalidKey", "InvalidSignature", "PrivateKey", "Suite", "suite_named"]
