"""`python -m chainnode.cli`, which is how the devnet starts its nodes."""

from chainnode.cli.main import main

main()
