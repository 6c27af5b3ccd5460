"""Looks for the people of the register in all that the exchange has left on disks."""

import json
from pathlib import Path

from chainnode.client import Client
from contracts.schemas.index_kinds import IndexKind
from tests.acceptance.exchange_records import PURPOSE
from tests.acceptance.exchange_site import STANDING_GRANT, Exchange
from tests.privacy.scanner import Scan, Scanner
from tests.privacy.test_scanner import NUMBER, PLANTS


def write_evidence(client: Client, folder: Path) -> None:
    """Export a whole trail, and keep the proof of one of its records."""
    folder.mkdir()
    answer = client.question(IndexKind.GRANT, [STANDING_GRANT], purpose=PURPOSE)
    while answer.next_cursor is not None:
        answer = client.next_page(answer)
    (folder / "trail.kunproof").write_bytes(client.export(answer).data)
    _, evidence = client.record(answer.items[0].position)
    (folder / "record.json").write_text(json.dumps(evidence), encoding="utf-8")


def scanner_of(exchange: Exchange) -> Scanner:
    """Return a scanner for everybody in the register: number, name, address; and the planted."""
    texts = [one[name] for one in exchange.people.values() for name in ("name", "address")]
    return Scanner([*exchange.people, *texts, NUMBER])


def missed_plants(scanner: Scanner, folder: Path) -> list[str]:
    """Plant a number in every kind of place; return where it was not found."""
    missed = []
    for number, (name, plant) in enumerate(PLANTS.items()):
        place = folder / f"{number}"
        place.mkdir(parents=True)
        plant(place)
        if not scanner.scan([place]).hits:
            missed.append(name)
    return missed


def scan_all(scanner: Scanner, exchange: Exchange) -> Scan:
    """Scan what nodes, custodian, gateways, servers and programs wrote; not the registers."""
    folders = [one for one in exchange.folder.iterdir() if one.is_dir()]
    return scanner.scan(sorted(one for one in folders if one != exchange.registers))
