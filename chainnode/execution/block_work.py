"""A block while its submissions execute: checks of the whole, then each call alone.

Every submission leaves one receipt, in order, and every accepted call one entry.
"""

from chainnode.errors import InvariantBroken
from chainnode.execution.crypto import SuiteCrypto
from chainnode.execution.nonces import NonceWindows
from chainnode.execution.overlay import ContractState, Overlay, ValueReader
from chainnode.ledger.codec import encode_entry, encode_receipt
from chainnode.ledger.types import CallReceipt, Entry, Receipt
from chainnode.submission import Submission
from contracts.registry import contract
from contracts.schemas.codes import Code
from contracts.schemas.members import KEYS, KeyRow
from contracts.sdk import Accepted, Context, Contract, Rejection

_CALL_ACCEPTED = CallReceipt(code=Code.ACCEPTED)


class BlockWork:
    """What the submissions executed so far have left behind."""

    def __init__(
        self,
        *,
        rules: int,
        height: int,
        time_ms: int,
        log_size: int,
        read: ValueReader,
        crypto: SuiteCrypto,
    ) -> None:
        self._rules = rules
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
        self._log_size = log_size
        self._crypto = crypto

    def execute(self, submission: Submission) -> None:
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
        rules = contract(self._rules, submission.contract, submission.contract_version)
        if rules is None:
            return Code.UNKNOWN_CONTRACT, []
        key_id = self._crypto.key_id(submission.public_key)
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
            context = Context(
                now_ms=self.time_ms,
                height=self.height,
                organisation=sender.organisation,
                roles=sender.roles,
                key_id=key_id,
                submission_digest=submission.digest,
                call_index=index,
                crypto=self._crypto,
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
                raise InvariantBroken(
                    f"contract {rules.name} version {rules.version}, height {self.height}, "
                    f"call {index}: {type(error).__name__}"
                ) from error
            self.overlay.keep()
            self.entries.append(self._entry(submission, context, accepted))
            self.index_keys.append(accepted.index_keys)
            receipts.append(_CALL_ACCEPTED)
        return receipts

    def _entry(self, submission: Submission, context: Context, accepted: Accepted) -> bytes:
        entry = Entry(
            height=self.height,
            time_ms=self.time_ms,
            submission_digest=submission.digest,
            call_index=context.call_index,
            organisation=context.organisation,
            key_id=context.key_id,
            contract=submission.contract,
            contract_version=submission.contract_version,
            outcome=accepted.outcome,
            index_keys=accepted.index_keys,
            body_digest=submission.body_digests[context.call_index],
        )
        return encode_entry(entry)
