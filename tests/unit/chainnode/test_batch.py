import pytest

from chainnode.batch import NULL_DECODED_BATCH, build_batch, decode_batch
from chainnode.codec import InvalidEncoding, encode
from chainnode.errors import InvalidInput
from chainnode.genesis import Parameters
from chainnode.suites import suite_named
from tests.builders import NOW_MS, SUITES, genesis_of, submission_of


@pytest.mark.parametrize("suite_name", SUITES)
def test_a_decoded_batch_equals_the_built_one(suite_name: str) -> None:
    genesis = genesis_of(suite_name)
    suite = suite_named(suite_name)
    submissions = [submission_of(genesis, nonce=one) for one in range(5)]
    built = build_batch(suite, chain_id=genesis.chain_id, time_ms=NOW_MS, submissions=submissions)

    decoded = decode_batch(
        suite, built.encoded, chain_id=genesis.chain_id, parameters=genesis.parameters
    )

    assert decoded == built
    assert built.record_count == 5


def test_the_digest_covers_time_order_count_chain_and_signatures() -> None:
    genesis = genesis_of("sm")
    suite = suite_named("sm")
    one, two = submission_of(genesis), submission_of(genesis, nonce=1)
    resigned = submission_of(genesis)
    variants = [
        (genesis.chain_id, NOW_MS, [one, two]),
        (genesis.chain_id, NOW_MS + 1, [one, two]),
        (genesis.chain_id, NOW_MS, [two, one]),
        (genesis.chain_id, NOW_MS, [one]),
        (genesis.chain_id, NOW_MS, []),
        (bytes(32), NOW_MS, [one, two]),
        (genesis.chain_id, NOW_MS, [resigned, two]),
    ]

    digests = {
        build_batch(suite, chain_id=chain, time_ms=time, submissions=submissions).digest
        for chain, time, submissions in variants
    }

    assert len(digests) == len(variants)


def test_no_bytes_are_the_null_batch() -> None:
    genesis = genesis_of()
    decoded = decode_batch(
        suite_named("intl"), b"", chain_id=genesis.chain_id, parameters=genesis.parameters
    )

    assert decoded is NULL_DECODED_BATCH
    assert decoded.digest == bytes(32)


@pytest.mark.parametrize(
    "wire",
    [
        ("kun.other", 1, NOW_MS, ()),
        ("kun.batch", 2, NOW_MS, ()),
        ("kun.batch", 1, "now", ()),
        ("kun.batch", 1, NOW_MS, b""),
        ("kun.batch", 1, NOW_MS, ("text",)),
        ("kun.batch", 1, NOW_MS, (b"no submission",)),
        ("kun.batch", 1, NOW_MS),
    ],
)
def test_each_malformed_batch_is_refused(wire: tuple[object, ...]) -> None:
    with pytest.raises(InvalidInput):
        decode_batch(
            suite_named("intl"),
            encode(wire),  # type: ignore[arg-type]  # hostile shapes
            chain_id=bytes(32),
            parameters=Parameters(),
        )


def test_a_batch_over_the_limit_is_refused_at_the_exact_byte() -> None:
    genesis = genesis_of()
    suite = suite_named("intl")
    submissions = [submission_of(genesis, nonce=one) for one in range(400)]
    data = build_batch(
        suite, chain_id=genesis.chain_id, time_ms=NOW_MS, submissions=submissions
    ).encoded

    exact = Parameters(batch_bytes_max=len(data))
    assert decode_batch(suite, data, chain_id=genesis.chain_id, parameters=exact).submissions
    with pytest.raises(InvalidEncoding):
        decode_batch(
            suite,
            data,
            chain_id=genesis.chain_id,
            parameters=Parameters(batch_bytes_max=len(data) - 1),
        )
