"""`kun citizen run` as a process, a real provider beside it; then all that it wrote is scanned."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import httpx
import pytest

from chainnode.secret_files import write_secret_file
from devnet.topology import free_ports
from tests.citizen_site import EPOCHS, NAME, PERSON, Provider, write_settings
from tests.custodian_site import custodian_at
from tests.login_site import provider_process
from tests.privacy.scanner import Scanner
from tests.real_provider import InventedPerson, ProviderSettings
from tests.served_site import served_site

CLIENT, SECRET, PASSWORD = "kunlian-citizen", "s" * 40, "nobody is real"
_UP_S = 60.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass
class Running:
    """The process, where it listens and where it writes."""

    process: "subprocess.Popen[bytes]"
    url: str
    issuer: str
    folder: Path
    output: Path

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """Serve chain, custodian and provider, and start the process."""
    provider_port, port = free_ports(2)
    url = f"http://127.0.0.1:{port}"
    provider = ProviderSettings(
        host="127.0.0.1",
        port=provider_port,
        client_id=CLIENT,
        client_secret=SECRET,
        redirect_uris=(f"{url}/login/return",),
        password=PASSWORD,
        people=(
            InventedPerson(
                username="somebody",
                claims={"roles": ["citizen"], "id_number": PERSON, "name": NAME},
            ),
        ),
    )
    home = folder / "citizen"
    for name in ("chain", "custodian", "citizen"):
        (folder / name).mkdir()
    write_secret_file(home / "client-secret", SECRET.encode())
    with ExitStack() as stack:
        served = stack.enter_context(served_site(folder / "chain"))
        custodian, _ = stack.enter_context(
            custodian_at(served, folder / "custodian", epochs=EPOCHS)
        )
        stack.enter_context(provider_process(provider, folder / "provider"))
        told = Provider(
            issuer=provider.issuer,
            public_url=url,
            listen=f"127.0.0.1:{port}",
            secret='client_secret_file = "client-secret"\nscopes = ["openid", "kunlian"]',
        )
        file = write_settings(home, served, custodian, provider=told)
        output = folder / "output"
        with output.open("wb") as written:
            process = subprocess.Popen(
                [sys.executable, "-m", "chainnode.cli", "citizen", "run", "--config", str(file)],
                stdout=written,
                stderr=written,
            )
        try:
            _await(url, process)
            yield Running(
                process=process, url=url, issuer=provider.issuer, folder=home, output=output
            )
        finally:
            process.kill()
            process.wait()


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline_s = time.monotonic() + _UP_S
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            if httpx.get(f"{url}/healthz").status_code == 200:
                return
        except httpx.TransportError:
            continue
    raise AssertionError("the citizen's view did not come up")


def log_in(one: Running) -> httpx.Client:
    """Go the whole way of a login by hand, as a browser does."""
    http = httpx.Client(trust_env=False, timeout=60)
    begun = http.get(f"{one.url}/login")
    assert begun.status_code == 303, begun.text
    page = http.get(begun.headers["location"])
    token = unescape(re.findall(r'name="token" value="([^"]+)"', page.text)[0])
    form = {"token": token, "username": "somebody", "password": PASSWORD}
    chosen = http.post(f"{one.issuer}/verify", data=form)
    back = http.get(chosen.headers["location"])
    assert (back.status_code, back.headers["location"]) == (303, "/"), back.text
    return http


def test_a_person_logs_in_and_sees_their_data_and_nothing_of_them_stays_behind(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as one:
        http = log_in(one)
        told = http.get(f"{one.url}/v2/findUsage", params={"userCode": "me"})
        assert told.json() == {"totalUsages": 0, "usages": []}
        assert http.get(f"{one.url}/proof.kunproof").status_code == 200
        # What people try, and what must not be written down for it.
        assert http.get(f"{one.url}/v2/findUsage", params={"userCode": PERSON}).status_code == 400
        assert (
            http.get(f"{one.url}/{PERSON}/{NAME}", headers={"Referer": PERSON}).status_code == 404
        )
        http.get(f"{one.url}/login/return", params={"state": PERSON, "code": NAME})
        with pytest.raises(httpx.TransportError):
            httpx.request(f"GET\r\n{PERSON}", one.url)
        metrics = http.get(f"{one.url}/metrics").text
        csrf = http.get(f"{one.url}/session").json()["csrf"]
        out = http.post(f"{one.url}/logout", headers={"X-CSRF-Token": csrf})
        assert out.status_code == 303
        assert one.stop() == 0

        cookies = "".join(f"{name}{value}" for name, value in http.cookies.items())
        (tmp_path / "citizen" / "shown").write_text(metrics + cookies + str(out.headers))
        scanned = [one.folder, tmp_path / "chain"]
        scan = Scanner([PERSON, NAME]).scan(scanned)
        assert scan.hits == ()
        assert {"leveldb", "json"} <= set(scan.opened)
        assert one.output.read_bytes() == b""
        assert (one.folder / "log" / "node.log").stat().st_size > 0
        (one.folder / "log" / "planted").write_text(f"asked for {PERSON} {NAME}")
        planted = Scanner([PERSON, NAME]).scan(scanned)
        assert {hit.secret for hit in planted.hits} == {0, 1}


def test_an_unknown_setting_ends_the_start_and_names_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "citizen.toml"
    file.write_text('[citizen]\norganization = "x"\n')

    done = subprocess.run(
        [sys.executable, "-m", "chainnode.cli", "citizen", "run", "--config", str(file)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 5
    assert 'did you mean "organisation"?' in done.stderr
