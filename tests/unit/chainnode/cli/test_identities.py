"""As whom a command acts in a devnet: by name, or told which names there are."""

from pathlib import Path

import pytest

from chainnode.cli.exits import UsageProblem
from chainnode.cli.target import identity_file


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
