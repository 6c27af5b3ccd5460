"""One sequence number: what was proposed, who voted for what, and what follows from it.

A slot keeps at most one PREPARE and one COMMIT per sender: that of the highest view, and
within a view the first. Votes of a future view may wait here; they count only once their view
is entered. A PRE-PREPARE waits nowhere: it is accepted or dropped (checklist B2).
"""

from collections.abc import Iterator
from typing import TypeVar

from consensus.certificates import (
    CommitCertificate,
    commit_certificate,
    prepared_certificate,
)
from consensus.errors import ConflictingCertificates
from consensus.messages import (
    NULL_BATCH,
    Batch,
    Commit,
    Prepare,
    PreparedCertificate,
    PrePrepare,
)
from consensus.types import NULL_BATCH_DIGEST, Digest, Membership, ReplicaId, SequenceNumber, View

# Batches with a body that one slot keeps: each needs a view change of its own, and a body
# may be asked for until a checkpoint covers the slot (checklist G1).
BODIES_MAX = 8

AnyVote = TypeVar("AnyVote", Prepare, Commit)


class Slot:
    """The votes of all replicas on one sequence number (OSDI '99 §4.2).

    Invariants: `prepared` never goes back to an older view; `committed`, once set, stays.
    """

    def __init__(self, sequence: SequenceNumber, *, membership: Membership) -> None:
        self.sequence = sequence
        self.pre_prepare: PrePrepare | None = None
        self.prepares: dict[ReplicaId, Prepare] = {}
        self.commits: dict[ReplicaId, Commit] = {}
        self.prepared: PreparedCertificate | None = None
        self.committed: CommitCertificate | None = None
        # Every batch ever accepted here, with the latest PRE-PREPARE that carried it.
        self.proposals: dict[Digest, PrePrepare] = {}
        # The body of a batch that others committed without a PRE-PREPARE reaching us.
        self.fetched: Batch | None = None
        # The digest whose body was last asked for.
        self.asked: Digest | None = None
        self._membership = membership

    # What happened

    def accept(self, pre_prepare: PrePrepare) -> None:
        """Take `pre_prepare` as the proposal of its view; a body already held is kept."""
        body = pre_prepare.batch or self.batch_of(pre_prepare.batch_digest)
        self.pre_prepare = pre_prepare
        if body is not None and body is not NULL_BATCH:
            self._keep(_with_batch(pre_prepare, body))

    def keep_body(self, batch: Batch) -> PrePrepare | None:
        """Store the body of a batch; return the completed proposal, if one waited for it."""
        proposal = self.pre_prepare
        if proposal is None or proposal.batch_digest != batch.digest:
            self.fetched = batch
            return None
        completed = _with_batch(proposal, batch)
        self._keep(completed)
        return completed

    def keep_proposal(self, proposal: PrePrepare) -> None:
        """Remember the body in a PRE-PREPARE of an earlier view, read from the vote log."""
        self._keep(proposal)

    def add_prepare(self, prepare: Prepare) -> Prepare | None:
        """Count `prepare`; return an earlier vote of its sender that contradicts it instead."""
        return _add(self.prepares, prepare)

    def add_commit(self, commit: Commit) -> Commit | None:
        """Count `commit`; return an earlier vote of its sender that contradicts it instead.

        Once a quorum agrees on view and digest the slot is committed for good.

        Raises:
            ConflictingCertificates: two quorums decided differently.

        """
        contradicted = _add(self.commits, commit)
        if contradicted is None:
            self._note_committed(
                commit_certificate(
                    self.matching_commits(commit.view, commit.batch_digest),
                    membership=self._membership,
                )
            )
        return contradicted

    def _note_committed(self, certificate: CommitCertificate | None) -> None:
        if certificate is None:
            return
        if self.committed is None:
            self.committed = certificate
        elif self.committed.batch_digest != certificate.batch_digest:
            raise ConflictingCertificates(view=certificate.view, sequence=self.sequence)

    # What follows from it

    def accepted_in(self, view: View) -> PrePrepare | None:
        """Return the proposal accepted in exactly this view."""
        proposal = self.pre_prepare
        return proposal if proposal is not None and proposal.view == view else None

    def certificate_in(self, view: View) -> PreparedCertificate | None:
        """Return the proof of *prepared(m, v, n, i)*: §4.2, with `quorum − 1` backups.

        Kept once made, so that a vote that arrives later changes nothing.
        """
        if self.prepared is not None and self.prepared.view == view:
            return self.prepared
        proposal = self.accepted_in(view)
        if proposal is None:
            return None
        return prepared_certificate(
            proposal,
            self.matching_prepares(view, proposal.batch_digest),
            membership=self._membership,
        )

    def is_prepared(self, view: View) -> bool:
        """Tell whether the slot is prepared in exactly this view."""
        return self.certificate_in(view) is not None

    @property
    def is_committed_local(self) -> bool:
        """Tell whether a quorum of COMMITs is held; our own prepared state is not needed (B5)."""
        return self.committed is not None

    def matching_prepares(self, view: View, digest: Digest) -> Iterator[Prepare]:
        """Iterate the PREPAREs of backups for exactly this proposal."""
        return (
            one for one in self.prepares.values() if one.view == view and one.batch_digest == digest
        )

    def matching_commits(self, view: View, digest: Digest) -> Iterator[Commit]:
        """Iterate the COMMITs for exactly this proposal."""
        return (
            one for one in self.commits.values() if one.view == view and one.batch_digest == digest
        )

    def batch_of(self, digest: Digest) -> Batch | None:
        """Return the body of a batch, if it is here; that of the NULL batch always is."""
        if digest == NULL_BATCH_DIGEST:
            return NULL_BATCH
        proposal = self.proposals.get(digest)
        if proposal is not None:
            return proposal.batch
        if self.fetched is not None and self.fetched.digest == digest:
            return self.fetched
        return None

    @property
    def committed_batch(self) -> Batch | None:
        """Return what to execute, once it is decided and its body is here."""
        return None if self.committed is None else self.batch_of(self.committed.batch_digest)

    def missing_body(self, view: View) -> Digest | None:
        """Return the digest whose body must be fetched: the decided one, else the proposed."""
        wanted = self.committed or self.accepted_in(view)
        if wanted is None or self.batch_of(wanted.batch_digest) is not None:
            return None
        return wanted.batch_digest

    def _keep(self, proposal: PrePrepare) -> None:
        self.proposals.pop(proposal.batch_digest, None)
        self.proposals[proposal.batch_digest] = proposal
        if len(self.proposals) > BODIES_MAX:
            self.proposals.pop(self._least_needed())

    def _least_needed(self) -> Digest:
        """Name the oldest body that neither a certificate nor the current proposal refers to."""
        named = (self.pre_prepare, self.prepared, self.committed)
        needed = tuple(one.batch_digest for one in named if one is not None)
        return next(digest for digest in self.proposals if digest not in needed)


def _with_batch(pre_prepare: PrePrepare, batch: Batch) -> PrePrepare:
    return PrePrepare(
        epoch=pre_prepare.epoch,
        view=pre_prepare.view,
        sequence=pre_prepare.sequence,
        batch_digest=pre_prepare.batch_digest,
        sender=pre_prepare.sender,
        signature=pre_prepare.signature,
        batch=batch,
    )


def _add(votes: dict[ReplicaId, AnyVote], vote: AnyVote) -> AnyVote | None:
    held = votes.get(vote.sender)
    if held is None or held.view < vote.view:
        votes[vote.sender] = vote
        return None
    contradicts = held.view == vote.view and held.batch_digest != vote.batch_digest
    return held if contradicts else None
