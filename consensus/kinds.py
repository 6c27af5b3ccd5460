"""First element of every message and record (docs/wire-format.md §8). Numbers never change."""

PRE_PREPARE = 1
PREPARE = 2
COMMIT = 3
CHECKPOINT = 4
VIEW_CHANGE = 5
NEW_VIEW = 6
STATUS = 7
RECALL = 10
RECOLLECTION = 11
# Only in the vote log, never on the wire.
PREPARED_CERTIFICATE = 8
STABLE_CHECKPOINT = 9
RECOVERY_PROMISE = 12
