"""The gateway part `opcua_server`. The library is loaded when the first document comes."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from lineshaft.core import clock, logs
from lineshaft.core.health import Check
from lineshaft.edge.certificates import ApplicationCertificates, fingerprint, normal_fingerprint
from lineshaft.edge.model import GatewayConfig
from lineshaft.edge.opcua_server.document import OpcUaServerDocument, read_document
from lineshaft.edge.parts.model import Document, Surroundings

if TYPE_CHECKING:
    from lineshaft.edge.opcua_server.server import TagServer

_FOLDER: Final = "opcua_server"
_REFUSED_KEPT: Final = 20


class OpcUaServerPart:
    """Runs the server while there is a document; its clients stay connected while only points change."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here
        self._document: OpcUaServerDocument | None = None
        self._server: TagServer | None = None
        self._refused: OrderedDict[str, str] = OrderedDict()
        """When a client's certificate was last refused, by fingerprint."""
        self._log = logs.get("edge")

    async def apply(self, document: Document | None, config: GatewayConfig) -> None:
        """Start, change or stop the server.

        Raises:
            LineshaftError: a secret is missing, or the address is taken.
        """
        wanted = None if document is None else read_document(document)
        # The points are no reason to hang up; everything else is said to clients when they connect.
        if wanted is None or self._document is None or _surface(wanted) != _surface(self._document):
            await self.close()
        self._document = wanted
        if wanted is None:
            return
        if self._server is None:
            server = await self._make(wanted)
            await server.start(await asyncio.to_thread(self._certificates().own))
            self._server = server
        await self._server.offer(wanted.offered(config.devices))

    def checks(self) -> list[Check]:
        """Whether it listens where it should."""
        if self._document is None:
            return []
        trouble = "it does not listen" if self._server is None else self._server.trouble
        return [Check(name="OPC UA server", ok=not trouble, detail=trouble)]

    def status(self) -> Mapping[str, Any]:
        """Where it listens, who is there, whose certificate was refused."""
        if self._server is None:
            return {}
        return {
            "port": self._server.port, "sessions": self._server.sessions,
            "refused": [{"fingerprint": seen, "at": at} for seen, at in self._refused.items()],
        }  # fmt: skip

    async def close(self) -> None:
        """Hang up and stop listening."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    async def _make(self, document: OpcUaServerDocument) -> "TagServer":
        from lineshaft.edge.opcua_server.guarded import NamedUsers
        from lineshaft.edge.opcua_server.server import TagServer

        secrets = [self._here.tools.secrets.password(name) for name in document.users]
        allowed = {normal_fingerprint(client) for client in document.clients}
        return TagServer(
            self._here.tools.board, host=document.host, port=document.port, samples=document.samples,
            users=NamedUsers({secret.user: secret.password for secret in secrets}),
            trusted=lambda der: self._trusted(der, allowed),
        )  # fmt: skip

    def _trusted(self, der: bytes, allowed: set[str]) -> bool:
        seen = fingerprint(der)
        if seen in allowed and not self._here.tools.certificates.is_revoked(der):
            return True
        self._refused[seen] = clock.rfc3339(clock.now_us())
        self._refused.move_to_end(seen)
        while len(self._refused) > _REFUSED_KEPT:
            self._refused.popitem(last=False)
        self._log.warning("edge_opcua_client_refused", fingerprint=seen)
        return False

    def _certificates(self) -> ApplicationCertificates:
        """Of its own: whom the gateway trusts as a server need not be trusted as a client."""
        hosts = (self._document.host,) if self._document else ()
        folder = self._here.context.home.folder("edge") / _FOLDER
        return ApplicationCertificates(folder, f"{self._here.gateway}-server", hosts)


def _surface(document: OpcUaServerDocument) -> tuple[Any, ...]:
    return document.host, document.port, document.users, document.clients, document.samples
