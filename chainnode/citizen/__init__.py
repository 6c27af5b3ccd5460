"""The citizen's view: a person sees who used their data, with proofs that need no trust in us.

A process of its own beside the node (ADR-0033), run by a department with an auditor's key.
"""
