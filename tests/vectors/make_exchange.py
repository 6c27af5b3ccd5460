"""Write the vectors of the exchange between departments: `python -m tests.vectors.make_exchange`.

One scripted chain a suite (`exchange_script`), and what its parties say to each other beside it.
Formats: docs/wire-format.md §3, §14 to §17; how a file is laid out: exchange/README.md.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from chainnode.verify.strict_json import JsonObject, JsonValue
from tests.vectors.documents import document_text, write_suites
from tests.vectors.exchange_at_rest import secret_file, token_cache
from tests.vectors.exchange_refused import refused
from tests.vectors.exchange_script import Script
from tests.vectors.exchange_words import asks, calls, keys, messages, private_parts, pseudonyms

FOLDER = Path(__file__).parent / "exchange"


def chain(script: Script) -> JsonObject:
    """Return genesis in both versions, the keys, and every block."""
    first = script.chain.genesis_of_rules_1()
    blocks: list[JsonValue] = [*script.chain.blocks]
    return {
        "genesis": script.chain.genesis.encoded.hex(),
        "chain_id": script.chain.chain_id.hex(),
        "genesis_of_rules_1": first.encoded.hex(),
        "chain_id_of_rules_1": first.chain_id.hex(),
        "keys": keys(script.chain),
        "blocks": blocks,
    }


FILES: dict[str, Callable[[Script], JsonObject]] = {
    "chain.json": chain,
    "calls.json": lambda script: {"calls": calls(script), "messages": messages(script)},
    "secrets.json": lambda script: {
        "pseudonyms": pseudonyms(script),
        "private_parts": private_parts(script),
        "asks": asks(script),
        "secret_file": secret_file(script),
        "token_cache": token_cache(script),
    },
    "refused.json": refused,
}


@cache
def script_of(suite_name: str) -> Script:
    """Return the story of a suite; treat it as read-only."""
    return Script(suite_name)


def contents(suite_name: str, file_name: str) -> str:
    """Return the text of one file."""
    return document_text(FILES[file_name](script_of(suite_name)))


def main() -> None:
    """Write all files anew."""
    write_suites(FOLDER, FILES, contents)


if __name__ == "__main__":
    main()
