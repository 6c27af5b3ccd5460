"""The departments' web pages, a process beside the node: `kun console run`."""
