"""The consortium's certificate authority, node certificates, and TLS contexts between nodes.

EC P-256 through `cryptography`; TLS 1.3 only, mutual, trusting nothing but the consortium's own
authority (docs/adr/0007-peer-transport.md). A node certificate names its replica in a URI
subject alternative name, `kunlian:replica:<id>`; that id replaces the host name check. TLS keys
are not vote keys: whoever steals one can connect, never vote.
"""

import os
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chainnode.errors import ConfigurationError, InvalidInput

REPLICA_URI_PREFIX: Final = "kunlian:replica:"
_REPLICA_URI: Final = re.compile(r"kunlian:replica:(0|[1-9][0-9]{0,8})")
# Departments' clocks differ by minutes; a certificate made now must be valid on a slow one.
_BACKDATED: Final = timedelta(hours=1)
_LOCAL_HOSTS: Final = ("localhost", "127.0.0.1")
_FOREIGN_MODE_BITS: Final = 0o077


class CertificateError(ConfigurationError):
    """A certificate or key file of this site that cannot be used; names the file."""

    def __init__(self, *, path: Path, expected: str, actual: str) -> None:
        self.path = path
        self.expected = expected
        self.actual = actual
        super().__init__(f"{path}: expected {expected}, got {actual}")


class InvalidPeerCertificate(InvalidInput):
    """A peer's certificate, although signed by the authority, does not name one replica."""

    def __init__(self, *, expected: str, actual: str) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"peer certificate: expected {expected}, got {actual}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A certificate and its private key, both PEM; the key never appears in `repr`."""

    certificate_pem: bytes
    key_pem: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPaths:
    """Where a node's TLS files are: the authority's certificate, its own, and its key."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsContexts:
    """The two ends of one node's identity, loaded from one set of files."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def create_authority(*, name: str, now: datetime, days: int) -> Credentials:
    """Make the self-signed certificate authority of a consortium. `now` carries its time zone."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        _builder(subject=subject, issuer=subject, public_key=key.public_key(), now=now, days=days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(_authority_key_identifier(key.public_key()), critical=False)
    )
    return _credentials(builder.sign(key, hashes.SHA256()), key)


def issue_node_certificate(
    authority: Credentials,
    *,
    replica_id: int,
    hosts: Sequence[str],
    now: datetime,
    days: int,
) -> Credentials:
    """Make a fresh key and certificate for one replica; renewal is the same call again.

    `hosts` are names or addresses beside `localhost` and 127.0.0.1. They are for operators and
    their tools: peers check the replica id.
    """
    issuer_key = _private_key(authority.key_pem)
    issuer = x509.load_pem_x509_certificate(authority.certificate_pem)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"kunlian-replica-{replica_id}")])
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = (
        _builder(
            subject=subject,
            issuer=issuer.subject,
            public_key=key.public_key(),
            now=now,
            days=days,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(_alternative_names(replica_id, hosts), critical=False)
        .add_extension(_authority_key_identifier(issuer_key.public_key()), critical=False)
    )
    return _credentials(builder.sign(issuer_key, hashes.SHA256()), key)


def write_credentials(credentials: Credentials, *, certificate: Path, key: Path) -> None:
    """Write both files, the key with mode 0600 from its first byte; each replaced atomically.

    The key comes first: a reader between the two finds a pair that does not fit and keeps what
    it has loaded.
    """
    _write_private(key, credentials.key_pem, mode=0o600)
    _write_private(certificate, credentials.certificate_pem, mode=0o644)


def read_credentials(*, certificate: Path, key: Path) -> Credentials:
    """Read what `write_credentials` wrote.

    Raises:
        CertificateError: unreadable, not PEM, or a key that others may read.

    """
    _refuse_wide_mode(key)
    try:
        credentials = Credentials(
            certificate_pem=certificate.read_bytes(), key_pem=key.read_bytes()
        )
    except OSError as error:
        raise _unreadable(Path(str(error.filename)), error) from error
    _parse_certificate(certificate, credentials.certificate_pem)
    try:
        _private_key(credentials.key_pem)
    except (ValueError, TypeError) as error:
        raise CertificateError(
            path=key, expected="an EC P-256 private key in PEM", actual="something else"
        ) from error
    return credentials


def days_until_expiry(certificate: Path, *, now: datetime) -> int:
    """Return the whole days left; negative once it has expired.

    Raises:
        CertificateError: unreadable or not a certificate.

    """
    try:
        data = certificate.read_bytes()
    except OSError as error:
        raise _unreadable(certificate, error) from error
    return (_parse_certificate(certificate, data).not_valid_after_utc - now).days


def load_tls_contexts(paths: TlsPaths, *, replica_id: int) -> TlsContexts:
    """Build both contexts from the files; nothing is kept unless everything fits.

    A running node calls this again to renew its certificate and uses the new contexts for its
    next connections.

    Raises:
        CertificateError: a file is missing, malformed, readable by others, does not fit its
            partner, or names another replica than `replica_id`.

    """
    _refuse_wide_mode(paths.key)
    try:
        certificate = _parse_certificate(paths.certificate, paths.certificate.read_bytes())
    except OSError as error:
        raise _unreadable(paths.certificate, error) from error
    named = _named_replica(certificate)
    if named != replica_id:
        raise CertificateError(
            path=paths.certificate,
            expected=f"a certificate of replica {replica_id}",
            actual=f"one of replica {named}" if named is not None else "one that names no replica",
        )
    return TlsContexts(
        server=_context(ssl.PROTOCOL_TLS_SERVER, paths),
        client=_context(ssl.PROTOCOL_TLS_CLIENT, paths),
    )


def certified_replica_id(peer_certificate: Mapping[str, object]) -> int:
    """Return the replica named by a verified certificate, as `SSLObject.getpeercert()` gives it.

    Raises:
        InvalidPeerCertificate: no replica, or more than one, is named.

    """
    names = peer_certificate.get("subjectAltName", ())
    uris = [
        name[1]
        for name in (names if isinstance(names, tuple) else ())
        if name[0] == "URI" and str(name[1]).startswith(REPLICA_URI_PREFIX)
    ]
    match = _REPLICA_URI.fullmatch(str(uris[0])) if len(uris) == 1 else None
    if match is None:
        raise InvalidPeerCertificate(
            expected=f"exactly one URI {REPLICA_URI_PREFIX}<id>", actual=f"{len(uris)} usable"
        )
    return int(match.group(1))


def _context(protocol: int, paths: TlsPaths) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the replica id in the certificate is checked instead
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    try:
        context.load_verify_locations(cafile=str(paths.ca))
    except (OSError, ssl.SSLError) as error:
        raise CertificateError(
            path=paths.ca, expected="the authority's certificate in PEM", actual=_kind_of(error)
        ) from error
    try:
        context.load_cert_chain(str(paths.certificate), str(paths.key), password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise CertificateError(
            path=paths.key,
            expected=f"the unencrypted private key of {paths.certificate.name}",
            actual=_kind_of(error),
        ) from error
    if protocol == ssl.PROTOCOL_TLS_SERVER:
        context.num_tickets = 0  # links live for days; resumption would outlive a renewal
    return context


def _no_password() -> str:
    """Keep OpenSSL from asking at the terminal for an encrypted key's pass phrase."""
    return ""


