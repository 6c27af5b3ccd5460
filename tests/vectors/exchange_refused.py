"""Bytes of the exchange that are refused, and how: what no reader may accept."""

import base64
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import msgpack

from chainnode.codec import InvalidEncoding
from chainnode.custodian.asks import InvalidAsk, read_header
from chainnode.exchange import (
    Half,
    decode_call,
    decode_reply,
    decrypt_private,
    read_encrypted,
)
from chainnode.exchange.private_parts import decode_wrapped_keys
from chainnode.genesis import InvalidGenesis, decode_genesis
from chainnode.ledger.codec import decode_entry
from chainnode.submission import (
    InvalidSubmission,
    decode_submission,
    validate_proposable,
    verify_submission,
)
from chainnode.suites.port import InvalidSignature
from chainnode.verify.strict_json import JsonObject, JsonValue
from contracts.registry import contract
from contracts.schemas.call_words import Side
from contracts.schemas.codes import Rejection
from contracts.schemas.tokens import decode_embedded_reply, decode_embedded_request
from tests.unit.contracts.builders import Caller as ContractCaller
from tests.vectors.exchange_chain import HOUSING, PARAMETERS, POLICE
from tests.vectors.exchange_script import Script
from tests.vectors.exchange_words import asks, calls, share_of

Read = Callable[[bytes], object]
_LONG_ARRAY, _LONG_NUMBER = 0xDC, 0xCD
_TAGGED = 2
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def refused(script: Script) -> JsonObject:
    """Return rows of bytes, why they are refused, and by what, for each kind of bytes."""
    matched = calls(script)[0]
    assert isinstance(matched, dict)
    request, response = matched["request"], matched["response"]
    assert isinstance(request, dict)
    assert isinstance(response, dict)
    entry = _own_entry(script)
    share, encrypted = script.share_private, _encrypted(script)
    return {
        "genesis": _rows(decode_genesis, _genesis_bytes(script)),
        "submission": _rows(_submission_reader(script), _submission_bytes(script)),
        "entry": _rows(decode_entry, [*corruptions(entry), *_half_own(entry)]),
        "private part": _rows(read_encrypted, corruptions(encrypted)),
        "encrypted for another": _rows(
            lambda data: _opened(script, data), [("of the other side", encrypted)]
        ),
        "share": _rows(decode_wrapped_keys, [*corruptions(share), _descending(share)]),
        "embedded request": _embedded(decode_embedded_request, str(request["embedded"])),
        "embedded reply": _embedded(decode_embedded_reply, str(response["embedded"])),
        "Kun-Call": _texts(decode_call, str(request["Kun-Call"])),
        "Kun-Reply": _texts(decode_reply, str(response["Kun-Reply"])),
        "Kun-Ask": _texts(read_header, _ask_header(script)),
        "public": list(_public_rows(script)),
        "contracts": list(_contract_rows()),
    }


