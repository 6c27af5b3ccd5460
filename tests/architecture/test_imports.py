"""Imports go in the directions that docs/architecture.md draws, and each rule bites."""

import ast

import pytest

from tests.architecture.reach import circles, loaded_with
from tests.architecture.sources import (
    Module,
    is_under_any,
    parse,
    production_modules,
)
from tests.architecture.walls import WALLS, violations

# A room, what somebody might write there, and the wall that must stop it.
BREACHES = (
    ("consensus/x.py", "import chainnode.codec", "consensus knows"),
    ("consensus/x.py", "from contracts import schemas", "consensus knows"),
    ("consensus/x.py", "import msgspec", "consensus knows"),
    ("contracts/x.py", "from consensus.types import View", "contracts know"),
    ("contracts/x.py", "import pydantic", "contracts know"),
    ("consensus/x.py", "from time import monotonic", "the core is pure"),
    ("contracts/x.py", "def f():\n    import random", "the core is pure"),
    ("consensus/x.py", "import os.path", "the core is pure"),
    ("consensus/x.py", "def f():\n    __import__('socket')", "the core is pure"),
    ("contracts/schemas/x.py", "from ..members import add_key", "schemas are data"),
    ("chainnode/api/x.py", "from contracts.access import record", "only execution runs"),
    ("chainnode/client/x.py", "import contracts", "only execution runs"),
    ("chainnode/sync/x.py", "from consensus.replica import Replica", "only the driver owns"),
    ("chainnode/votelog.py", "from consensus import Replica", "only the driver owns"),
    ("chainnode/mempool/x.py", "from consensus.messages import Batch", "consensus is known to"),
    ("chainnode/ledger/x.py", "from consensus.types import Height", "the ledger takes"),
    ("chainnode/ledger/x.py", "from chainnode.p2p import framing", "the ledger takes"),
    ("chainnode/ledger/x.py", "from contracts.schemas import codes", "the ledger takes"),
    ("chainnode/ledger/proofs.py", "from chainnode.ledger.store import Store", "the pure half"),
    ("chainnode/ledger/merkle.py", "import plyvel", "the pure half"),
    ("chainnode/p2p/x.py", "from chainnode.ledger.types import Header", "p2p carries"),
    ("chainnode/p2p/x.py", "from consensus import messages", "p2p carries"),
    ("chainnode/p2p/framing.py", "import asyncio", "framing and handshake"),
    ("chainnode/analysis/x.py", "from chainnode.client import Client", "analysis is pure"),
    ("chainnode/analysis/x.py", "from datetime import datetime", "analysis is pure"),
    ("chainnode/codec.py", "from chainnode.submission import Call", "are leaves"),
    ("chainnode/suites/x.py", "import gmalglib", "are leaves"),
    ("chainnode/exchange/x.py", "import asyncio", "what two departments say to each other"),
    ("chainnode/pages/x.py", "from chainnode.verify import Trust", "pages are files"),
    ("chainnode/reports/x.py", "from chainnode.client import Client", "reports render"),
    ("chainnode/client/x.py", "def f():\n    import pyarrow", "Parquet and fonts"),
    ("chainnode/verify/x.py", "from chainnode.client import Client", "verify needs no node"),
    ("chainnode/verify/x.py", "from chainnode.ledger.chain import Ledger", "verify needs no node"),
    ("chainnode/client/x.py", "from chainnode.mempool import Mempool", "the client needs"),
    ("chainnode/segments/x.py", "from chainnode.votelog import Voter", "segments hold"),
    ("chainnode/gateway/x.py", "from chainnode.votelog import VoteLog", "the gateway stands"),
    (
        "chainnode/custodian/x.py",
        "from chainnode.gateway import Pseudonyms",
        "the custodian stands",
    ),
    ("chainnode/client/x.py", "import chainnode.custodian.desk", "the custodian's insides"),
    ("chainnode/identity/x.py", "from pathlib import Path", "numbers of people"),
    ("chainnode/api/x.py", "from chainnode.ledger.store import Store", "api knows"),
    ("chainnode/api/x.py", "from ..execution import Executor", "api knows"),
    ("chainnode/cli/x.py", "import devnet.launcher", "a command is imported"),
    ("chainnode/cli/x.py", "from chainnode.cli.commands import verify", "a command is imported"),
    ("chainnode/cli/x.py", "from chainnode.execution import Executor", "cli knows"),
    ("devnet/x.py", "from chainnode.node import Node", "devnet speaks"),
    ("devnet/x.py", "import importlib\nimportlib.import_module('chainnode.api')", "devnet speaks"),
    ("chainnode/config.py", "import devnet", "nobody but cli"),
    ("chainnode/api/x.py", "LATE = {'up': 'devnet.launcher:up'}", "nobody but cli"),
    ("chainnode/api/x.py", "R = 'devnet'\nLATE = [f'{R}.launcher:up']", "nobody but cli"),
    ("chainnode/sync/x.py", "from chainnode import node", "the node joins"),
    ("chainnode/api/x.py", "from chainnode.driver import Driver", "the driver is known"),
    ("chainnode/votelog.py", "def f():\n    import plyvel", "LevelDB stays"),
    ("chainnode/config.py", "from pydantic import BaseModel", "pydantic stays"),
    ("devnet/demo/x.py", "from chainnode.custodian.tokens import RootSecret", "the demo's"),
    ("chainnode/client/x.py", "from fastapi import FastAPI", "FastAPI serves"),
    ("chainnode/client/x.py", "from starlette.routing import Route", "Starlette serves"),
    ("chainnode/login/x.py", "from chainnode.client import Client", "the login lets"),
    ("chainnode/citizen/x.py", "from chainnode.service import NodeService", "the citizen's view"),
    ("chainnode/citizen/x.py", "from chainnode.reports import render", "the citizen's view"),
    ("chainnode/console/x.py", "from chainnode.node import Node", "the console stands"),
    ("chainnode/console/x.py", "from chainnode.cli import health", "the console stands"),
    ("chainnode/console/x.py", "import pyarrow", "Parquet and fonts"),
    ("chainnode/api/x.py", "import jinja2", "templates are filled"),
    ("chainnode/api/x.py", "from joserfc import jwt", "tokens of providers"),
    ("chainnode/verify/x.py", "import segno", "images of QR codes"),
    ("chainnode/x.py", "from tests.builders import genesis", "production knows no test"),
    ("devnet/x.py", "if TYPE_CHECKING:\n    import hypothesis", "production knows no test"),
)
PERMITTED = (
    ("consensus/x.py", "from dataclasses import dataclass\nfrom consensus.types import View"),
    ("contracts/x.py", "import msgspec\nfrom contracts.sdk import Context"),
    ("chainnode/cli/x.py", "def f():\n    from devnet.launcher import up"),
    ("chainnode/cli/x.py", "LATE = {'up': 'devnet.launcher:up'}"),
    ("chainnode/cli/commands/x.py", "from devnet.topology import Topology"),
    ("chainnode/console/x.py", "from chainnode.reports import render"),
    ("chainnode/execution/x.py", "from contracts.registry import contract"),
    ("chainnode/driver/x.py", "from consensus.replica import Replica"),
    ("chainnode/ledger/store.py", "import plyvel\nfrom chainnode.codec import encode"),
    ("chainnode/verify/x.py", "from consensus.types import Membership"),
    ("chainnode/api/x.py", "from fastapi import FastAPI\nfrom . import schemas"),
)
# Faces that hold more than names, and why.
FACES_WITH_CODE = {
    "chainnode/suites/__init__.py": "the port's one question, which suite, stands at its door",
}
# Who reads a proof must not have to install or trust a server, a store or a network client.
FOREIGN_TO_VERIFY = ("fastapi", "starlette", "pydantic", "plyvel", "httpx", "uvicorn", "asyncio")


