"""The walls between rooms as one table, and how a module is held against it.

The directions are explained in docs/architecture.md. A wall reads: what stands `inside`, except
`besides`, imports nothing of `forbids`, except `allows`. Lazy imports and imports for types
count like all others. `external`, where given, names every foreign package that may be known.
"""

import sys
from dataclasses import dataclass

from tests.architecture.sources import (
    PRODUCTION,
    Import,
    Module,
    imports_of,
    is_under_any,
)

# Pure and known to every room of the node: values, encodings, limits, errors.
LEAVES = (
    "chainnode.batch",
    "chainnode.codec",
    "chainnode.errors",
    "chainnode.event_ids",
    "chainnode.exchange",
    "chainnode.genesis",
    "chainnode.json_nesting",
    "chainnode.periods",
    "chainnode.rates",
    "chainnode.submission",
    "chainnode.suites",
)
# The only rules of business that others see: shapes, numbers, derivations.
SCHEMAS = ("contracts.schemas", "contracts.index_rule")
# The half of the ledger that needs no disk.
LEDGER_PURE = (
    "chainnode.ledger.bucket_map",
    "chainnode.ledger.codec",
    "chainnode.ledger.epochs",
    "chainnode.ledger.errors",
    "chainnode.ledger.merkle",
    "chainnode.ledger.packed",
    "chainnode.ledger.proofs",
    "chainnode.ledger.ranges",
    "chainnode.ledger.trail_proofs",
    "chainnode.ledger.trails",
    "chainnode.ledger.types",
    "chainnode.ledger.waiting",
)
# Identifiers and the only quorum arithmetic there is.
QUORUMS = ("consensus.types",)
# What somebody outside a running node may use to look at it or to prepare it.
FROM_OUTSIDE = (
    *LEAVES,
    *LEDGER_PURE,
    *SCHEMAS,
    *QUORUMS,
    "chainnode.analysis",
    "chainnode.client",
    "chainnode.config",
    "chainnode.identity",
    "chainnode.keys",
    "chainnode.month_keys",
    "chainnode.pages",
    "chainnode.pki",
    "chainnode.recovery",
    "chainnode.secret_files",
    "chainnode.verify",
    "chainnode.vote_report",
)
# How a token is asked for, and what one is: no secret and no I/O.
ASKING_CUSTODIAN = ("chainnode.custodian.asks", "chainnode.custodian.tokens")
# What departments run beside their node, each by a command of its own.
OUTSIDE_SERVICES = (
    *("chainnode.citizen", "chainnode.console", "chainnode.custodian", "chainnode.gateway"),
)
# What a service of ours beside the node shares with it: clock, logs, figures, its interpreter.
SERVED_OUTSIDE = (
    "chainnode.clock",
    "chainnode.foreground",
    "chainnode.logs",
    "chainnode.metrics",
    "chainnode.prompt_http",
    "chainnode.service_door",
    "chainnode.service_settings",
)
# What people log in to or look at in a browser.
PEOPLES = ("chainnode.login", "chainnode.console", "chainnode.citizen")
# The running node as others see it: its composition and its public methods.
NODE = ("chainnode.node", "chainnode.service")
# What builds the node and joins its rooms: node.py and the parts cut out of it.
COMPOSITION = (
    *NODE,
    "chainnode.node_base",
    "chainnode.node_metrics",
    "chainnode.recovery",
    "chainnode.server",
    "chainnode.vote_report",
    "chainnode.voting",
)
# Refusals that the API's one table maps to problems; the classes cross the wall, no more.
REFUSALS = (
    "chainnode.audit.ReadModelUnavailable",
    "chainnode.mempool.PoolRefusal",
    "chainnode.proving.evidence.NotCertified",
)
# Sources of chance, time, order and surroundings: none may reach a pure room.
IMPURE = (
    *("asyncio", "threading", "concurrent", "multiprocessing", "queue", "sched", "signal"),
    *("time", "datetime", "calendar", "zoneinfo", "random", "secrets", "uuid"),
    *("os", "sys", "io", "pathlib", "tempfile", "shutil", "glob", "platform", "locale"),
    *("socket", "ssl", "select", "selectors", "subprocess", "http", "urllib"),
    *("logging", "warnings", "json", "pickle", "marshal", "importlib", "inspect", "gc"),
    *("math", "cmath", "decimal", "fractions", "statistics", "hashlib", "hmac", "ctypes"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """One rule about imports; `why` is the sentence that a violation prints."""

    why: str
    inside: tuple[str, ...]
    besides: tuple[str, ...] = ()
    forbids: tuple[str, ...] = ()
    allows: tuple[str, ...] = ()
    allows_lazily: tuple[str, ...] = ()
    external: tuple[str, ...] | None = None

    def surrounds(self, module: Module) -> bool:
        """Tell whether the rule is about `module`."""
        return is_under_any(module.name, self.inside) and not is_under_any(
            module.name, self.besides
        )

    def refuses(self, imported: Import) -> bool:
        """Tell whether a module inside must not have this import."""
        target = imported.target
        top = target.partition(".")[0]
        if self.external is not None and not is_under_any(target, self.external):
            is_foreign = top not in sys.stdlib_module_names and top not in (*PRODUCTION, "tests")
            if is_foreign:
                return True
        allowed = self.allows + (self.allows_lazily if imported.is_lazy else ())
        return is_under_any(target, self.forbids) and not is_under_any(target, allowed)


WALLS = (
    Wall(
        why="consensus knows the standard library and itself",
        inside=("consensus",),
        forbids=PRODUCTION,
        allows=("consensus",),
        external=(),
    ),
    Wall(
        why="contracts know the standard library, msgspec and themselves",
        inside=("contracts",),
        forbids=PRODUCTION,
        allows=("contracts",),
        external=("msgspec",),
    ),
    Wall(
        why="the core is pure: no clock, chance, thread, file, socket or log",
        inside=("consensus", "contracts"),
        forbids=IMPURE,
    ),
    Wall(
        why="schemas are data that stand below every contract",
        inside=SCHEMAS,
        forbids=("contracts",),
        allows=SCHEMAS,
    ),
    Wall(
        why="only execution runs contracts; others see the schemas at most",
        inside=PRODUCTION,
        besides=("contracts", "chainnode.execution"),
        forbids=("contracts",),
        allows=SCHEMAS,
    ),
    Wall(
        why="only the driver owns a Replica, and only the composition root makes one",
        inside=PRODUCTION,
        besides=("consensus", "chainnode.driver", "chainnode.node", "chainnode.node_base"),
        forbids=("consensus.replica", "consensus.Replica"),
    ),
    Wall(
        why="consensus is known to driver, sync, verify, vote log, node; quorums to all",
        inside=PRODUCTION,
        besides=(
            *("consensus", "contracts", "chainnode.driver", "chainnode.verify"),
            *("chainnode.sync", "chainnode.votelog", *COMPOSITION),
            *("chainnode.ledger", "chainnode.p2p"),
        ),
        forbids=("consensus",),
        allows=QUORUMS,
    ),
    Wall(
        why="the ledger takes frames and certificates as bytes",
        inside=("chainnode.ledger",),
        forbids=PRODUCTION,
        allows=("chainnode.ledger", "chainnode.folder_lock", *LEAVES),
    ),
    Wall(
        why="the pure half of the ledger needs no disk",
        inside=LEDGER_PURE,
        forbids=("chainnode.ledger", "plyvel", "os", "pathlib", "fcntl", "asyncio"),
        allows=LEDGER_PURE,
    ),
    Wall(
        why="p2p carries bytes and knows no ledger, no consensus, no contract",
        inside=("chainnode.p2p",),
        forbids=PRODUCTION,
        allows=("chainnode.p2p", "chainnode.pki", *LEAVES),
    ),
    Wall(
        why="framing and handshake do no I/O",
        inside=("chainnode.p2p.framing", "chainnode.p2p.handshake"),
        forbids=("asyncio", "socket", "ssl", "selectors", "threading", "time", "uvloop"),
    ),
    Wall(
        why="suites, codec and errors are leaves",
        inside=("chainnode.suites", "chainnode.codec", "chainnode.errors"),
        forbids=PRODUCTION,
        allows=("chainnode.suites", "chainnode.errors"),
        external=("cryptography", "msgpack"),
    ),
    Wall(
        why="what two departments say to each other is pure: leaves, hash trees, schemas",
        inside=("chainnode.exchange",),
        forbids=(*PRODUCTION, *(one for one in IMPURE if one != "json")),
        allows=("chainnode.exchange", *LEAVES, *LEDGER_PURE, *SCHEMAS),
    ),
    Wall(
        why="pages are files that travel along; they know no room",
        inside=("chainnode.pages",),
        forbids=PRODUCTION,
        allows=("chainnode.pages", "chainnode.errors"),
        external=(),
    ),
    Wall(
        why="verify needs no node: leaves, the pure ledger, schemas and the quorum rules",
        inside=("chainnode.verify",),
        forbids=PRODUCTION,
        allows=("chainnode.verify", "consensus", *LEAVES, *LEDGER_PURE, *SCHEMAS),
    ),
    Wall(
        why="analysis is pure: proven rows, leaves and schemas",
        inside=("chainnode.analysis",),
        forbids=(*PRODUCTION, *IMPURE),
        allows=(
            *("chainnode.analysis", "chainnode.verify"),
            *(*LEAVES, *LEDGER_PURE, *SCHEMAS),
        ),
        external=(),
    ),
    Wall(
        why="reports render what is proven: leaves, the verifier, analysis, schemas",
        inside=("chainnode.reports",),
        forbids=PRODUCTION,
        allows=(
            *("chainnode.reports", "chainnode.verify", "chainnode.analysis"),
            *(*LEAVES, *LEDGER_PURE, *SCHEMAS),
        ),
        external=("pyarrow", "reportlab", "fontTools"),
    ),
    Wall(
        why="Parquet and fonts are made by reports alone, PDF by them and by the demo",
        inside=PRODUCTION,
        besides=("chainnode.reports", "devnet.demo"),
        forbids=("pyarrow", "reportlab", "fontTools"),
    ),
    Wall(
        why="the client needs the answers' verifier, keys and leaves",
        inside=("chainnode.client",),
        forbids=PRODUCTION,
        allows=(*ASKING_CUSTODIAN, *FROM_OUTSIDE),
    ),
    Wall(
        why="segments hold frames and know no vote and no entry",
        inside=("chainnode.segments",),
        forbids=PRODUCTION,
        allows=("chainnode.segments", *LEAVES),
    ),
    Wall(
        why="the gateway stands outside the node and needs the client and leaves",
        inside=("chainnode.gateway",),
        forbids=PRODUCTION,
        allows=(
            *("chainnode.gateway", "chainnode.folder_lock", "chainnode.process"),
            "chainnode.segments",
            *(*SERVED_OUTSIDE, *ASKING_CUSTODIAN, *FROM_OUTSIDE),
        ),
    ),
    Wall(
        why="the custodian stands outside the node and needs the client and leaves",
        inside=("chainnode.custodian",),
        forbids=PRODUCTION,
        allows=("chainnode.custodian", *SERVED_OUTSIDE, *FROM_OUTSIDE),
    ),
    Wall(
        why="the login lets people in and knows no ledger",
        inside=("chainnode.login",),
        forbids=PRODUCTION,
        allows=(
            *("chainnode.login", "chainnode.errors", "chainnode.json_nesting"),
            "chainnode.secret_files",
        ),
    ),
    Wall(
        why="the console stands outside the node and needs the login, the client, the renderings"
        " that people keep, and leaves",
        inside=("chainnode.console",),
        forbids=PRODUCTION,
        allows=(
            *("chainnode.console", "chainnode.login", "chainnode.reports"),
            *(*SERVED_OUTSIDE, *ASKING_CUSTODIAN, *FROM_OUTSIDE),
        ),
    ),
    Wall(
        why="templates are filled where people look at pages",
        inside=PRODUCTION,
        besides=(*PEOPLES, "devnet"),
        forbids=("jinja2",),
    ),
    Wall(
        why="tokens of providers are read by the login alone",
        inside=PRODUCTION,
        besides=("chainnode.login",),
        forbids=("joserfc", "authlib"),
    ),
    Wall(
        why="the citizen's view stands outside the node and needs the login, the client and leaves",
        inside=("chainnode.citizen",),
        forbids=PRODUCTION,
        allows=(
            *("chainnode.citizen", "chainnode.login"),
            *(*SERVED_OUTSIDE, *ASKING_CUSTODIAN, *FROM_OUTSIDE),
        ),
    ),
    Wall(
        why="the custodian's insides are known to its command alone, its forms to who asks",
        inside=PRODUCTION,
        besides=("chainnode.custodian", "chainnode.cli"),
        forbids=("chainnode.custodian",),
        allows=ASKING_CUSTODIAN,
    ),
    Wall(
        why="numbers of people are checked and found without I/O",
        inside=("chainnode.identity",),
        forbids=(*PRODUCTION, "os", "pathlib", "asyncio", "socket", "logging"),
        allows=("chainnode.identity", "chainnode.errors", *SCHEMAS),
        external=(),
    ),
    Wall(
        why="api knows the node's public methods, the verifier, settings and leaves",
        inside=("chainnode.api",),
        forbids=PRODUCTION,
        allows=(
            *("chainnode.api", "chainnode.config", "chainnode.pages", "chainnode.verify"),
            "chainnode.prompt_http",
            *(*NODE, *REFUSALS),
            *(*LEAVES, *LEDGER_PURE, *SCHEMAS, *QUORUMS),
        ),
    ),
    Wall(
        why="cli knows the node's public methods and what stands outside",
        inside=("chainnode.cli",),
        forbids=PRODUCTION,
        allows=(
            *("chainnode.cli", "chainnode.reports", "devnet"),
            *(*OUTSIDE_SERVICES, *NODE, *FROM_OUTSIDE),
        ),
    ),
    Wall(
        why="a command is imported when it is run, and devnet by a command alone",
        inside=PRODUCTION,
        besides=("chainnode.cli.commands", "devnet"),
        forbids=("chainnode.cli.commands", "devnet"),
        allows_lazily=("chainnode.cli.commands", "devnet"),
    ),
    Wall(
        why="devnet speaks to processes from outside: CLI, HTTP, files",
        inside=("devnet",),
        forbids=PRODUCTION,
        allows=("devnet", "chainnode.cli", *FROM_OUTSIDE),
        besides=("devnet.demo",),
    ),
    Wall(
        why="the demo's departments use the gateway, as any department's service does",
        inside=("devnet.demo",),
        forbids=PRODUCTION,
        allows=("devnet", "chainnode.cli", "chainnode.gateway", *FROM_OUTSIDE),
    ),
    Wall(
        why="nobody but cli knows devnet",
        inside=PRODUCTION,
        besides=("devnet", "chainnode.cli"),
        forbids=("devnet",),
    ),
    Wall(
        why="the node joins the rooms, so no room knows it; api and cli ask it",
        inside=PRODUCTION,
        besides=("chainnode.api", "chainnode.cli", *COMPOSITION),
        forbids=NODE,
    ),
    Wall(
        why="the driver is known to the node that builds it and to sync that fetches for it",
        inside=PRODUCTION,
        besides=("chainnode.driver", "chainnode.sync", *COMPOSITION),
        forbids=("chainnode.driver",),
    ),
    Wall(
        why="LevelDB stays behind the ledger's wall",
        inside=PRODUCTION,
        besides=("chainnode.ledger",),
        forbids=("plyvel",),
    ),
    Wall(
        why="pydantic stays with the API, and with departments' own services outside the node",
        inside=PRODUCTION,
        besides=("chainnode.api", "devnet.demo.registry"),
        forbids=("pydantic",),
    ),
    Wall(
        why="FastAPI serves the API, and departments' own services outside the node",
        inside=PRODUCTION,
        besides=("chainnode.api", "devnet"),
        forbids=("fastapi",),
    ),
    Wall(
        why="Starlette serves the API and what people look at",
        inside=PRODUCTION,
        besides=(*PEOPLES, "chainnode.api", "devnet"),
        forbids=("starlette",),
    ),
    Wall(
        why="images of QR codes are made by the command line",
        inside=PRODUCTION,
        besides=("chainnode.cli",),
        forbids=("segno",),
    ),
    Wall(
        why="production knows no test and no benchmark",
        inside=PRODUCTION,
        forbids=("tests", "benchmarks", "pytest", "hypothesis", "gmssl", "zxingcpp"),
    ),
)


def violations(module: Module) -> tuple[str, ...]:
    """Name every import of `module` that goes through a wall, and why the wall stands."""
    walls = tuple(wall for wall in WALLS if wall.surrounds(module))
    return tuple(
        f"{module.path}:{imported.line} imports {imported.target}: {wall.why}"
        for imported in imports_of(module)
        for wall in walls
        if wall.refuses(imported)
    )
