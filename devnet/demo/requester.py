"""The housing department's side of the demo: calls the population registry over real HTTP."""

import http.client
import json
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from chainnode.suites.port import Suite
from contracts.schemas.access import CALL_ID_BYTES
from devnet.demo.custodian import Custodian
from devnet.demo.halves import DemoCall, commitment
from devnet.demo.registry_paths import (
    ANSWER_SALT_HEADER,
    CALL_HEADER,
    CASE_HEADER,
    DATA_PATH,
    PURPOSE_HEADER,
    REQUESTER_HEADER,
    SALT_BYTES,
    SALT_HEADER,
    TRACE_HEADER,
)
from devnet.departments import HOUSING, POLICE
from devnet.topology import HOST

# Enough to keep the registry busy, and no more than a small service takes.
_CONNECTIONS = 4
_TIMEOUT_S = 10.0
_ANSWER_BYTES_MAX = 64 * 1024
_PURPOSE = "housing"


class HousingClient:
    """Calls the registry on one connection and remembers each call as a fact."""

    def __init__(
        self, port: int, *, suite: Suite, custodian: Custodian, clock_offset_ms: int
    ) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT_S)
        self._suite = suite
        self._custodian = custodian
        self._clock_offset_ms = clock_offset_ms

    def call(self, person_id: str, *, case_number: str) -> DemoCall:
        """Ask for one person.

        Raises:
            OSError: the registry is not there.
            http.client.HTTPException: it does not speak HTTP.

        """
        call_id, trace_id = (secrets.token_bytes(CALL_ID_BYTES) for _ in range(2))
        salt = secrets.token_bytes(SALT_BYTES)
        body = json.dumps({"person_id": person_id}).encode()
        requested_ms = self._now_ms()
        headers = {
            CALL_HEADER: call_id.hex(),
            TRACE_HEADER: trace_id.hex(),
            REQUESTER_HEADER: HOUSING.organisation,
            SALT_HEADER: salt.hex(),
            PURPOSE_HEADER: _PURPOSE,
            CASE_HEADER: case_number,
            "Content-Type": "application/json",
        }
        self._connection.request("POST", DATA_PATH, body=body, headers=headers)
        response = self._connection.getresponse()
        content = response.read(_ANSWER_BYTES_MAX)
        answer_salt = bytes.fromhex(response.getheader(ANSWER_SALT_HEADER, ""))
        return DemoCall(
            call_id=call_id,
            trace_id=trace_id,
            requester=HOUSING.organisation,
            provider=POLICE.organisation,
            item=POLICE.serves,
            subjects=(self._custodian.token(provider=POLICE.organisation, person_id=person_id),),
            status=response.status,
            count=int(response.status == http.client.OK),
            requested_ms=requested_ms,
            answered_ms=self._now_ms(),
            purpose=_PURPOSE,
            case_number=case_number,
            request_commitment=commitment(self._suite, salt=salt, content=body),
            response_commitment=commitment(self._suite, salt=answer_salt, content=content),
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self._clock_offset_ms


def call_everybody(
    people: Sequence[str],
    port: int,
    *,
    suite: Suite,
    custodian: Custodian,
    clock_offset_ms: int,
) -> tuple[DemoCall, ...]:
    """Ask for each of `people` over a few connections; the answers are in no order."""

    def call_share(start: int) -> list[DemoCall]:
        client = HousingClient(
            port, suite=suite, custodian=custodian, clock_offset_ms=clock_offset_ms
        )
        try:
            return [
                client.call(people[number], case_number=f"HOUSING-{number:06d}")
                for number in range(start, len(people), _CONNECTIONS)
            ]
        finally:
            client.close()

    with ThreadPoolExecutor(max_workers=_CONNECTIONS) as pool:
        shares = list(pool.map(call_share, range(_CONNECTIONS)))
    return tuple(call for share in shares for call in share)
