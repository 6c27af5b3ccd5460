"""The population registry: what it answers behind its gateway, and what it logs itself."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from fastapi import HTTPException

from chainnode.custodian.config import load_custodian_config
from chainnode.gateway import read_settings
from chainnode.secret_files import SecretFileRefused
from devnet.demo.people import Registry, invent_people, unknown_person, write_registry
from devnet.demo.pseudonyms import make_root
from devnet.demo.registry import entry_of, make_app
from devnet.demo.settings import (
    ACCESS_LOG_FILE,
    DATA_PATH,
    DATABASE_FILE,
    custodian_config,
    office_config,
    registry_config,
    write_demo_settings,
)
from devnet.departments import HOUSING, POLICE
from devnet.site import SiteRequest, make_site
from devnet.topology import DevnetFolder, load_topology


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> DevnetFolder:
    """A devnet whose nodes are not there."""
    made = DevnetFolder(tmp_path_factory.mktemp("registry") / "dn")
    topology = make_site(made.path, SiteRequest(suite="intl", nodes=4, has_demo=True))
    made.demo.mkdir()
    write_registry(made.demo / DATABASE_FILE, invent_people())
    write_demo_settings(made, topology)
    return made


@pytest.fixture
def registry(folder: DevnetFolder) -> Iterator[Registry]:
    opened = Registry(folder.demo / DATABASE_FILE)
    yield opened
    opened.close()


def test_a_known_person_is_shown(registry: Registry) -> None:
    person = invent_people()[0]

    assert entry_of(registry, person.person_id) == {
        "person_id": person.person_id,
        "name": person.name,
        "born": person.born,
        "address": person.address,
    }


@pytest.mark.parametrize(
    ("person_id", "status"), [(unknown_person(), 404), (invent_people()[39].person_id, 403)]
)
def test_nobody_learns_of_the_unknown_and_the_protected(
    registry: Registry, person_id: str, status: int
) -> None:
    with pytest.raises(HTTPException) as refused:
        entry_of(registry, person_id)

    assert refused.value.status_code == status


def test_without_a_signed_token_nothing_reaches_the_registry(folder: DevnetFolder) -> None:
    response = _sent(folder, {"person_id": invent_people()[0].person_id})

    assert response.status_code == 401
    assert "name" not in response.json()
    assert (folder.demo / ACCESS_LOG_FILE).read_text("ascii") == ""


def test_gateways_speak_for_their_departments_and_say_where_people_are_named(
    folder: DevnetFolder,
) -> None:
    provider, requester = (
        read_settings(path) for path in (registry_config(folder), office_config(folder))
    )

    assert (provider.organisation, provider.item) == (POLICE.organisation, POLICE.serves)
    assert (requester.organisation, requester.custodian_grant) == (
        HOUSING.organisation,
        "housing-police",
    )
    assert provider.custodian == requester.custodian
    assert {provider.key.exists(), requester.key.exists(), provider.trust.exists()} == {True}


@pytest.mark.parametrize("offset_ms", [0, -86_400_000])
def test_gateways_and_the_custodian_go_by_the_clock_of_the_nodes(
    folder: DevnetFolder, offset_ms: int
) -> None:
    write_demo_settings(folder, replace(load_topology(folder), clock_offset_ms=offset_ms))

    gateways = [read_settings(path) for path in (registry_config(folder), office_config(folder))]
    custodian = load_custodian_config(custodian_config(folder))
    assert {one.clock_offset_ms for one in gateways} == {offset_ms}
    assert custodian.clock_offset_ms == offset_ms


def test_a_command_of_the_custodian_that_fails_ends_the_demo(
    folder: DevnetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    topology = load_topology(folder)
    make_root(folder, topology)

    with pytest.raises(SecretFileRefused):
        make_root(folder, topology)
    assert capsys.readouterr().out == ""


def _sent(folder: DevnetFolder, body: dict[str, str]) -> httpx.Response:
    """Send one request into the application, without a socket."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(folder))
        async with httpx.AsyncClient(transport=transport, base_url="http://registry") as http:
            return await http.post(DATA_PATH, json=body)

    return asyncio.run(send())
