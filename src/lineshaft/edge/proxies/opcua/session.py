"""A client's session: asks the guard before anything is read, followed, written or called."""

from collections.abc import Mapping
from typing import Any, Final

from asyncua import ua
from asyncua.server.internal_session import InternalSession

from lineshaft.edge.certificates import fingerprint
from lineshaft.edge.guard.model import GuardPrincipal
from lineshaft.edge.proxies.opcua.writes import Desk

_DENIED: Final = ua.StatusCode(ua.StatusCodes.BadUserAccessDenied)


class ProxySession(InternalSession):
    """The library's session of one client, with the desk between it and the nodes."""

    certificate: bytes = b""
    """DER, of the channel that it came by last."""

    def __init__(self, desk: Desk, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._desk = desk

    @property
    def _address(self) -> str:
        peer: Any = self.name  # the library names sessions by where they come from
        return str(peer[0]) if isinstance(peer, tuple) else str(peer)

    @property
    def _principal(self) -> GuardPrincipal:
        """The client by its certificate, its user by name."""
        return GuardPrincipal(
            id=fingerprint(self.certificate), name=self.user.name or "", kind="app", foreign=True, address=self._address
        )  # fmt: skip

    @property
    def _origin(self) -> Mapping[str, Any]:
        return {"address": self._address, "certificate": fingerprint(self.certificate)}

    async def read(self, params: Any) -> list[Any]:
        results = await super().read(params)
        principal = self._principal
        return [
            result
            if asked.AttributeId != ua.AttributeIds.Value or self._desk.may("read", asked.NodeId, principal)
            else ua.DataValue(ua.Variant(), _DENIED)
            for asked, result in zip(params.NodesToRead, results, strict=True)
        ]

    async def create_monitored_items(self, params: Any) -> list[Any]:
        principal = self._principal
        asked = params.ItemsToCreate
        admitted = [self._desk.may("subscribe", item.ItemToMonitor.NodeId, principal) for item in asked]
        params.ItemsToCreate = [item for item, may in zip(asked, admitted, strict=True) if may]
        made = iter(await super().create_monitored_items(params))
        return [next(made) if may else ua.MonitoredItemCreateResult(StatusCode=_DENIED) for may in admitted]

    async def write(self, params: Any) -> list[Any]:
        codes = await self._desk.write(params.NodesToWrite, self._principal, self._origin)
        return [ua.StatusCode(code) for code in codes]

    async def call(self, params: Any) -> list[Any]:
        """Methods of the device are not offered; a call of one is judged, so that the audit names who tried."""
        principal = self._principal
        for method in params:
            self._desk.may("call", method.MethodId, principal)
        return [ua.CallMethodResult(StatusCode=_DENIED) for _ in params]

    async def history_update(self, params: Any) -> list[Any]:
        raise ua.UaStatusCodeError(ua.StatusCodes.BadUserAccessDenied)

    async def add_nodes(self, params: Any) -> list[Any]:
        return [ua.AddNodesResult(StatusCode=_DENIED) for _ in params]

    async def delete_nodes(self, params: Any) -> list[Any]:
        return [_DENIED for _ in params.NodesToDelete]

    async def add_references(self, params: Any) -> list[Any]:
        return [_DENIED for _ in params]

    async def delete_references(self, params: Any) -> list[Any]:
        return [_DENIED for _ in params]
