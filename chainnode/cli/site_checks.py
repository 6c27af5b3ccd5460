"""Checks of `kun doctor` about the nodes of one folder: files, ports, certificates, network."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

from chainnode.cli.answers import answer_of
from chainnode.cli.findings import Finding, check_private_files, fail, ok, skip, warn
from chainnode.cli.health import Health, judge
from chainnode.cli.node_folder import SETTINGS_FILE
from chainnode.cli.probe import Reply, fetch_all
from chainnode.cli.target import NodeRef
from chainnode.cli.words import Text
from chainnode.config import NodeConfig, load_config
from chainnode.errors import ConfigurationError
from chainnode.genesis import load_genesis_file
from chainnode.pki import days_until_expiry

EXPIRY_WARN_DAYS = 30
# The Date header has whole seconds; a chain lets clocks differ by 5 s.
SKEW_WARN = timedelta(seconds=3)
_HTTP_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The nodes of one folder whose settings could be read."""

    path: Path
    configs: tuple[NodeConfig, ...]

    @property
    def refs(self) -> tuple[NodeRef, ...]:
        """The nodes as others see them."""
        return tuple(
            NodeRef(name=one.name, title=one.name, api=f"http://{one.api_listen}")
            for one in self.configs
        )


def node_folders(path: Path) -> tuple[Path, ...]:
    """Return the folders of the nodes in `path`: itself, or those of a devnet."""
    if (path / SETTINGS_FILE).exists():
        return (path,)
    return tuple(sorted(one.parent for one in path.glob(f"nodes/*/{SETTINGS_FILE}")))


def read_site(path: Path) -> tuple[Site, Finding]:
    """Read the settings of every node, and say which cannot be read."""
    configs, faults = [], []
    for folder in node_folders(path):
        try:
            configs.append(load_config(folder / SETTINGS_FILE))
        except ConfigurationError as error:
            faults.append(str(error))
    site = Site(path=path, configs=tuple(configs))
    if faults:
        told = "; ".join(faults)
        return site, fail("settings", Text(told, told), mend=f"kun config show --dir {path}")
    if not configs:
        detail = Text(f"{path} 中没有 {SETTINGS_FILE}", f"no {SETTINGS_FILE} in {path}")
        return site, fail("settings", detail, mend="kun devnet up")
    return site, ok("settings", f"{len(configs)} 个节点", f"{len(configs)} nodes")


def check_genesis(site: Site) -> Finding:
    """Check that all nodes were born on one chain."""
    try:
        chains = {load_genesis_file(one.genesis).chain_id.hex() for one in site.configs}
    except ConfigurationError as error:
        return fail(
            "genesis", Text(str(error), str(error)), mend="cp CONSORTIUM_GENESIS genesis.json"
        )
    if len(chains) > 1:
        told = ", ".join(sorted(one[:16] for one in chains))
        detail = Text(f"节点属于不同的链：{told}", f"the nodes are of different chains: {told}")
        return fail("genesis", detail, mend="kun config show --dir NODE_DIR")
    chain = chains.pop()[:16] if chains else "-"
    return ok("genesis", f"链 {chain}…", f"chain {chain}…")


def check_keys(site: Site) -> Finding:
    """Check that keys, pass phrases and identities are readable by us alone."""
    paths = {one.vote_key for one in site.configs} | {one.tls_key for one in site.configs}
    paths |= {one.passphrase_file for one in site.configs if one.passphrase_file is not None}
    paths |= set(site.path.glob("identities/*.key.json"))
    return check_private_files(sorted(paths))


def check_expiry(site: Site, *, now: datetime) -> Finding:
    """Check that no TLS certificate ends unseen."""
    try:
        left = min(days_until_expiry(one.tls_cert, now=now) for one in site.configs)
    except ConfigurationError as error:
        return fail("tls-expiry", Text(str(error), str(error)), mend="kun devnet reset")
    detail = Text(f"最早在 {left} 天后到期", f"the first one ends in {left} days")
    mend = "issue new node certificates with the consortium's authority; no restart is needed"
    if left < 0:
        return fail("tls-expiry", detail, mend=mend)
    if left < EXPIRY_WARN_DAYS:
        return warn("tls-expiry", detail, mend=mend)
    return ok("tls-expiry", detail.zh, detail.en)


