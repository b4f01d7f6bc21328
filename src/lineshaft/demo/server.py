"""The plant's OPC UA server: variables with unit, range and description, and the plant's state beside them.

Measurements can be read. Who signs in, which only the gateway does, may also write a valve's variable: that holds the
valve by hand.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from asyncua import ua
from asyncua.crypto.permission_rules import UserRole
from asyncua.server.address_space import AttributeService

from lineshaft import __version__
from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput, LineshaftError, Unavailable
from lineshaft.demo.installation import HOST, url_of
from lineshaft.demo.model import Hold, PlantStatus, Scan
from lineshaft.demo.plant import BAD_WAITING_FOR_INITIAL_DATA
from lineshaft.demo.signals import NAMESPACE, SIGNALS, Signal
from lineshaft.demo.stations import INDEX, is_valve
from lineshaft.edge.opcua_server.guarded import GuardedServer, NamedUsers, Trusted

NAMESPACE_INDEX: Final = 2
"""Ours is the first after the standard's and the application's; `start` checks it."""
_UNECE: Final = "http://www.opcfoundation.org/UA/units/un/cefact"

_ObjectIds = ua.ObjectIds
_VALUE: Final = ua.AttributeIds.Value


class PlantServer:
    """Publishes scans to OPC UA clients.

    Args:
        port: on 127.0.0.1; 0 takes a free one.
        certificate: application instance certificate (file), whose URI is `application_uri`.
        key: its private key (file).
        user: admits clients by name and password.
        trusted: admits clients by certificate.
        hold: puts a valve by hand.
        signals: those that it offers.
    """

    def __init__(
        self, *, port: int, certificate: Path, key: Path, application_uri: str, user: NamedUsers, trusted: Trusted,
        hold: Hold, signals: Sequence[Signal] = SIGNALS,
    ) -> None:  # fmt: skip
        self._port = port
        self._certificate = certificate
        self._key = key
        self._application_uri = application_uri
        self._server = GuardedServer(user, trusted)
        self._hold = hold
        self._signals = signals
        self._nodes = [(ua.NodeId(signal.name, NAMESPACE_INDEX), INDEX[signal.name]) for signal in signals]
        self._listening = False

    @property
    def url(self) -> str:
        """Where clients connect."""
        return url_of(self._server.port if self._listening else self._port)

    @property
    def sessions(self) -> int:
        """Clients signed in."""
        return self._server.sessions

    async def start(self) -> None:
        """Build the address space and listen.

        Raises:
            Unavailable: the port is taken.
        """
        server = self._server
        server.name = "Lineshaft demonstration plant"
        server.manufacturer_name = "Lineshaft"
        server.product_uri = "urn:lineshaft:demo"
        server.application_type = ua.ApplicationType.Server
        server.set_endpoint(url_of(self._port))
        await server.init()
        await server.set_application_uri(self._application_uri)
        await server.set_build_info(server.product_uri, "Lineshaft", server.name, __version__, __version__, clock.now())
        await server.load_certificate(self._certificate)
        await server.load_private_key(self._key)
        index = await server.register_namespace(NAMESPACE)
        assert index == NAMESPACE_INDEX
        self._add(_address_space(self._signals))
        server.iserver.attribute_service = _Writing(server.iserver.aspace, self._hold)
        await self.publish(Scan(clock.now_us(), BAD_WAITING_FOR_INITIAL_DATA, None))
        try:
            await server.start()
        except OSError as error:
            raise Unavailable(
                "demo.port_taken", f"the plant's OPC UA server cannot listen on {HOST} port {self._port}: {error}",
                "Set demo.port to a free port, or to 0 to have one chosen.", port=self._port, reason=str(error),
            ) from error  # fmt: skip
        self._listening = True

    async def stop(self) -> None:
        """Hang up and stop listening."""
        if self._listening:
            self._listening = False
            await self._server.stop()

    async def publish(self, scan: Scan) -> None:
        """Write one scan; subscribed clients get what changed."""
        # The address space itself, past the library's services: they copy and check what is made here.
        write = self._server.iserver.aspace.write_attribute_value
        status, source, now = ua.StatusCode(scan.quality), clock.to_datetime(scan.source_us), clock.now()
        double = ua.VariantType.Double
        for node, index in self._nodes:
            variant = ua.Variant(scan.values[index], double) if scan.values is not None else ua.Variant()
            await write(node, _VALUE, ua.DataValue(variant, status, source, now))

    async def show(self, status: PlantStatus) -> None:
        """Write the plant's state beside its signals."""
        write = self._server.iserver.aspace.write_attribute_value
        good, now = ua.StatusCode(), clock.now()
        for name, kind, read in _STATE:
            variant = ua.Variant(read(status), kind)
            await write(ua.NodeId(name, NAMESPACE_INDEX), _VALUE, ua.DataValue(variant, good, now, now))

    def _add(self, items: list[Any]) -> None:
        for item, result in zip(items, self._server.iserver.node_mgt_service.add_nodes(items), strict=True):
            assert result.StatusCode.is_good(), (item.BrowseName, result.StatusCode)


