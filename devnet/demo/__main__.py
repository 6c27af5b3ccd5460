"""`python -m devnet.demo --dir DIR`: the registry's process."""

from devnet.demo.registry import serve

serve()
