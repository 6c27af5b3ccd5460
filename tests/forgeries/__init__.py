"""Forged evidence in great numbers: none may be accepted."""
