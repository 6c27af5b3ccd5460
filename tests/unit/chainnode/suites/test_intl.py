"""Suite intl: Ed25519, SHA-256, AES-256-GCM."""

import hashlib

import pytest

from chainnode.suites import InvalidKey, InvalidSignature, suite_named
from chainnode.suites.intl import SMALL_ORDER_Y
from tests.unit.chainnode.suites import suite_rules

SUITE = suite_named("intl")
PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493


def encoded(y: int, sign: int = 0) -> bytes:
    """Return the 32 bytes of a point with this y."""
    return (y | sign << 255).to_bytes(32, "little")


# RFC 8032 §7.1, tests 1 to 3: seed, public key, content, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]


@pytest.mark.parametrize(("seed", "public_key", "content", "signature"), RFC_8032)
def test_published_examples_of_rfc_8032(
    seed: str, public_key: str, content: str, signature: str
) -> None:
    key = SUITE.load_private_key(bytes.fromhex(seed))
    assert key.public_key.hex() == public_key
    assert key.sign(bytes.fromhex(content)).hex() == signature
    SUITE.verify(
        public_key=key.public_key,
        signature=bytes.fromhex(signature),
        content=bytes.fromhex(content),
    )


def test_names_say_what_genesis_and_http_call_it() -> None:
    names = (SUITE.name, SUITE.hash_name, SUITE.aead_name, SUITE.aead_key_bytes)
    assert names == ("intl", "sha256", "aes-256-gcm", 32)


def test_digest_is_sha_256() -> None:
    assert SUITE.digest(b"abc") == hashlib.sha256(b"abc").digest()


def test_signatures_bind_key_and_content() -> None:
    suite_rules.require_signatures_bind_key_and_content(SUITE)


def test_a_signature_with_s_plus_order_is_refused() -> None:
    key = SUITE.generate_private_key()
    signature = key.sign(b"content")
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    malleable = signature[:32] + scalar.to_bytes(32, "little")
    with pytest.raises(InvalidSignature, match="group order"):
        SUITE.verify(public_key=key.public_key, signature=malleable, content=b"content")


def test_secret_stays_hidden() -> None:
    suite_rules.require_secret_stays_hidden(SUITE, bytes(range(32)))


def test_aead_binds_all_it_is_given() -> None:
    suite_rules.require_aead_binds_all_it_is_given(SUITE)


def test_threads_may_share_keys() -> None:
    suite_rules.require_threads_may_share_keys(SUITE)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_seed_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(InvalidKey, match="32 bytes"):
        SUITE.load_private_key(bytes(size))


def test_public_keys_that_are_not_canonical_points_of_large_order_are_refused() -> None:
    order_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
    good = SUITE.generate_private_key().public_key
    small = {
        f"order {order}, sign {sign}": encoded(y, sign)
        for order, y in (
            ("1", 1),
            ("2", PRIME - 1),
            ("4", 0),
            ("8", order_8),
            ("8, other", PRIME - order_8),
        )
        for sign in (0, 1)
    }
    not_reduced = {f"y = p + {more}": encoded(PRIME + more) for more in range(19)}
    off_curve = {"off the curve": encoded(2), "off the curve, sign": encoded(2, 1)}
    sizes = {"empty": b"", "short": good[:-1], "long": good + b"\x00"}
    suite_rules.require_keys_are_refused(SUITE, {**small, **not_reduced, **off_curve, **sizes})


def test_the_points_that_are_refused_as_small_have_small_order() -> None:
    """Eight times each refused y is the neutral point, computed here by the curve's formulas."""
    d = -121665 * pow(121666, -1, PRIME) % PRIME

    def double(x: int, y: int) -> tuple[int, int]:
        product = d * x * x * y * y
        return (
            2 * x * y * pow(1 + product, -1, PRIME) % PRIME,
            (y * y + x * x) * pow(1 - product, -1, PRIME) % PRIME,
        )

    for y in SMALL_ORDER_Y:
        squared = (y * y - 1) * pow(d * y * y + 1, -1, PRIME) % PRIME
        x = pow(squared, (PRIME + 3) // 8, PRIME)
        if x * x % PRIME != squared:
            x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
        assert x * x % PRIME == squared
        point = (x, y)
        for _ in range(3):
            point = double(*point)
        assert point == (0, 1)


def test_honest_keys_are_accepted() -> None:
    for number in range(50):
        key = SUITE.load_private_key(bytes([number]) * 32)
        SUITE.check_public_key(key.public_key)
