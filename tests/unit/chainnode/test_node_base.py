"""Settings that only the chain can judge, refused before anything is opened."""

from pathlib import Path

import pytest

from chainnode.config import NodeConfig, load_config
from chainnode.errors import ConfigurationError
from chainnode.node_base import open_vote_key
from tests.builders import genesis_of

TEXT = """
[node]
name = "tax"
replica_id = 0
genesis = "genesis.json"
data_dir = "data"
log_dir = "logs"
vote_key = "missing.json"
[p2p]
listen = "127.0.0.1:7002"
tls_ca = "ca.pem"
tls_cert = "cert.pem"
tls_key = "key.pem"
peers = []
[api]
listen = "127.0.0.1:8002"
[ledger]
keep_blocks = {keep_blocks}
"""


def config_of(folder: Path, keep_blocks: int) -> NodeConfig:
    path = folder / "kun.toml"
    path.write_text(TEXT.format(keep_blocks=keep_blocks), encoding="utf-8")
    return load_config(path, {})


def test_who_is_a_window_behind_must_find_blocks(tmp_path: Path) -> None:
    least = 4 * genesis_of().parameters.window
    for refused in (1, least - 1):
        with pytest.raises(ConfigurationError, match=f"at least {least}"):
            open_vote_key(config_of(tmp_path, refused), genesis_of())
    for taken in (0, least):
        # The next thing that is wrong is that nothing opens the key.
        with pytest.raises(ConfigurationError, match="passphrase"):
            open_vote_key(config_of(tmp_path, taken), genesis_of())
