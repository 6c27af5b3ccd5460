"""What `kun devnet up` and `kun devnet status` show to a person."""

import shlex
from pathlib import Path

from chainnode.cli.output import Output
from devnet.observe import DevnetSight, status_document, table_rows
from devnet.topology import DEFAULT_FOLDER, HOST, DevnetFolder

_KINDS = {
    "valid": "有效 VALID",
    "revoked": "已撤销 REVOKED",
    "expired": "已过期 EXPIRED",
    "tampered": "内容被改 TAMPERED",
}

_EXCHANGE = (
    (
        "--grant housing-police-ended",
        "一项授权：批准、撤销，其后的调用被拒绝",
        "a grant: given, revoked, then a call refused",
    ),
    ("--finding halves-differ", "一方说谎：双方记录不一致", "one half lies: the two differ"),
    (
        "--unmatched housing",
        "一方沉默：约 20 秒后由账本认定",
        "one half is missing: the ledger says so after 20 s",
    ),
)


def print_nodes(output: Output, sight: DevnetSight) -> None:
    """Print the state of the network, its reasons and the table of nodes."""
    health = sight.judgement.health
    output.line(
        f"{health.text.both} · {sight.topology.suite} · chain {sight.topology.chain_id[:16]}…",
        colour=health.colour,
    )
    for reason in sight.judgement.because:
        output.line(f"  - {reason.in_language(output.language)}")
    if sight.judgement.next_step is not None:
        step = sight.judgement.next_step.in_language(output.language)
        output.line(output.words(f"下一步：{step}", f"Next: {step}"))
    columns = (
        output.words("节点", "node"),
        output.words("部门", "department"),
        output.words("角色", "role"),
        output.words("状态", "state"),
        "API",
        output.words("高度", "height"),
    )
    output.table(columns, table_rows(sight))


def print_banner(
    output: Output, folder: DevnetFolder, sight: DevnetSight, *, ready_s: float
) -> None:
    """Print the table, the demo's certificates, and commands to paste."""
    seconds = output.words(f"开发网已就绪（{ready_s} 秒）", f"the devnet is ready ({ready_s} s)")
    output.line(f"昆链 Kunlian · {seconds}")
    output.line()
    print_nodes(output, sight)
    output.line()
    output.line(
        output.words(
            "开发网：密钥与口令同在一处，数据均为虚构，不可用于真实业务。",
            "A devnet: keys lie beside their pass phrase, all data is invented."
            " Not for real business.",
        )
    )
    where = "" if folder.path == Path(DEFAULT_FOLDER) else f" --dir {shlex.quote(str(folder.path))}"
    _print_demo(output, folder, sight, where)
    output.line()
    output.line(output.words("试一试：", "Try:"))
    said = output.words("杀死一个节点，看它继续", "kill a node, watch it survive")
    output.line(f"  kun devnet kill 3{where}    # {said}")
    output.line(f"  kun status{where}")
    output.line(f"  kun devnet start 3{where}")


def _print_pages(output: Output, sight: DevnetSight) -> None:
    """Say where people's pages are, and as whom to log in there with one click."""
    services = sight.topology.services
    pages = (
        (services.console, "auditor-01", "审计控制台", "the auditors' console"),
        (services.citizen, "citizen-001", "谁看过我的数据", "who used my data"),
    )
    output.line(output.words("网页：", "Pages:"))
    for port, login, zh, en in pages:
        said = output.words(f"{zh}，登录选 {login}", f"{en}; log in as {login}")
        output.line(f"  http://{HOST}:{port}/    # {said}")


def _print_demo(output: Output, folder: DevnetFolder, sight: DevnetSight, where: str) -> None:
    demo = status_document(sight, folder)["demo"]
    if not isinstance(demo, dict):
        return
    output.line()
    output.line(output.words("演示证照：", "Demo certificates:"))
    for kind, path in demo["certificates"].items():
        output.line(f"  kun verify {shlex.quote(path)}{where}    # {_KINDS.get(kind, kind)}")
    output.line()
    output.line(output.words("谁查过这个人（化名）：", "Who accessed this person (a pseudonym):"))
    purpose = shlex.quote(output.words("试用审计", "trying the audit"))
    output.line(f"  kun audit query --subject {demo['subject']} --purpose {purpose}{where}")
    output.line()
    _print_pages(output, sight)
    output.line()
    output.line(output.words("数据交换：", "The exchange of data:"))
    for option, zh, en in _EXCHANGE:
        said = output.words(zh, en)
        output.line(f"  kun audit query {option} --purpose {purpose}{where}    # {said}")
