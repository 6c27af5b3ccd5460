"""As whom a command acts in a devnet: by name, or told which names there are."""

from pathlib import Path

import pytest

from chainnode.cli.exits import UsageProblem
from chainnode.cli.organisations import known_organisations, organisation_named
from chainnode.cli.target import identity_file, resolve_target
from devnet.departments import HOUSING, first_departments
from devnet.site import SiteRequest, make_site


@pytest.fixture
def identities(tmp_path: Path) -> Path:
    for name in ("auditor", "member-police", "member-housing"):
        (tmp_path / f"{name}.key.json").touch()
    return tmp_path


def test_identity_is_a_file_of_its_name(identities: Path) -> None:
    assert identity_file(identities, "auditor") == identities / "auditor.key.json"


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("member", "WHICH_IDENTITY", "member-housing, member-police"),
        ("auditer", "UNKNOWN_IDENTITY", "auditer"),
    ],
)
def test_identity_that_is_none_is_answered_by_those_there_are(
    identities: Path, name: str, code: str, told: str
) -> None:
    with pytest.raises(UsageProblem) as caught:
        identity_file(identities, name)
    assert caught.value.code == code
    assert told in caught.value.text.en


def test_a_devnet_has_the_departments_of_its_nodes_and_their_short_names(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    make_site(folder, SiteRequest(suite="intl", nodes=4, has_demo=False))
    target = resolve_target(folder=folder)
    expected = [one.organisation for one in first_departments(4)]
    assert [one.organisation for one in known_organisations(target)] == expected
    assert organisation_named("housing", target, option="--unmatched") == HOUSING.organisation
    with pytest.raises(UsageProblem) as caught:
        organisation_named("nosuch", target, option="--unmatched")
    assert "住建局 (housing)" in caught.value.text.en
    assert "tax" not in caught.value.text.en
