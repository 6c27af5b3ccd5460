"""`epochs` of evidence: from the members that a verifier trusts to those who signed the header.

One link for each epoch below that of the header (docs/wire-format.md §11): the last header of an
epoch with the members it hands over to, or the recovery record that ended it. What is known
afterwards is a `Trust` with more epochs; the evidence itself adds nothing that a quorum of
trusted members did not sign.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chainnode.genesis import Parameters
from chainnode.ledger.epochs import EpochEnd, EpochLink, EpochRecovery, EpochStart, follow_link
from chainnode.ledger.merkle import InvalidProof
from chainnode.ledger.types import Member
from chainnode.suites.port import Suite
from chainnode.verify.errors import InvalidEvidence
from chainnode.verify.forms import signatures_form
from chainnode.verify.header import (
    CertifiedHeader,
    read_certificate,
    read_header,
    read_signatures,
    refused,
    verify_header,
)
from chainnode.verify.members import read_members
from chainnode.verify.strict_json import (
    JsonObject,
    JsonValue,
    as_array,
    as_fields,
    as_hex,
    as_integer,
    as_object,
)
from chainnode.verify.trust import Trust

CHECK = "epochs"
# One a year for a millennium; each costs a quorum of signatures to check.
LINKS_MAX = 1024
_END_NAMES = ("header", "certificate", "members")
_RECOVERY_NAMES = ("epoch", "base_epoch", "height", "header_digest", "batches", "signatures")


def verify_placed_header(
    fields: Mapping[str, JsonValue], trust: Trust, *, is_pinned: bool = True
) -> CertifiedHeader:
    """Check `header`, `certificate` and `epochs` of any evidence together; see `verify_header`.

    Raises:
        UnreadableEvidence: they do not decode.
        NoQuorum: too few signed the header.
        InvalidEvidence: any other check fails; links beyond the header's epoch count as one.

    """
    links = [
        as_object(one, CHECK) for one in as_array(fields.get("epochs"), CHECK, size_max=LINKS_MAX)
    ]
    found = verify_header(
        fields.get("header"),
        fields.get("certificate"),
        follow(links, trust),
        is_pinned=is_pinned,
    )
    if found.epoch != len(links):
        raise InvalidEvidence(
            check=CHECK, expected=f"{found.epoch} links", actual=f"{len(links)} links"
        )
    return replace(found, links=tuple(links))


def follow(links: Sequence[JsonObject], trust: Trust) -> Trust:
    """Return the trust that `links` lead to from this one.

    Raises:
        UnreadableEvidence: a link does not decode.
        InvalidEvidence: a link is left out, altered, out of order, of another chain, or ends an
            epoch elsewhere than is known already.

    """
    read = [_read_link(one, trust.suite, trust.parameters) for one in links]
    numbers = [one.epoch for one in read]
    if numbers != list(range(len(read))):
        raise InvalidEvidence(
            check=CHECK, expected="one link an epoch, from 0 in order", actual=f"{numbers[:16]}"
        )
    first = min(trust.epochs)
    if len(read) < first:
        return trust
    _require_arrival(read[:first], trust, first)
    return _followed(read[first:], trust, first)


def _require_arrival(passed: Sequence[EpochLink], trust: Trust, first: int) -> None:
    """Check of the links before trust begins that they lead to where it begins."""
    if not passed:
        return
    last, pinned = passed[-1], trust.checkpoint.height
    if last.height >= pinned:
        raise InvalidEvidence(
            check=CHECK,
            expected=f"an end below the pinned height {pinned}",
            actual=f"{last.height}",
        )
    if isinstance(last, EpochEnd):
        _require_members(last.next_members, trust.epochs[first], first)


def _followed(links: Sequence[EpochLink], trust: Trust, first: int) -> Trust:
    epochs, ends = dict(trust.epochs), dict(trust.ends)
    start = EpochStart(
        epoch=first,
        members=epochs[first],
        base_epoch=first,
        base_height=trust.checkpoint.height,
        base_digest=trust.checkpoint.header_digest,
    )
    for link in links:
        try:
            start = follow_link(trust.suite, chain_id=trust.chain_id, start=start, link=link)
        except InvalidProof as error:
            raise refused(CHECK, error) from error
        known = ends.setdefault(link.epoch, link.height)
        if known != link.height:
            raise InvalidEvidence(
                check=CHECK,
                expected=f"epoch {link.epoch} to end at height {known}",
                actual=f"{link.height}",
            )
        _require_members(start.members, epochs.setdefault(start.epoch, start.members), start.epoch)
    return replace(trust, epochs=epochs, ends=ends)


def _require_members(shown: tuple[Member, ...], known: tuple[Member, ...], epoch: int) -> None:
    if shown != known:
        raise InvalidEvidence(
            check=CHECK, expected=f"the known members of epoch {epoch}", actual="others"
        )


def _read_link(value: JsonObject, suite: Suite, parameters: Parameters) -> EpochLink:
    if "recovery" in value:
        (record,) = as_fields(value, CHECK, ("recovery",)).values()
        return _read_recovery(record, batches_max=2 * parameters.window)
    fields = as_fields(value, CHECK, _END_NAMES)
    return EpochEnd(
        header=read_header(fields["header"]),
        certificate=read_certificate(fields["certificate"]),
        next_members=read_members(suite, fields["members"]),
    )


def _read_recovery(value: JsonValue, *, batches_max: int) -> EpochRecovery:
    fields = as_fields(value, "recovery", _RECOVERY_NAMES)
    return EpochRecovery(
        epoch=as_integer(fields["epoch"], "epoch"),
        base_epoch=as_integer(fields["base_epoch"], "base_epoch"),
        height=as_integer(fields["height"], "height"),
        header_digest=as_hex(fields["header_digest"], "header_digest", size=32),
        batches=tuple(
            as_hex(one, "batches", size=32)
            for one in as_array(fields["batches"], "batches", size_max=batches_max)
        ),
        signatures=read_signatures(fields["signatures"]),
    )


def recovery_link_form(record: EpochRecovery) -> JsonObject:
    """Return the link of a recovery record, for whoever makes evidence."""
    return {
        "recovery": {
            "epoch": record.epoch,
            "base_epoch": record.base_epoch,
            "height": record.height,
            "header_digest": record.header_digest.hex(),
            "batches": [one.hex() for one in record.batches],
            "signatures": signatures_form(record.signatures),
        }
    }
