"""A small hierarchy on one machine, for trial and tests: a top-level node, two second-level, four enterprise, two recursive.

Every node is a whole server on ports of its own. The first record of the number space, the top's own, is put into its
store; everything below is written by the protocol: each level registers its children's prefixes, with who serves them
(HS_SITE), who serves what is below (HS_SITE.PREFIX) and their administrator's key, and each enterprise a first product.
"""

import asyncio
import secrets
from pathlib import Path
from typing import Any, Final

import msgspec

from lineshaft.core.home import write_file
from lineshaft.ledger import notes
from lineshaft.resolution.changes import Change, apply
from lineshaft.resolution.client import Client, Roots, SecretIdentity
from lineshaft.resolution.homes import ROOT
from lineshaft.resolution.model import ROOT_HANDLE, HandleValue, Reference, handle_key, prefix_handle
from lineshaft.resolution.record import pack_record
from lineshaft.resolution.service import make_certificate, new_key
from lineshaft.resolution.serving import NodeConfig, NodeServer
from lineshaft.resolution.site import encode_site
from lineshaft.resolution.store import Kind, RecordStore, open_store
from lineshaft.resolution.values import admin as bits
from lineshaft.resolution.values.admin import Admin, encode_admin
from lineshaft.resolution.values.site_json import site_to_json

SPACE: Final = "88"
SECOND_LEVEL: Final = ("88.100", "88.200")
ENTERPRISES: Final = ("88.100.1", "88.100.2", "88.200.1", "88.200.2")
RECURSIVE: Final = 2
PRODUCT: Final = "HELLO"
_INDEX: Final = 300
_PRIVATE: Final = 0b1100


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """One node as it is shown."""

    name: str
    role: str
    prefix: str
    address: str
    """Of UDP and TCP."""
    http: str
    https: str
    administrator: str