_VALVES: Final = frozenset(name for name in INDEX if is_valve(name))


class _Writing(AttributeService):
    """What clients write: a valve's value goes to the plant before it stands in the address space."""

    def __init__(self, space: Any, hold: Hold) -> None:
        super().__init__(space)
        self._hold = hold

    async def write(self, params: Any, user: Any) -> list[Any]:
        """One status for each; the others are not touched by one that is refused."""
        return [await self._one(each, user) for each in params.NodesToWrite]

    async def _one(self, wanted: Any, user: Any) -> Any:
        node = wanted.NodeId
        valve = node in self._aspace and node.NamespaceIndex == NAMESPACE_INDEX and node.Identifier in _VALVES
        if user.role == UserRole.Admin or not valve or wanted.AttributeId != _VALUE:
            return (await super().write(ua.WriteParameters(NodesToWrite=[wanted]), user))[0]
        given = wanted.Value.Value
        if wanted.IndexRange or given is None or given.is_array or given.VariantType != ua.VariantType.Double:
            return ua.StatusCode(ua.StatusCodes.BadTypeMismatch)
        now = clock.now()
        value = ua.DataValue(ua.Variant(given.Value, ua.VariantType.Double), ua.StatusCode(), now, now)
        try:
            self._hold(node.Identifier, given.Value)
        except InvalidInput:
            return ua.StatusCode(ua.StatusCodes.BadOutOfRange)
        except LineshaftError:
            return ua.StatusCode(ua.StatusCodes.BadInvalidState)
        return await self._aspace.write_attribute_value(node, _VALUE, value)


_STATE: Final = (
    ("State", ua.VariantType.String, lambda status: status.state),
    ("Reason", ua.VariantType.String, lambda status: status.reason),
    ("SimulatedHours", ua.VariantType.Double, lambda status: status.simulated_hours),
    ("Speed", ua.VariantType.Double, lambda status: status.speed),
    ("Disturbances", ua.VariantType.String, lambda status: " ".join(status.disturbances)),
)
_STATE_TEXTS: Final = {
    "State": "starting, running or tripped; while tripped every signal is Bad_OutOfService",
    "Reason": "Why the plant tripped",
    "SimulatedHours": "Simulated hours since the plant was last started",
    "Speed": "Simulated seconds per second",
    "Disturbances": "Disturbances that are on",
}


def _address_space(signals: Sequence[Signal]) -> list[Any]:
    """Every node of ours, parents first."""
    objects = ua.NodeId(_ObjectIds.ObjectsFolder)
    plant = _object("Plant", objects, _ObjectIds.Organizes, "Tennessee Eastman process (Downs and Vogel 1993)")
    top = plant.RequestedNewNodeId
    items = [plant]
    for folder, prefix, text in (
        ("Measurements", "XMEAS", "XMEAS 1 to 41"),
        ("ManipulatedVariables", "XMV", "XMV 1 to 12"),
    ):
        parent = _object(folder, top, _ObjectIds.HasComponent, text)
        items.append(parent)
        for signal in signals:
            if signal.name.startswith(f"{prefix}_"):
                items += _signal(signal, parent.RequestedNewNodeId)
    operation = _object("Operation", top, _ObjectIds.HasComponent, "How the plant runs")
    items.append(operation)
    for name, kind, _ in _STATE:
        attributes = _variable_attributes(name, _STATE_TEXTS[name], ua.NodeId(kind.value), ua.Variant())
        items.append(
            _item(
                name, operation.RequestedNewNodeId, _ObjectIds.HasComponent, attributes, _ObjectIds.BaseDataVariableType
            )
        )
    return items


