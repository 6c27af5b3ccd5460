"""Short secrets wrapped for one reader."""

import copy
import pickle

import pytest
from gmssl import sm2

from chainnode.suites import InvalidKey, InvalidSignature, suite_named
from chainnode.suites.wrapping import WrappingKey, generate_wrapping_key, load_wrapping_key, wrap

SUITES = ("sm", "intl")
SECRET = bytes(range(16))
PURPOSE = b"what the secret is for"
_COMPRESSED_BYTES = 33


def key_of(suite: str) -> WrappingKey:
    return load_wrapping_key(suite_named(suite), bytes(range(1, 33)))


def wrapped(suite: str, *, purpose: bytes = PURPOSE) -> bytes:
    key = key_of(suite)
    return wrap(suite_named(suite), public_key=key.public_key, secret=SECRET, purpose=purpose)


@pytest.mark.parametrize("suite", SUITES)
def test_the_holder_of_the_key_unwraps(suite: str) -> None:
    for _ in range(20):
        assert key_of(suite).unwrap(wrapped(suite), purpose=PURPOSE) == SECRET


@pytest.mark.parametrize(("suite", "size"), [("sm", 145), ("intl", 76)])
def test_sizes_are_those_of_the_format(suite: str, size: int) -> None:
    assert len(wrapped(suite)) == size


@pytest.mark.parametrize("suite", SUITES)
def test_wrapping_twice_gives_two_texts(suite: str) -> None:
    assert wrapped(suite) != wrapped(suite)


@pytest.mark.parametrize("suite", SUITES)
def test_another_key_or_purpose_does_not_unwrap(suite: str) -> None:
    other = generate_wrapping_key(suite_named(suite))
    for key, purpose in ((other, PURPOSE), (key_of(suite), PURPOSE + b".")):
        with pytest.raises(InvalidSignature):
            key.unwrap(wrapped(suite), purpose=purpose)


@pytest.mark.parametrize("suite", SUITES)
def test_no_changed_byte_unwraps(suite: str) -> None:
    text, key = wrapped(suite), key_of(suite)
    for place in range(len(text)):
        changed = bytearray(text)
        changed[place] ^= 1
        with pytest.raises(InvalidSignature):
            key.unwrap(bytes(changed), purpose=PURPOSE)


@pytest.mark.parametrize("suite", SUITES)
def test_other_lengths_are_refused_and_raise_nothing_else(suite: str) -> None:
    text, key = wrapped(suite), key_of(suite)
    for size in (0, 1, 31, 44, 60, len(text) - 1):
        with pytest.raises(InvalidSignature):
            key.unwrap(text[:size], purpose=PURPOSE)
    with pytest.raises(InvalidSignature):
        key.unwrap(text + bytes(400), purpose=PURPOSE)


@pytest.mark.parametrize(
    ("suite", "public_key"),
    [
        ("intl", bytes(32)),
        ("intl", b"\x01" + bytes(31)),
        ("intl", bytes(31)),
        ("sm", bytes(33)),
        ("sm", b"\x02" + b"\xff" * 32),
        ("sm", b""),
    ],
)
def test_what_is_no_public_key_is_refused(suite: str, public_key: bytes) -> None:
    with pytest.raises(InvalidKey):
        wrap(suite_named(suite), public_key=public_key, secret=SECRET, purpose=PURPOSE)


@pytest.mark.parametrize(
    ("suite", "secret"), [("sm", bytes(32)), ("sm", b"\xff" * 32), ("sm", b"x"), ("intl", b"x")]
)
def test_what_is_no_secret_is_refused(suite: str, secret: bytes) -> None:
    with pytest.raises(InvalidKey):
        load_wrapping_key(suite_named(suite), secret)


@pytest.mark.parametrize("suite", SUITES)
def test_a_key_is_neither_shown_nor_copied(suite: str) -> None:
    key = key_of(suite)
    assert key.secret_bytes().hex() not in repr(key)
    for carry in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            carry(key)


def test_an_independent_implementation_reads_the_sm2_ciphertext_and_writes_one() -> None:
    suite = suite_named("sm")
    key = key_of("sm")
    other = sm2.CryptSM2(
        private_key=key.secret_bytes().hex(), public_key=_uncompressed(key.public_key), mode=1
    )
    plaintext = suite.digest(PURPOSE) + SECRET

    assert other.decrypt(wrapped("sm")[1:]) == plaintext
    assert key.unwrap(b"\x04" + other.encrypt(plaintext), purpose=PURPOSE) == SECRET


def _uncompressed(public_key: bytes) -> str:
    """Return x ‖ y in hex, as the other implementation wants it (GB/T 32918.5 §2)."""
    p = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
    b = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
    assert len(public_key) == _COMPRESSED_BYTES
    x = int.from_bytes(public_key[1:])
    y = pow(x**3 - 3 * x + b, (p + 1) // 4, p)
    if y % 2 != public_key[0] % 2:
        y = p - y
    return f"{x:064x}{y:064x}"
