"""The published vectors of genesis, submissions, batches and consensus messages."""

import json
from typing import Any

import pytest

from chainnode import codec
from chainnode.batch import decode_batch
from chainnode.codec import Limits, decode, encode
from chainnode.genesis import decode_genesis
from chainnode.submission import decode_submission, verify_submission
from chainnode.suites import suite_named
from consensus.codec import message_from_plain, message_to_plain, signed_parts
from consensus.messages import Batch
from consensus.types import Digest
from tests.builders import SUITES
from tests.vectors.make_wire import FOLDER, all_vectors

_LIMITS = Limits(bytes_max=1 << 20, depth_max=10)


def published(suite_name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{suite_name}.json").read_text("utf-8"))
    return content


def test_the_script_makes_every_file_again_as_it_is() -> None:
    for name, text in all_vectors().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text


@pytest.mark.parametrize("suite_name", SUITES)
def test_genesis_submission_and_batch_are_read_as_published(suite_name: str) -> None:
    suite, vectors = suite_named(suite_name), published(suite_name)
    genesis = decode_genesis(bytes.fromhex(vectors["genesis"]["encoded"]))
    submission = decode_submission(
        suite, bytes.fromhex(vectors["submission"]["encoded"]), genesis.parameters
    )
    batch = decode_batch(
        suite,
        bytes.fromhex(vectors["batch"]["encoded"]),
        chain_id=genesis.chain_id,
        parameters=genesis.parameters,
    )

    verify_submission(suite, submission)
    assert genesis.chain_id.hex() == vectors["genesis"]["chain_id"]
    assert submission.header.hex() == vectors["submission"]["header"]
    assert submission.digest.hex() == vectors["submission"]["digest"]
    assert [one.hex() for one in submission.body_digests] == vectors["submission"]["body_digests"]
    assert batch.digest.hex() == vectors["batch"]["digest"]
    assert batch.submissions == (submission,)


@pytest.mark.parametrize("suite_name", SUITES)
def test_every_message_is_read_and_every_signature_in_it_verifies(suite_name: str) -> None:
    suite, vectors = suite_named(suite_name), published(suite_name)
    genesis = decode_genesis(bytes.fromhex(vectors["genesis"]["encoded"]))
    batch = vectors["batch"]

    def open_batch(data: bytes) -> Batch:
        assert data.hex() == batch["encoded"]
        return Batch(digest=Digest(bytes.fromhex(batch["digest"])), time_ms=0, body=data)

    assert len(vectors["messages"]) == 9
    for vector in vectors["messages"].values():
        data = bytes.fromhex(vector["encoded"])
        message = message_from_plain(decode(data, _LIMITS), open_batch=open_batch)
        parts = signed_parts(
            message, chain_id=genesis.chain_id, encoder=codec, size=len(genesis.replicas)
        )
        assert parts[0][2].hex() == vector["content"]
        for replica, signature, content in parts:
            key = genesis.replicas[replica].vote_key
            suite.verify(public_key=key, signature=signature, content=content)
        assert encode(message_to_plain(message)) == data