def _signal(signal: Signal, parent: Any) -> list[Any]:
    """A signal's variable (AnalogItemType with a range, AnalogUnitType without) and its properties."""
    double = ua.NodeId(_ObjectIds.Double)
    attributes = _variable_attributes(signal.name, signal.description, double, ua.Variant())
    if is_valve(signal.name):
        attributes.AccessLevel |= ua.AccessLevel.CurrentWrite.mask
        attributes.UserAccessLevel |= ua.AccessLevel.CurrentWrite.mask
    kind = _ObjectIds.AnalogUnitType if signal.low is None else _ObjectIds.AnalogItemType
    variable = _item(signal.name, parent, _ObjectIds.HasComponent, attributes, kind)
    unit = ua.EUInformation(
        NamespaceUri=_UNECE if signal.unit.unece else NAMESPACE,
        UnitId=signal.unit.number,
        DisplayName=ua.LocalizedText(signal.unit.symbol, "en"),
        Description=ua.LocalizedText(signal.unit.meaning, "en"),
    )
    items = [variable, _property(variable, "EngineeringUnits", _ObjectIds.EUInformation, unit)]
    if signal.low is not None:
        range_ = ua.Range(Low=signal.low, High=signal.high)
        items.append(_property(variable, "EURange", _ObjectIds.Range, range_))
    return items


def _property(variable: Any, name: str, data_type: int, value: Any) -> Any:
    attributes = _variable_attributes(name, "", ua.NodeId(data_type), ua.Variant(value, ua.VariantType.ExtensionObject))
    item = _item(name, variable.RequestedNewNodeId, _ObjectIds.HasProperty, attributes, _ObjectIds.PropertyType)
    # Properties of the standard's types carry the standard's browse names.
    item.BrowseName = ua.QualifiedName(name, 0)
    item.RequestedNewNodeId = ua.NodeId(f"{variable.BrowseName.Name}.{name}", NAMESPACE_INDEX)
    return item


def _object(name: str, parent: Any, reference: int, description: str) -> Any:
    attributes = ua.ObjectAttributes()
    attributes.DisplayName = ua.LocalizedText(name)
    attributes.Description = ua.LocalizedText(description, "en")
    item = _item(name, parent, reference, attributes, _ObjectIds.FolderType)
    item.NodeClass = ua.NodeClass.Object
    return item


def _variable_attributes(name: str, description: str, data_type: Any, value: Any) -> Any:
    attributes = ua.VariableAttributes()
    attributes.DisplayName = ua.LocalizedText(name)
    attributes.Description = ua.LocalizedText(description, "en")
    attributes.DataType = data_type
    attributes.ValueRank = ua.ValueRank.Scalar
    attributes.AccessLevel = attributes.UserAccessLevel = ua.AccessLevel.CurrentRead.mask
    attributes.Value = value
    return attributes


def _item(name: str, parent: Any, reference: int, attributes: Any, kind: int) -> Any:
    item = ua.AddNodesItem()
    item.RequestedNewNodeId = ua.NodeId(name, NAMESPACE_INDEX)
    item.BrowseName = ua.QualifiedName(name, NAMESPACE_INDEX)
    item.NodeClass = ua.NodeClass.Variable
    item.ParentNodeId = parent
    item.ReferenceTypeId = ua.NodeId(reference)
    item.TypeDefinition = ua.NodeId(kind)
    item.NodeAttributes = attributes
    return item
