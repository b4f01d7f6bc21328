"""The gateway part `opcua_proxy`. The library is loaded when the first document comes."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from lineshaft.core import clock, logs
from lineshaft.core.health import Check
from lineshaft.edge.certificates import ApplicationCertificates, fingerprint, normal_fingerprint
from lineshaft.edge.model import Device, GatewayConfig
from lineshaft.edge.parts.model import Document, Surroundings
from lineshaft.edge.proxies.opcua.document import OpcUaProxyDocument, invalid, read_document
from lineshaft.edge.proxies.passed import PassedWrites
from lineshaft.edge.proxies.rules import ForeignRules

if TYPE_CHECKING:
    from lineshaft.edge.proxies.opcua.server import ProxyServer
    from lineshaft.edge.proxies.opcua.writes import Desk

_FOLDER: Final = "opcua_proxy"
_REFUSED_KEPT: Final = 20


class OpcUaProxyPart:
    """Runs the proxy while there is a document; another document or device hangs up."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here
        self._wanted: tuple[OpcUaProxyDocument, Device] | None = None
        self._server: ProxyServer | None = None
        self._desk: Desk | None = None
        self._passed: PassedWrites | None = None
        self._left_out: list[str] = []
        self._refused: OrderedDict[str, str] = OrderedDict()
        self._log = logs.get("edge")

    async def apply(self, document: Document | None, config: GatewayConfig) -> None:
        """Start, change or stop the proxy.

        Raises:
            LineshaftError: there is no such device, a secret is missing, or the address is taken.
        """
        wanted = None
        if document is not None:
            read = read_document(document)
            wanted = read, _device(read, config)
        if self._server is not None and wanted == self._wanted:
            return
        await self.close()
        self._wanted = wanted
        if wanted is not None:
            await self._open(*wanted)

    def checks(self) -> list[Check]:
        """Whether it listens where it should, and what passed can be recorded."""
        if self._wanted is None:
            return []
        failed = self._passed.failed if self._passed is not None else ""
        detail = "" if self._server is not None else "it does not listen"
        return [Check(name="OPC UA proxy", ok=not detail and not failed, detail=detail or failed)]

    def status(self) -> Mapping[str, Any]:
        """Where it listens, who is there, what came of writes, whose certificate was refused."""
        if self._server is None or self._desk is None or self._wanted is None:
            return {}
        return {
            "device": self._wanted[0].device, "port": self._server.port, "sessions": self._server.sessions,
            "passed": self._desk.passed, "refused": self._desk.refused, "left_out": list(self._left_out),
            "refused_clients": [{"fingerprint": seen, "at": at} for seen, at in self._refused.items()],
        }  # fmt: skip

    async def close(self) -> None:
        """Hang up and stop listening."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop()
        passed, self._passed = self._passed, None
        if passed is not None:
            await passed.close()

    async def _open(self, document: OpcUaProxyDocument, device: Device) -> None:
        from lineshaft.edge.opcua_server.guarded import NamedUsers
        from lineshaft.edge.proxies.opcua.mirror import mirror
        from lineshaft.edge.proxies.opcua.server import ProxyServer
        from lineshaft.edge.proxies.opcua.writes import Desk

        tools, guard = self._here.tools, self._here.part("guard")
        secrets = [tools.secrets.get(name) for name in document.users]
        allowed = {normal_fingerprint(client) for client in document.clients}
        passed = PassedWrites(lambda: guard.recorder)
        found = mirror(device)
        self._left_out = list(found.left_out)
        rules = ForeignRules(device, tools.board, self._here.part("commands"), self._here.runner)
        self._desk = Desk(device, found, guard=guard, passed=passed, rules=rules)
        server = ProxyServer(
            device, found, self._desk, tools.board, host=document.host, port=document.port,
            users=NamedUsers({secret.user: secret.password for secret in secrets}),
            trusted=lambda der: self._trusted(der, allowed),
        )  # fmt: skip
        folder = self._here.context.home.folder("edge") / _FOLDER
        own = ApplicationCertificates(folder, f"{self._here.gateway}-proxy", (document.host,))
        await server.start(await asyncio.to_thread(own.own))
        passed.start()
        self._server, self._passed = server, passed

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


def _device(document: OpcUaProxyDocument, config: GatewayConfig) -> Device:
    device = next((device for device in config.devices if device.name == document.device), None)
    if device is None:
        raise invalid(f"device is {document.device!r}: the gateway has no device of this name")
    if device.driver != "opcua":
        raise invalid(f"device is {document.device!r}: its driver is {device.driver}, not opcua")
    return device
