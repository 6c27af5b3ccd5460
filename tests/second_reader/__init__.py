"""A second implementation of what is hashed, signed and decided, to read the vectors with.

Written from docs/wire-format.md alone, on plain MessagePack, `hashlib`, `cryptography` and
`gmssl`; nothing of the product is imported (`test_independence.py`). What cannot be computed from
the words of that page is missing there, and is added there.
"""
