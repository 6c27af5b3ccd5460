"""Builds from the ledger what others check: evidence, compact proofs, pages of trails."""
