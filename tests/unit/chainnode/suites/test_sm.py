"""Suite sm: SM2, SM3, SM4-GCM against published examples and against an independent library."""

import gc
import secrets
from pathlib import Path

import pytest
from gmssl import func, sm2, sm3

from chainnode.suites import InvalidKey, InvalidSignature, PrivateKey, libcrypto, suite_named
from chainnode.suites import sm as suite_sm
from chainnode.suites.sm2_signature import ORDER, der_of
from tests.unit.chainnode.suites import suite_rules

SUITE = suite_named("sm")
PRIME = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = PRIME - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
CONTENT = b"message digest"
# GB/T 32918.5 annex A.2.
SCALAR = bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
PUBLIC_KEY = bytes.fromhex("0309f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020")
SIGNATURE = bytes.fromhex(
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)


class Reference:
    """The independent implementation of the same key; it signs in tests and nowhere else."""

    def __init__(self, key: PrivateKey) -> None:
        self._crypt = sm2.CryptSM2(private_key=key.secret_bytes().hex(), public_key="")
        # Its constructor strips every leading 0 and 4 of a key that starts with 04.
        self._crypt.public_key = _uncompressed(key.public_key).hex()

    def sign(self, content: bytes) -> bytes:
        return bytes.fromhex(self._crypt.sign_with_sm3(content, func.random_hex(64)))

    def accepts(self, signature: bytes, content: bytes) -> bool:
        return bool(self._crypt.verify_with_sm3(signature.hex(), content))


