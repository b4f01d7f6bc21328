"""A node behind the listeners of the box: plain HTTP, and TLS that asks clients for certificates."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import socket
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from lineshaft.core import suites
from lineshaft.resolution import changes
from lineshaft.resolution.administration import Registrar
from lineshaft.resolution.auth import keys
from lineshaft.resolution.changes import Change
from lineshaft.resolution.homes import Homes, add_home
from lineshaft.resolution.http import make_app
from lineshaft.resolution.model import HandleValue, Reference
from lineshaft.resolution.node import Node, NodeKeys
from lineshaft.resolution.proofs import Proofs
from lineshaft.resolution.record import pack_record
from lineshaft.resolution.site import Server, Site
from lineshaft.resolution.store import open_store
from lineshaft.resolution.values import admin as bits
from lineshaft.resolution.values.admin import Admin, encode_admin
from lineshaft.web.mutual import MutualTls
from lineshaft.web.peers import Peers
from lineshaft.web.server import HttpServer
from lineshaft.web.settings import WebSettings

ADMIN = Reference(b"88.1000.1/ADMIN", 300)
SECRET = b"secret"


def admin_value(index, who, permissions=bits.EVERYTHING):
    data = encode_admin(Admin(permissions=permissions, handle=who.handle, index=who.index))
    return HandleValue(index=index, type=b"HS_ADMIN", data=data)


def self_signed(name, key, kind=NameOID.COMMON_NAME, *, server=False):
    """A certificate in PEM."""
    subject = x509.Name([x509.NameAttribute(kind, name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=server, path_length=None), critical=True)
    )  # fmt: skip
    if server:
        names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def private_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip


class Identity:
    """A key pair, its certificate files, and the value of a record that names it."""

    def __init__(self, folder, name, kind):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate, self.private = folder / "client.pem", folder / "client.key"
        self.certificate.write_bytes(self_signed(name, self.key, kind))
        self.private.write_bytes(private_pem(self.key))
        self.both = folder / "both.pem"
        self.both.write_bytes(self.private.read_bytes() + self.certificate.read_bytes())
        self.value = HandleValue(index=301, type=b"HS_PUBKEY", data=keys.encode_public_key(self.key.public_key()))


@pytest.fixture(scope="session")
def client_identity(tmp_path_factory):
    return Identity(tmp_path_factory.mktemp("client"), "301:88.1000.1/ADMIN", NameOID.USER_ID)


@pytest.fixture(scope="session")
def server_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (folder / "server.pem").write_bytes(self_signed("localhost", key, server=True))
    (folder / "server.key").write_bytes(private_pem(key))
    return folder


class Served:
    """Addresses of a node that is being served, and what it is made of."""

    def __init__(self, node, proofs, plain, secure, authority):
        self.node, self.proofs, self.plain, self.secure, self.authority = node, proofs, plain, secure, authority


def build_node(folder, prefixes, records, operators):
    """A node over LMDB with records as given (values by handle)."""
    store = open_store("lmdb", folder)
    with store.write() as transaction:
        for prefix in prefixes:
            add_home(transaction, prefix)
        made = [Change(handle.upper(), None, pack_record(values)) for handle, values in records.items()]
        changes.apply(transaction, made)
    key = suites.PrivateKey.generate("ecdsa-p256")
    server = Server(number=1, address="127.0.0.1", public_key=keys.encode_public_key(key.public))
    homes = Homes(store, Site(serial=1, servers=(server,)), 1)
    proofs = Proofs("node.example", key)
    registrar = Registrar(store, homes, operators, proofs=proofs)
    return Node(store, homes, registrar, NodeKeys(key)), proofs


@pytest.fixture
def serve(server_files, client_identity):
    """Serve a node until the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda node, proofs=None: stack.enter_context(_serving(node, proofs, server_files, client_identity))


@contextlib.contextmanager
def _serving(node, proofs, files, client):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ready, done = threading.Event(), {}

    async def main():
        app = make_app(node, proofs=proofs)
        peers = Peers()
        tls = MutualTls(files / "server.pem", files / "server.key", [client.certificate], lambda _: None)
        servers = [
            HttpServer(app, [sockets[0]], WebSettings(), None),
            HttpServer(app, [sockets[1]], WebSettings(), tls.context, peers),
        ]  # fmt: skip
        for server in servers:
            await server.start()
        done["loop"], done["stop"] = asyncio.get_running_loop(), asyncio.Event()
        ready.set()
        await done["stop"].wait()
        for server in servers:
            await server.stop()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(60)
    ports = [one.getsockname()[1] for one in sockets]
    try:
        yield Served(
            node, proofs, f"http://127.0.0.1:{ports[0]}", f"https://127.0.0.1:{ports[1]}", str(files / "server.pem")
        )
    finally:
        done["loop"].call_soon_threadsafe(done["stop"].set)
        thread.join(60)
        for one in sockets:
            one.close()
        node.store.close()


@pytest.fixture
def reference_node(tmp_path, fixture_records, client_identity, serve):
    """A node with the records that the reference server had."""
    records = dict(fixture_records)
    records[b"88.1000.1/MIXED"] = [one for one in records[b"88.1000.1/MIXED"] if one.index not in {8, 9}]
    records[b"0.NA/88.1000.1"] = [admin_value(100, ADMIN), admin_value(101, Reference(ADMIN.handle, 301))]
    records[ADMIN.handle] = [*records[ADMIN.handle], client_identity.value]
    return serve(*build_node(tmp_path / "records", [b"88.1000.1"], records, [ADMIN]))


@pytest.fixture
def node_of():
    return build_node