def _builder(
    *,
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_key_identifier(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _alternative_names(replica_id: int, hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier(f"{REPLICA_URI_PREFIX}{replica_id}")
    ]
    for host in dict.fromkeys((*_LOCAL_HOSTS, *hosts)):
        try:
            names.append(x509.IPAddress(ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return x509.SubjectAlternativeName(names)


def _credentials(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Credentials:
    return Credentials(
        certificate_pem=certificate.public_bytes(serialization.Encoding.PEM),
        key_pem=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _private_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"expected an EC key, got {type(key).__name__}")
    return key


def _parse_certificate(path: Path, data: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(data)
    except ValueError as error:
        raise CertificateError(
            path=path, expected="an X.509 certificate in PEM", actual="something else"
        ) from error


def _named_replica(certificate: x509.Certificate) -> int | None:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return None
    uris = tuple(("URI", uri) for uri in names.get_values_for_type(x509.UniformResourceIdentifier))
    try:
        return certified_replica_id({"subjectAltName": uris})
    except InvalidPeerCertificate:
        return None


def _refuse_wide_mode(key: Path) -> None:
    try:
        mode = key.stat().st_mode & 0o777
    except OSError as error:
        raise _unreadable(key, error) from error
    if mode & _FOREIGN_MODE_BITS:
        raise CertificateError(
            path=key, expected="mode 0600 (chmod 600 mends it)", actual=f"mode {mode:04o}"
        )


def _write_private(path: Path, data: bytes, *, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _unreadable(path: Path, error: OSError) -> CertificateError:
    return CertificateError(path=path, expected="a readable file", actual=_kind_of(error))


def _kind_of(error: Exception) -> str:
    """Say what failed without quoting file contents."""
    if isinstance(error, ssl.SSLError):
        return error.reason or "TLS error"
    return (error.strerror or "unreadable") if isinstance(error, OSError) else "unusable"
