"""Append-only files that tell a torn end from a changed byte: for votes and for the spool."""
