"""TLS to a mosquitto broker with certificates made here: checked, refused, and by client certificate."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lineshaft.edge.drivers.mqtt.mosquitto import mosquitto
from lineshaft.edge.model import Device, Point
from lineshaft.edge.secrets import Secret

pytestmark = pytest.mark.peer("mosquitto")


def issue(name, issuer=None, *, authority=False):
    """(certificate, key) of a name, by an issuer of the same kind or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    signer_certificate, signer = issuer or (None, key)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer_certificate.subject if signer_certificate else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
                key_agreement=False, key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )
        .sign(signer, hashes.SHA256())
    )  # fmt: skip
    return certificate, key


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key):
    kinds = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, *kinds).decode()


@pytest.fixture(scope="module")
def authority():
    return issue("plant authority", authority=True)


@pytest.fixture(scope="module")
def broker(tmp_path_factory, authority):
    folder = tmp_path_factory.mktemp("broker")
    certificate, key = issue("localhost", authority)
    for name, text in (("ca", pem(authority[0])), ("own", pem(certificate)), ("key", key_pem(key))):
        (folder / f"{name}.pem").write_text(text)
    files = f"cafile {folder}/ca.pem\ncertfile {folder}/own.pem\nkeyfile {folder}/key.pem"
    with mosquitto(folder, lines=f"{files}\nrequire_certificate true\nuse_identity_as_username true") as port:
        yield port


@pytest.fixture
def device(broker, authority):
    def make(host="localhost", **options):
        options = {
            "identity": "certificate",
            "secret": "tls",
            "authority": pem(authority[0]),
            "commands": {"v": "tls"},
            **options,
        }
        return Device(
            name="oven", path="a/b/c/d/e/oven", driver="mqtt", endpoint=f"mqtts://{host}:{broker}", options=options,
            points=(Point(name="v", address="tls#/v", tag=1, access="read-write"),),
        )  # fmt: skip

    return make


async def test_a_broker_of_the_authority_is_reached_with_a_client_certificate(
    device, tools, authority, run, until, lane
):
    from lineshaft.edge.driver import Write

    certificate, key = issue("gateway", authority)
    tools.secrets.keep("tls", Secret(certificate=pem(certificate), private_key=key_pem(key)))
    runner = await run(device(command_shape="object"))
    [written] = await runner._source.write([Write(0, 1.5)])
    assert (written.q, written.lost) == (0, False)
    await until(lambda: lane.of(1) and lane.of(1)[-1][1:] == (0, 1.5))


@pytest.mark.parametrize("changes", [{"authority": ""}, {"host": "127.0.0.1"}, {"authority": "not PEM"}])
async def test_a_broker_that_cannot_be_believed_is_refused(device, tools, authority, run, until, changes):
    certificate, key = issue("gateway", authority)
    tools.secrets.keep("tls", Secret(certificate=pem(certificate), private_key=key_pem(key)))
    runner = await run(
        device(**changes),
        connected=False,
    )
    await until(lambda: runner.status().code)
    wanted = "edge.authority_invalid" if changes.get("authority") == "not PEM" else "edge.broker_untrusted"
    assert (runner.status().code, runner.status().state) == (wanted, "refused")
