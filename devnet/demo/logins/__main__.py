"""Where people of a devnet log in: a provider of OpenID Connect for trials.

`python -m devnet.demo.logins --dir DIR` serves until it is ended. One click logs in, and
any client may ask: for devnet chains alone.
"""

import logging
from pathlib import Path

import click
from oidc_provider_mock import User, app
from werkzeug.serving import run_simple

from devnet.demo.logins import logins
from devnet.topology import HOST, DevnetFolder, load_topology


@click.command()
@click.option("--dir", "folder", type=click.Path(path_type=Path), required=True)
def serve(folder: Path) -> None:
    """Serve logins until the process is ended."""
    # Its lines hold addresses with codes and states in them.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    users = [User(sub=name, claims=dict(claims)) for name, claims in logins().items()]
    provider = app(require_nonce=True, issue_refresh_token=False, user_claims=users)
    port = load_topology(DevnetFolder(folder)).services.logins
    run_simple(HOST, port, provider, threaded=True)


serve()
