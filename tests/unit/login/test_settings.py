from pathlib import Path

import msgspec
import pytest

from chainnode.errors import ConfigurationError
from chainnode.login import LoginSection, Role, login_settings

GIVEN: dict[str, object] = {
    "issuer": "https://login.example",
    "client_id": "console",
    "public_url": "https://console.example",
    "pseudonym_key": "pseudonym.key",
    "roles": {"auditor": ["a1", "a2"], "operator": ["o"]},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in (("pseudonym.key", b"k" * 32), ("short.key", b"k")):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    return tmp_path


def section(**changed: object) -> LoginSection:
    return msgspec.convert(GIVEN | changed, LoginSection)


def test_every_value_of_the_claim_stands_for_its_role(folder: Path) -> None:
    found = login_settings(section(), folder=folder)

    assert found.roles == {"a1": Role.AUDITOR, "a2": Role.AUDITOR, "o": Role.OPERATOR}
    assert found.redirect_uri == "https://console.example/login/return"
    assert found.has_secure_cookies


def test_a_provider_with_a_path_is_one_source_for_a_policy(folder: Path) -> None:
    found = login_settings(section(issuer="https://login.example/realms/city"), folder=folder)

    assert found.provider_origin == "https://login.example"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"issuer": "http://login.example"}, "issuer"),
        ({"issuer": "https://"}, "issuer"),
        ({"issuer": "https://a@login.example"}, "issuer"),
        ({"public_url": "http://console.example"}, "public_url"),
        ({"public_url": "https://console.example/path"}, "public_url"),
        ({"scopes": ["profile"]}, "scopes"),
        ({"algorithms": ["HS256"]}, "algorithms"),
        ({"algorithms": ["none"]}, "algorithms"),
        ({"pseudonym_key": "short.key"}, "pseudonym_key"),
        ({"roles": {"auditor": ["x"], "operator": ["x"]}}, "roles"),
        ({"ca": "missing.pem"}, "ca"),
    ],
)
def test_an_unsafe_setting_is_refused_by_its_name(
    folder: Path, changed: dict[str, object], named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named):
        login_settings(section(**changed), folder=folder)


def test_a_service_on_this_machine_alone_needs_no_tls(folder: Path) -> None:
    found = login_settings(section(public_url="http://127.0.0.1:8080"), folder=folder)

    assert not found.has_secure_cookies


def test_no_secret_is_shown(folder: Path) -> None:
    (folder / "client").write_text("very secret")
    (folder / "client").chmod(0o600)

    found = login_settings(section(client_secret_file="client"), folder=folder)

    assert found.client_secret == "very secret"
    assert "very secret" not in repr(found)
    assert "kkk" not in repr(found)
