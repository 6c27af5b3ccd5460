"""A block while it executes: what is due, then its submissions, then what they caused.

Every submission leaves one receipt, in order, and every accepted call one entry. Records of the
ledger itself (docs/wire-format.md §14) stand before those of the submissions where a deadline
made them, and after all of them where a call caused them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chainnode.errors import InvariantBroken
from chainnode.execution.crypto import SuiteCrypto
from chainnode.execution.deadlines import add_due, take_due
from chainnode.execution.nonces import NonceWindows
from chainnode.execution.overlay import ContractState, Overlay, ValueReader
from chainnode.genesis import Genesis
from chainnode.ledger.codec import encode_entry, encode_receipt
from chainnode.ledger.types import (
    NO_SUBMISSION,
    NOBODY,
    NOBODYS_KEY_ID,
    CallReceipt,
    Entry,
    OwnBody,
    Receipt,
)
from chainnode.submission import Call, Submission
from contracts.registry import contract, contract_named
from contracts.schemas import due
from contracts.schemas.codes import Code
from contracts.schemas.members import KEYS, KeyRow
from contracts.sdk import Accepted, Context, Contract, Due, OwnRecord, Rejection

_CALL_ACCEPTED = CallReceipt(code=Code.ACCEPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRules:
    """What holds for every block of a chain: its id, its rules, and what its suite lends."""

    chain_id: bytes
    rules: int
    match_deadline_ms: int
    dispute_deadline_ms: int
    crypto: SuiteCrypto

    @classmethod
    def of(cls, genesis: Genesis, crypto: SuiteCrypto) -> "ChainRules":
        """Return those of a genesis."""
        return cls(
            chain_id=genesis.chain_id,
            rules=genesis.parameters.rules,
            match_deadline_ms=genesis.parameters.match_deadline_ms,
            dispute_deadline_ms=genesis.parameters.dispute_deadline_ms,
            crypto=crypto,
        )


class BlockWork:
    """What was executed so far has left behind."""

    def __init__(
        self, chain: ChainRules, *, height: int, time_ms: int, log_size: int, read: ValueReader
    ) -> None:
        self.height = height
        self.time_ms = time_ms
        self.overlay = Overlay(read)
        self.nonces = NonceWindows(read)
        self.entries: list[bytes] = []
        # Those of each entry, in the same order.
        self.index_keys: list[tuple[bytes, ...]] = []
        self.receipts: list[bytes] = []
        # Digest of each submission, and whether it was executed.
        self.outcomes: list[tuple[bytes, bool]] = []
        # Of the ledger's own records, in their order.
        self.own_bodies: list[OwnBody] = []
        self._chain = chain
        self._log_size = log_size
        # What accepted calls asked for, to be done after the last submission.
        self._caused: list[tuple[Contract, OwnRecord]] = []
        self._due: list[tuple[int, due.DueItem]] = []

    def execute(self, submissions: Sequence[Submission]) -> None:
        """Carry out a whole batch."""
        is_timed = self._chain.match_deadline_ms > 0
        if is_timed:
            queue = ContractState(self.overlay, contract=due.NAME)
            take_due(queue, self.time_ms, self._wake)
            self.overlay.keep()
        for submission in submissions:
            self._execute(submission)
        for rules, record in self._caused:
            self._enter_own(rules, record)
        if is_timed:
            add_due(queue, self._due)
            self.overlay.keep()

    def _wake(self, item: due.DueItem) -> int:
        """Let a contract look at what is due; return how many records that left."""
        rules = contract_named(self._chain.rules, item.contract)
        state = ContractState(self.overlay, contract=item.contract)
        context = self._context(
            organisation=NOBODY,
            roles=(),
            key_id=NOBODYS_KEY_ID,
            submission_digest=NO_SUBMISSION,
            call_index=0,
        )
        try:
            records = rules.wake(state, context, item.key)
        except Exception as error:
            raise self._broken(rules, "woken", error) from error
        self.overlay.keep()
        for record in records:
            self._enter_own(rules, record)
        return len(records)

    def _execute(self, submission: Submission) -> None:
        """Carry out one submission and leave its receipt."""
        entries_before = len(self.entries)
        code, calls = self._run(submission)
        has_records = len(self.entries) > entries_before
        receipt = Receipt(
            submission_digest=submission.digest,
            code=code,
            first_position=self._log_size + entries_before if has_records else 0,
            calls=tuple(calls),
        )
        self.receipts.append(encode_receipt(receipt))
        self.outcomes.append((submission.digest, receipt.is_executed))

    def _run(self, submission: Submission) -> tuple[Code, list[CallReceipt]]:
        """Run the calls, or say why none may; only then is the nonce not consumed."""
        if submission.valid_until_ms < self.time_ms:
            return Code.EXPIRED, []
        rules = contract(self._chain.rules, submission.contract, submission.contract_version)
        if rules is None:
            return Code.UNKNOWN_CONTRACT, []
        key_id = self._chain.crypto.key_id(submission.public_key)
        sender = self._registered_key(key_id)
        # The id is shorter than a digest, so the key itself is compared too.
        if sender is None or sender.public_key != submission.public_key:
            return Code.UNKNOWN_KEY, []
        if not sender.is_valid_at(self.time_ms):
            return Code.KEY_NOT_VALID, []
        code = self.nonces.use(key_id, submission.nonce)
        if code is not Code.ACCEPTED:
            return code, []
        return code, self._run_calls(submission, rules, key_id, sender)

    def _registered_key(self, key_id: bytes) -> KeyRow | None:
        value = self.overlay.value(KEYS.key(key_id))
        return None if value is None else KEYS.decode(value)

    def _run_calls(
        self, submission: Submission, rules: Contract, key_id: bytes, sender: KeyRow
    ) -> list[CallReceipt]:
        """Run each call alone: a refused one leaves no change and stops no other."""
        state = ContractState(self.overlay, contract=rules.name)
        receipts = []
        for index, call in enumerate(submission.calls):
            context = self._context(
                organisation=sender.organisation,
                roles=sender.roles,
                key_id=key_id,
                submission_digest=submission.digest,
                call_index=index,
            )
            try:
                accepted = rules.call(
                    state, context, action=call.action, public=call.public, private=call.private
                )
            except Rejection as refusal:
                self.overlay.drop()
                receipts.append(CallReceipt(code=refusal.code, details=refusal.details))
                continue
            except Exception as error:
                raise self._broken(rules, f"call {index}", error) from error
            self.overlay.keep()
            self._accept(submission, rules, context, accepted)
            receipts.append(_CALL_ACCEPTED)
        return receipts

    def _accept(
        self, submission: Submission, rules: Contract, context: Context, accepted: Accepted
    ) -> None:
        self._caused += [(rules, one) for one in accepted.own]
        self._due += [_due_item(rules, one) for one in accepted.due]
        body_digest = submission.body_digests[context.call_index]
        self._enter(rules, context, accepted.outcome, accepted.index_keys, body_digest)

    def _enter_own(self, rules: Contract, record: OwnRecord) -> None:
        """Enter a record of the ledger itself; its body is as of a call without private part."""
        context = self._context(
            organisation=NOBODY,
            roles=(),
            key_id=NOBODYS_KEY_ID,
            submission_digest=NO_SUBMISSION,
            call_index=len(self.own_bodies),
        )
        body = Call(action=record.action, public=record.public)
        body_digest = self._chain.crypto.body_digest(body)
        self.own_bodies.append(OwnBody(action=record.action, public=record.public))
        self._enter(rules, context, record.outcome, record.index_keys, body_digest)

    def _enter(
        self,
        rules: Contract,
        context: Context,
        outcome: int,
        index_keys: tuple[bytes, ...],
        body_digest: bytes,
    ) -> None:
        entry = Entry(
            height=self.height,
            time_ms=self.time_ms,
            submission_digest=context.submission_digest,
            call_index=context.call_index,
            organisation=context.organisation,
            key_id=context.key_id,
            contract=rules.name,
            contract_version=rules.version,
            outcome=outcome,
            index_keys=index_keys,
            body_digest=body_digest,
        )
        self.entries.append(encode_entry(entry))
        self.index_keys.append(index_keys)

    def _context(
        self,
        *,
        organisation: str,
        roles: tuple[int, ...],
        key_id: bytes,
        submission_digest: bytes,
        call_index: int,
    ) -> Context:
        chain = self._chain
        return Context(
            chain_id=chain.chain_id,
            match_deadline_ms=chain.match_deadline_ms,
            dispute_deadline_ms=chain.dispute_deadline_ms,
            now_ms=self.time_ms,
            height=self.height,
            organisation=organisation,
            roles=roles,
            key_id=key_id,
            submission_digest=submission_digest,
            call_index=call_index,
            crypto=chain.crypto,
        )

    def _broken(self, rules: Contract, what: str, error: Exception) -> InvariantBroken:
        return InvariantBroken(
            f"contract {rules.name} version {rules.version}, height {self.height}, "
            f"{what}: {type(error).__name__}"
        )


def _due_item(rules: Contract, asked: Due) -> tuple[int, due.DueItem]:
    return asked.due_ms, due.DueItem(rules.name, asked.key)
