"""Genesis: what a chain is born with, and its file. docs/wire-format.md §3 and §11.

Pure apart from `load_genesis_file` and `write_genesis_file`. What exists is legal: every
dataclass validates itself, and `chain_id` commits to every byte.
"""

import base64
import binascii
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from chainnode.codec import (
    InvalidEncoding,
    Limits,
    Plain,
    as_array,
    as_bytes,
    as_int,
    as_text,
    decode,
    encode,
)
from chainnode.errors import ConfigurationError
from chainnode.suites import SUITE_NAMES, suite_named
from chainnode.suites.port import InvalidKey, Suite
from consensus.types import FIRST_EPOCH, Membership

GENESIS_TAG = "kun.genesis"
# The version of a genesis is the rules of its chain for ever; version 1 has no parameter `rules`.
RULES_FIRST = 1
RULES_EXCHANGE = 2
RULES_DISPUTES = 3
FILE_FORMAT = "kunlian-genesis"
FILE_VERSION = 1
REPLICAS_MIN = 4
# Measured up to 31; larger groups need observers instead of replicas.
REPLICAS_MAX = 31
LABEL_CHARACTERS_MAX = 64
NAME_CHARACTERS_MAX = 64
ORGANISATION_ID = re.compile(r"[A-Z0-9-]{2,32}\Z")
ROLES = {1: "member", 2: "issuer", 3: "service", 4: "auditor", 5: "custodian"}
# A consortium of some hundred departments; the file stays readable.
ORGANISATIONS_MAX = 1024
KEYS_PER_ORGANISATION_MAX = 64
# A peer frame has 4 MiB; an answer that shows a NEW-VIEW among other things needs the rest.
NEW_VIEW_BYTES_MAX = 3_500_000
_FILE_BYTES_MAX = 4 * 1024 * 1024
_LIMITS = Limits(bytes_max=_FILE_BYTES_MAX, depth_max=6, elements_max=524_288)
# Smallest and largest value of each parameter; the comment of a row is its reason.
_PARAMETER_RANGES = {
    "batch_bytes_max": (64 * 1024, 2 * 1024 * 1024),  # one frame of the peer protocol
    "calls_max": (1, 4096),  # width of a nonce window and of a batch issue
    "devnet": (0, 1),
    "drift_ms": (100, 60_000),  # clocks of one city, NTP
    "idle_block_ms": (500, 600_000),  # time moves only with blocks
    "index_map_bits": (8, 24),
    "state_map_bits": (8, 24),
    "submission_bytes_max": (16 * 1024, 1024 * 1024 + 512 * 1024),  # calls of 1 MiB and framing
    "validity_ms_max": (10_000, 600_000),  # bounds the memory of expiry
    "window": (16, 256),  # several sequences in flight
}
# What a genesis of version 2 has besides; under rules 1 there are no deadlines.
_EXCHANGE_RANGES = {
    "match_deadline_ms": (1_000, 30 * 86_400_000),  # one slot of the queue; a month of outage
    "rules": (RULES_EXCHANGE, RULES_EXCHANGE),
}
# What a genesis of version 3 has besides; before rules 3 there are no disputes.
_DISPUTE_RANGES = {
    "dispute_deadline_ms": (1_000, 366 * 86_400_000),  # one slot of the queue; a leap year
    "rules": (RULES_DISPUTES, RULES_DISPUTES),
}
# By the rules of a chain, which are the version of its genesis.
_RANGES = {
    RULES_FIRST: _PARAMETER_RANGES,
    RULES_EXCHANGE: _PARAMETER_RANGES | _EXCHANGE_RANGES,
    RULES_DISPUTES: _PARAMETER_RANGES | _EXCHANGE_RANGES | _DISPUTE_RANGES,
}
# A deadline that the rules do not know is 0.
_NO_DEADLINES = {"dispute_deadline_ms": (0, 0), "match_deadline_ms": (0, 0)}
_DAY_MS = 86_400_000


