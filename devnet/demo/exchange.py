"""The exchange itself: calls over HTTP by the housing office, and bulk calls of all departments."""

from collections.abc import Iterator, Sequence

from chainnode.submission import Call
from contracts.schemas import access
from contracts.schemas.access import Side
from devnet.demo.clients import Submitters, demo_now_ms
from devnet.demo.halves import DemoCall
from devnet.demo.people import Person
from devnet.demo.plan import HttpCall, plan_bulk
from devnet.demo.pseudonyms import DemoTokens
from devnet.demo.requester import Made, call_registry
from devnet.demo.services import wait_until_recorded
from devnet.demo.settings import office_config, registry_url
from devnet.topology import departments_of

_HALVES_PER_SUBMISSION = 450


def exchange(
    submitters: Submitters,
    people: Sequence[Person],
    tokens: DemoTokens,
    over_http: Sequence[HttpCall],
) -> tuple[Made, ...]:
    """Make all calls, and return those over HTTP when both sides of them are recorded.

    Raises:
        DemoRefused, NotReady: the chain, the registry or the housing office failed.

    """
    folder, topology = submitters.folder, submitters.topology
    making = submitters.threads.submit(
        call_registry, office_config(folder), registry_url(topology), over_http
    )
    departments = departments_of(topology)
    bulk = plan_bulk(departments, people, tokens, now_ms=demo_now_ms(topology))
    services = {
        one.organisation: submitters.client(f"service-{one.name}", one) for one in departments
    }
    said = [
        submitters.submit(services[speaker], access.NAME, portion)
        for speaker, halves in _halves_by_speaker(bulk).items()
        for portion in _in_portions(halves)
    ]
    for one in said:
        one.result()
    made = making.result()
    wait_until_recorded(folder)
    return made


def _halves_by_speaker(calls: Sequence[DemoCall]) -> dict[str, list[Call]]:
    halves = dict[str, list[Call]]()
    for call in calls:
        for side, speaker in ((Side.REQUESTER, call.requester), (Side.PROVIDER, call.provider)):
            halves.setdefault(speaker, []).append(call.half(side))
    return halves


def _in_portions(halves: Sequence[Call]) -> Iterator[Sequence[Call]]:
    """Cut many halves into what one submission carries."""
    for start in range(0, len(halves), _HALVES_PER_SUBMISSION):
        yield halves[start : start + _HALVES_PER_SUBMISSION]
