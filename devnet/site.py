"""Makes the folder of a devnet: authority, keys, genesis, settings of every node.

The folder is made under another name and renamed when it is complete, so that an interrupted
`up` leaves nothing that looks like a devnet.
"""

import json
import secrets
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chainnode.genesis import (
    Genesis,
    KeyEntry,
    OrganisationEntry,
    Parameters,
    ReplicaEntry,
    write_genesis_file,
)
from chainnode.keys import DEVNET_COST, KeyPurpose, Passphrase, write_key_file
from chainnode.pki import create_authority, issue_node_certificate, write_credentials
from chainnode.secret_files import write_secret_file
from chainnode.suites import suite_named
from chainnode.suites.port import PrivateKey, Suite
from devnet.departments import (
    AUDITOR,
    CUSTODIAN,
    DATA,
    HOUSING,
    ISSUER,
    MEMBER,
    POLICE,
    SERVICE,
    Department,
    first_departments,
)
from devnet.errors import NotADevnet
from devnet.topology import (
    HOST,
    DevnetFolder,
    NodePlace,
    ServicePorts,
    Topology,
    free_ports,
    port_count,
    write_topology,
)

LABEL = "昆链开发网 Kunlian devnet"
_CERTIFICATE_DAYS = 3650
# A person waits for it: shorter than the 30 s of a real chain.
_IDLE_BLOCK_MS = 5_000
# A watcher sees a lone half become unmatched while the terminal is still open.
_MATCH_DEADLINE_MS = 20_000
# So that a demonstration sees a dispute become overdue.
_DISPUTE_DEADLINE_MS = 60_000
# 4 × 2^14 buckets hold the demo and a day of trials; a real chain takes 2^20.
_STATE_MAP_BITS = 16
_REQUEST_TIMEOUT_MS = 1_500
# Trials heal within seconds; a real chain backs off up to a minute.
TIMEOUT_CAP_MS = 2_000


# At which address the first node dials the second: its own, or that of a proxy in between.
Dialling = Callable[[NodePlace, NodePlace], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRequest:
    """What kind of devnet is wanted."""

    suite: str
    nodes: int
    has_demo: bool
    clock_offset_ms: int = 0
    # Service keys of each department beside its first: each of them is a client of its own.
    more_services: int = 0
    match_deadline_ms: int = _MATCH_DEADLINE_MS
    dispute_deadline_ms: int = _DISPUTE_DEADLINE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A submission key of the devnet: its name, whose it is, what it may do."""

    name: str
    organisation: str
    roles: tuple[int, ...]


def identities_of(
    departments: Sequence[Department], *, more_services: int = 0
) -> tuple[Identity, ...]:
    """Return the identities: those of single tasks, and two or more for every department."""
    rows = [
        ("issuer", DATA, ISSUER),
        ("auditor", DATA, AUDITOR),
        ("custodian", DATA, CUSTODIAN),
        # Each process counts its own nonces, so each has a key of its own.
        ("console", DATA, AUDITOR),
        ("citizen", DATA, AUDITOR),
        ("registry", POLICE, SERVICE),
        ("housing-office", HOUSING, SERVICE),
    ]
    for one in departments:
        rows.append((f"member-{one.name}", one, MEMBER))
        rows += [(service_name(one, number), one, SERVICE) for number in range(more_services + 1)]
    return tuple(
        Identity(name=name, organisation=department.organisation, roles=(role,))
        for name, department, role in rows
    )


def service_name(department: Department, number: int) -> str:
    """Name the service identity of a department; number 0 is its first."""
    return f"service-{department.name}" + (f"-{number + 1}" if number else "")


def make_site(path: Path, request: SiteRequest) -> Topology:
    """Make the folder of a new devnet; nothing is started.

    Raises:
        NotADevnet: the folder exists and holds something.

    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise NotADevnet(path, reason="it exists and holds other things; it is left alone")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = DevnetFolder(path.with_name(f".{path.name}.{secrets.token_hex(4)}.draft"))
    draft.path.mkdir(mode=0o700)
    try:
        topology = _fill(draft, request)
        if path.exists():
            path.rmdir()
        draft.path.rename(path)
    except BaseException:
        shutil.rmtree(draft.path, ignore_errors=True)
        raise
    return topology


def _fill(folder: DevnetFolder, request: SiteRequest) -> Topology:
    departments = first_departments(request.nodes)
    suite = suite_named(request.suite)
    votes = {one.name: suite.generate_private_key() for one in departments}
    identities = identities_of(departments, more_services=request.more_services)
    people = {one: suite.generate_private_key() for one in identities}
    genesis = _genesis(suite, departments, votes, people, request)
    write_genesis_file(folder.genesis, genesis)
    _write_keys(folder, suite, votes, people)
    topology = _place(request, departments, chain_id=genesis.chain_id.hex())
    _write_certificates(folder, topology)
    write_settings(folder, topology)
    write_topology(folder, topology)
    return topology


def _genesis(
    suite: Suite,
    departments: Sequence[Department],
    votes: Mapping[str, PrivateKey],
    people: Mapping[Identity, PrivateKey],
    request: SiteRequest,
) -> Genesis:
    return Genesis(
        suite_name=suite.name,
        label=LABEL,
        created_ms=time.time_ns() // 1_000_000 + request.clock_offset_ms,
        parameters=Parameters(
            devnet=1,
            idle_block_ms=_IDLE_BLOCK_MS,
            match_deadline_ms=request.match_deadline_ms,
            dispute_deadline_ms=request.dispute_deadline_ms,
            state_map_bits=_STATE_MAP_BITS,
        ),
        replicas=tuple(
            ReplicaEntry(
                replica_id=number,
                organisation=one.organisation,
                vote_key=votes[one.name].public_key,
            )
            for number, one in enumerate(departments)
        ),
        organisations=tuple(
            _organisation(one, people)
            for one in sorted(departments, key=lambda one: one.organisation)
        ),
    )


def _organisation(one: Department, people: Mapping[Identity, PrivateKey]) -> OrganisationEntry:
    return OrganisationEntry(
        organisation=one.organisation,
        name=one.title,
        roles=one.roles,
        keys=tuple(
            KeyEntry(public_key=key.public_key, roles=identity.roles)
            for identity, key in people.items()
            if identity.organisation == one.organisation
        ),
    )


def _write_keys(
    folder: DevnetFolder,
    suite: Suite,
    votes: Mapping[str, PrivateKey],
    people: Mapping[Identity, PrivateKey],
) -> None:
    """Seal all keys; scrypt releases the GIL, so two cores seal two at a time."""
    secret = secrets.token_urlsafe(24).encode()
    write_secret_file(folder.passphrase, secret + b"\n")
    places = [
        (folder.node(name) / "vote.key.json", key, KeyPurpose.VOTE) for name, key in votes.items()
    ]
    places += [
        (folder.identity(one.name), key, KeyPurpose.SUBMISSION) for one, key in people.items()
    ]

    def seal(place: tuple[Path, PrivateKey, KeyPurpose]) -> None:
        path, key, purpose = place
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_key_file(
            path,
            key,
            suite=suite,
            purpose=purpose,
            passphrase=Passphrase(secret),
            cost=DEVNET_COST,
        )

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(seal, places))