class InvalidGenesis(ConfigurationError):
    """A genesis that cannot start a chain; names every fault found."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("genesis: " + "; ".join(faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Limits and intervals that every replica applies alike; times in ms, sizes in bytes.

    `rules` name the contracts of the chain (docs/wire-format.md §14). `match_deadline_ms` is how
    long one half of a call may stand alone, `dispute_deadline_ms` how long an answer to a dispute
    may take: fifteen working days by default. Under rules 1 both are 0, and nothing is due; under
    rules 2 the latter is.
    """

    batch_bytes_max: int = 2 * 1024 * 1024
    calls_max: int = 4096
    devnet: int = 0
    dispute_deadline_ms: int = 21 * _DAY_MS
    drift_ms: int = 5_000
    idle_block_ms: int = 30_000
    index_map_bits: int = 20
    match_deadline_ms: int = 86_400_000
    rules: int = RULES_DISPUTES
    state_map_bits: int = 20
    submission_bytes_max: int = 1024 * 1024 + 256 * 1024
    validity_ms_max: int = 600_000
    window: int = 16

    def __post_init__(self) -> None:
        faults = []
        for name, (low, high) in self._ranges().items():
            value = getattr(self, name)
            if not low <= value <= high:
                faults.append(f"{name}: expected {low} to {high}, got {value}")
        faults.extend(
            f"{name}: expected an even number, got {getattr(self, name)}"
            for name in ("index_map_bits", "state_map_bits")
            if getattr(self, name) % 2
        )
        if faults:
            raise InvalidGenesis(faults)

    @property
    def pairs(self) -> tuple[tuple[str, int], ...]:
        """Names and values, ascending by name, as genesis and trust files commit to them."""
        return tuple((name, getattr(self, name)) for name in parameter_names(self.rules))

    def _ranges(self) -> dict[str, tuple[int, int]]:
        # Unknown rules are told by the range of `rules` itself.
        return _NO_DEADLINES | _RANGES.get(self.rules, _RANGES[RULES_DISPUTES])


def parameter_names(rules: int) -> tuple[str, ...]:
    """Return the names of the parameters of a chain with these rules, ascending."""
    return tuple(sorted(_RANGES.get(rules, _RANGES[RULES_DISPUTES])))


def rules_named_by(names: Collection[str]) -> int:
    """Return the rules whose parameters these may be; each set has names that the one before lacks.

    Whether they are, and say so themselves, is for `parameters_of` to check.
    """
    if "dispute_deadline_ms" in names:
        return RULES_DISPUTES
    return RULES_EXCHANGE if "rules" in names else RULES_FIRST


def parameters_of(pairs: Sequence[tuple[str, int]]) -> Parameters:
    """Make the parameters of names and values as they stand in a genesis or trust file.

    Raises:
        InvalidGenesis: other names than those of a version, another order, or illegal values.

    """
    names = tuple(name for name, _ in pairs)
    rules = rules_named_by(names)
    expected = parameter_names(rules)
    if names != expected:
        raise InvalidGenesis(
            [f"parameters: expected {', '.join(expected)}, got {', '.join(names)[:400]}"]
        )
    unknown = {name: 0 for name in _NO_DEADLINES if name not in expected}
    found = {"rules": rules} | unknown | dict(pairs)
    if found["rules"] != rules:
        raise InvalidGenesis([f"rules: expected {rules}, got {found['rules']}"])
    return Parameters(**found)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaEntry:
    """A replica of epoch 0 and the key that signs its votes."""

    replica_id: int
    organisation: str
    vote_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """A submission key: its roles are out of its organisation's; `valid_to_ms` 0 = no end."""

    public_key: bytes
    roles: tuple[int, ...]
    valid_from_ms: int = 0
    valid_to_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationEntry:
    """A department: its id (for example a 统一社会信用代码), name, roles and first keys."""

    organisation: str
    name: str
    roles: tuple[int, ...]
    keys: tuple[KeyEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """The birth certificate of a chain."""

    suite_name: str
    label: str
    created_ms: int
    parameters: Parameters
    replicas: tuple[ReplicaEntry, ...]
    organisations: tuple[OrganisationEntry, ...]

    def __post_init__(self) -> None:
        if self.suite_name not in SUITE_NAMES:
            raise InvalidGenesis(
                [f"suite: expected one of {', '.join(SUITE_NAMES)}, got {self.suite_name!r}"]
            )
        suite = suite_named(self.suite_name)
        faults = [*_replica_faults(self, suite), *_organisation_faults(self, suite)]
        if not 1 <= len(self.label) <= LABEL_CHARACTERS_MAX:
            faults.append(f"label: expected 1 to {LABEL_CHARACTERS_MAX} characters")
        if faults:
            raise InvalidGenesis(faults)

    @property
    def encoded(self) -> bytes:
        """Canonical bytes (docs/wire-format.md §3)."""
        return encode(_to_plain(self))

    @property
    def chain_id(self) -> bytes:
        """32 bytes that name this chain and nothing else."""
        return suite_named(self.suite_name).digest(self.encoded)


def decode_genesis(data: bytes) -> Genesis:
    """Read canonical genesis bytes.

    Raises:
        InvalidGenesis: malformed or illegal, every fault named.

    """
    try:
        wire = as_array(decode(data, _LIMITS), size=8, what="genesis")
        version = as_int(wire[1], "genesis version")
        if wire[0] != GENESIS_TAG or version not in _RANGES:
            raise InvalidEncoding(
                what="genesis tag and version",
                expected=f"{GENESIS_TAG} {RULES_FIRST} to {RULES_DISPUTES}",
                actual=f"{wire[0]!r:.40} {version}",
            )
        return Genesis(
            suite_name=as_text(wire[2], "suite", maximum=16),
            label=as_text(wire[3], "label", maximum=LABEL_CHARACTERS_MAX),
            created_ms=as_int(wire[4], "created_ms"),
            parameters=_parameters_from_plain(wire[5], version),
            replicas=_replicas_from_plain(wire[6]),
            organisations=_organisations_from_plain(wire[7]),
        )
    except InvalidEncoding as error:
        raise InvalidGenesis([str(error)]) from error


def load_genesis_file(path: Path) -> Genesis:
    """Read a genesis file; only its `genesis` member counts.

    Raises:
        ConfigurationError: unreadable, or not a genesis file.

    """
    try:
        with path.open("rb") as file:
            raw = file.read(_FILE_BYTES_MAX + 1)
        if len(raw) > _FILE_BYTES_MAX:
            raise ConfigurationError(f"{path}: expected at most {_FILE_BYTES_MAX} bytes")
        document = json.loads(raw)
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path}: cannot read the genesis file: {error}") from error
    return genesis_from_document(document)