def _uncompressed(public_key: bytes) -> bytes:
    x = int.from_bytes(public_key[1:])
    y = pow(x**3 + A * x + B, (PRIME + 1) // 4, PRIME)
    y = y if y % 2 == public_key[0] % 2 else PRIME - y
    return x.to_bytes(32) + y.to_bytes(32)


def test_published_example_of_gb_t_32918() -> None:
    key = SUITE.load_private_key(SCALAR)
    assert key.public_key == PUBLIC_KEY
    SUITE.verify(public_key=PUBLIC_KEY, signature=SIGNATURE, content=CONTENT)


def test_published_examples_of_gb_t_32905() -> None:
    assert SUITE.digest(b"abc").hex() == (
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )
    assert SUITE.digest(b"abcd" * 16).hex() == (
        "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    )


def test_published_example_of_rfc_8998_for_sm4_gcm() -> None:
    plaintext = bytes.fromhex("".join(f"{letter * 16}" for letter in "abcdefea"))
    sealed = SUITE.seal(
        key=bytes.fromhex("0123456789abcdeffedcba9876543210"),
        nonce=bytes.fromhex("00001234567800000000abcd"),
        plaintext=plaintext,
        associated=bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
    )
    assert sealed.hex() == (
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )


def test_names_say_what_genesis_and_http_call_it() -> None:
    names = (SUITE.name, SUITE.hash_name, SUITE.aead_name, SUITE.aead_key_bytes)
    assert names == ("sm", "sm3", "sm4-gcm", 16)


def test_signatures_bind_key_and_content() -> None:
    suite_rules.require_signatures_bind_key_and_content(SUITE)


def test_a_signature_with_r_or_s_plus_order_is_refused() -> None:
    # r + n and s + n do not fit into 32 bytes: in DER they do, cut to 32 bytes they differ.
    native = libcrypto.load_key_pair(SCALAR)[0]
    for part in (0, 32):
        whole = int.from_bytes(SIGNATURE[part : part + 32]) + ORDER
        der = bytearray(der_of(SIGNATURE))
        at = der.index(SIGNATURE[part : part + 32]) - 1
        der[at : at + 33] = whole.to_bytes(33)
        assert not native.is_signature(bytes(der), CONTENT, user_id=suite_sm.USER_ID)
        cut = SIGNATURE[:part] + whole.to_bytes(33)[1:] + SIGNATURE[part + 32 :]
        with pytest.raises(InvalidSignature):
            SUITE.verify(public_key=PUBLIC_KEY, signature=cut, content=CONTENT)


@pytest.mark.parametrize(
    ("constant", "value"),
    [
        ("_TEST_DIGEST", "00" * 32),
        ("_TEST_CONTENT", b"another content"),
        ("_TEST_OTHER_CONTENT", CONTENT),
        ("_TEST_SIGNATURE", "01" * 64),
        ("_TEST_PUBLIC_KEY", "02" + "00" * 32),
    ],
)
def test_a_library_that_fails_a_known_answer_is_never_used(
    monkeypatch: pytest.MonkeyPatch, constant: str, value: object
) -> None:
    monkeypatch.setattr(suite_sm, constant, value)
    with pytest.raises(libcrypto.LibcryptoUnusable, match="known answers"):
        suite_sm.SmSuite()


def test_a_python_without_sm3_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_sm, "_HASH", "sm4096")
    with pytest.raises(libcrypto.LibcryptoUnusable, match="install OpenSSL"):
        suite_sm.SmSuite()


def test_a_signature_under_another_user_id_is_refused() -> None:
    own = libcrypto.load_key_pair(SCALAR)[0]
    for user_id in (b"", b"1234567812345679", b"ALICE123@YAHOO.COM"):
        der = own.sign(CONTENT, user_id=user_id)
        assert own.is_signature(der, CONTENT, user_id=user_id)
        assert not own.is_signature(der, CONTENT, user_id=suite_sm.USER_ID)


def test_two_signatures_over_one_content_differ_and_both_verify() -> None:
    key = SUITE.generate_private_key()
    one, two = key.sign(CONTENT), key.sign(CONTENT)
    assert one != two
    for signature in (one, two):
        SUITE.verify(public_key=key.public_key, signature=signature, content=CONTENT)


def test_secret_stays_hidden() -> None:
    suite_rules.require_secret_stays_hidden(SUITE, SCALAR)


def test_aead_binds_all_it_is_given() -> None:
    suite_rules.require_aead_binds_all_it_is_given(SUITE)


def test_threads_may_share_keys() -> None:
    suite_rules.require_threads_may_share_keys(SUITE)


@pytest.mark.parametrize(
    "secret",
    [
        b"",
        bytes(31),
        bytes(33),
        bytes(32),
        (ORDER - 1).to_bytes(32),
        ORDER.to_bytes(32),
        b"\xff" * 32,
    ],
    ids=["empty", "short", "long", "0", "n - 1", "n", "2^256 - 1"],
)
def test_scalars_out_of_range_are_refused(secret: bytes) -> None:
    with pytest.raises(InvalidKey):
        SUITE.load_private_key(secret)


@pytest.mark.parametrize("scalar", [1, 2, ORDER - 2])
def test_scalars_at_the_ends_of_the_range_sign(scalar: int) -> None:
    key = SUITE.load_private_key(scalar.to_bytes(32))
    SUITE.verify(public_key=key.public_key, signature=key.sign(CONTENT), content=CONTENT)


def test_public_keys_that_are_not_canonical_points_are_refused() -> None:
    x = PUBLIC_KEY[1:]
    off_curve = next(n for n in range(100) if not _is_x(n)).to_bytes(32)
    small = next(n for n in range(100) if _is_x(n))
    suite_rules.require_keys_are_refused(
        SUITE,
        {
            "empty": b"",
            "short": PUBLIC_KEY[:-1],
            "long": PUBLIC_KEY + b"\x00",
            "uncompressed": b"\x04" + _uncompressed(PUBLIC_KEY),
            "hybrid": b"\x07" + _uncompressed(PUBLIC_KEY),
            "point at infinity": b"\x00",
            "infinity, padded": bytes(33),
            "prefix 0": b"\x00" + x,
            "prefix 1": b"\x01" + x,
            "prefix 4": b"\x04" + x,
            "not on the curve": b"\x02" + off_curve,
            "x not reduced": b"\x02" + (small + PRIME).to_bytes(32),
            "x = p": b"\x02" + PRIME.to_bytes(32),
            "all ones": b"\x02" + b"\xff" * 32,
        },
    )


def _is_x(x: int) -> bool:
    return pow(x**3 + A * x + B, (PRIME - 1) // 2, PRIME) == 1


def test_the_other_point_with_the_same_x_is_another_key() -> None:
    mirrored = bytes([PUBLIC_KEY[0] ^ 1]) + PUBLIC_KEY[1:]
    SUITE.check_public_key(mirrored)
    with pytest.raises(InvalidSignature):
        SUITE.verify(public_key=mirrored, signature=SIGNATURE, content=CONTENT)


def _require_both_directions(keys: int) -> None:
    for number in range(keys):
        key = SUITE.generate_private_key()
        reference = Reference(key)
        content = secrets.token_bytes(number % 200 + 1)
        assert reference.accepts(key.sign(content), content)
        theirs = reference.sign(content)
        SUITE.verify(public_key=key.public_key, signature=theirs, content=content)
        with pytest.raises(InvalidSignature):
            SUITE.verify(public_key=key.public_key, signature=theirs, content=content + b"\x00")


def test_the_independent_library_agrees_in_both_directions() -> None:
    _require_both_directions(5)


@pytest.mark.slow
def test_the_independent_library_agrees_in_both_directions_for_500_keys() -> None:
    _require_both_directions(500)


def test_the_independent_library_agrees_on_digests() -> None:
    for size in (0, 1, 55, 56, 63, 64, 65, 119, 120, 1000):
        data = secrets.token_bytes(size)
        assert SUITE.digest(data).hex() == sm3.sm3_hash(list(data))


def test_verifying_for_ever_does_not_grow_the_process() -> None:
    key = SUITE.generate_private_key()
    native = libcrypto.load_key_pair(key.secret_bytes())[0]
    der = der_of(key.sign(CONTENT))
    broken = der_of(SIGNATURE)

    def churn(rounds: int) -> None:
        for _ in range(rounds):
            libcrypto.load_public_key(key.public_key).is_signature(der, CONTENT, user_id=b"x")
            native.is_signature(broken, CONTENT, user_id=suite_sm.USER_ID)
            with pytest.raises(InvalidKey):
                libcrypto.load_public_key(b"\x02" + b"\xff" * 32)

    churn(300)
    gc.collect()
    before = _resident_pages()
    churn(800)
    gc.collect()
    # A context alone has 200 bytes, a key 2 KiB: a leak of any would be over 35 pages.
    assert _resident_pages() - before < 30


def _resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
