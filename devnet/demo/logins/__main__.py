"""Where people of a devnet log in: a provider of OpenID Connect for trials.

`python -m devnet.demo.logins --dir DIR` serves until it is ended. One click logs in, and
any client may ask: for devnet chains alone.
"""

import logging
from pathlib import Path

import click
from jinja2 import ChoiceLoader, DictLoader
from oidc_provider_mock import User, app
from werkzeug.serving import run_simple

from devnet.demo.logins import logins
from devnet.topology import HOST, DevnetFolder, load_topology

# The provider's own frame of a page loads its style from elsewhere.
_FRAME = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><title>开发网登录 · Devnet login</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 1rem auto }
button, input { font: inherit; min-height: 2.75rem; padding: .4rem 1rem; margin: .2rem }</style>
<p><strong>开发网登录：点选一个虚构的人。
Devnet login: choose somebody who does not exist.</strong></p>
<main class="container">{% block content %}{{ content }}{% endblock %}</main></html>"""


@click.command()
@click.option("--dir", "folder", type=click.Path(path_type=Path), required=True)
def serve(folder: Path) -> None:
    """Serve logins until the process is ended."""
    # Its lines hold addresses with codes and states in them.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    users = [User(sub=name, claims=dict(claims)) for name, claims in logins().items()]
    provider = app(require_nonce=True, issue_refresh_token=False, user_claims=users)
    own = DictLoader({"_base.html": _FRAME})
    provider.jinja_loader = ChoiceLoader([own, provider.jinja_loader])
    port = load_topology(DevnetFolder(folder)).services.logins
    run_simple(HOST, port, provider, threaded=True)


serve()
