"""State transfer: what a replica that lacks batches or blocks asks of its peers, and answers.

A target is a certificate of a quorum, never a peer's claim; each block is checked by itself.
"""