def test_every_import_goes_in_a_permitted_direction() -> None:
    found = [line for module in production_modules() for line in violations(module)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("path", "source", "why"), BREACHES)
def test_a_breach_is_found(path: str, source: str, why: str) -> None:
    found = violations(parse(path, source))
    assert any(why in line for line in found), found


@pytest.mark.parametrize(("path", "source"), PERMITTED)
def test_a_permitted_import_is_left_alone(path: str, source: str) -> None:
    assert violations(parse(path, source)) == ()


def test_every_wall_has_a_breach_that_proves_it() -> None:
    reasons = [why for _path, _source, why in BREACHES]
    assert [wall.why for wall in WALLS if not any(why in wall.why for why in reasons)] == []


def lines_beyond_names(face: Module) -> tuple[int, ...]:
    """Return the lines of a package's face that are no docstring, import or `__all__`."""
    body = face.tree.body[1:] if ast.get_docstring(face.tree) else face.tree.body
    return tuple(
        one.lineno
        for one in body
        if not isinstance(one, ast.Import | ast.ImportFrom)
        and not (isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "__all__")
    )


def named(*modules: Module) -> dict[str, Module]:
    """Key modules by their name."""
    return {module.name: module for module in modules}


def test_verify_loads_no_server_no_store_and_no_network() -> None:
    modules = named(*production_modules())
    rooms = [name for name in modules if is_under_any(name, ("chainnode.verify",))]
    found = [
        " -> ".join(way)
        for room in rooms
        for target, way in loaded_with(room, modules).items()
        if is_under_any(target, FOREIGN_TO_VERIFY)
    ]
    assert not found, "\n".join(found)


