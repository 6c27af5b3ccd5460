"""Chains of several epochs with real keys and signatures: links, headers and evidence of them.

The first four members are those of the synthetic chain; `SECOND` replaces one key and adds a
fifth member.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chainnode.ledger.epochs import EpochRecovery, recovery_content
from chainnode.ledger.types import Header, Member, members_digest
from chainnode.suites.port import PrivateKey
from chainnode.verify.epochs import recovery_link_form
from chainnode.verify.forms import Anchor, certificate_form, header_form
from chainnode.verify.members import members_form
from chainnode.verify.strict_json import JsonObject
from tests.builders_evidence import SyntheticChain, signed_anchor


@dataclass(frozen=True, kw_only=True)
class Group:
    """The members of an epoch with their private keys."""

    members: tuple[Member, ...]
    keys: tuple[PrivateKey, ...]


def first_group(chain: SyntheticChain) -> Group:
    """Return the members of genesis."""
    return Group(members=chain.trust.epochs[0], keys=tuple(chain.vote_keys))


def second_group(chain: SyntheticChain) -> Group:
    """Return five members, of whom the one numbered 1 has a new key."""
    first = first_group(chain)
    renewed, fifth = chain.private_keys([21, 22])
    members = [
        first.members[0],
        replace(first.members[1], vote_key=renewed.public_key),
        *first.members[2:],
        Member(replica_id=4, organisation="DEPT-FIVE", vote_key=fifth.public_key),
    ]
    keys = (first.keys[0], renewed, *first.keys[2:], fifth)
    return Group(members=tuple(members), keys=keys)


def header_in(
    chain: SyntheticChain,
    group: Group,
    *,
    epoch: int,
    height: int,
    successor: Group | None = None,
) -> Header:
    """Return a header of an epoch; with `successor` it is the last one."""
    h = chain.suite.digest
    header = chain.header(height=height)
    following = (epoch, group) if successor is None else (epoch + 1, successor)
    return replace(
        header,
        head=replace(header.head, epoch=epoch),
        rest=replace(
            header.rest,
            members_digest=members_digest(h, epoch=epoch, members=group.members),
            next_members_digest=members_digest(h, epoch=following[0], members=following[1].members),
        ),
    )


def anchor_in(
    chain: SyntheticChain, group: Group, header: Header, *, signers: Sequence[int] = (0, 1, 2, 3)
) -> Anchor:
    """Return a header with the signatures of some of its group."""
    return signed_anchor(chain, header, keys=group.keys, signers=signers)


def certified_in(
    chain: SyntheticChain, group: Group, header: Header, *, signers: Sequence[int] = (0, 1, 2, 3)
) -> JsonObject:
    """Return `{"header", "certificate"}`."""
    anchor = anchor_in(chain, group, header, signers=signers)
    return {"header": header_form(anchor), "certificate": certificate_form(anchor)}


def end_link(
    chain: SyntheticChain,
    group: Group,
    successor: Group,
    *,
    epoch: int,
    height: int,
    signers: Sequence[int] = (0, 1, 2, 3),
) -> JsonObject:
    """Return the link of an epoch that ended as announced."""
    header = header_in(chain, group, epoch=epoch, height=height, successor=successor)
    return {
        **certified_in(chain, group, header, signers=signers),
        "members": members_form(successor.members),
    }


def recovery_link(
    chain: SyntheticChain,
    group: Group,
    *,
    epoch: int,
    height: int,
    base_epoch: int | None = None,
    header_digest: bytes | None = None,
    batches: Sequence[bytes] = (),
    signers: Sequence[int] = (0, 1, 2, 3),
) -> JsonObject:
    """Return the link of an epoch that ended because headers diverged."""
    h = chain.suite.digest
    record = EpochRecovery(
        epoch=epoch,
        base_epoch=epoch if base_epoch is None else base_epoch,
        height=height,
        header_digest=header_digest
        or header_in(chain, group, epoch=epoch, height=height).digest(h),
        batches=tuple(batches),
        signatures=(),
    )
    content = recovery_content(
        record,
        chain_id=chain.genesis.chain_id,
        next_members=members_digest(h, epoch=epoch + 1, members=group.members),
    )
    signatures = tuple((one, group.keys[one].sign(content)) for one in signers)
    return recovery_link_form(replace(record, signatures=signatures))


def record_in(
    chain: SyntheticChain,
    group: Group,
    links: Sequence[JsonObject],
    *,
    epoch: int | None = None,
    height: int,
    signers: Sequence[int] = (0, 1, 2, 3),
) -> JsonObject:
    """Return evidence of a record under a header of the epoch that `links` lead to."""
    header = header_in(chain, group, epoch=len(links) if epoch is None else epoch, height=height)
    anchor = anchor_in(chain, group, header, signers=signers)
    return {**chain.record(3, anchor=anchor), "epochs": list(links)}
