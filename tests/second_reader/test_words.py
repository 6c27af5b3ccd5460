"""What parties say beside the chain, and what nobody may accept, by the second implementation."""

import base64
import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests import naive_index
from tests.second_reader.chain import submission_of
from tests.second_reader.cryptography_of import Reader
from tests.second_reader.encoding import NotCanonical, dec, enc, from_base64url, tagged
from tests.second_reader.halves import HalfOf, reply_token, request_token
from tests.second_reader.messages import (
    REASONS,
    body_fields,
    commitment,
    leaf,
    salt,
)
from tests.second_reader.test_chain import SUITES, published, submissions
from tests.second_reader.town import token_of

pytestmark = pytest.mark.parametrize("suite", SUITES)


def chain_id(suite: str) -> bytes:
    return bytes.fromhex(published(suite, "chain.json")["chain_id"])


def public_key(suite: str, name: str) -> bytes:
    keys = published(suite, "chain.json")["keys"]
    return bytes.fromhex(next(one["public_key"] for one in keys if one["name"] == name))


def halves(suite: str) -> dict[str, HalfOf]:
    """Return the recorded halves by what the chain says they are."""
    reader = Reader(suite=suite)
    found = {}
    for told in submissions(suite):
        read = submission_of(reader, bytes.fromhex(told["encoded"]))
        if (read.contract, read.calls[-1][0]) == ("access", "record"):
            found[told["what"]] = HalfOf.of(dec(read.calls[-1][1])[1:])
    return found


def test_fields_and_commitments_follow_from_the_messages(suite: str) -> None:
    reader, told = Reader(suite=suite), published(suite, "calls.json")["messages"]
    seed = bytes.fromhex(told["seed"])

    for one in told["responses"]:
        made = body_fields(reader, one["content_type"], bytes.fromhex(one["body"]))
        fields = [("status", "200"), *made]
        assert [list(pair) for pair in fields] == one["fields"]
        assert commitment(reader, seed, fields).hex() == one["commitment"]
    streamed = told["streamed"]
    fields = [("status", "206"), ("body", streamed["digest"])]
    assert commitment(reader, seed, fields).hex() == streamed["commitment"]
    asked = told["request"]
    reasons = [(one, asked["reasons"][one]) for one in REASONS if one in asked["reasons"]]
    fields = [("method", asked["method"]), ("target", asked["target"]), *reasons]
    assert commitment(reader, seed, fields).hex() == asked["commitment"]


def test_tokens_follow_from_halves_and_messages(suite: str) -> None:
    reader, said = Reader(suite=suite), halves(suite)
    for call in published(suite, "calls.json")["calls"]:
        request, response = call["request"], call["response"]
        seed = bytes.fromhex(request["seed"])
        digest = reader.h(bytes.fromhex(request["body"]))
        http = ["kun.http", 1, seed, request["method"], request["target"], digest]
        assert reader.h(enc(http)).hex() == request["http_digest"]
        half = said.get(f"{call['name']}: provider")
        if half is None or call["name"] in {"halves differ", "late and different"}:
            continue
        token = request_token(
            half,
            chain_id(suite),
            http_digest=reader.h(enc(http)),
            requested_ms=call["requested_ms"],
        )
        assert token.hex() == request["token"]
        assert reply_token(half, chain_id(suite)).hex() == response["token"]
        for name, key in ((request, "housing service"), (response, "police service")):
            signature = bytes.fromhex(name["signature"])
            content = bytes.fromhex(name["token"])
            assert reader.is_signature(public_key(suite, key), signature, content)
            fields = [tuple(one) for one in name["fields"]]
            made = commitment(reader, bytes.fromhex(name["seed"]), fields)
            assert made.hex() == name["commitment"]


def test_a_call_id_begins_with_the_time_of_its_call(suite: str) -> None:
    for call in published(suite, "calls.json")["calls"]:
        data = bytes.fromhex(call["call_id"])
        assert (int.from_bytes(data[:6]), len(data)) == (call["requested_ms"], 16)


