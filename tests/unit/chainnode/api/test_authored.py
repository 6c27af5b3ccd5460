"""Records with the submission that their sender signed."""

from chainnode.verify import BlockRecordFacts, RecordFacts, verify_evidence
from tests.builders import ORGANISATIONS
from tests.unit.chainnode.api.web import Web, problem_of
from tests.unit.contracts.builders import ACCESS_RECORD, changed

CALLS = [
    changed(ACCESS_RECORD, requester=ORGANISATIONS[0], call_id=bytes([one]) * 16)
    for one in range(5)
]


async def test_a_record_is_shown_with_its_sender_in_the_log_and_in_its_block(web: Web) -> None:
    first = web.site.submission(*CALLS[:3])
    second = web.site.submission(*CALLS[3:], nonce=1)
    web.site.grow(first)
    web.site.grow(second)
    for position, sent in ((0, first), (2, first), (3, second), (4, second)):
        path = f"/v1/records/{position}/authored"
        by_default = verify_evidence((await web.get(path)).json(), web.site.trust)
        in_log = verify_evidence((await web.get(f"{path}?place=log")).json(), web.site.trust)
        in_block = verify_evidence((await web.get(f"{path}?place=block")).json(), web.site.trust)

        assert by_default == in_log
        assert isinstance(in_log, RecordFacts)
        assert isinstance(in_block, BlockRecordFacts)
        assert in_log.author is not None
        assert in_log.author == in_block.author
        assert (in_log.position, in_log.author.public_key) == (position, sent.public_key)
        assert (in_log.header.height, in_block.header.height) == (2, 1 if position < 3 else 2)
        assert in_log.call == in_block.call == sent.calls[in_log.entry.call_index]


async def test_what_is_not_there_is_a_problem(web: Web) -> None:
    web.site.grow(web.site.submission(CALLS[0]))

    problem_of(await web.get("/v1/records/1/authored"), "NOT_FOUND", 404)
    problem_of(await web.get("/v1/records/0/authored?place=state"), "INVALID_PARAMETER", 422)
