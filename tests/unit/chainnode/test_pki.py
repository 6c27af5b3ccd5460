"""Certificates name one replica, are checked against one authority, and keys stay private."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from chainnode.pki import (
    CertificateError,
    Credentials,
    InvalidPeerCertificate,
    TlsContexts,
    TlsPaths,
    certified_replica_id,
    create_authority,
    days_until_expiry,
    issue_node_certificate,
    load_tls_contexts,
    read_credentials,
    write_credentials,
)

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def authority() -> Credentials:
    return create_authority(name="test consortium", now=NOW, days=3650)


@pytest.fixture
def paths(tmp_path: Path, authority: Credentials) -> TlsPaths:
    return write_node(tmp_path, authority, replica_id=3)


def write_node(
    folder: Path,
    authority: Credentials,
    *,
    replica_id: int,
    name: str = "node",
    now: datetime = NOW,
    days: int = 90,
) -> TlsPaths:
    paths = TlsPaths(
        ca=folder / "ca.cert.pem",
        certificate=folder / f"{name}.cert.pem",
        key=folder / f"{name}.key.pem",
    )
    paths.ca.write_bytes(authority.certificate_pem)
    credentials = issue_node_certificate(
        authority, replica_id=replica_id, hosts=("node.dept.local", "10.0.0.7"), now=now, days=days
    )
    write_credentials(credentials, certificate=paths.certificate, key=paths.key)
    return paths


def shake_hands(client: TlsContexts, server: TlsContexts) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Run TLS in memory; return both ends once each has verified the other."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.client.wrap_bio(to_client, to_server),
        server.server.wrap_bio(to_server, to_client, server_side=True),
    )
    waiting = list(ends)
    for _ in range(6):
        for end in list(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(end)
    assert not waiting
    return ends


def test_two_nodes_of_one_authority_prove_their_replica_ids_over_tls_1_3(
    tmp_path: Path, authority: Credentials
) -> None:
    contexts = [
        load_tls_contexts(
            write_node(tmp_path, authority, replica_id=id_, name=f"node{id_}"), replica_id=id_
        )
        for id_ in (0, 3)
    ]
    client, server = shake_hands(contexts[0], contexts[1])
    assert (client.version(), server.version()) == ("TLSv1.3", "TLSv1.3")
    assert certified_replica_id(client.getpeercert() or {}) == 3
    assert certified_replica_id(server.getpeercert() or {}) == 0


def test_certificates_of_another_authority_are_refused_in_both_directions(
    tmp_path: Path, authority: Credentials
) -> None:
    ours = load_tls_contexts(write_node(tmp_path, authority, replica_id=0), replica_id=0)
    foreign_authority = create_authority(name="test consortium", now=NOW, days=3650)
    (tmp_path / "foreign").mkdir()
    foreign = load_tls_contexts(
        write_node(tmp_path / "foreign", foreign_authority, replica_id=1), replica_id=1
    )
    for client, server in ((ours, foreign), (foreign, ours)):
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(client, server)


@pytest.mark.parametrize(
    ("shift", "words"),
    [(timedelta(days=-100), "expired"), (timedelta(days=2), "not yet valid")],
)
def test_a_certificate_outside_its_validity_is_refused(
    tmp_path: Path, authority: Credentials, shift: timedelta, words: str
) -> None:
    good = write_node(tmp_path, authority, replica_id=0)
    stale = write_node(tmp_path, authority, replica_id=1, name="stale", now=NOW + shift, days=90)
    with pytest.raises(ssl.SSLCertVerificationError, match=words):
        shake_hands(load_tls_contexts(good, replica_id=0), load_tls_contexts(stale, replica_id=1))


def test_a_node_certificate_cannot_issue_certificates(
    tmp_path: Path, authority: Credentials
) -> None:
    paths = write_node(tmp_path, authority, replica_id=0)
    node = read_credentials(certificate=paths.certificate, key=paths.key)
    forged = issue_node_certificate(node, replica_id=1, hosts=(), now=NOW, days=9)
    chain = forged.certificate_pem + node.certificate_pem
    forged_paths = TlsPaths(
        ca=paths.ca, certificate=tmp_path / "forged.cert.pem", key=tmp_path / "forged.key.pem"
    )
    write_credentials(
        Credentials(certificate_pem=chain, key_pem=forged.key_pem),
        certificate=forged_paths.certificate,
        key=forged_paths.key,
    )
    good = load_tls_contexts(paths, replica_id=0)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(good, load_tls_contexts(forged_paths, replica_id=1))


def test_a_client_without_certificate_or_with_older_tls_is_refused(paths: TlsPaths) -> None:
    server = load_tls_contexts(paths, replica_id=3)
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare.check_hostname = False
    bare.load_verify_locations(str(paths.ca))
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        shake_hands(TlsContexts(server=server.server, client=bare), server)
    bare.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match=r"UNSUPPORTED_PROTOCOL|NO_PROTOCOLS"):
        shake_hands(TlsContexts(server=server.server, client=bare), server)


def test_contexts_trust_nothing_but_the_one_authority(
    paths: TlsPaths, authority: Credentials
) -> None:
    contexts = load_tls_contexts(paths, replica_id=3)
    expected = [x509.load_pem_x509_certificate(authority.certificate_pem).serial_number]
    for context in (contexts.server, contexts.client):
        trusted = context.get_ca_certs(binary_form=True)
        assert [x509.load_der_x509_certificate(der).serial_number for der in trusted] == expected
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.minimum_version is ssl.TLSVersion.TLSv1_3


def test_a_node_certificate_names_its_replica_and_its_hosts(paths: TlsPaths) -> None:
    certificate = x509.load_pem_x509_certificate(paths.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["kunlian:replica:3"]
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "node.dept.local"]
    addresses = [str(one) for one in names.get_values_for_type(x509.IPAddress)]
    assert addresses == ["127.0.0.1", "10.0.0.7"]
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)


@pytest.mark.parametrize(
    "names",
    [
        (),
        (("DNS", "kunlian:replica:1"),),
        (("URI", "kunlian:replica:"),),
        (("URI", "kunlian:replica:-1"),),
        (("URI", "kunlian:replica:01"),),
        (("URI", "kunlian:replica:1 "),),
        (("URI", "kunlian:replica:1\n"),),
        (("URI", "kunlian:replica:١"),),
        (("URI", "xkunlian:replica:1"),),
        (("URI", "kunlian:replica:1"), ("URI", "kunlian:replica:2")),
        (("URI", "kunlian:replica:1"), ("URI", "kunlian:replica:x")),
    ],
)
def test_a_certificate_that_does_not_name_exactly_one_replica_is_refused(
    names: tuple[tuple[str, str], ...],
) -> None:
    with pytest.raises(InvalidPeerCertificate):
        certified_replica_id({"subjectAltName": names})


@given(st.text())
def test_random_names_raise_nothing_but_the_typed_error(name: str) -> None:
    with pytest.raises(InvalidPeerCertificate):
        certified_replica_id({"subjectAltName": (("URI", f"kunlian:replica:{name}x"),)})
    with pytest.raises(InvalidPeerCertificate):
        certified_replica_id({"subjectAltName": name})


def test_keys_are_written_for_the_owner_alone_and_never_shown(
    tmp_path: Path, authority: Credentials
) -> None:
    certificate, key = tmp_path / "ca" / "cert.pem", tmp_path / "ca" / "key.pem"
    write_credentials(authority, certificate=certificate, key=key)
    assert key.stat().st_mode & 0o777 == 0o600
    assert certificate.stat().st_mode & 0o777 == 0o644
    assert sorted(one.name for one in certificate.parent.iterdir()) == ["cert.pem", "key.pem"]
    assert "PRIVATE" not in repr(authority)
    assert read_credentials(certificate=certificate, key=key) == authority


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_may_read_is_refused(paths: TlsPaths, mode: int) -> None:
    paths.key.chmod(mode)
    with pytest.raises(CertificateError, match=rf"expected mode 0600 .*, got mode {mode:04o}"):
        load_tls_contexts(paths, replica_id=3)
    with pytest.raises(CertificateError, match="mode 0600"):
        read_credentials(certificate=paths.certificate, key=paths.key)


def test_a_certificate_of_another_replica_is_refused_naming_both(paths: TlsPaths) -> None:
    with pytest.raises(CertificateError, match="of replica 2, got one of replica 3"):
        load_tls_contexts(paths, replica_id=2)


def test_an_authority_is_no_node(tmp_path: Path, authority: Credentials) -> None:
    paths = write_node(tmp_path, authority, replica_id=0)
    write_credentials(authority, certificate=paths.certificate, key=paths.key)
    with pytest.raises(CertificateError, match="names no replica"):
        load_tls_contexts(paths, replica_id=0)


@pytest.mark.parametrize("name", ["ca", "certificate", "key"])
@pytest.mark.parametrize("damage", ["missing", "garbage", "empty"])
def test_a_damaged_file_is_named(paths: TlsPaths, name: str, damage: str) -> None:
    path: Path = getattr(paths, name)
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"garbage" if damage == "garbage" else b"")
    with pytest.raises(CertificateError) as caught:
        load_tls_contexts(paths, replica_id=3)
    assert caught.value.path == path


def test_a_key_that_does_not_fit_its_certificate_is_refused(
    paths: TlsPaths, tmp_path: Path, authority: Credentials
) -> None:
    other = write_node(tmp_path, authority, replica_id=3, name="renewed")
    mixed = TlsPaths(ca=paths.ca, certificate=paths.certificate, key=other.key)
    with pytest.raises(CertificateError, match="KEY_VALUES_MISMATCH"):
        load_tls_contexts(mixed, replica_id=3)


def test_days_until_expiry_count_down_and_below_zero(paths: TlsPaths) -> None:
    assert days_until_expiry(paths.certificate, now=NOW) in {89, 90}
    assert days_until_expiry(paths.certificate, now=NOW + timedelta(days=60, hours=1)) == 29
    assert days_until_expiry(paths.certificate, now=NOW + timedelta(days=92)) < 0
    with pytest.raises(CertificateError):
        days_until_expiry(paths.key, now=NOW)
    with pytest.raises(CertificateError):
        days_until_expiry(paths.key.with_name("none.pem"), now=NOW)


def test_credentials_that_are_no_key_are_refused(paths: TlsPaths) -> None:
    paths.key.write_bytes(b"garbage")
    with pytest.raises(CertificateError, match="EC P-256 private key"):
        read_credentials(certificate=paths.certificate, key=paths.key)
    paths.certificate.unlink()
    with pytest.raises(CertificateError) as caught:
        read_credentials(certificate=paths.certificate, key=paths.key)
    assert caught.value.path == paths.certificate