def test_headers_hold_the_tokens_as_far_as_the_exchange_does_not_say_them(suite: str) -> None:
    for call in published(suite, "calls.json")["calls"]:
        request, response = call["request"], call["response"]
        asked = tagged(from_base64url(request["Kun-Call"]), "kun.call", 14)
        answered = tagged(from_base64url(response["Kun-Reply"]), "kun.reply", 10)
        token, reply = dec(bytes.fromhex(request["token"])), dec(bytes.fromhex(response["token"]))

        assert asked[2] == token[3]
        assert asked[3:9] == [token[5], *token[6:10], token[12]]
        assert asked[11:] == [
            bytes.fromhex(request["seed"]),
            public_key(suite, "housing service"),
            bytes.fromhex(request["signature"]),
        ]
        assert answered[2:7] == [reply[5], *reply[6:9], reply[10]]
        assert answered[7:] == [
            bytes.fromhex(response["seed"]),
            public_key(suite, "police service"),
            bytes.fromhex(response["signature"]),
        ]


def test_what_halves_embed_is_the_rest_of_the_other_token(suite: str) -> None:
    reader = Reader(suite=suite)
    for call in published(suite, "calls.json")["calls"]:
        request, response = call["request"], call["response"]
        by_provider = dec(bytes.fromhex(request["embedded"]))
        by_requester = dec(bytes.fromhex(response["embedded"]))

        assert by_provider == [
            reader.key_id(public_key(suite, "housing service")),
            bytes.fromhex(request["http_digest"]),
            call["requested_ms"],
            bytes.fromhex(request["signature"]),
        ]
        assert by_requester == [
            reader.key_id(public_key(suite, "police service")),
            dec(bytes.fromhex(response["token"]))[10],
            bytes.fromhex(response["signature"]),
        ]


def test_shown_fields_stand_under_the_commitment(suite: str) -> None:
    reader = Reader(suite=suite)
    for call in published(suite, "calls.json")["calls"]:
        told = call["response"]
        seed = bytes.fromhex(told["seed"])
        ordered = sorted(told["fields"], key=lambda one: one[0].encode())
        leaves = [leaf(reader, seed, *one) for one in ordered]
        assert told["disclosure"]["size"] == len(leaves)
        assert {one["name"] for one in told["disclosure"]["fields"]} == {"status", "body.name"}
        for one in told["disclosure"]["fields"]:
            index = one["index"]
            assert ordered[index] == [one["name"], one["value"]]
            assert salt(reader, seed, one["name"]).hex() == one["salt"]
            # RFC 9162 §2.1.3 names the same nodes from below.
            nodes = naive_index.range_path(reader.h, leaves, index, index + 1)
            assert sorted(one["path"]) == sorted(node.hex() for node in nodes)
            assert (
                _root(reader, leaves[index], index, len(leaves), one["path"])
                == (told["commitment"])
            )


def _root(reader: Reader, data: bytes, index: int, size: int, path: list[str]) -> str:
    """RFC 9162 §2.1.3.2."""
    digest, last = reader.h(b"\x00" + data), size - 1
    for node in map(bytes.fromhex, path):
        if index % 2 or index == last:
            digest = reader.h(b"\x01" + node + digest)
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            digest = reader.h(b"\x01" + digest + node)
        index, last = index // 2, last // 2
    assert last == 0
    return digest.hex()


def test_pseudonyms_and_key_checks_follow_from_the_root_secret(suite: str) -> None:
    reader, told = Reader(suite=suite), published(suite, "secrets.json")["pseudonyms"]
    root = bytes.fromhex(told["root_secret"])
    for one in told["epochs"]:
        content = ["kun.pseudonym", 1, chain_id(suite), one["department"], one["epoch"]]
        key = reader.hmac(root, enc(content))
        assert reader.h(enc(["kun.keycheck", 1, key])).hex() == one["key_check"]
        for id_type, number, token in one["tokens"]:
            assert reader.hmac(key, enc([id_type, number])).hex() == token
    tokens = {token for one in told["epochs"] for *_, token in one["tokens"]}
    assert len(tokens) == sum(len(one["tokens"]) for one in told["epochs"])


