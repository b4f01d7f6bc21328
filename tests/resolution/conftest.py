"""What tests of identifier resolution share: exchanges recorded from the reference server, and a record of every kind."""

import json
from pathlib import Path

import pytest
import structlog

from lineshaft.core import suites
from lineshaft.resolution import codes, wire
from lineshaft.resolution.auth import keys
from lineshaft.resolution.changes import Change, apply
from lineshaft.resolution.client import Client, KeyIdentity, Patience, Roots, SecretIdentity
from lineshaft.resolution.messages import Resolve
from lineshaft.resolution.model import HandleValue, Reference
from lineshaft.resolution.record import insert_values, pack_record
from lineshaft.resolution.serving import NodeConfig, NodeServer
from lineshaft.resolution.site import Interface, Server, Site, encode_site
from lineshaft.resolution.store.memory import MemoryStore
from lineshaft.resolution.values import admin as admin_bits
from lineshaft.resolution.values.admin import Admin, encode_admin
from lineshaft.resolution.values.json_form import value_from_json
from lineshaft.resolution.values.references import encode_references

_FOLDER = Path(__file__).parents[2] / ".." / "shared" / "data" / "handle-reference"


def _read(name):
    path = _FOLDER / name
    if not path.exists():
        pytest.skip("the exchanges recorded from the reference server are not here")
    return json.loads(path.read_text("utf-8"))


@pytest.fixture(scope="session")
def wire_exchanges():
    return {entry["name"] + " " + entry["transport"]: entry for entry in _read("wire_exchanges.json")}


@pytest.fixture(scope="session")
def http_exchanges():
    return {entry["name"]: entry for entry in _read("http_exchanges.json")}


@pytest.fixture(scope="session")
def fixture_values():
    """Values in JSON by handle."""
    return _read("fixture_records.json")


@pytest.fixture(scope="session")
def fixture_records(fixture_values):
    """Values by handle, with those that the recording had added meanwhile."""
    records = {handle.encode(): [value_from_json(one) for one in found] for handle, found in fixture_values.items()}
    notes = [HandleValue(index=index, type=b"NOTE", data=b"n%d" % index) for index in (8, 9)]
    records[b"88.1000.1/MIXED"] = insert_values(records[b"88.1000.1/MIXED"], notes)
    return records


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A client that is told no patience, as those of the commands, waits as long as a loaded machine may need."""
    monkeypatch.setitem(Client.__init__.__kwdefaults__, "patience", Patience(connecting=60, tcp=60))


@pytest.fixture
def logs_elsewhere():
    """Servers log in this process: not into what the commands print."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


@pytest.fixture
def ask():
    """A request for values of a handle, as a client sends it."""

    def build(handle, indexes=(), types=(), *, identity=None, minor=11, flags=codes.PUBLIC_ONLY, **header):
        return wire.encode(
            wire.Message(
                envelope=wire.Envelope(minor=minor, request=1000),
                header=wire.Header(operation=codes.OC_RESOLUTION, flags=flags, **header),
                body=Resolve(handle, tuple(indexes), tuple(types), identity),
            )
        )

    return build


class Hierarchy:
    """A small number space on loopback: a root, 88 below it, 88.100 (a) and 88.200 (b) below that."""

    def __init__(self):
        self.servers = []
        self.clients = []
        self.administrators = {
            "secret": SecretIdentity(who=Reference(b"88.100/ADMIN", 300), secret=b"a secret"),
            "key": KeyIdentity(who=Reference(b"88.100/ADMIN", 301), key=suites.PrivateKey.generate("ed25519")),
        }
        self.admin_value = self.admin_for(b"88.100/ADMINS", 200)

    def admin_for(self, handle, index=300):
        admin = Admin(permissions=admin_bits.EVERYTHING, handle=handle, index=index)
        return HandleValue(index=100, type=b"HS_ADMIN", data=encode_admin(admin))

    async def start(self):
        self.root = await self._server("0.NA")
        self.roots = Roots(sites=(self.root.homes.site,))
        self.second = await self._server("88")
        self.a, self.b = await self._server("88.100"), await self._server("88.200")
        self.put(self.root, b"0.NA/88", self.delegation(self.second))
        self.put(self.second, b"0.NA/88.100", self.delegation(self.a))
        self.put(self.second, b"0.NA/88.200", self.delegation(self.b))
        identities = self.administrators.values()
        public = keys.encode_public_key(keys.public_key_of(self.administrators["key"].key))
        self.put(self.a, b"88.100/ADMIN", [
            HandleValue(index=300, type=b"HS_SECKEY", data=b"a secret", permissions=0b1100),
            HandleValue(index=301, type=b"HS_PUBKEY", data=public),
        ])  # fmt: skip
        group = encode_references([one.who for one in identities])
        self.put(self.a, b"88.100/ADMINS", [HandleValue(index=200, type=b"HS_VLIST", data=group)])
        self.put(self.a, b"88.100/PUMP-7", [
            HandleValue(index=1, type=b"URL", data=b"https://a.example/7"),
            HandleValue(index=2, type=b"NOTE", data=b"hot"),
            HandleValue(index=3, type=b"NOTE", data=b"internal", permissions=0b1100), self.admin_value,
        ])  # fmt: skip
        self.put(self.a, b"88.100/EMPTY", [HandleValue(index=1, type=b"NOTE", data=b"")])
        self.put(self.b, b"88.200/ALIAS", [HandleValue(index=1, type=b"HS_ALIAS", data=b"88.100/PUMP-7")])
        self.put(self.b, b"88.200/ROUND", [HandleValue(index=1, type=b"HS_ALIAS", data=b"88.200/round")])
        self.put(self.b, b"88.200/LONG", [
            HandleValue(index=number, type=b"BLOCK", data=b"%03d" % number * 20) for number in range(1, 41)
        ])  # fmt: skip
        return self

    async def _server(self, prefix):
        store = MemoryStore()
        client = None
        if prefix != "0.NA":
            client = Client(self.roots, patience=Patience(udp=(0.5, 0.5), connecting=20, tcp=20))
            self.clients.append(client)
        config = NodeConfig(
            hosts=["127.0.0.1"], prefixes=[prefix], key=suites.PrivateKey.generate("ed25519").pem(),
            operators=["300:88.100/ADMIN", "301:88.100/ADMIN"],
        )  # fmt: skip
        server = NodeServer(config, store=store, elsewhere=client)
        await server.start()
        self.servers.append(server)
        return server

    def put(self, server, handle, values):
        with server.store.write() as transaction:
            before = server.store.get(handle.upper())
            apply(transaction, [Change(handle.upper(), before, pack_record(values))])

    def delegation(self, server):
        data = encode_site(server.homes.site)
        return [
            HandleValue(index=2, type=b"HS_SITE", data=data), HandleValue(index=3, type=b"HS_SITE.PREFIX", data=data),
        ]  # fmt: skip

    async def stop(self):
        for client in self.clients:
            await client.close()
        for server in self.servers:
            await server.stop()


@pytest.fixture
def new_hierarchy():
    return Hierarchy()


@pytest.fixture
async def hierarchy():
    found = Hierarchy()
    try:
        yield await found.start()
    finally:
        await found.stop()


@pytest.fixture
def hierarchy_site():
    key = keys.encode_public_key(suites.PrivateKey.generate("ed25519").public)
    interfaces = (Interface(3, 0, 2641), Interface(3, 1, 2641))
    return Site(serial=1, servers=(Server(number=1, address="192.0.2.9", public_key=key, interfaces=interfaces),))
