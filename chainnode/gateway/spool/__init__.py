"""The spool: what a gateway reports, durable until the ledger has it."""
