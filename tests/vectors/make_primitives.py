"""Write the vectors of codec, suites and keys: run `python -m tests.vectors.make_primitives`.

Formats: tests/vectors/README.md. `tests/unit/chainnode/test_vectors.py` reads the files and
checks that this script makes them again as they are. SM2 signatures are made by `gmssl` with
nonces fixed here, so that they repeat and come from another hand than the one that is tested.
"""

import hashlib
import json
from pathlib import Path

from gmssl import sm2

from chainnode.codec import INTEGER_MAX, Plain, encode
from chainnode.keys import KdfCost, KeyPurpose, Passphrase, key_document
from chainnode.submission import key_id
from chainnode.suites import SUITE_NAMES, PrivateKey, Suite, suite_named
from chainnode.suites.sm2_signature import ORDER

FOLDER = Path(__file__).parent
SCALARS = (1, 2, 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8)
CONTENTS = (b"", b"message digest", "谁看过我的数据".encode())
PASSPHRASE = "correct horse battery staple"
SM2_PRIME = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
ED25519_PRIME = 2**255 - 19
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493

# What JSON holds here; a byte string is {"hex": …} where it stands beside other types.
Json = int | str | list["Json"] | dict[str, "Json"]

VALUES: tuple[Plain, ...] = (
    *(0, 1, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, INTEGER_MAX),
    *(b"", b"\x00", bytes(255), bytes(256)),
    *("", "a" * 31, "a" * 32, "证照", "a" * 256),
    *(
        (),
        (1,),
        (1,) * 15,
        (1,) * 16,
        ((),),
        (1, (2, (3, (4, (5, (6, (7, (8,)))))))),
    ),
    ("kun.checkpoint", 1, bytes(32), 0, 1, bytes(32)),
)
# Encoded, why it is refused.
REFUSED = (
    ("", "nothing"),
    ("c0", "nil"),
    ("c2", "false"),
    ("c3", "true"),
    ("ca00000000", "float 32"),
    ("cb0000000000000000", "float 64"),
    ("80", "map"),
    ("ff", "negative integer"),
    ("d001", "signed integer"),
    ("d40161", "extension"),
    ("cf0020000000000000", "2^53"),
    ("cc7f", "127 in 8 bits"),
    ("cd00ff", "255 in 16 bits"),
    ("ce0000ffff", "65535 in 32 bits"),
    ("cf00000000ffffffff", "2^32 - 1 in 64 bits"),
    ("c5000161", "1 byte with a 16-bit length"),
    ("d90161", "1 character with an 8-bit length"),
    ("dc000101", "1 element with a 16-bit length"),
    ("a1ff", "not UTF-8"),
    ("a3eda080", "a surrogate"),
    ("c40261", "fewer bytes than claimed"),
    ("9201", "fewer elements than claimed"),
    ("0102", "a second value"),
    ("919191919191919191" + "01", "9 arrays inside each other"),
    ("ddffffffff", "2^32 - 1 elements claimed"),
)


def codec_vectors() -> Json:
    """Return values with their one encoding, and what is refused under depth 8."""
    return {
        "valid": [[encode(value).hex(), _json(value)] for value in VALUES],
        "invalid": [[data, reason] for data, reason in REFUSED],
    }


def suite_vectors(name: str) -> Json:
    """Return keys, signatures, digests and sealed texts of a suite."""
    suite = suite_named(name)
    keys = [suite.load_private_key(scalar.to_bytes(32)) for scalar in SCALARS]
    return {
        "suite": name,
        "keys": [_key_row(suite, key) for key in keys],
        "digests": [[content.hex(), suite.digest(content).hex()] for content in CONTENTS],
        "signatures": [
            [key.public_key.hex(), content.hex(), _signature(suite, key, content).hex()]
            for key in keys
            for content in CONTENTS
        ],
        "refused_signatures": _refused_signatures(suite, keys[0], keys[1]),
        "refused_public_keys": _refused_public_keys(name, keys[0].public_key),
        "sealed": [_sealed_row(suite, plaintext) for plaintext in (b"", b"plain text")],
    }


def key_vectors(name: str) -> Json:
    """Return a key file of a suite, what opens it and what it holds."""
    suite = suite_named(name)
    key = suite.load_private_key(SCALARS[2].to_bytes(32))
    content = key_document(
        key,
        suite=suite,
        purpose=KeyPurpose.VOTE,
        passphrase=Passphrase(PASSPHRASE.encode()),
        cost=KdfCost(n=2**10, r=8, p=1),
        salt=bytes(range(16)),
        nonce=bytes(range(12)),
    )
    return {
        "passphrase": PASSPHRASE,
        "secret": key.secret_bytes().hex(),
        "file": content.decode(),
    }


