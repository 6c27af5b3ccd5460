"""The ledger room: what was ordered and executed, kept so that anyone can prove it.

Pure, and all that an offline verifier needs: `merkle`, `bucket_map`, `types`, `codec`, `proofs`.
On disk: `directory`, `keyspace`, `store` and `chain` (`Ledger`, the room's front door). This file
imports none of them, so that `chainnode.verify` can use the pure half without LevelDB.
"""