def test_recorded_subjects_are_tokens_of_the_provider(suite: str) -> None:
    told = published(suite, "secrets.json")["pseudonyms"]["epochs"]
    provider = halves(suite)["matched: provider"].provider
    epoch = next(one for one in told if (one["department"], one["epoch"]) == (provider, 1))
    known = {token for *_, token in epoch["tokens"]}

    assert {one.hex() for one in halves(suite)["matched: provider"].subjects} <= known


def test_private_parts_open_with_the_published_keys(suite: str) -> None:
    reader, told = Reader(suite=suite), published(suite, "secrets.json")["private_parts"]
    pair = [told["requester"], told["provider"]]
    _salt, rows = dec(bytes.fromhex(told["share"]))
    keys = set()
    for (organisation, wrapped), one in zip(rows, told["readers"], strict=True):
        shown = bytes.fromhex(one["public_key"])
        purpose = enc(["kun.wrap", 1, chain_id(suite), *pair, told["period"], organisation, shown])
        assert (organisation, purpose.hex()) == (one["organisation"], one["purpose"])
        keys.add(reader.unwrapped(wrapped, secret=bytes.fromhex(one["secret"]), purpose=purpose))
    (pair_key,) = keys

    assert reader.h(enc(["kun.keycheck", 1, pair_key])).hex() == told["key_check"]
    private = {
        one["what"]: submission_of(reader, bytes.fromhex(one["encoded"])).calls[-1][2]
        for one in submissions(suite)
    }
    for one in told["encrypted"]:
        side = ("requester", "provider")[one["side"]]
        wire = tagged(private[f"{one['call']}: {side}"], "kun.enc", 5)
        call_id = bytes.fromhex(one["call_id"])
        bound = enc(["kun.enc", 1, chain_id(suite), *pair, call_id, one["side"]])
        clear = reader.opened(key=pair_key, nonce=wire[3], ciphertext=wire[4], associated=bound)
        assert (wire[2], clear.hex()) == (told["period"], one["clear"])
        assert len(dec(clear)) == 10


def test_asks_are_signed_and_answers_are_the_tokens(suite: str) -> None:
    reader, secrets = Reader(suite=suite), published(suite, "secrets.json")
    root = bytes.fromhex(secrets["pseudonyms"]["root_secret"])
    for one in secrets["asks"]:
        wire = tagged(from_base64url(one["Kun-Ask"]), "kun.askheader", 7)
        _, _, organisation, at_ms, nonce, key, signature = wire
        digest = reader.h(one["body"].encode())
        target = [one["custodian"], organisation, one["method"], one["target"], digest]
        content = enc(["kun.ask", 1, chain_id(suite), *target, at_ms, nonce])
        assert content.hex() == one["signed"]
        assert reader.is_signature(key, signature, content)
        asked, answered = json.loads(one["body"]), json.loads(one["answer"])
        for place, answer in zip(asked["places"], answered["places"], strict=True):
            assert place.get("epoch", 0) in {0, answer["epoch"]}
            made = ["kun.pseudonym", 1, chain_id(suite), place["department"], answer["epoch"]]
            epoch_key = reader.hmac(root, enc(made))
            assert answer["tokens"] == [
                reader.hmac(epoch_key, enc([asked["id_type"], number])).hex()
                for number in asked["identifiers"]
            ]


def test_the_custodians_file_opens_with_its_pass_phrase(suite: str) -> None:
    reader, told = Reader(suite=suite), published(suite, "secrets.json")["secret_file"]
    file, kdf = told["file"], told["file"]["kdf"]
    key = hashlib.scrypt(
        told["passphrase"].encode(),
        salt=base64.b64decode(kdf["salt"]),
        n=kdf["n"],
        r=kdf["r"],
        p=kdf["p"],
        dklen=16 if reader.is_sm else 32,
    )
    secret = reader.opened(
        key=key,
        nonce=base64.b64decode(file["aead"]["nonce"]),
        ciphertext=base64.b64decode(file["aead"]["ciphertext"]),
        associated=enc(["kun.secretfile", 1, file["suite"], file["purpose"]]),
    )
    assert secret.hex() == told["secret"]