def _json(value: Plain) -> Json:
    match value:
        case tuple():
            return [_json(one) for one in value]
        case bytes():
            return {"hex": value.hex()}
        case _:
            return value


def _key_row(suite: Suite, key: PrivateKey) -> Json:
    return {
        "secret": key.secret_bytes().hex(),
        "public_key": key.public_key.hex(),
        "key_id": key_id(suite, key.public_key).hex(),
    }


def _signature(suite: Suite, key: PrivateKey, content: bytes) -> bytes:
    if suite.name != "sm":
        return key.sign(content)
    nonce = hashlib.sha256(b"nonce" + key.public_key + content).hexdigest()
    signer = sm2.CryptSM2(private_key=key.secret_bytes().hex(), public_key="")
    # Set afterwards: the constructor strips every leading 0 and 4 of a key that starts with 04.
    signer.public_key = _sm2_point(key.public_key).hex()
    return bytes.fromhex(signer.sign_with_sm3(content, nonce))


def _sm2_point(public_key: bytes) -> bytes:
    x = int.from_bytes(public_key[1:])
    b = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
    y = pow(x**3 - 3 * x + b, (SM2_PRIME + 1) // 4, SM2_PRIME)
    y = y if y % 2 == public_key[0] % 2 else SM2_PRIME - y
    return x.to_bytes(32) + y.to_bytes(32)


def _refused_signatures(suite: Suite, key: PrivateKey, other: PrivateKey) -> Json:
    content = CONTENTS[1]
    good = _signature(suite, key, content)
    flipped = bytes([good[0] ^ 1]) + good[1:]
    cases = {
        "flipped bit": flipped,
        "trailing byte": good + b"\x00",
        "truncated": good[:-1],
        "another key": _signature(suite, other, content),
        "another content": _signature(suite, key, content + b"\x00"),
        "first half 0": bytes(32) + good[32:],
        "second half 0": good[:32] + bytes(32),
        "second half = order": good[:32] + _order(suite),
        "second half + order": good[:32] + _plus_order(suite, good[32:]),
        "halves exchanged": good[32:] + good[:32],
    }
    return [
        [key.public_key.hex(), content.hex(), signature.hex(), reason]
        for reason, signature in cases.items()
    ]


def _order(suite: Suite) -> bytes:
    return ORDER.to_bytes(32) if suite.name == "sm" else ED25519_ORDER.to_bytes(32, "little")


def _plus_order(suite: Suite, half: bytes) -> bytes:
    """Add the order; for SM2 the sum does not fit, and the low 32 bytes stand for it."""
    if suite.name == "sm":
        return (int.from_bytes(half) + ORDER).to_bytes(33)[1:]
    return (int.from_bytes(half, "little") + ED25519_ORDER).to_bytes(32, "little")


def _refused_public_keys(name: str, good: bytes) -> Json:
    if name == "sm":
        cases = {
            "uncompressed": b"\x04" + _sm2_point(good),
            "prefix 1": b"\x01" + good[1:],
            "not on the curve": b"\x02" + (5).to_bytes(32),
            "x = p": b"\x02" + SM2_PRIME.to_bytes(32),
        }
    else:
        cases = {
            "order 1": (1).to_bytes(32, "little"),
            "order 2": (ED25519_PRIME - 1).to_bytes(32, "little"),
            "order 4": bytes(32),
            "order 4, sign": (2**255).to_bytes(32, "little"),
            "y = p + 1": (ED25519_PRIME + 1).to_bytes(32, "little"),
            "not on the curve": (2).to_bytes(32, "little"),
        }
    cases |= {"empty": b"", "truncated": good[:-1], "trailing byte": good + b"\x00"}
    return [[public_key.hex(), reason] for reason, public_key in cases.items()]


def _sealed_row(suite: Suite, plaintext: bytes) -> Json:
    key, nonce, associated = bytes(range(suite.aead_key_bytes)), bytes(range(12)), b"associated"
    sealed = suite.seal(key=key, nonce=nonce, plaintext=plaintext, associated=associated)
    return {
        "key": key.hex(),
        "nonce": nonce.hex(),
        "associated": associated.hex(),
        "plaintext": plaintext.hex(),
        "ciphertext": sealed.hex(),
    }


def all_vectors() -> dict[str, str]:
    """Return the text of every file by its path below this folder."""
    made = {"codec/canonical.json": codec_vectors()}
    for name in SUITE_NAMES:
        made[f"suites/{name}.json"] = suite_vectors(name)
        made[f"keys/{name}.json"] = key_vectors(name)
    return {
        path: json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        for path, content in made.items()
    }


def main() -> None:
    """Write all files."""
    for path, text in all_vectors().items():
        target = FOLDER / path
        target.parent.mkdir(exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
