"""Web pages that travel with the package: built once, committed (public names)."""

from chainnode.pages.built import CITIZEN_ASSETS, CONSOLE_ASSETS, VERIFY_PAGE, asset, verify_page

__all__ = ["CITIZEN_ASSETS", "CONSOLE_ASSETS", "VERIFY_PAGE", "asset", "verify_page"]