def genesis_from_document(document: object) -> Genesis:
    """Read the parsed JSON of a genesis file.

    Raises:
        InvalidGenesis: another format or version, or illegal content.

    """
    if not isinstance(document, dict) or document.get("format") != FILE_FORMAT:
        raise InvalidGenesis([f'expected a JSON object with "format": "{FILE_FORMAT}"'])
    version = document.get("version")
    # JSON's true equals 1 in Python and in no other reader of this file.
    if version != FILE_VERSION or isinstance(version, bool):
        raise InvalidGenesis([f"expected file version {FILE_VERSION}, got {version!r:.40}"])
    try:
        return decode_genesis(base64.b64decode(document.get("genesis", ""), validate=True))
    except (TypeError, binascii.Error) as error:
        raise InvalidGenesis([f"member genesis: expected base64: {error}"]) from error


def write_genesis_file(path: Path, genesis: Genesis) -> None:
    """Write the genesis file: canonical bytes, and the same in words for people."""
    document = {
        "format": FILE_FORMAT,
        "version": FILE_VERSION,
        "genesis": base64.b64encode(genesis.encoded).decode(),
        "readable": _readable(genesis),
    }
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _readable(genesis: Genesis) -> dict[str, object]:
    return {
        "chain_id": genesis.chain_id.hex(),
        "suite": genesis.suite_name,
        "label": genesis.label,
        "created_ms": genesis.created_ms,
        "parameters": dict(genesis.parameters.pairs),
        "replicas": [
            {"id": one.replica_id, "organisation": one.organisation, "key": one.vote_key.hex()}
            for one in genesis.replicas
        ],
        "organisations": [
            {
                "id": one.organisation,
                "name": one.name,
                "roles": [ROLES[role] for role in one.roles],
                "keys": len(one.keys),
            }
            for one in genesis.organisations
        ],
    }


def _replica_faults(genesis: Genesis, suite: Suite) -> list[str]:
    faults = []
    count = len(genesis.replicas)
    if not REPLICAS_MIN <= count <= REPLICAS_MAX:
        faults.append(f"replicas: expected {REPLICAS_MIN} to {REPLICAS_MAX}, got {count}")
    is_a_group = REPLICAS_MIN <= count <= REPLICAS_MAX
    shown = _new_view_bytes(count, genesis.parameters.window) if is_a_group else 0
    if shown > NEW_VIEW_BYTES_MAX:
        faults.append(
            f"window: expected one whose NEW-VIEW of {count} replicas fits into a peer frame"
            f" ({NEW_VIEW_BYTES_MAX} bytes), got {genesis.parameters.window}: {shown} bytes"
        )
    if [one.replica_id for one in genesis.replicas] != list(range(count)):
        faults.append("replicas: expected the ids 0 … n−1 in order")
    if len({one.vote_key for one in genesis.replicas}) != count:
        faults.append("replicas: expected distinct vote keys")
    known = {one.organisation for one in genesis.organisations}
    for replica in genesis.replicas:
        if replica.organisation not in known:
            faults.append(f"replica {replica.replica_id}: unknown organisation")
        faults.extend(_key_faults(suite, replica.vote_key, f"replica {replica.replica_id}"))
    return faults


def _new_view_bytes(count: int, window: int) -> int:
    """Bound a NEW-VIEW: a quorum of wishes, each with a certificate for two windows of sequences.

    A certificate has one signature of 64 bytes for each of a quorum, and about as much again
    of names; a primary that could not send its NEW-VIEW would halt the group.
    """
    quorum = Membership(epoch=FIRST_EPOCH, size=count).quorum
    return quorum * 2 * window * (quorum * 70 + 90)