def test_what_the_face_of_a_package_loads_counts() -> None:
    modules = named(
        parse("chainnode/verify/x.py", "from chainnode.ledger.merkle import merkle_root"),
        parse("chainnode/ledger/__init__.py", "from chainnode.ledger.store import Store"),
        parse("chainnode/ledger/merkle.py", ""),
        parse("chainnode/ledger/store.py", "def f():\n    import plyvel"),
    )
    way = loaded_with("chainnode.verify.x", modules)["plyvel"]
    assert way == ("chainnode.verify.x", "chainnode.ledger", "chainnode.ledger.store", "plyvel")


def test_what_is_imported_for_types_alone_is_not_loaded() -> None:
    modules = named(parse("chainnode/verify/x.py", "if TYPE_CHECKING:\n    import httpx"))
    assert "httpx" not in loaded_with("chainnode.verify.x", modules)


def test_no_modules_import_each_other_in_a_circle() -> None:
    found = circles(named(*production_modules()))
    assert not found, "\n".join(found)


def test_a_circle_is_found_also_when_it_is_long_or_lazy() -> None:
    modules = named(
        parse("chainnode/a.py", "from chainnode.b import f"),
        parse("chainnode/b.py", "from chainnode import c"),
        parse("chainnode/c.py", "def g():\n    import chainnode.a"),
        parse("chainnode/d.py", "import chainnode.a"),
    )
    assert circles(modules) == (
        "chainnode.a <-> chainnode.b",
        "chainnode.a <-> chainnode.c",
        "chainnode.b <-> chainnode.c",
    )


def test_the_face_of_a_room_holds_public_names_and_nothing_else() -> None:
    found = [
        f"{module.path}:{line}"
        for module in production_modules()
        if module.is_package and module.path not in FACES_WITH_CODE
        for line in lines_beyond_names(module)
    ]
    assert not found, "\n".join(found)


def test_code_in_the_face_of_a_room_is_found() -> None:
    face = parse("devnet/__init__.py", '"""Doc."""\nfrom devnet.x import f\n\ndef g(): ...\n')
    assert lines_beyond_names(face) == (4,)
