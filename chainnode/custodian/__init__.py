"""The custodian: makes the tokens under which people stand on the ledger, and nothing else.

A process of its own, run by one department. The root secret never leaves it: it is in no
answer, log, error, metric or `repr`.
"""