def test_a_cached_token_is_found_and_opened_with_the_gateways_key(suite: str) -> None:
    reader, told = Reader(suite=suite), published(suite, "secrets.json")["token_cache"]
    keys = published(suite, "chain.json")["keys"]
    secret = bytes.fromhex(next(one["secret"] for one in keys if one["name"] == told["key"]))
    cache_key = {
        use: reader.hmac(
            secret, enc(["kun.tokencache", 1, chain_id(suite), told["department"], use])
        )
        for use in ("slot", "seal")
    }
    slot = reader.hmac(cache_key["slot"], enc([told["id_type"], told["id"]]))
    sealed = bytes.fromhex(told["sealed"])
    token = reader.opened(
        key=cache_key["seal"][: 16 if reader.is_sm else 32],
        nonce=sealed[:12],
        ciphertext=sealed[12:],
        associated=enc(["kun.tokencache", 1, slot, told["epoch"]]),
    )

    assert slot.hex() == told["slot"]
    assert token.hex() == told["token"]


# What is wrong with the form alone, whatever the bytes are of.
MALFORMED = frozenset(
    {"empty", "truncated", "a byte after it", "a longer head", "a map", "nil at its end"}
    | {"a longer number"}
)


def refused(suite: str) -> list[tuple[str, bytes]]:
    """Return why and bytes of every refused row whose form is no canonical MessagePack."""
    found: list[tuple[str, bytes]] = []
    for kind, rows in published(suite, "refused.json").items():
        for row in rows:
            if kind == "public":
                found.append((row[3], bytes.fromhex(row[2])))
            elif kind.startswith("Kun-"):
                found += [(row[1], _decoded(row[0]))] if row[1] in MALFORMED else []
            elif kind != "contracts":
                found.append((row[1], bytes.fromhex(row[0])))
    return [(why, data) for why, data in found if why in MALFORMED]


def _decoded(text: str) -> bytes:
    return from_base64url(text)


def test_what_is_no_canonical_form_is_refused_here_too(suite: str) -> None:
    rows = refused(suite)
    assert {why for why, _ in rows} == MALFORMED
    assert [why for why, data in rows if is_read(partial(dec, data))] == []


def test_headers_of_another_form_are_refused_here_too(suite: str) -> None:
    sizes = {"Kun-Call": ("kun.call", 14), "Kun-Reply": ("kun.reply", 10)}
    sizes["Kun-Ask"] = ("kun.askheader", 7)
    for name, (tag, size) in sizes.items():
        rows = published(suite, "refused.json")[name]
        texts = {text: why for text, why, *_ in rows}
        read = [text for text in texts if is_read(partial(read_header, text, tag, size))]
        assert [texts[text] for text in read] == []


def is_read(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (NotCanonical, ValueError):
        return False
    return True


def read_header(text: str, tag: str, size: int) -> object:
    return tagged(from_base64url(text), tag, size)


def test_what_is_no_token_proves_nothing_here_either(suite: str) -> None:
    kinds: list[tuple[str, list[int]]] = [
        ("embedded request", [20, 32, 0, 64]),
        ("embedded reply", [20, 0, 64]),
    ]
    for kind, sizes in kinds:
        rows: list[Any] = published(suite, "refused.json")[kind]
        for data, why in rows:
            assert token_of(bytes.fromhex(data), sizes) is None, why


def test_a_signature_of_another_header_is_none_here_either(suite: str) -> None:
    reader = Reader(suite=suite)
    rows = [
        row for row in published(suite, "refused.json")["submission"] if row[3] == "BAD_SIGNATURE"
    ]
    assert len(rows) >= 6
    for data, why, *_ in rows:
        read = submission_of(reader, bytes.fromhex(data))
        is_good = reader.is_signature(read.public_key, read.signature, read.header)
        # The chain id is not the reader's own: whoever knows it sees that as well.
        assert not is_good, why
