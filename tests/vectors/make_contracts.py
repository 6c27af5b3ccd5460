"""Write the vectors of `tests/vectors/contracts`: run `python -m tests.vectors.make_contracts`.

Byte strings are lower hex. The files are read by `tests/unit/contracts/test_vectors.py`, which
also checks that this script makes them again as they are.

* `identifiers.json`: `valid` [text, type code, issuer, serial, version]; `invalid` [text, fault,
  expected, actual].
* `parts.json`: `accepted` rows of contract, action, public part and, per suite, index
  keys for the sender; `refused` rows of contract, action, public part, code, details.
* `state.json`: state keys and values of wire format §9 for one row of each table.
* `history.json`: leaves of a certificate's history and, per suite, their root.
* `exchange.json`: a story of the contracts that rules 2 add: state `before` and `after` as rows of
  key, value; `steps` with organisation, time, call, and receipt code, details, outcome, index keys
  per suite. Every submission digest is 32 bytes `D`, every key has all roles.
* `chain.json`: per suite the header digests of the three blocks of `fixed_chain`.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from chainnode.execution.crypto import SuiteCrypto
from chainnode.suites import suite_named
from contracts.index_rule import index_keys
from contracts.schemas.access_1 import HALVES, HalfRow
from contracts.schemas.certificates import (
    CERTIFICATES,
    FILES,
    HISTORIES,
    CertificateRow,
    FileRow,
    HistoryEntry,
    encode_history_entry,
)
from contracts.schemas.codes import Rejection
from contracts.schemas.identifiers import InvalidIdentifier, parse_identifier
from contracts.schemas.members import KEYS, ORGANISATIONS, KeyRow, OrganisationRow
from contracts.schemas.nonces import WINDOWS, NonceWindow
from contracts.schemas.shape import encode_part
from tests.unit.chainnode.execution.fixed_chain import fixed_headers
from tests.unit.contracts.builders import (
    ACCESS_RECORD,
    ACTIONS,
    IMPORT,
    ISSUE,
    NOW_MS,
    PARTS,
    PROVIDER,
    QUESTION,
    REQUESTER,
    REVOKE,
    Caller,
    changed,
    identifier,
)
from tests.vectors.exchange_story import exchange

FOLDER = Path(__file__).parent / "contracts"
SUITES = ("sm", "intl")
SAMPLES = (
    "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F",
    "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
    identifier(),
    identifier(255, issuer=PROVIDER),
)


def identifiers() -> dict[str, object]:
    sample = SAMPLES[0]
    wrong = (
        "",
        sample[:-1] + "G",
        sample[:-1],
        sample.replace("3005.2", "3005.3"),
        sample.replace("W032", "W0A2"),
        sample.replace("541J", "541j"),
        sample.replace(".2430599.", ".2430598."),
        sample.replace(".2430599.", ".."),
        sample.replace(".001.", ".1."),
        sample + ".F",
    )
    return {
        "valid": [
            [text, parts.type_code, parts.issuer, parts.serial, parts.version]
            for text in SAMPLES
            for parts in [parse_identifier(text)]
        ],
        "invalid": [[text, *_fault(text)] for text in wrong],
    }


def parts() -> dict[str, object]:
    return {"accepted": list(_accepted()), "refused": list(_refused())}


def state() -> list[list[str]]:
    certificate = CertificateRow(
        issuer=REQUESTER,
        type="generic",
        file_digest=b"f" * 32,
        metadata_root=b"",
        holder_commitment=b"h" * 32,
        valid_from=20240229,
        valid_to=0,
        code_system="kun",
        code="2",
        state=2,
        history_count=1,
        history_root=b"r" * 32,
    )
    half = (REQUESTER, PROVIDER, b"c" * 16, 1)
    key = KeyRow(b"k" * 33, REQUESTER, (1, 3), NOW_MS, 0)
    rows = [
        (WINDOWS.key(b"i" * 20), WINDOWS.encode(NonceWindow(5, b"\x01" + bytes(511)))),
        (ORGANISATIONS.key(REQUESTER), ORGANISATIONS.encode(OrganisationRow("住建局", (1, 2)))),
        (KEYS.key(b"i" * 20), KEYS.encode(key)),
        (CERTIFICATES.key(identifier()), CERTIFICATES.encode(certificate)),
        (HISTORIES.key(identifier()), HISTORIES.encode((b"leaf 1", b"leaf 2"))),
        (FILES.key(b"f" * 32), FILES.encode(FileRow(identifier()))),
        (HALVES.key(*half), HALVES.encode(HalfRow(b"D" * 32, 4095))),
    ]
    return [[row_key.hex(), value.hex()] for row_key, value in rows]


def history() -> dict[str, object]:
    leaves = tuple(
        encode_history_entry(
            HistoryEntry(
                height=height,
                since_ms=NOW_MS + height,
                code_system="kun",
                code=str(after),
                state=after,
                submission_digest=bytes((height,)) * 32,
                call_index=height,
            )
        )
        for height, after in ((7, 2), (9, 6))
    )
    roots = {name: SuiteCrypto(suite_named(name)).merkle_root(leaves).hex() for name in SUITES}
    return {"leaves": [leaf.hex() for leaf in leaves], "root": roots}


def chain() -> dict[str, list[str]]:
    return {name: [digest.hex() for digest in fixed_headers(name)] for name in SUITES}


FILES_MADE: dict[str, Callable[[], object]] = {
    "identifiers.json": identifiers,
    "parts.json": parts,
    "state.json": state,
    "history.json": history,
    "exchange.json": lambda: exchange(SUITES),
    "chain.json": chain,
}


def contents(name: str) -> str:
    """Return the text of one file."""
    return json.dumps(FILES_MADE[name](), ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    """Write all files anew."""
    for name in FILES_MADE:
        (FOLDER / name).write_text(contents(name), encoding="utf-8")


def _fault(text: str) -> tuple[int, int, int]:
    try:
        parse_identifier(text)
    except InvalidIdentifier as error:
        return int(error.fault), error.expected, error.actual
    raise AssertionError(text)


def _accepted() -> Iterator[dict[str, object]]:
    for part in PARTS:
        name, action = ACTIONS[type(part)]
        yield {
            "contract": name,
            "action": action,
            "public": encode_part(part).hex(),
            "index_keys": {
                suite: [key.hex() for key in index_keys(suite_named(suite).digest, part, REQUESTER)]
                for suite in SUITES
            },
        }


def _refused() -> Iterator[list[object]]:
    record = encode_part(ACCESS_RECORD)
    bad = [
        changed(ACCESS_RECORD, subjects=(b"b" * 32, b"a" * 32)),
        changed(ACCESS_RECORD, status=1000),
        changed(ACCESS_RECORD, item="e\u0301"),
        changed(ACCESS_RECORD, item="\u00a0"),
        changed(ACCESS_RECORD, request_commitment=b"short"),
        changed(ISSUE, valid_from=20230229),
        changed(ISSUE, identifier=SAMPLES[0][:-1] + "G"),
        changed(ISSUE, identifier=SAMPLES[1], type="11100000000013338W032"),
        changed(IMPORT, code="7"),
        changed(REVOKE, reason_code=" "),
        changed(QUESTION, values=tuple(bytes((number,)) * 32 for number in range(10))),
    ]
    cases = [(ACTIONS[type(part)], encode_part(part)) for part in bad]
    shapes = (b"", b"\x80", b"\x90", record[:-1], record + b"\x00", b"\xc1", b"\x91" * 4096)
    cases += [(ACTIONS[type(ACCESS_RECORD)], shape) for shape in shapes]
    for (name, action), public in cases:
        code, details = _refusal(name, action, public)
        yield [name, action, public.hex(), code, list(details)]


def _refusal(name: str, action: str, public: bytes) -> tuple[int, tuple[int, ...]]:
    try:
        Caller().raw(name, action, public)
    except Rejection as refusal:
        return int(refusal.code), tuple(int(one) for one in refusal.details)
    raise AssertionError(public)


if __name__ == "__main__":
    main()
