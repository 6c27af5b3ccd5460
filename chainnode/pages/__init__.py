"""Web pages that travel with the package: built once, committed (public names)."""

from chainnode.pages.built import VERIFY_PAGE, verify_page

__all__ = ["VERIFY_PAGE", "verify_page"]
