"""What every suite must do, whatever its algorithms; used by the tests of both."""

import copy
import pickle
import threading
from collections.abc import Iterator

import pytest

from chainnode.suites import InvalidKey, InvalidSignature, PrivateKey, Suite

CONTENT = "谁看过我的数据".encode()


def flipped_bits(data: bytes) -> Iterator[bytes]:
    """Yield `data` with one bit changed, once in every byte."""
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << (place % 8)
        yield bytes(damaged)


def require_signatures_bind_key_and_content(suite: Suite) -> None:
    """Sign, verify, and try every named corruption of a signature."""
    key, other = suite.generate_private_key(), suite.generate_private_key()
    signature = key.sign(CONTENT)
    assert len(signature) == 64
    suite.verify(public_key=key.public_key, signature=signature, content=CONTENT)
    suite.verify(public_key=key.public_key, signature=key.sign(b""), content=b"")
    for damaged in (
        *flipped_bits(signature),
        b"",
        signature[:-1],
        signature + b"\x00",
        bytes(32) + signature[32:],
        signature[:32] + bytes(32),
        signature[32:] + signature[:32],
        bytes(64),
        other.sign(CONTENT),
    ):
        with pytest.raises(InvalidSignature):
            suite.verify(public_key=key.public_key, signature=damaged, content=CONTENT)
    for content in (b"", CONTENT[:-1], CONTENT + b"\x00", suite.digest(CONTENT)):
        with pytest.raises(InvalidSignature):
            suite.verify(public_key=key.public_key, signature=signature, content=content)
    with pytest.raises(InvalidSignature):
        suite.verify(public_key=other.public_key, signature=signature, content=CONTENT)


def require_secret_stays_hidden(suite: Suite, secret: bytes) -> None:
    """A key shows its public half only, and cannot be copied out by accident."""
    key = suite.load_private_key(secret)
    assert key.secret_bytes() == secret
    assert suite.load_private_key(key.secret_bytes()).public_key == key.public_key
    assert secret.hex() not in repr(key)
    assert key.public_key.hex() in repr(key)
    for give_away in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled"):
            give_away(key)


def require_aead_binds_all_it_is_given(suite: Suite) -> None:
    """Seal, unseal, and try every named corruption."""
    key, nonce = bytes(range(suite.aead_key_bytes)), bytes(range(12))
    for plaintext in (b"", b"a", bytes(1000)):
        sealed = suite.seal(key=key, nonce=nonce, plaintext=plaintext, associated=b"about")
        assert len(sealed) == len(plaintext) + 16
        opened = suite.unseal(key=key, nonce=nonce, ciphertext=sealed, associated=b"about")
        assert opened == plaintext
    sealed = suite.seal(key=key, nonce=nonce, plaintext=b"plain", associated=b"about")
    for damaged in (*flipped_bits(sealed), b"", sealed[:15], sealed[:-1], sealed + b"\x00"):
        with pytest.raises(InvalidSignature):
            suite.unseal(key=key, nonce=nonce, ciphertext=damaged, associated=b"about")
    wrong_key, wrong_nonce = bytes(suite.aead_key_bytes), bytes(12)
    with pytest.raises(InvalidSignature):
        suite.unseal(key=wrong_key, nonce=nonce, ciphertext=sealed, associated=b"about")
    with pytest.raises(InvalidSignature):
        suite.unseal(key=key, nonce=wrong_nonce, ciphertext=sealed, associated=b"about")
    with pytest.raises(InvalidSignature):
        suite.unseal(key=key, nonce=nonce, ciphertext=sealed, associated=b"other")
    for bad_key, bad_nonce in ((key[:-1], nonce), (key, nonce[:-1]), (key, nonce + b"\x00")):
        with pytest.raises(ValueError, match=r"nonce|key"):
            suite.seal(key=bad_key, nonce=bad_nonce, plaintext=b"", associated=b"")


def require_threads_may_share_keys(suite: Suite) -> None:
    """Eight threads sign and verify with one key; each corruption is still found."""
    key: PrivateKey = suite.generate_private_key()
    wrong: list[str] = []

    def work(number: int) -> None:
        content = bytes([number]) * 100
        for _ in range(20):
            signature = key.sign(content)
            suite.verify(public_key=key.public_key, signature=signature, content=content)
            try:
                suite.verify(public_key=key.public_key, signature=signature, content=b"other")
            except InvalidSignature:
                continue
            wrong.append(signature.hex())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def require_keys_are_refused(suite: Suite, public_keys: dict[str, bytes]) -> None:
    """Refuse each key by itself and inside a verification."""
    signature = suite.generate_private_key().sign(CONTENT)
    accepted = []
    for name, public_key in public_keys.items():
        try:
            suite.check_public_key(public_key)
        except InvalidKey:
            with pytest.raises(InvalidKey):
                suite.verify(public_key=public_key, signature=signature, content=CONTENT)
        else:
            accepted.append(name)
    assert accepted == []
