"""What custodian and gateway keep on their disks, with fixed chance: wire-format §17."""

import base64
import hmac

from chainnode.codec import encode
from chainnode.identity.numbers import IdType
from chainnode.keys import KdfCost, Passphrase, sealing_key
from chainnode.verify.strict_json import JsonObject
from tests.vectors.exchange_calls import PEOPLE, ROOT_SECRET
from tests.vectors.exchange_chain import POLICE
from tests.vectors.exchange_script import Script

PASSPHRASE = "correct horse battery staple"
# Cheap on purpose: vectors are opened in every run of the tests.
COST = KdfCost(n=2**10, r=8, p=1)
EPOCH = 1


def secret_file(script: Script) -> JsonObject:
    """Return the root secret in a file as the custodian has it."""
    suite = script.suite
    salt, nonce = suite.digest(b"salt of the file")[:16], suite.digest(b"nonce of the file")[:12]
    ciphertext = suite.seal(
        key=sealing_key(suite, Passphrase(PASSPHRASE.encode()), COST, salt),
        nonce=nonce,
        plaintext=ROOT_SECRET,
        associated=encode(("kun.secretfile", 1, suite.name, "custodian")),
    )
    kdf: JsonObject = {"name": "scrypt", "n": COST.n, "r": COST.r, "p": COST.p}
    aead: JsonObject = {"name": suite.aead_name, "nonce": _base64(nonce)}
    return {
        "passphrase": PASSPHRASE,
        "file": {
            "format": "kunlian-secret",
            "version": 1,
            "suite": suite.name,
            "purpose": "custodian",
            "kdf": kdf | {"salt": _base64(salt)},
            "aead": aead | {"ciphertext": _base64(ciphertext)},
        },
        "secret": ROOT_SECRET.hex(),
    }


def token_cache(script: Script) -> JsonObject:
    """Return one row of the cache of the police's own gateway, with the keys that open it."""
    suite, chain = script.suite, script.chain
    key = chain.keys["police service"].secret_bytes()
    keys = {
        use: hmac.digest(
            key,
            encode(("kun.tokencache", 1, chain.chain_id, POLICE, use)),
            suite.hash_name,
        )
        for use in ("slot", "seal")
    }
    slot = hmac.digest(keys["slot"], encode((IdType.CITIZEN.value, PEOPLE[0])), suite.hash_name)
    (token,) = script.caller.root.epoch_key(POLICE, EPOCH).tokens(IdType.CITIZEN, PEOPLE[:1])
    nonce = suite.digest(b"nonce of the row")[:12]
    sealed = nonce + suite.seal(
        key=keys["seal"][: suite.aead_key_bytes],
        nonce=nonce,
        plaintext=token,
        associated=encode(("kun.tokencache", 1, slot, EPOCH)),
    )
    return {
        "key": "police service",
        "department": POLICE,
        "epoch": EPOCH,
        "id_type": IdType.CITIZEN.value,
        "id": PEOPLE[0],
        "token": token.hex(),
        "slot": slot.hex(),
        "sealed": sealed.hex(),
    }


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
