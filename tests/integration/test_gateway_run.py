"""`kun gateway run` as a real process before a foreign server, on a real ledger."""

import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from chainnode.client import (
    Client,
    GrantDraft,
    ItemDraft,
    add_key,
    apply_for_grant,
    approve_grant,
    end_key,
    publish_item,
)
from chainnode.client import Final as FinalOutcome
from chainnode.gateway import (
    CallIntent,
    CallTransport,
    look_at_spool,
    open_caller,
    read_settings,
)
from chainnode.gateway.calling.steps import EXTENSION
from chainnode.genesis import write_genesis_file
from chainnode.keys import DEVNET_COST, KeyPurpose, Passphrase, write_key_file
from chainnode.secret_files import write_secret_file
from chainnode.submission import Call, key_id
from chainnode.suites import suite_named
from chainnode.suites.port import PrivateKey
from chainnode.verify import Trust
from contracts.schemas.access import DISPUTABLE_CALLS
from contracts.schemas.match_states import Match
from contracts.schemas.members import Role
from tests.builders import ORGANISATIONS, secret_key, submission_key
from tests.served_site import Served, served_site
from tests.unit.chainnode.gateway.foreign import foreign_service

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SUITE = "intl"
ITEM, GRANT = "population/basic", "G-2026-1"
REQUESTER, PROVIDER = ORGANISATIONS[0], ORGANISATIONS[1]
INTENT = CallIntent(provider=PROVIDER, item=ITEM, item_version=1, fields=1, grant=GRANT)
DEADLINE_S = 60.0
FILE_BYTES_MAX = 8 * 1024


def write_files(folder: Path, served: Served, *, upstream: int, port: int) -> None:
    """Write keys, trust and the settings of both sides."""
    passphrase = b"throw-away pass phrase"
    write_genesis_file(folder / "genesis.json", served.genesis)
    write_secret_file(folder / "passphrase", passphrase)
    for number in (0, 1):
        write_key_file(
            folder / f"{number}.key",
            submission_key(SUITE, number),
            suite=suite_named(SUITE),
            purpose=KeyPurpose.SUBMISSION,
            passphrase=Passphrase(passphrase),
            cost=DEVNET_COST,
        )
        (folder / f"gateway-{number}.toml").write_text(
            f'node = "{served.url}"\nkey = "{number}.key"\npassphrase_file = "passphrase"\n'
            f'trust = "genesis.json"\nspool = "spool-{number}"\nitem = "{ITEM}"\nmetrics = true\n'
            f'[proxy]\nlisten = "127.0.0.1:{port}"\nupstream = "http://127.0.0.1:{upstream}"\n'
        )


def grant_calls(served: Served, *, fields: int = 1) -> None:
    item = ItemDraft(item=ITEM, title="人口基本信息", fields=("name", "address"))
    draft = GrantDraft(
        grant=GRANT, item=ITEM, item_version=1, fields=fields, purpose="核验", valid_from=20200101
    )
    approval = approve_grant(GRANT, fields=fields, quota=0, valid_to=0)
    steps = (
        (1, "catalog", publish_item(item)),
        (0, "grants", apply_for_grant(draft)),
        (1, "grants", approval),
    )
    for number, contract, call in steps:
        trust = Trust.from_genesis(served.genesis)
        with Client((served.url,), trust, submission_key(SUITE, number)) as client:
            outcome = client.submit(contract, [call])
        assert isinstance(outcome, FinalOutcome)
        assert outcome.is_accepted


def limit_files() -> None:
    """Let no file of this process grow beyond some halves (setrlimit(2))."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    config: Path, port: int, *, before: Callable[[], None] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the command until the block ends; `before` is done in its process at first."""
    command = [sys.executable, "-m", "chainnode.cli", "gateway", "run", "--config", str(config)]
    process = subprocess.Popen(command, preexec_fn=before)  # noqa: PLW1509  one thread at this moment
    try:
        until = time.monotonic() + DEADLINE_S
        while not _answers(port):
            assert process.poll() is None, "the gateway ended by itself"
            assert time.monotonic() < until, "the gateway did not come up"
        yield process
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/.well-known/kun/metrics", timeout=1, trust_env=False)
    except httpx.HTTPError:
        return False
    return True


