"""Walking a server's address space (IEC 62541-4, 5.9) within limits, and telling what its variables are.

The walk follows forward hierarchical references, level by level, many nodes to a call. A node is looked at once however
many references lead to it. What it needs to go on lies in a `BrowseState`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from asyncua import ua

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.address_space import BrowsePage, BrowseRequest, BrowseState, Found, Pending
from lineshaft.edge.columns import KIND_NAMES
from lineshaft.edge.drivers.opcua import values
from lineshaft.edge.drivers.opcua.address import read_address, write_address
from lineshaft.edge.drivers.opcua.datatypes import DataType, DataTypes, plain
from lineshaft.edge.drivers.opcua.session import Session
from lineshaft.edge.model import PointKind
from lineshaft.edge.units import Said, of_information

OBJECTS: Final = "i=85"
_SERVER: Final = "i=2253"
_NODE_CLASSES: Final = int(ua.NodeClass.Object | ua.NodeClass.Variable)
_RESULT_MASK: Final = int(
    ua.BrowseResultMask.BrowseName | ua.BrowseResultMask.NodeClass | ua.BrowseResultMask.ReferenceTypeId
)
_PROPERTY: Final = ua.NodeId(ua.ObjectIds.HasProperty)
_MOST_AT_ONCE: Final = 100
_REFERENCES_AT_ONCE: Final = 1000
_CURRENT_READ: Final = 1
_SCALAR: Final = -1
_MAYBE_SCALAR: Final = (-2, -3)
_ABOUT: Final = {
    "product": ua.ObjectIds.Server_ServerStatus_BuildInfo_ProductName,
    "manufacturer": ua.ObjectIds.Server_ServerStatus_BuildInfo_ManufacturerName,
    "version": ua.ObjectIds.Server_ServerStatus_BuildInfo_SoftwareVersion,
}


class _Variable(msgspec.Struct, kw_only=True):
    """A variable to describe."""

    address: str
    node: Any
    path: tuple[str, ...]
    units: Any = None
    range: Any = None
    """Nodes of its properties EngineeringUnits and EURange."""


async def walk(session: Session, request: BrowseRequest, state: BrowseState) -> AsyncIterator[BrowsePage]:
    """Look at everything below the root; a page for each portion of nodes looked at.

    Raises:
        InvalidInput: the root is no address, or in a namespace that the server has not.
    """
    deadline = clock.monotonic() + request.seconds
    if not state.begun:
        root = request.root or OBJECTS
        _node(session, root)
        state.pending, state.seen, state.begun = [Pending(address=root, path=(), variable=False)], {root}, True
        if not request.standard:
            state.seen.add(_SERVER)
    types = DataTypes(session)
    portion = min(session.limits.nodes_per_browse, _MOST_AT_ONCE)
    while state.pending and state.stopped != "seconds":
        batch = state.pending[:portion]
        references = await _references(session, [_node(session, each.address) for each in batch])
        variables, below = [], []
        for each, found in zip(batch, references, strict=True):
            if each.variable:
                variables.append(_variable(session, each, found))
            below += _below(session, each, found, request, state)
        found_here = await _describe(session, types, variables)
        # Only now is the portion done with: a walk broken off before looks at it again.
        state.pending[: len(batch)] = []
        state.pending += below
        state.found += len(found_here)
        if state.pending and clock.monotonic() > deadline:
            state.stopped = "seconds"
        yield BrowsePage(
            found=found_here,
            seen=len(state.seen),
            pending=len(state.pending),
            beyond=state.beyond,
            stopped=state.stopped,
        )


async def inspect(session: Session, addresses: Sequence[str]) -> list[Found]:
    """Look up single nodes. What is no address, or no readable scalar, says so in its entry."""
    refused: dict[str, str] = {}
    known: dict[str, Any] = {}
    for address in addresses:
        try:
            known[address] = _node(session, address)
        except InvalidInput as error:
            refused[address] = error.message
    variables = []
    for (address, node), references in zip(
        known.items(), await _references(session, list(known.values())), strict=True
    ):
        variables.append(_variable(session, Pending(address=address, path=(), variable=True), references, node=node))
    described = {found.address: found for found in await _describe(session, DataTypes(session), variables)}
    return [
        described.get(address) or Found(address=address, name="", refused=refused[address]) for address in addresses
    ]


async def about(session: Session) -> Mapping[str, str]:
    """What the server says of itself, and how the connection is secured."""
    answers = await session.read_attributes([(ua.NodeId(number), ua.AttributeIds.Value) for number in _ABOUT.values()])
    said = {name: answer.Value.Value for name, answer in zip(_ABOUT, answers, strict=True) if answer.Value is not None}
    texts = {name: str(text) for name, text in said.items() if text}
    return {**texts, "security": session.security, "fingerprint": session.server_fingerprint}


# -- following references ---------------------------------------------------------------------------------------------


def _below(
    session: Session, parent: Pending, found: list[Any], request: BrowseRequest, state: BrowseState
) -> list[Pending]:
    """The nodes below one that have not been seen yet, within the limits. They count as seen from now on."""
    below = []
    for reference in found:
        if plain(reference.ReferenceTypeId) == _PROPERTY or getattr(reference.NodeId, "ServerIndex", None):
            continue
        address = write_address(reference.NodeId, session.namespaces)
        if address in state.seen:
            continue
        if len(parent.path) >= request.depth:
            state.beyond += 1
            continue
        if len(state.seen) >= request.nodes:
            state.stopped = "nodes"
            break
        state.seen.add(address)
        path = (*parent.path, str(reference.BrowseName.Name))
        below.append(Pending(address=address, path=path, variable=reference.NodeClass == ua.NodeClass.Variable))
    return below


async def _references(session: Session, nodes: list[Any]) -> list[list[Any]]:
    """The forward hierarchical references of each node, however many answers they take."""
    if not nodes:
        return []
    results: list[list[Any]] = []
    portion = session.limits.nodes_per_browse
    for start in range(0, len(nodes), portion):
        request = ua.BrowseRequest()
        request.Parameters.View = ua.ViewDescription()
        request.Parameters.RequestedMaxReferencesPerNode = _REFERENCES_AT_ONCE
        request.Parameters.NodesToBrowse = [_description(node) for node in nodes[start : start + portion]]
        answers = (await session.call(request, ua.BrowseResponse)).Results
        for node, answer in zip(nodes[start : start + portion], answers, strict=True):
            results.append(await _rest(session, node, answer, alone=len(answers) == 1))
    return results


async def _rest(session: Session, node: Any, answer: Any, *, alone: bool) -> list[Any]:
    """All references of a node, the first of which `answer` holds."""
    if answer.StatusCode.value == ua.StatusCodes.BadNoContinuationPoints and not alone:
        return (await _references(session, [node]))[
            0
        ]  # the server had places for fewer long answers than were asked for
    found = list(answer.References or [])
    while answer.StatusCode.is_good() and answer.ContinuationPoint:
        request = ua.BrowseNextRequest()
        request.Parameters.ReleaseContinuationPoints = False
        request.Parameters.ContinuationPoints = [answer.ContinuationPoint]
        answer = (await session.call(request, ua.BrowseNextResponse)).Parameters.Results[0]
        found += answer.References or []
    return found


def _description(node: Any) -> Any:
    return ua.BrowseDescription(
        NodeId=node, BrowseDirection=ua.BrowseDirection.Forward, IncludeSubtypes=True,
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences), NodeClassMask=_NODE_CLASSES, ResultMask=_RESULT_MASK,
    )  # fmt: skip


def _node(session: Session, address: str) -> Any:
    """The node of an address.

    Raises:
        InvalidInput: not an address, or in a namespace that the server has not.
    """
    try:
        node = read_address(address).resolve(session.namespaces)
    except ValueError as error:
        raise InvalidInput(
            "edge.address_invalid", f"{address!r} is not the address of a node: {error}", "Write ns=2;s=Pressure or i=85.",
            field="address", value=address, rule=str(error),
        ) from error  # fmt: skip
    if node is None:
        raise InvalidInput(
            "edge.namespace_unknown", f"the server of device {session.device!r} has not the namespace of {address!r}",
            f"It has: {', '.join(session.namespaces)}.", field="address", value=address, device=session.device,
        )  # fmt: skip
    return node


# -- describing variables ---------------------------------------------------------------------------------------------


def _variable(session: Session, pending: Pending, references: list[Any], node: Any = None) -> _Variable:
    variable = _Variable(address=pending.address, node=node or _node(session, pending.address), path=pending.path)
    for reference in references:
        if plain(reference.ReferenceTypeId) == _PROPERTY:
            if reference.BrowseName.Name == "EngineeringUnits":
                variable.units = plain(reference.NodeId)
            elif reference.BrowseName.Name == "EURange":
                variable.range = plain(reference.NodeId)
    return variable


async def _describe(session: Session, types: DataTypes, variables: list[_Variable]) -> list[Found]:
    """What the variables are: one read for all their attributes, one for those whose values must be looked at."""
    attributes = (
        ua.AttributeIds.BrowseName, ua.AttributeIds.DataType, ua.AttributeIds.ValueRank,
        ua.AttributeIds.UserAccessLevel, ua.AttributeIds.Description,
    )  # fmt: skip
    wanted = [(each.node, attribute) for each in variables for attribute in attributes]
    properties = [node for each in variables for node in (each.units, each.range) if node is not None]
    wanted += [(node, ua.AttributeIds.Value) for node in properties]
    answers = [_content(answer) for answer in await session.read_attributes(wanted)] if wanted else []
    facts = [
        answers[start : start + len(attributes)]
        for start in range(0, len(variables) * len(attributes), len(attributes))
    ]
    said = dict(zip(properties, answers[len(variables) * len(attributes) :], strict=True))
    kinds = await types.find([plain(each[1]) for each in facts if each[1] is not None])
    looks = await _look_at_values(session, variables, facts, kinds)
    return [
        _found(variable, each, said, kinds.get(plain(each[1])) if each[1] is not None else None, looks.get(number))
        for number, (variable, each) in enumerate(zip(variables, facts, strict=True))
    ]


async def _look_at_values(
    session: Session, variables: list[_Variable], facts: list[list[Any]], kinds: dict[Any, DataType]
) -> dict[int, Any]:
    """Present values of the variables whose type or rank leaves open what they are, by number."""
    open_ones = [
        number for number, (_, data_type, rank, _, _) in enumerate(facts)
        if data_type is not None and (rank in _MAYBE_SCALAR or kinds[plain(data_type)].open)
    ]  # fmt: skip
    answers = await session.read_attributes([(variables[number].node, ua.AttributeIds.Value) for number in open_ones])
    return dict(zip(open_ones, answers, strict=True))


def _found(variable: _Variable, facts: list[Any], said: dict[Any, Any], kind: DataType | None, look: Any) -> Found:
    name, _, rank, access, description = facts
    units, range_ = said.get(variable.units), said.get(variable.range)
    column, refused = _judge(kind, rank, access, look)
    return Found(
        address=variable.address, name=str(name.Name) if name is not None else "", path=variable.path,
        kind=column or "number", data_type=kind.name if kind else "", refused=refused,
        description=(getattr(description, "Text", None) or ""), **_unit(units),
        low=_number(getattr(range_, "Low", None)), high=_number(getattr(range_, "High", None)),
    )  # fmt: skip


def _judge(kind: DataType | None, rank: Any, access: Any, look: Any) -> tuple[PointKind | None, str]:
    """(column, why it cannot be a point)."""
    if kind is None:
        return None, "there is no variable of that address, or it cannot be looked at"
    if access is not None and not access & _CURRENT_READ:
        return None, "its value cannot be read by this user"
    if look is not None:
        return _judge_value(look)
    if rank is not None and rank != _SCALAR:
        return None, "it is an array; a sample is a single value"
    if kind.kind is None:
        return None, f"its type {kind.name} is no single value"
    return kind.kind, ""


def _judge_value(look: Any) -> tuple[PointKind | None, str]:
    """By the present value, of a variable that may hold anything."""
    if look.Value is None or look.Value.Value is None:
        return None, "its type is open and it has no value now"
    column, _, q = values.scalar(look.Value)
    if q:
        return None, "it holds an array or a structure; a sample is a single value"
    return KIND_NAMES[column], ""


def _content(answer: Any) -> Any:
    """What a read gave; None where it gave nothing good."""
    if not answer.StatusCode.is_good() or answer.Value is None:
        return None
    return answer.Value.Value


def _unit(information: Any) -> Said:
    text = getattr(getattr(information, "DisplayName", None), "Text", None)
    namespace = getattr(information, "NamespaceUri", None)
    return of_information(getattr(information, "UnitId", -1), str(namespace or ""), str(text or ""))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
