"""The calling side: signed requests, checked replies, the requester's half."""
