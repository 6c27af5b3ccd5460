"""A network of real nodes on this machine: makes it, starts it, breaks it, looks at it.

Speaks to its nodes from outside, over HTTP and signals. Production code never imports it,
apart from the command line, lazily.
"""
