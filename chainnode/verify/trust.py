"""What a verifier believes before it reads any evidence: one chain, its members, a checkpoint.

`Trust.load` reads a trust file or a genesis file (docs/wire-format.md §11). The file itself is
believed, so it must reach the verifier by a way the verifier trusts; it is still read as
hostile bytes. Everything else in `chainnode.verify` follows from a `Trust` by computation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from chainnode.errors import ConfigurationError
from chainnode.genesis import (
    FILE_FORMAT as GENESIS_FORMAT,
)
from chainnode.genesis import (
    Genesis,
    InvalidGenesis,
    Parameters,
    genesis_from_document,
    parameter_names,
    parameters_of,
    rules_named_by,
)
from chainnode.ledger.types import Member
from chainnode.suites import suite_named
from chainnode.suites.port import Suite
from chainnode.verify.errors import InvalidTrust, UnreadableEvidence
from chainnode.verify.members import members_form, read_members
from chainnode.verify.strict_json import (
    INTEGER_MAX,
    JsonObject,
    JsonValue,
    as_constant,
    as_fields,
    as_hex,
    as_integer,
    as_text,
    read_object,
)

TRUST_FORMAT = "kunlian-trust"
FORMAT_VERSION = 1
TRUST_BYTES_MAX = 4 * 1024 * 1024
_NAMES = (
    "format",
    "version",
    "chain_id",
    "suite",
    "parameters",
    "epoch",
    "height",
    "header_digest",
    "time_ms",
    "members",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedCheckpoint:
    """The newest block the verifier has accepted; older headers are refused.

    `header_digest` is None only at height 0, where the chain id alone is the anchor.
    """

    height: int
    header_digest: bytes | None
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """An anchor: everything a verifier needs beside the evidence itself.

    `epochs` gives the members per epoch, ids 0 … n−1 in order; a file holds one epoch. `ends`
    gives the last height of the epochs that are known to have ended.
    """

    chain_id: bytes
    suite: Suite
    parameters: Parameters
    epochs: Mapping[int, tuple[Member, ...]]
    checkpoint: PinnedCheckpoint
    ends: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def load(cls, data: bytes) -> "Trust":
        """Read a trust file or a genesis file.

        Raises:
            InvalidTrust: neither of the two, or illegal content.

        """
        try:
            document = read_object(data, bytes_max=TRUST_BYTES_MAX)
            if document.get("format") == GENESIS_FORMAT:
                return cls.from_genesis(genesis_from_document(document))
            return _from_trust_file(document)
        except UnreadableEvidence as error:
            raise InvalidTrust(
                what=error.check, expected=error.expected, actual=error.actual
            ) from error
        except InvalidGenesis as error:
            raise InvalidTrust(
                what="genesis", expected="a legal genesis", actual=str(error)
            ) from error

    @classmethod
    def from_genesis(cls, genesis: Genesis) -> "Trust":
        """Trust a chain from its birth on; the checkpoint is height 0."""
        members = tuple(
            Member(replica_id=one.replica_id, organisation=one.organisation, vote_key=one.vote_key)
            for one in genesis.replicas
        )
        return cls(
            chain_id=genesis.chain_id,
            suite=suite_named(genesis.suite_name),
            parameters=genesis.parameters,
            epochs={0: members},
            checkpoint=PinnedCheckpoint(height=0, header_digest=None, time_ms=genesis.created_ms),
        )

    @property
    def is_devnet(self) -> bool:
        """Whether every verdict must carry the banner of a chain for trials."""
        return self.parameters.devnet == 1

    def pinned_at(self, *, epoch: int, height: int, header_digest: bytes, time_ms: int) -> "Trust":
        """Return the same trust with a newer checkpoint, taken from a *verified* header.

        Other epochs than that of the header are forgotten, as a trust file holds one.
        """
        pinned = PinnedCheckpoint(height=height, header_digest=header_digest, time_ms=time_ms)
        return replace(self, checkpoint=pinned, epochs={epoch: self.epochs[epoch]}, ends={})

    def form(self) -> JsonObject:
        """Return the JSON object of a trust file.

        Raises:
            InvalidTrust: the checkpoint is still the genesis one; pin a header first.

        """
        pinned = self.checkpoint
        if pinned.header_digest is None:
            raise InvalidTrust(
                what="checkpoint", expected="a pinned header", actual="genesis alone"
            )
        (epoch,) = self.epochs
        return {
            "format": TRUST_FORMAT,
            "version": FORMAT_VERSION,
            "chain_id": self.chain_id.hex(),
            "suite": self.suite.name,
            "parameters": dict(self.parameters.pairs),
            "epoch": epoch,
            "height": pinned.height,
            "header_digest": pinned.header_digest.hex(),
            "time_ms": pinned.time_ms,
            "members": members_form(self.epochs[epoch]),
        }


def _from_trust_file(document: JsonObject) -> Trust:
    fields = as_fields(document, "trust file", _NAMES)
    as_constant(fields["format"], "format", TRUST_FORMAT)
    as_constant(fields["version"], "version", FORMAT_VERSION)
    suite = _suite(as_text(fields["suite"], "suite", characters_max=16))
    epoch = as_integer(fields["epoch"], "epoch")
    return Trust(
        chain_id=as_hex(fields["chain_id"], "chain_id", size=32),
        suite=suite,
        parameters=_parameters(fields["parameters"]),
        epochs={epoch: read_members(suite, fields["members"])},
        checkpoint=PinnedCheckpoint(
            height=as_integer(fields["height"], "height"),
            header_digest=as_hex(fields["header_digest"], "header_digest", size=32),
            time_ms=as_integer(fields["time_ms"], "time_ms"),
        ),
    )


def _suite(name: str) -> Suite:
    try:
        return suite_named(name)
    except ConfigurationError as error:
        raise InvalidTrust(
            what="suite", expected="a suite that works here", actual=str(error)[:200]
        ) from error


def _parameters(value: JsonValue) -> Parameters:
    names = parameter_names(rules_named_by(value if isinstance(value, dict) else ()))
    fields = as_fields(value, "parameters", names)
    try:
        return parameters_of(
            [(name, as_integer(fields[name], name, maximum=INTEGER_MAX)) for name in names]
        )
    except InvalidGenesis as error:
        raise InvalidTrust(what="parameters", expected="legal values", actual=str(error)) from error
