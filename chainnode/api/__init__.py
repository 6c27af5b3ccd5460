"""The HTTP API of a node: routes, problem documents, and the server that carries them."""