class Tree:
    """The nodes of a trial hierarchy, in this process.

    Args:
        folder: for records, keys, logs of registrations, `roots.json` and `secrets.json`.
        host: to listen on.
        store: of every node.
        keys: kind of key of every node.
    """

    def __init__(self, folder: Path, *, host: str = "127.0.0.1", store: Kind = "lmdb", keys: str = "p256") -> None:
        self.folder = folder
        self.branches: list[Branch] = []
        self._host = host
        self._kind = store
        self._keys = keys
        self._servers: list[NodeServer] = []
        self._secrets: dict[str, str] = {}
        self._roots = b""
        self._certificate = folder / "tls.crt"
        self._tls_key = folder / "tls.key"

    @property
    def roots_file(self) -> Path:
        """Where resolution starts, for clients."""
        return self.folder / "roots.json"

    @property
    def secrets_file(self) -> Path:
        """Secret of each administrator, by index:handle."""
        return self.folder / "secrets.json"

    @property
    def example(self) -> str:
        """A command that resolves a product through a recursive node."""
        recursive = next(branch for branch in self.branches if branch.role == "recursive")
        return f"lineshaft id resolve {ENTERPRISES[0]}/{PRODUCT} --server {recursive.address}"

    def server(self, name: str) -> NodeServer:
        """The node of that name."""
        return next(server for server, branch in zip(self._servers, self.branches, strict=True) if branch.name == name)

    def secret(self, prefix: str) -> str:
        """Secret of the administrator of a prefix, 300:0.NA/PREFIX."""
        return self._secrets[_administrator(prefix)]

    async def start(self) -> None:
        """Start all nodes and register what they serve.

        Raises:
            Unavailable: a port or the folder cannot be had.
        """
        (self.folder / "keys").mkdir(mode=0o700, parents=True, exist_ok=True)
        make_certificate(self._certificate, self._tls_key, [self._host])
        try:
            await self._grow()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End all nodes; their records stay in the folder."""
        await asyncio.gather(*(server.stop() for server in self._servers))
        self._servers.clear()

    def as_json(self) -> dict[str, Any]:
        """What a program needs to know."""
        return {
            "nodes": [msgspec.to_builtins(branch) for branch in self.branches],
            "roots": str(self.roots_file), "secrets": str(self.secrets_file), "certificate": str(self._certificate), "example": self.example,
        }  # fmt: skip

    async def _grow(self) -> None:
        top = await self._plant_top()
        await self._register(top, ROOT.decode(), SPACE, top)
        nodes: dict[str, NodeServer] = {}
        for prefix in SECOND_LEVEL:
            nodes[prefix] = await self._add(f"second-{prefix}", "second-level", prefix)
            await self._register(top, ROOT.decode(), prefix, nodes[prefix], derived=True)
        for prefix in ENTERPRISES:
            parent = prefix.rpartition(".")[0]
            nodes[prefix] = await self._add(f"enterprise-{prefix}", "enterprise", prefix)
            await self._register(nodes[parent], parent, prefix, nodes[prefix])
            await self._first_product(nodes[prefix], prefix)
        for number in range(1, RECURSIVE + 1):
            await self._add(f"recursive-{number}", "recursive", "")
        write_file(self.secrets_file, msgspec.json.format(msgspec.json.encode(self._secrets)))

    async def _plant_top(self) -> NodeServer:
        """The root of the number space, with the record that names itself and its administrator."""
        store = self._store("top")
        secret = self._secrets[_administrator(ROOT.decode())] = secrets.token_urlsafe(24)
        if store.get(handle_key(ROOT_HANDLE)) is None:
            with store.write() as transaction:
                record = pack_record([_secret(secret), _admin(ROOT.decode())])
                apply(transaction, [Change(handle_key(ROOT_HANDLE), None, record)])
            store.renew()
        server = await self._add("top", "top", ROOT.decode(), store=store, also=[SPACE])
        roots = {"sites": [site_to_json(server.node.site)]}
        self._roots = msgspec.json.format(msgspec.json.encode(roots))
        write_file(self.roots_file, self._roots)
        return server

    async def _add(
        self, name: str, role: str, prefix: str, *, store: RecordStore | None = None, also: list[str] | None = None
    ) -> NodeServer:
        """Start a node."""
        config = NodeConfig(
            hosts=[self._host], http_port=0, https_port=0, tls_certificate=str(self._certificate), tls_key=str(self._tls_key), store=self._kind, folder=str(self.folder / name),
            operators=[_administrator(prefix)] if prefix else [], prefixes=[*([prefix] if prefix else []), *(also or [])],
            key=self._key(name), recursive=role == "recursive", roots=self._roots,
            ledger=str(self.folder / "logs" / name), ledger_key=self._log_key(name),
        )  # fmt: skip
        server = NodeServer(config, store=store or self._store(name))
        self._servers.append(server)
        await server.start()
        address = f"[{self._host}]" if ":" in self._host else self._host
        self.branches.append(
            Branch(
                name=name, role=role, prefix=prefix, address=f"{address}:{server.port}",
                http=f"http://{address}:{server.http_port}", https=f"https://{address}:{server.https_port}", administrator=_administrator(prefix) if prefix else "",
            )
        )  # fmt: skip
        return server

    async def _register(self, at: NodeServer, by: str, prefix: str, node: NodeServer, *, derived: bool = False) -> None:
        """Register a prefix's record by the protocol, as the administrator of the one above.

        Args:
            at: the node that holds the record.
            by: prefix whose administrator registers it.
            prefix: that is delegated.
            node: that serves it.
            derived: what is below it is delegated to that node, too.
        """
        secret = self._secrets[_administrator(prefix)] = secrets.token_urlsafe(24)
        site = encode_site(node.node.site)
        values = [_value(1, b"HS_SITE", site), _admin(prefix), _secret(secret)]
        if derived or node is at:
            values.append(_value(2, b"HS_SITE.PREFIX", site))
        identity = self._identity(by)
        async with Client(Roots(), identity=identity, at=at.node.site) as client:
            await client.create(prefix_handle(prefix.encode()), values)

    async def _first_product(self, node: NodeServer, prefix: str) -> None:
        values = [
            _value(1, b"URL", f"https://{prefix}.example/{PRODUCT}".encode()),
            _value(2, b"DESC", b"A first product"), _admin(prefix),
        ]  # fmt: skip
        async with Client(Roots(), identity=self._identity(prefix), at=node.node.site) as client:
            await client.create(f"{prefix}/{PRODUCT}".encode(), values)

    def _identity(self, prefix: str) -> SecretIdentity:
        reference = Reference(prefix_handle(prefix.encode()), _INDEX)
        return SecretIdentity(who=reference, secret=self.secret(prefix).encode())

    def _key(self, name: str) -> str:
        """A node's key: proofs of registration that it signed hold after a new start, too."""
        path = self.folder / "keys" / f"{name}.pem"
        if not path.exists():
            write_file(path, new_key(self._keys).encode())
        return path.read_text("ascii")

    def _log_key(self, name: str) -> str:
        path = self.folder / "keys" / f"{name}.log.key"
        return notes.load_or_create(path, f"lineshaft.tree/{name}").private_text

    def _store(self, name: str) -> RecordStore:
        return open_store(self._kind, self.folder / name)


def _administrator(prefix: str) -> str:
    return f"{_INDEX}:{prefix_handle(prefix.encode()).decode()}"


def _value(index: int, kind: bytes, data: bytes, permissions: int = 0b1110) -> HandleValue:
    return HandleValue(index=index, type=kind, data=data, permissions=permissions)


def _secret(secret: str) -> HandleValue:
    return _value(_INDEX, b"HS_SECKEY", secret.encode(), _PRIVATE)


def _admin(prefix: str) -> HandleValue:
    admin = Admin(permissions=bits.EVERYTHING, handle=prefix_handle(prefix.encode()), index=_INDEX)
    return _value(100, b"HS_ADMIN", encode_admin(admin))
