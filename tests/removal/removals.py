"""How each check of the table is taken out, by line."""

from tests.removal.table import Removal

REMOVALS: dict[str, Removal] = {
    "A1": Removal(old="(self.size + self.max_faulty) // 2 + 1", new="2 * self.max_faulty + 1"),
    "A2": Removal(
        old="        votes[vote.sender] = vote",
        new="        votes[ReplicaId(-1 - len(votes))] = vote",
    ),
    "A3": Removal(old="message.sender == state.me", new="True"),
    "A4": Removal(
        old="(tag, FORMAT_VERSION, chain_id, *_signed_fields(message))",
        new="(tag, FORMAT_VERSION, chain_id, message.sender, *_signed_fields(message))",
    ),
    "A6": Removal(old="not 0 <= value <= INTEGER_MAX", new="False"),
    "B1": Removal(old="above < sequence <= above + self.size", new="True"),
    "B2": Removal(old="message.view == state.view", new="True"),
    "B3": Removal(
        old="    _accept(state, pre_prepare)",
        new="    _require_fresh(state, pre_prepare, 0)\n    _accept(state, pre_prepare)",
    ),
    "B4": Removal(old="membership.quorum - 1", new="membership.quorum - 2"),
    "B5": Removal(old="state.persist(certificate, commit)", new="state.persist(commit)"),
    "B6": Removal(
        old="(ready := log.next_batch) is not None",
        new="(ready := next((one.committed_batch for one in log.slots()"
        " if one.committed_batch is not None and one.sequence > log.handed), None)) is not None",
    ),
    "B8": Removal(old="self.outbox.emit(Equivocated(first=first, second=second))", new="pass"),
    "B9": Removal(old="_require_equal(height, own=digest, certified=certified)", new="pass"),
    "B9a": Removal(old="< self._membership.quorum", new="< 0"),
    "B9b": Removal(old="        if held.content != content:\n", new="        if not held:\n"),
    "B9c": Removal(old="self._settled[SequenceNumber(sequence)] = batch", new="pass"),
    "D1": Removal(
        old="        state.log.executed = event.executed",
        new="        state.log.executed = event.executed\n"
        "        state.outbox.broadcast(state.sign(Checkpoint(epoch=event.stable.epoch,"
        " height=event.stable.height, header_digest=event.stable.header_digest,"
        " sender=state.me, signature=event.stable.signatures[0][1])))",
    ),
    "D2": Removal(old="    state.persist(stable)\n", new=""),
    "D3": Removal(old="not (patient and is_near)", new="True"),
    "D5": Removal(old="is_worth_asking or ", new=""),
    "E1": Removal(old="wishes[weak_quorum - 1]", new="wishes[0]"),
    "E2": Removal(old="    state.view = new_view\n", new=""),
    "E3": Removal(
        old="slot.prepared is not None",
        new="slot.prepared is not None and slot.prepared.view == state.active_view",
    ),
    "E4": Removal(
        old="certificate.sequence <= previous or not in_window or certificate.view >= new_view",
        new="False",
    ),
    "E5": Removal(old="held is None or message.new_view > held.new_view", new="True"),
    "E6": Removal(old="held.view < one.view", new="held.view > one.view"),
    "E7": Removal(
        old="for sequence in map(SequenceNumber, range(low + 1, high + 1))",
        new="for sequence in prepared",
    ),
    "E8": Removal(old="actual != expected", new="False"),
    "E9": Removal(old="state.log.executed < start_of_view", new="False"),
    "E10": Removal(
        old="max(self.low_watermark, self.start.settled)",
        new="max(self.low_watermark, self.start.settled, self.executed)",
    ),
    "E12": Removal(old="not self.is_running(timer) or ", new=""),
    "F1": Removal(
        old="not self.is_running(timer) or self._generations[timer] != generation",
        new="not self.is_running(timer)",
    ),
    "F2": Removal(old="elif not state.outbox.is_running(Timer.REQUEST):", new="else:"),
    "F2a": Removal(old="max(1, min(in_ms, idle_ms))", new="idle_ms"),
    "F3": Removal(old="        schedule_retransmission(state)\n", new=""),
    "F4": Removal(
        old="min(2 * state.timeout_ms, state.config.timeout_cap_ms)", new="2 * state.timeout_ms"
    ),
    "F5": Removal(
        old="            state.outbox.send(message.sender, missing)", new="            break"
    ),
    "G1": Removal(old="(*persist, *self._effects)", new="(*self._effects, *persist)"),
    "G2": Removal(old="        if held.content != content:\n", new="        if not held:\n"),
    "G2a": Removal(old="        state.vouch(event.checkpoint)\n", new=""),
    "G2b": Removal(old="            state.vouch(checkpoint)\n", new=""),
    "G3": Removal(old="        _resume(state)\n", new=""),
    "F5a": Removal(
        old="OUTDATED_ANSWERS_PER_TICK_MAX if answer.was_outdated else ANSWERS_PER_TICK_MAX",
        new="ANSWERS_PER_TICK_MAX",
    ),
    "G4": Removal(
        old="return int(position) > max(self.floor, self._newest_checkpoint())", new="return False"
    ),
    "G5a": Removal(
        old="len(state.recollected) < state.membership.witnesses",
        new="len(state.recollected) < 1",
    ),
    "G5b": Removal(old="self.may_sign and self.recall is None", new="self.may_sign"),
    "G5": Removal(
        old="        if slot.prepared is not None:\n            past.append(slot.prepared)\n",
        new="",
    ),
    "H1": Removal(old="not state.asked_for_stable and ", new=""),
    "H1a": Removal(old="    seek_state(state, patient=False)", new="    pass"),
    "H2": Removal(old="membership.quorum", new="membership.weak_quorum"),
    "H4": Removal(old="state.state_target is not None or ", new=""),
    "I1a": Removal(
        old="top if self.next_epoch is None else min(top, self.next_epoch.last_before)", new="top"
    ),
    "I1b": Removal(
        old="min(self.high_watermark, self.window.top(self.executed))", new="self.high_watermark"
    ),
    "I1c": Removal(old="    if state.filling != position:\n", new="    if not position:\n"),
    "I1d": Removal(old="next_epoch is None or not state.log.is_complete", new="next_epoch is None"),
    "I2a": Removal(
        old="(stable.epoch, stable.height, stable.header_digest) != expected", new="False"
    ),
    "I2b": Removal(old="record.epoch == self._epoch", new="True"),
    "I2c": Removal(
        old="        state.outbox.send(message.sender, checkpoint)", new="        break"
    ),
    "I2d": Removal(old="        state.outbox.send(status.sender, checkpoint)", new="        break"),
    "I3a": Removal(old="abs(membership.size - size) > 1", new="False"),
    "I3b": Removal(old="    _require_base(state, event)\n", new=""),
    "J1": Removal(old="self._keep_quota(votes, low)", new="pass"),
    "J2": Removal(
        old="        self._dispatch(event)\n        self._conclude()",
        new="        self._conclude()\n        self._dispatch(event)",
    ),
    "K1": Removal(old="tuple(sorted(", new="tuple(iter("),
}
