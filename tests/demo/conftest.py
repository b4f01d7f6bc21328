"""A plant's server with certificates of its own, and clients of every kind for it."""

import asyncio
import contextlib
import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lineshaft.access.grants import bus_permissions
from lineshaft.access.zones.model import DEFAULT
from lineshaft.bus import BusSettings
from lineshaft.core.principals import Principal
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings
from lineshaft.demo import installation
from lineshaft.demo.process import Eastman
from lineshaft.demo.server import PlantServer
from lineshaft.demo.service import PlantService
from lineshaft.demo.settings import DemoSettings
from lineshaft.edge import Secret
from lineshaft.edge.opcua_server.guarded import NamedUsers

USER, PASSWORD = "gateway", "correct horse battery staple"


class Certificate:
    """An application instance certificate and its key, as files."""

    def __init__(self, folder: Path, name: str):
        self.uri = f"urn:test:{name}"
        self.file, self.key = folder / f"{name}.der", folder / f"{name}.pem"
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        names = [
            x509.UniformResourceIdentifier(self.uri),
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=True, key_encipherment=True, data_encipherment=True,
            key_agreement=False, key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        both = [x509.ExtendedKeyUsageOID.CLIENT_AUTH, x509.ExtendedKeyUsageOID.SERVER_AUTH]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage(both), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        self.der = certificate.public_bytes(Encoding.DER)
        self.file.write_bytes(self.der)
        self.pem = folder / f"{name}.crt.pem"
        self.pem.write_bytes(certificate.public_bytes(Encoding.PEM))
        self.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """Certificates of the plant, the gateway it trusts, and a stranger."""
    folder = tmp_path_factory.mktemp("certificates")
    return {name: Certificate(folder, name) for name in ("plant", "gateway", "stranger")}


def refuse_to_hold(name, value):
    raise AssertionError(f"{name} was to be held at {value}")


@pytest.fixture(scope="session")
def server_of():
    """A plant's server with the plant's certificate that trusts the gateway's."""

    @contextlib.asynccontextmanager
    async def serve(certificates, hold=None):
        plant = certificates["plant"]
        server = PlantServer(
            port=0, certificate=plant.file, key=plant.key, application_uri=plant.uri,
            user=NamedUsers({USER: PASSWORD}), trusted=lambda der: der == certificates["gateway"].der,
            hold=hold or refuse_to_hold,
        )  # fmt: skip
        await server.start()
        try:
            yield server
        finally:
            await server.stop()

    return serve


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(certificates, server_of):
    """One server for a module's tests: building it takes seconds."""
    async with server_of(certificates) as server:
        yield server


@pytest.fixture
def client_of(certificates):
    """A signed-in asyncua client of a server, as the gateway unless told otherwise."""

    @contextlib.asynccontextmanager
    async def connect(
        server, *, who="gateway", user=USER, password=PASSWORD, encrypted=True, server_certificate=None, **options
    ):
        own = certificates[who]
        client = Client(server.url, timeout=30, **options)
        client.application_uri = own.uri
        client.session_timeout = 60_000
        if user is not None:
            client.set_user(user)
            client.set_password(password)
        if encrypted:
            await client.set_security(
                SecurityPolicyBasic256Sha256, str(own.file), str(own.key),
                server_certificate=str(server_certificate or certificates["plant"].file), mode=ua.MessageSecurityMode.SignAndEncrypt,
            )  # fmt: skip
        async with client:
            yield client

    return connect


class Trip:
    """A run that loses its A feed and ends in a trip; costs seconds, so tests share one."""

    def __init__(self):
        self.process = Eastman()
        self.process.switch(6, on=True)
        while True:
            if self.process.steps % 30 == 0:
                self._before = self.process._plant.snapshot(), self.process._measurements, self.process._action
            if self.process.steps == 1800:
                self.after_half_an_hour = self.process.values()
            if not self.process.step() or self.process.hours > 12:
                return

    def bring_near(self, process):
        """Put another process to where this one was within half a minute of its trip."""
        snapshot, process._measurements, process._action = self._before
        process.switch(6, on=True)
        process._plant.restore(snapshot)


@pytest.fixture(scope="session")
def trip():
    return Trip()


@pytest.fixture(scope="session")
def permissions_of():
    """What a box gives a service of that name on the bus."""

    def permissions(name, subjects):
        return bus_permissions(Principal(id=f"1/{name}", name=name, kind="service", tenant="main"), subjects, DEFAULT)

    return permissions


@pytest.fixture(scope="session")
def running_service():
    """The service in a home; a plant is put there first, on any free port, unless there is one."""

    @contextlib.asynccontextmanager
    async def run(home, bus_settings=None, *, fresh=True, **settings):
        if fresh:
            installation.write(home, installation.Installation(port=0))
            installation.secrets_of(home).keep(installation.DEVICE, Secret(user=USER, password=PASSWORD))
        sections = [DemoSettings(publish_interval_seconds=0.05, **settings), bus_settings or BusSettings()]
        service = PlantService(Context(home, Settings(sections)))
        await service.start()
        try:
            yield service
        finally:
            await service.stop()

    return run


@pytest.fixture(scope="session")
def until():
    """Wait for a condition with a deadline."""

    async def wait(condition, seconds=30.0):
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110  # any condition, not only an event
                await asyncio.sleep(0.01)

    return wait