def corruptions(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what is no canonical form of an array of this kind."""
    array = msgpack.unpackb(data)
    yield "empty", b""
    yield "truncated", data[:-1]
    yield "a byte after it", data + b"\x00"
    if data[0] & 0xF0 == 0x90:
        yield "a longer head", bytes((_LONG_ARRAY, 0, data[0] & 0x0F)) + data[1:]
    yield "an element less", msgpack.packb(array[:-1])
    yield "an element more", msgpack.packb([*array, 0])
    yield "a map", msgpack.packb(dict(enumerate(array)))
    yield "nil at its end", msgpack.packb([*array[:-1], None])
    if isinstance(array[0], str) and array[0].startswith("kun."):
        yield "another tag", msgpack.packb([array[0] + "x", *array[1:]])
        yield "another version", msgpack.packb([array[0], 9, *array[_TAGGED:]])
        tag = msgpack.packb(array[0])
        rest = data[data.index(tag) + len(tag) + 1 :]
        yield "a longer number", data[: data.index(tag)] + tag + b"\xcd\x00\x01" + rest


def _rows(read: Read, cases: Iterable[tuple[str, bytes]]) -> list[JsonValue]:
    return [[data.hex(), why, *_refusal(partial(read, data))] for why, data in cases]


def _refusal(attempt: Callable[[], object]) -> list[JsonValue]:
    """Return the class of the refusal and what it says stably: a code, or which field."""
    try:
        attempt()
    except InvalidSubmission as error:
        return [type(error).__name__, error.code]
    except (InvalidEncoding, InvalidAsk) as error:
        return [type(error).__name__, "" if error.what.startswith("encoded value") else error.what]
    except (InvalidGenesis, InvalidSignature) as error:
        return [type(error).__name__, ""]
    raise AssertionError("accepted")


def _genesis_bytes(script: Script) -> Iterator[tuple[str, bytes]]:
    second = script.chain.genesis.encoded
    first = script.chain.genesis_of_rules_1().encoded
    yield from corruptions(second)
    for why, data, version in (
        ("version 1 with the parameters of 2", second, 1),
        ("version 2 with the parameters of 1", first, 2),
        ("version 3", second, 3),
    ):
        array = msgpack.unpackb(data)
        yield why, msgpack.packb([array[0], version, *array[_TAGGED:]])
    array = msgpack.unpackb(second)
    for why, name, value in (
        ("rules 3", "rules", 3),
        ("rules 1 in version 2", "rules", 1),
        ("a deadline below a second", "match_deadline_ms", 999),
    ):
        pairs = [[one, value if one == name else number] for one, number in array[5]]
        yield why, msgpack.packb([*array[:5], pairs, *array[6:]])


def _submission_reader(script: Script) -> Read:
    """Return what a node does with a submission before it is proposed."""
    chain = script.chain

    def read(data: bytes) -> None:
        submission = decode_submission(chain.suite, data, PARAMETERS)
        verify_submission(chain.suite, submission)
        validate_proposable(
            submission,
            chain_id=chain.chain_id,
            parameters=PARAMETERS,
            time_ms=submission.valid_until_ms - 1,
        )

    return read


def _submission_bytes(script: Script) -> Iterator[tuple[str, bytes]]:
    data = _first_submission(script)
    array = msgpack.unpackb(data)
    yield from corruptions(data)
    signature, public_key = array[9], array[3]
    yield "a bit of the signature", data[:-1] + bytes((data[-1] ^ 1,))
    yield "another key", encode_list(array, 3, script.chain.keys["housing member"].public_key)
    yield "no public key", encode_list(array, 3, public_key[:-1])
    yield "another chain", encode_list(array, 2, bytes(32))
    yield "another nonce", encode_list(array, 4, array[4] + 1)
    yield "another version of the contract", encode_list(array, 7, 2)
    yield "a short signature", encode_list(array, 9, signature[:-1])
    calls_of = array[8]
    yield "a call less", encode_list(array, 8, [])
    changed = [[calls_of[0][0], calls_of[0][1], b"x"], *calls_of[1:]]
    yield "another private part", encode_list(array, 8, changed)


def encode_list(array: list[object], index: int, value: object) -> bytes:
    """Return the array with another element."""
    packed = msgpack.packb([*array[:index], value, *array[index + 1 :]])
    assert isinstance(packed, bytes)
    return packed


def _first_submission(script: Script) -> bytes:
    block = script.chain.blocks[1]
    assert isinstance(block["submissions"], list)
    first = block["submissions"][0]
    assert isinstance(first, dict)
    return bytes.fromhex(str(first["encoded"]))


def _own_entry(script: Script) -> bytes:
    """Return the first entry that an empty block made."""
    block = next(one for one in script.chain.blocks if one["entries"] and not one["submissions"])
    assert isinstance(block["entries"], list)
    return bytes.fromhex(str(block["entries"][0]))


def _half_own(entry: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield entries with some marks of the ledger's own records and not all."""
    array = msgpack.unpackb(entry)
    for index, value, name in (
        (4, b"\x01" * 32, "a submission"),
        (6, POLICE, "an organisation"),
        (7, b"\x01" * 20, "a key"),
    ):
        yield f"of the ledger itself, and of {name}", encode_list(array, index, value)


def _encrypted(script: Script) -> bytes:
    spoken = script.spoken["matched"]
    half = script.halves["matched", Side.REQUESTER]
    assert half.call_id == spoken.call_id
    for block in script.chain.blocks:
        assert isinstance(block["submissions"], list)
        for one in block["submissions"]:
            assert isinstance(one, dict)
            if one["what"] == "matched: requester":
                wire = msgpack.unpackb(bytes.fromhex(str(one["encoded"])))
                return bytes(wire[8][-1][2])
    raise AssertionError


def _opened(script: Script, data: bytes) -> bytes:
    """Open the requester's private part as if it were the provider's."""
    found = read_encrypted(data)
    assert found is not None
    half = Half(
        chain_id=script.chain.chain_id,
        requester=HOUSING,
        provider=POLICE,
        call_id=script.spoken["matched"].call_id,
        side=int(Side.PROVIDER),
    )
    return decrypt_private(script.suite, found, pair_key=script.caller.pair_key, half=half)


def _descending(share: bytes) -> tuple[str, bytes]:
    salt, rows = msgpack.unpackb(share)
    return "organisations in another order", share_of([(a, b) for a, b in rows[::-1]], salt)


def _embedded(decode: Callable[[bytes], object], text: str) -> list[JsonValue]:
    """What is no token is not refused: it proves nothing, and the half stays a claim."""
    data = bytes.fromhex(text)
    rows: list[JsonValue] = []
    cases = [*corruptions(data), ("too long", data + bytes(160))]
    for why, case in cases:
        assert decode(case) is None, why
        rows.append([case.hex(), why])
    return rows


def _texts(decode: Callable[[str], object], text: str) -> list[JsonValue]:
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    rows: list[JsonValue] = []
    cases = [(why, _base64url(case)) for why, case in corruptions(data)]
    cases += [
        ("with padding", text + "=="),
        ("another alphabet", "+" + text[1:]),
        ("a character less", text[:-1]),
        ("white space", text[:8] + " " + text[8:]),
        ("too long", text + "A" * 2048),
    ]
    if len(text) % 4:
        # The last character has bits that no byte takes; one of them is set.
        last = _ALPHABET.index(text[-1])
        cases.append(("unused bits", text[:-1] + _ALPHABET[last ^ 1]))
    for why, case in cases:
        rows.append([case, why, *_refusal(partial(decode, case))])
    return rows


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _ask_header(script: Script) -> str:
    first = asks(script)[0]
    assert isinstance(first, dict)
    return str(first["Kun-Ask"])


def _public_rows(script: Script) -> Iterator[list[JsonValue]]:
    """Each action's public part corrupted, and whole from a key without the role."""
    for (name, action), public in _public_parts(script).items():
        caller = ContractCaller(rules=2, crypto=script.caller.crypto)
        for why, data in corruptions(public):
            yield [name, action, data.hex(), why, *_rejection(caller, name, action, data)]
        caller.roles = ()
        yield [
            *(name, action, public.hex(), "without the role"),
            *_rejection(caller, name, action, public),
        ]


def _public_parts(script: Script) -> dict[tuple[str, str], bytes]:
    found: dict[tuple[str, str], bytes] = {}
    for block in script.chain.blocks:
        assert isinstance(block["submissions"], list)
        for one in block["submissions"]:
            assert isinstance(one, dict)
            if str(one["what"]).startswith("refused"):
                continue
            wire = msgpack.unpackb(bytes.fromhex(str(one["encoded"])))
            for action, public, _ in wire[8]:
                found.setdefault((wire[6], action), public)
    return found


def _rejection(caller: ContractCaller, name: str, action: str, public: bytes) -> list[JsonValue]:
    try:
        caller.raw(name, action, public)
    except Rejection as refusal:
        return [int(refusal.code), [int(one) for one in refusal.details]]
    raise AssertionError(name, action)


def _contract_rows() -> Iterator[list[JsonValue]]:
    """Which contract and version the rules of a chain have."""
    names = ("access", "audit", "catalog", "certificates", "content", "grants", "members")
    for rules in (1, 2):
        for name in (*names, "pseudonyms", "disputes"):
            for version in (1, 2, 3):
                yield [rules, name, version, int(contract(rules, name, version) is not None)]
