"""Brings onto the chain what calls stand on: items, grants, epochs of tokens; and certificates.

A grant needs its item, a review its application: these wait for each other, all else goes out at
the same time.
"""

from collections.abc import Mapping, Sequence

from chainnode.submission import Call
from contracts.schemas import catalog, certificates, grants
from contracts.schemas.days import local_day
from devnet.demo.catalogue import applications, publication, reviews, revocation
from devnet.demo.certificates import DemoCertificate, revocations
from devnet.demo.clients import Submitters, demo_now_ms, submit_all
from devnet.demo.people import Person
from devnet.demo.pseudonyms import DemoTokens, fetch_tokens, open_epochs
from devnet.departments import DATA, POLICE, Department
from devnet.topology import departments_of


def establish(
    submitters: Submitters,
    people: Sequence[Person],
    issued: Sequence[DemoCertificate],
    issuing: Sequence[Call],
) -> DemoTokens:
    """Bring all of it onto the chain, and return the tokens of all people at all departments.

    Raises:
        DemoRefused: the chain did not take something.
        NotReady: the custodian did not do its part.

    """
    tokens = submitters.threads.submit(_make_tokens, submitters, people)
    papers = submitters.threads.submit(_register, submitters, issued, issuing)
    _let_share(submitters)
    papers.result()
    return tokens.result()


def _let_share(submitters: Submitters) -> None:
    """Publish all items, apply for them, review what is applied for, and revoke one grant."""
    departments = departments_of(submitters.topology)
    today = local_day(demo_now_ms(submitters.topology))
    members = {one: submitters.client(f"member-{one.name}", one) for one in departments}
    rounds: tuple[tuple[str, Mapping[Department, Sequence[Call]]], ...] = (
        (catalog.NAME, {one: (publication(one),) for one in departments}),
        (grants.NAME, {one: applications(one, departments, today=today) for one in departments}),
        (grants.NAME, {one: reviews(one, departments) for one in departments}),
        (grants.NAME, {POLICE: (revocation(),)}),
    )
    for contract, calls in rounds:
        said = [submitters.submit(members[one], contract, own) for one, own in calls.items()]
        for one in said:
            one.result()


def _make_tokens(submitters: Submitters, people: Sequence[Person]) -> DemoTokens:
    folder, topology = submitters.folder, submitters.topology
    open_epochs(folder, departments_of(topology))
    return fetch_tokens(folder, topology, people)


def _register(
    submitters: Submitters, issued: Sequence[DemoCertificate], issuing: Sequence[Call]
) -> None:
    client = submitters.client("issuer", DATA)
    submit_all(client, certificates.NAME, issuing)
    submit_all(client, certificates.NAME, revocations(issued))