def _place(request: SiteRequest, departments: Sequence[Department], *, chain_id: str) -> Topology:
    ports = iter(free_ports(port_count(len(departments))))
    return Topology(
        suite=request.suite,
        chain_id=chain_id,
        has_demo=request.has_demo,
        services=ServicePorts.take(ports),
        clock_offset_ms=request.clock_offset_ms,
        nodes=tuple(
            NodePlace(
                name=one.name,
                organisation=one.organisation,
                replica_id=number,
                api_port=next(ports),
                p2p_port=next(ports),
            )
            for number, one in enumerate(departments)
        ),
    )


def _write_certificates(folder: DevnetFolder, topology: Topology) -> None:
    """TLS lives in real time, whatever clock the chain has."""
    now = datetime.now(UTC)
    authority = create_authority(name=LABEL, now=now, days=_CERTIFICATE_DAYS)
    folder.authority.mkdir(mode=0o700)
    write_credentials(
        authority,
        certificate=folder.authority / "ca.cert.pem",
        key=folder.authority / "ca.key.pem",
    )
    for place in topology.nodes:
        credentials = issue_node_certificate(
            authority,
            replica_id=place.replica_id,
            hosts=[HOST],
            now=now,
            days=_CERTIFICATE_DAYS,
        )
        home = folder.node(place.name)
        write_credentials(credentials, certificate=home / "tls.cert.pem", key=home / "tls.key.pem")


def dial_directly(_dialler: NodePlace, listener: NodePlace) -> str:
    """Dial every node where it listens."""
    return f"{HOST}:{listener.p2p_port}"


def write_settings(
    folder: DevnetFolder, topology: Topology, *, dialling: Dialling = dial_directly
) -> None:
    """Write `kun.toml` of every node; also done when the ports change."""
    for place in topology.nodes:
        path = folder.node(place.name) / "kun.toml"
        path.write_text(node_settings(topology, place, dialling=dialling), encoding="utf-8")


def node_settings(
    topology: Topology, place: NodePlace, *, dialling: Dialling = dial_directly
) -> str:
    """Return the `kun.toml` of one node; its paths are relative to the file."""
    sections: dict[str, dict[str, str | int]] = {
        "node": {
            "name": place.name,
            "replica_id": place.replica_id,
            "genesis": "../../genesis.json",
            "data_dir": "data",
            "log_dir": "logs",
            "vote_key": "vote.key.json",
            "passphrase_file": "../../passphrase",
        },
        "api": {"listen": f"{HOST}:{place.api_port}"},
        "consensus": {
            "request_timeout_ms": _REQUEST_TIMEOUT_MS,
            "timeout_cap_ms": TIMEOUT_CAP_MS,
        },
        "p2p": {
            "listen": f"{HOST}:{place.p2p_port}",
            "tls_ca": "../../ca/ca.cert.pem",
            "tls_cert": "tls.cert.pem",
            "tls_key": "tls.key.pem",
        },
    }
    lines = ["# Written by `kun devnet up`."]
    for section, values in sections.items():
        lines += ["", f"[{section}]", *(_setting(*one) for one in values.items())]
    for peer in topology.nodes:
        if peer.replica_id != place.replica_id:
            lines += [
                "",
                "[[p2p.peers]]",
                _setting("replica_id", peer.replica_id),
                _setting("address", dialling(place, peer)),
            ]
    return "\n".join(lines) + "\n"


def _setting(name: str, value: str | int) -> str:
    """Write one setting: a JSON string of ASCII and an integer are TOML too."""
    return f"{name} = {json.dumps(value)}"
