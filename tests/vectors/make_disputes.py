"""Write the vectors of rules 3: `python -m tests.vectors.make_disputes`.

One scripted chain a suite (`dispute_script`), and what was written in its disputes.
Formats: docs/wire-format.md §3, §18; how a file is laid out: disputes/README.md.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from chainnode.verify.strict_json import JsonObject, JsonValue
from tests.vectors.dispute_script import DisputeScript
from tests.vectors.documents import document_text, write_suites
from tests.vectors.exchange_words import keys

FOLDER = Path(__file__).parent / "disputes"


def chain(script: DisputeScript) -> JsonObject:
    """Return genesis, the keys, and every block."""
    blocks: list[JsonValue] = [*script.chain.blocks]
    return {
        "genesis": script.chain.genesis.encoded.hex(),
        "chain_id": script.chain.chain_id.hex(),
        "keys": keys(script.chain),
        "blocks": blocks,
    }


def texts(script: DisputeScript) -> JsonObject:
    """Return what was written, with the keys that open it."""
    return {
        "texts": [
            {
                "what": one.what,
                "dispute_id": one.key.dispute_id.hex(),
                "filer": one.key.filer,
                "responsible": one.key.responsible,
                "period": one.key.period,
                "pair_key": one.key.pair_key.hex(),
                "clear": one.clear.hex(),
                "commitment": one.commitment.hex(),
            }
            for one in script.texts
        ]
    }


FILES: dict[str, Callable[[DisputeScript], JsonObject]] = {"chain.json": chain, "texts.json": texts}


@cache
def script_of(suite_name: str) -> DisputeScript:
    """Return the story of a suite; treat it as read-only."""
    return DisputeScript(suite_name)


def contents(suite_name: str, file_name: str) -> str:
    """Return the text of one file."""
    return document_text(FILES[file_name](script_of(suite_name)))


def main() -> None:
    """Write all files anew."""
    write_suites(FOLDER, FILES, contents)


if __name__ == "__main__":
    main()