def match_of(served: Served, call_id: bytes) -> Match | None:
    """Return what the ledger says of a call once both halves are there."""
    until = time.monotonic() + DEADLINE_S
    with Client((served.url,), Trust.from_genesis(served.genesis)) as client:
        while time.monotonic() < until:
            row = client.state(DISPUTABLE_CALLS, REQUESTER, PROVIDER, call_id).row
            if row is not None and row.match != Match.OPEN:
                return Match(row.match)
    return None


def test_proxy_process_serves_a_foreign_server_and_ends_in_order(tmp_path: Path) -> None:
    port = free_port()
    with served_site(tmp_path / "site", suite_name=SUITE) as served, foreign_service() as foreign:
        write_files(tmp_path, served, upstream=foreign.port, port=port)
        grant_calls(served)
        settings = read_settings(tmp_path / "gateway-0.toml")
        transport = CallTransport(lambda: open_caller(settings, provider=PROVIDER), INTENT)
        with (
            running(tmp_path / "gateway-1.toml", port) as process,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport) as client,
        ):
            response = client.post("/people", json={})
            assert (response.status_code, response.json()) == (200, {"name": "x"})
            outcome = response.extensions[EXTENSION]
            assert outcome.is_proven
            assert match_of(served, outcome.call_id) is Match.MATCHED
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=DEADLINE_S) == 0


def test_proxy_that_is_told_to_end_answers_the_call_in_work_first(tmp_path: Path) -> None:
    port = free_port()
    with served_site(tmp_path / "site", suite_name=SUITE) as served, foreign_service() as foreign:
        write_files(tmp_path, served, upstream=foreign.port, port=port)
        grant_calls(served)
        settings = read_settings(tmp_path / "gateway-0.toml")
        transport = CallTransport(lambda: open_caller(settings, provider=PROVIDER), INTENT)
        with (
            running(tmp_path / "gateway-1.toml", port) as process,
            httpx.Client(
                base_url=f"http://127.0.0.1:{port}", transport=transport, timeout=DEADLINE_S
            ) as client,
            ThreadPoolExecutor(1) as thread,
        ):
            calling = thread.submit(client.post, "/slow", json={})
            assert foreign.has_call.wait(DEADLINE_S)
            process.send_signal(signal.SIGTERM)
            foreign.may_answer.set()
            response = calling.result(DEADLINE_S)
            assert response.status_code == 200
            assert response.extensions[EXTENSION].is_proven
            assert process.wait(timeout=DEADLINE_S) == 0


def test_proxy_that_is_killed_while_an_answer_streams_records_the_call_when_it_is_back(
    tmp_path: Path,
) -> None:
    port, whole = free_port(), replace(INTENT, fields=3)
    with served_site(tmp_path / "site", suite_name=SUITE) as served, foreign_service() as foreign:
        write_files(tmp_path, served, upstream=foreign.port, port=port)
        grant_calls(served, fields=3)
        settings = read_settings(tmp_path / "gateway-0.toml")

        transport = CallTransport(lambda: open_caller(settings, provider=PROVIDER), whole)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport) as client:
            with running(tmp_path / "gateway-1.toml", port) as process:
                request = client.build_request("POST", "/endless", json={})
                response = client.send(request, stream=True)
                call_id = bytes.fromhex(response.headers["Kun-Call-Id"])
                next(response.iter_raw())
                process.kill()
                process.wait()
            foreign.may_answer.set()
            response.close()
            # A requester who got no whole answer says nothing of one, so the halves are a pair.
            with running(tmp_path / "gateway-1.toml", port):
                assert match_of(served, call_id) is Match.MATCHED


def test_proxy_whose_disk_takes_no_more_ends_with_5_and_lets_nothing_through(
    tmp_path: Path,
) -> None:
    port = free_port()
    with served_site(tmp_path / "site", suite_name=SUITE) as served, foreign_service() as foreign:
        write_files(tmp_path, served, upstream=foreign.port, port=port)
        grant_calls(served)
        settings = read_settings(tmp_path / "gateway-0.toml")
        transport = CallTransport(lambda: open_caller(settings, provider=PROVIDER), INTENT)
        with (
            running(tmp_path / "gateway-1.toml", port, before=limit_files) as process,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport) as client,
        ):
            statuses = [200]
            while statuses[-1] == 200 and len(statuses) < 100:
                statuses.append(client.post("/people", json={}).status_code)
            assert statuses[-1] == 503
            assert process.wait(timeout=DEADLINE_S) == 5


