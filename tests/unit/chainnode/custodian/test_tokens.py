"""Tokens against a second HMAC written from RFC 2104, and a secret that does not show itself."""

import pickle

import pytest

from chainnode.codec import encode
from chainnode.custodian.tokens import EpochKey, RootSecret
from chainnode.errors import ConfigurationError
from chainnode.identity.numbers import IdType
from chainnode.suites import SUITE_NAMES, suite_named
from chainnode.suites.port import Suite
from tests.builders_custodian import CHAIN_ID, POLICE, ROOT
from tests.builders_identity import citizen_number

BLOCK_BYTES = 64


def hmac_of_rfc_2104(suite: Suite, key: bytes, text: bytes) -> bytes:
    """H(K XOR opad, H(K XOR ipad, text)), §2; every key here is shorter than a block."""
    padded = key.ljust(BLOCK_BYTES, b"\0")
    inner = suite.digest(bytes(one ^ 0x36 for one in padded) + text)
    return suite.digest(bytes(one ^ 0x5C for one in padded) + inner)


@pytest.fixture(params=SUITE_NAMES)
def suite(request: pytest.FixtureRequest) -> Suite:
    return suite_named(request.param)


@pytest.fixture
def root(suite: Suite) -> RootSecret:
    return RootSecret(ROOT, suite=suite, chain_id=CHAIN_ID)


def test_a_token_is_the_hmac_of_the_format_by_a_second_implementation(
    suite: Suite, root: RootSecret
) -> None:
    number = citizen_number()
    content = encode(("kun.pseudonym", 1, CHAIN_ID, POLICE, 3))
    epoch_key = hmac_of_rfc_2104(suite, ROOT, content)
    expected = hmac_of_rfc_2104(suite, epoch_key, encode(("111", number)))
    key = root.epoch_key(POLICE, 3)
    assert key.tokens(IdType.CITIZEN, [number]) == (expected,)
    assert key.check(suite) == suite.digest(encode(("kun.keycheck", 1, epoch_key)))


def test_hmac_over_sha_256_is_that_of_rfc_4231() -> None:
    intl = suite_named("intl")
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hmac_of_rfc_2104(intl, b"Jefe", b"what do ya want for nothing?").hex() == expected


def test_tokens_of_other_departments_epochs_types_chains_and_roots_differ(suite: Suite) -> None:
    number = citizen_number()
    tokens = {
        RootSecret(secret, suite=suite, chain_id=chain)
        .epoch_key(department, epoch)
        .tokens(id_type, [number])[0]
        for secret in (ROOT, bytes(32))
        for chain in (CHAIN_ID, b"\1" * 32)
        for department in (POLICE, POLICE + "1")
        for epoch in (1, 2)
        for id_type in IdType
    }
    assert len(tokens) == 32


def test_the_secret_is_in_no_representation_and_cannot_be_pickled(root: RootSecret) -> None:
    key = root.epoch_key(POLICE, 1)
    for one in (root, key):
        shown = repr(one) + str(one)
        assert ROOT.hex() not in shown
        assert repr(ROOT) not in shown
        assert not hasattr(one, "__dict__")
        with pytest.raises(TypeError):
            pickle.dumps(one)
    assert isinstance(key, EpochKey)


def test_a_root_of_another_size_is_refused(suite: Suite) -> None:
    with pytest.raises(ConfigurationError):
        RootSecret(ROOT[:-1], suite=suite, chain_id=CHAIN_ID)