def _organisation_faults(genesis: Genesis, suite: Suite) -> list[str]:
    faults = []
    ids = [one.organisation for one in genesis.organisations]
    if ids != sorted(set(ids)) or not 1 <= len(ids) <= ORGANISATIONS_MAX:
        faults.append(
            f"organisations: expected 1 to {ORGANISATIONS_MAX}, ascending by id, distinct"
        )
    keys = [key.public_key for one in genesis.organisations for key in one.keys]
    if len(set(keys)) != len(keys):
        faults.append("organisations: expected distinct submission keys")
    for one in genesis.organisations:
        what = f"organisation {one.organisation!r:.40}"
        if not ORGANISATION_ID.match(one.organisation):
            faults.append(f"{what}: expected 2 to 32 characters of A–Z 0–9 -")
        if not 1 <= len(one.name) <= NAME_CHARACTERS_MAX:
            faults.append(f"{what}: expected a name of 1 to {NAME_CHARACTERS_MAX} characters")
        if len(one.keys) > KEYS_PER_ORGANISATION_MAX:
            faults.append(f"{what}: expected at most {KEYS_PER_ORGANISATION_MAX} keys")
        faults.extend(_role_faults(one.roles, allowed=tuple(ROLES), what=what))
        for key in one.keys:
            faults.extend(_role_faults(key.roles, allowed=one.roles, what=f"a key of {what}"))
            faults.extend(_key_faults(suite, key.public_key, what))
    return faults


def _role_faults(roles: tuple[int, ...], *, allowed: tuple[int, ...], what: str) -> list[str]:
    if list(roles) == sorted(set(roles)) and set(roles) <= set(allowed):
        return []
    return [f"{what}: expected ascending roles out of {list(allowed)}, got {list(roles)}"]


def _key_faults(suite: Suite, public_key: bytes, what: str) -> list[str]:
    try:
        suite.check_public_key(public_key)
    except InvalidKey as error:
        return [f"{what}: {error}"]
    return []


def _to_plain(genesis: Genesis) -> Plain:
    replicas = tuple((one.replica_id, one.organisation, one.vote_key) for one in genesis.replicas)
    organisations = tuple(
        (
            one.organisation,
            one.name,
            one.roles,
            tuple(
                (key.public_key, key.roles, key.valid_from_ms, key.valid_to_ms) for key in one.keys
            ),
        )
        for one in genesis.organisations
    )
    return (
        GENESIS_TAG,
        genesis.parameters.rules,
        genesis.suite_name,
        genesis.label,
        genesis.created_ms,
        genesis.parameters.pairs,
        replicas,
        organisations,
    )


def _parameters_from_plain(plain: Plain, version: int) -> Parameters:
    rows = [as_array(row, size=2, what="parameter") for row in as_array(plain, None, "parameters")]
    names = [as_text(row[0], "parameter name", maximum=64) for row in rows]
    parameters = parameters_of(
        [(name, as_int(row[1], name)) for name, row in zip(names, rows, strict=True)]
    )
    if parameters.rules != version:
        raise InvalidEncoding(
            what="genesis version", expected=f"{parameters.rules}", actual=f"{version}"
        )
    return parameters


def _replicas_from_plain(plain: Plain) -> tuple[ReplicaEntry, ...]:
    entries = []
    for row in as_array(plain, None, "replicas"):
        replica_id, organisation, vote_key = as_array(row, 3, "replica")
        entries.append(
            ReplicaEntry(
                replica_id=as_int(replica_id, "replica id"),
                organisation=as_text(organisation, "organisation id", maximum=32),
                vote_key=as_bytes(vote_key, "vote key", maximum=64),
            )
        )
    return tuple(entries)


def _organisations_from_plain(plain: Plain) -> tuple[OrganisationEntry, ...]:
    entries = []
    for row in as_array(plain, None, "organisations"):
        organisation, name, roles, keys = as_array(row, 4, "organisation")
        entries.append(
            OrganisationEntry(
                organisation=as_text(organisation, "organisation id", maximum=32),
                name=as_text(name, "organisation name", maximum=NAME_CHARACTERS_MAX),
                roles=_roles_from_plain(roles),
                keys=tuple(_key_from_plain(key) for key in as_array(keys, None, "keys")),
            )
        )
    return tuple(entries)


def _key_from_plain(plain: Plain) -> KeyEntry:
    public_key, roles, valid_from_ms, valid_to_ms = as_array(plain, 4, "key")
    return KeyEntry(
        public_key=as_bytes(public_key, "public key", maximum=64),
        roles=_roles_from_plain(roles),
        valid_from_ms=as_int(valid_from_ms, "valid_from_ms"),
        valid_to_ms=as_int(valid_to_ms, "valid_to_ms"),
    )


def _roles_from_plain(plain: Plain) -> tuple[int, ...]:
    return tuple(as_int(role, "role") for role in as_array(plain, None, "roles"))
