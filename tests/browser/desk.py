"""A person at the page, with files on the disk."""

import json
from pathlib import Path

from playwright.sync_api import Page

from chainnode.genesis import write_genesis_file
from chainnode.verify.strict_json import JsonObject
from tests.builders_evidence import SyntheticChain


class Desk:
    """Gives the page files and reads what it shows."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.folder = folder

    def file(self, name: str, content: bytes | JsonObject) -> str:
        path = self.folder / name
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        path.write_bytes(data)
        return str(path)

    def trust(self, chain: SyntheticChain) -> str:
        path = self.folder / "genesis.json"
        write_genesis_file(path, chain.genesis)
        return str(path)

    def choose(self, *paths: str) -> None:
        self.page.set_input_files("#any", list(paths))

    def judge_for_the_time_of_the_chain(self) -> None:
        """Set a day, so that the machine's clock plays no part; and an age that covers it."""
        self.page.locator("#files details summary").click()
        self.page.fill("#as-of", "2026-03-02")
        self.page.fill("#max-age", "48")
        self.page.locator("#max-age").blur()

    @property
    def shown(self) -> str:
        return self.page.inner_text("#verdict")
