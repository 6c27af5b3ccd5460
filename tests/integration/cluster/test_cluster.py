from pathlib import Path

from tests.builders import submission_of
from tests.integration.cluster.harness import START_MS, running_cluster


async def test_a_submission_to_any_node_becomes_final_at_all(tmp_path: Path) -> None:
    async with running_cluster(tmp_path) as cluster:
        submission = submission_of(cluster.genesis, valid_until_ms=START_MS + 60_000)

        response = await cluster.submit(2, submission, wait_s=20)

        assert response.status_code == 200, response.text
        await cluster.until_height(response.json()["submissions"][0]["height"])
