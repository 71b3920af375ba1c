"""A certificate authority of our own and the server certificate that it signs."""

import datetime as dt
from ipaddress import ip_address
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devkit.vault.keys import write_private_file

LIFETIME = dt.timedelta(days=397)
RENEW_BEFORE = dt.timedelta(days=30)


class Certificates:
    """Paths of `certificate` and `key` for the server, and of `bundle` for REQUESTS_CA_BUNDLE.

    The bundle holds certifi's authorities too, because that setting replaces the whole set. Made in
    `state` at the first start and again a month before they end. The authority's own key is never
    written: it signs once and is forgotten, so nobody can use it to sign for another host.
    """

    def __init__(self, state: Path) -> None:
        self.certificate = state / "server.pem"
        self.key = state / "server.key"
        self.bundle = state / "ca-bundle.pem"
        authority = state / "ca.pem"
        if not _is_fresh(self.certificate):
            _issue(authority, self.certificate, self.key)
        self.bundle.write_bytes(Path(certifi.where()).read_bytes() + b"\n" + authority.read_bytes())


def _is_fresh(certificate: Path) -> bool:
    if not certificate.exists():
        return False
    ends = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    return ends - dt.datetime.now(dt.UTC) > RENEW_BEFORE


def _issue(authority_path: Path, certificate_path: Path, key_path: Path) -> None:
    authority_key = ec.generate_private_key(ec.SECP256R1())
    server_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Segpilot local authority")])
    server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Segpilot local vault")])
    authority_id = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())

    # Python 3.13 checks certificates strictly (RFC 5280), hence the key identifiers and usages.
    authority = (
        _builder(authority_name, authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(authority_id, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    hosts = [
        x509.IPAddress(ip_address("127.0.0.1")),
        x509.DNSName("localhost"),
        x509.DNSName("*.vault.localhost"),
    ]
    server = (
        _builder(server_name, authority_name, server_key.public_key())
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(server_key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_id), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )

    pem = serialization.Encoding.PEM
    authority_path.write_bytes(authority.public_bytes(pem))
    write_private_file(
        key_path,
        server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    certificate_path.write_bytes(server.public_bytes(pem))


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + LIFETIME)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
