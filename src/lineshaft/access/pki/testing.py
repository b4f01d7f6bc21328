"""For tests: requests as machines make them, and the `openssl` program."""

import subprocess
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

SM2_OPTIONS = ("-vfyopt", "distid:1234567812345678")
"""What `openssl verify` must be told where SM2 signed."""

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def openssl(*arguments: object, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run it; the caller looks at the return code."""
    return subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, check=False)


def request_for(
    name: str | None = None, *, key: Key | None = None, names: Sequence[str] = (), uri: str | None = None
) -> bytes:
    """A certificate request, PEM, signed by its key.

    Args:
        name: common name. names: DNS names. uri: URI among the alternative names.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = [] if name is None else [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    entries: list[x509.GeneralName] = [x509.DNSName(host) for host in names]
    if uri is not None:
        entries.append(x509.UniformResourceIdentifier(uri))
    if entries:
        builder = builder.add_extension(x509.SubjectAlternativeName(entries), critical=False)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.PEM)


def der_of(pem: str | bytes) -> bytes:
    """The first certificate of a PEM text."""
    text = pem.encode() if isinstance(pem, str) else pem
    return x509.load_pem_x509_certificate(text).public_bytes(Encoding.DER)