def members(served: Served, *calls: Call) -> None:
    """Let the provider's member key change its department's keys."""
    with Client(
        (served.url,), Trust.from_genesis(served.genesis), submission_key(SUITE, 1)
    ) as client:
        outcome = client.submit("members", calls)
    assert isinstance(outcome, FinalOutcome)
    assert outcome.is_accepted


def put_key(folder: Path, key: PrivateKey) -> None:
    """Put a key in the place of the gateway's, as `mv` does."""
    write_key_file(
        folder / "new.key",
        key,
        suite=suite_named(SUITE),
        purpose=KeyPurpose.SUBMISSION,
        passphrase=Passphrase((folder / "passphrase").read_bytes()),
        cost=DEVNET_COST,
    )
    (folder / "new.key").replace(folder / "1.key")


def ask_until(port: int, path: str, told: str) -> None:
    """Ask the gateway until its answer holds these words."""
    until = time.monotonic() + DEADLINE_S
    url = f"http://127.0.0.1:{port}/.well-known/kun/{path}"
    while told not in httpx.get(url, trust_env=False).text:
        assert time.monotonic() < until, f"{path} never said {told}"


def called(client: httpx.Client, *, times: int) -> list[bytes]:
    """Make calls that are answered with data, and return their ids."""
    responses = [client.post("/people", json={}) for _ in range(times)]
    assert [one.status_code for one in responses] == [200] * times
    return [one.extensions[EXTENSION].call_id for one in responses]


def chain_time_ms(served: Served) -> int:
    with Client((served.url,), Trust.from_genesis(served.genesis)) as client:
        return client.header_latest().time_ms


def test_running_gateway_signs_with_no_ended_key_and_takes_the_next_one(tmp_path: Path) -> None:
    port, (first, second) = free_port(), (secret_key(SUITE, 41), secret_key(SUITE, 42))
    suite = suite_named(SUITE)
    with served_site(tmp_path / "site", suite_name=SUITE) as served, foreign_service() as foreign:
        write_files(tmp_path, served, upstream=foreign.port, port=port)
        put_key(tmp_path, first)
        grant_calls(served)
        members(served, add_key(first.public_key, roles=[Role.SERVICE]))
        settings = read_settings(tmp_path / "gateway-0.toml")
        transport = CallTransport(lambda: open_caller(settings, provider=PROVIDER), INTENT)
        with (
            running(tmp_path / "gateway-1.toml", port) as process,
            httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport) as client,
        ):
            answered = called(client, times=1)
            # Each block of this chain is a second later, so its time runs ahead of the clocks.
            ends_ms = chain_time_ms(served) + 3_000
            members(
                served,
                add_key(second.public_key, roles=[Role.SERVICE]),
                end_key(key_id(suite, first.public_key), valid_to_ms=ends_ms),
            )
            answered += called(client, times=6)
            ask_until(port, "metrics", "kunlian_spool_alarm 1")
            ask_until(port, "health", "KEY_ENDED")
            assert client.post("/people", json={}).status_code == 503
            put_key(tmp_path, second)
            ask_until(port, "health", "ok")
            answered += called(client, times=1)
            assert {match_of(served, one) for one in answered} == {Match.MATCHED}
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=DEADLINE_S) == 0
        stored = look_at_spool(tmp_path / "spool-1")
        assert stored is not None
        assert not stored.state.dead_letters()


def test_proxy_whose_settings_have_a_fault_says_so_and_ends(tmp_path: Path) -> None:
    config = tmp_path / "kun-gateway.toml"
    config.write_text('node = "http://127.0.0.1:1"\n')
    command = [sys.executable, "-m", "chainnode.cli", "gateway", "run", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=DEADLINE_S)
    assert done.returncode == 5
    assert b"key: expected" in done.stdout + done.stderr
