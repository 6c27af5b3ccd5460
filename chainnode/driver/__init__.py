"""Joins the consensus core to the world: I/O becomes events, effects become I/O.

`driver` owns the `Replica` and is the only caller of `step`; `intake` verifies what peers
send, on threads; `admission` is the door for submissions; `proposals` builds batches;
`execution_queue` executes committed batches one after another; `finality` tells waiters.
"""
