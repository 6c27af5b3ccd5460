"""Replay: what the spool keeps is brought onto the ledger."""