def check_data(site: Site) -> Finding:
    """Check that every node can write where it keeps its chain."""
    blocked = [
        str(one.data_dir)
        for one in site.configs
        if not os.access(one.data_dir if one.data_dir.exists() else one.data_dir.parent, os.W_OK)
    ]
    if blocked:
        told = ", ".join(blocked)
        return fail("data", Text(f"不可写：{told}", f"not writable: {told}"), mend=f"ls -ld {told}")
    begun = sum(one.data_dir.exists() for one in site.configs)
    return ok("data", f"{begun} 个数据目录", f"{begun} data directories")


def check_ports(site: Site, replies: Sequence[Reply]) -> Finding:
    """Check that a node that does not answer would find its ports free."""
    from devnet.topology import is_port_free

    silent = [one for one, reply in zip(site.configs, replies, strict=True) if not reply.is_ok]
    if not silent:
        return skip("ports", "节点都在运行", "all nodes run")
    taken = [
        address
        for one in silent
        for address in (one.api_listen, one.p2p_listen)
        if not is_port_free(address.port)
    ]
    if taken:
        told = ", ".join(str(one) for one in taken)
        detail = Text(f"已被占用：{told}", f"taken: {told}")
        return fail("ports", detail, mend=f"ss -ltnp 'sport = :{taken[0].port}'")
    return ok("ports", "可用", "free")


def check_api(site: Site, replies: Sequence[Reply]) -> Finding:
    """Check that every node answers."""
    silent = [
        f"{one.name}: {reply.problem or reply.status}"
        for one, reply in zip(site.configs, replies, strict=True)
        if not reply.is_ok or reply.status != _HTTP_OK
    ]
    if silent:
        told = ", ".join(silent)
        return fail("api", Text(told, told), mend="kun devnet up (kun node start --dir NODE_DIR)")
    return ok("api", f"{len(replies)} 个节点应答", f"{len(replies)} nodes answer")


def check_clocks(site: Site, replies: Sequence[Reply], *, now: datetime) -> Finding:
    """Check that the clocks of the nodes agree with ours, as far as whole seconds show."""
    skews = []
    for one, reply in zip(site.configs, replies, strict=True):
        try:
            said = parsedate_to_datetime(reply.date)
        except ValueError:
            continue
        skews.append((abs(now - said.astimezone(UTC)), one.name))
    if not skews:
        return skip("clock", "没有节点应答", "no node answers")
    worst, name = max(skews)
    told = f"{worst.total_seconds():.0f} s ({name})"
    if worst > SKEW_WARN:
        return warn(
            "clock", Text(f"时钟相差 {told}", f"clocks differ by {told}"), mend="timedatectl"
        )
    return ok("clock", "一致", "they agree")


def check_quorum(site: Site, replies: Sequence[Reply]) -> Finding:
    """Check that the chain makes progress."""
    answers = [answer_of(ref, reply) for ref, reply in zip(site.refs, replies, strict=True)]
    size = max((len(one.peers) + 1 for one in site.configs), default=0)
    judgement = judge(answers, size=size)
    because = "; ".join(one.en for one in judgement.because)
    detail = Text(f"{judgement.health.text.zh} {because}", f"{judgement.health.text.en} {because}")
    if judgement.health is Health.HEALTHY:
        return ok("quorum", detail.zh, detail.en)
    mend = f"kun status --dir {site.path}"
    if judgement.health is Health.DEGRADED:
        return warn("quorum", detail, mend=mend)
    return fail("quorum", detail, mend=mend)


def check_site(path: Path) -> list[Finding]:
    """Make all checks of one folder."""
    site, settings = read_site(path)
    if not site.configs:
        return [settings]
    now = datetime.now(UTC)
    replies = fetch_all([one.api for one in site.refs], "/v1/consensus")
    return [
        settings,
        check_genesis(site),
        check_keys(site),
        check_expiry(site, now=now),
        check_data(site),
        check_ports(site, replies),
        check_api(site, replies),
        check_clocks(site, replies, now=now),
        check_quorum(site, replies),
    ]
