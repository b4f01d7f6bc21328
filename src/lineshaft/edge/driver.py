"""The public interface of drivers: plan once, then read blocks or take what the device sends, as columns.

A driver is a package that registers an object in the entry point group `lineshaft.drivers`; the built-in ones use the
same door. Its `plan` is pure: it looks at a device's configuration and refuses it with every fault at once. Its
`source` talks to one device. What a source reads are `Columns` whose `key` is the index of the point in `plan.points`;
no object is made per sample.

    plan = driver.plan(device)                  # once
    source = driver.source(plan, tools)
    await source.open()                         # again after each loss: connects, restores what was there
    await source.subscribe(sink)                # blocks of mode "subscribe": rows come to the sink from now on
    columns = await source.read(block)          # blocks of mode "poll"
    error = await source.lost()                 # returns when the connection is gone
    await source.close()
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import msgspec

from lineshaft.core.errors import InvalidInput, LineshaftError, NotFound
from lineshaft.edge.admission import Admission
from lineshaft.edge.board import Board
from lineshaft.edge.formula import Formula
from lineshaft.edge.model import Device, Point, ScanGroup

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from lineshaft.edge.address_space import BrowsePage, BrowseRequest, BrowseState, Found
    from lineshaft.edge.certificates import ApplicationCertificates
    from lineshaft.edge.columns import Columns
    from lineshaft.edge.gaps import Gap
    from lineshaft.edge.guard.operation import Operation
    from lineshaft.edge.secrets import Secrets

ENTRY_POINTS = "lineshaft.drivers"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a driver says of itself."""

    name: str
    """What a device's `driver` names."""
    title: str
    tier: Literal["built-in", "supported", "community"]
    """Who answers for it."""
    options: type[msgspec.Struct]
    """The type of a device's `options`; unknown ones are refused."""
    modes: frozenset[str]
    """Scan modes it can do: `subscribe`, `poll`."""
    usual: str = ""
    """Mode of a new device's group; empty: `subscribe` where it can."""
    browses: bool = False
    """Its sources are `Browser`s as well."""
    writes: bool = False
    """Its sources are `Writer`s as well."""
    quality: Literal["bronze", "silver", "gold", "platinum"] = "bronze"
    """How far it is proven; the rules stand in docs/drivers.md."""
    simulator: str = ""
    """`module:attribute` of its `Simulate`; empty: it has none."""
    extent: str = ""
    """`module:function` that says what a point takes on its machine (`edge.extent.Locate`); empty: texts are compared."""
    address: str = ""
    """One line on what a point's address looks like, with an example."""
    endpoint: str = ""
    """The same for a device's endpoint."""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Points that one request or subscription carries."""

    group: ScanGroup
    points: tuple[int, ...]
    """Indexes into `plan.points`."""
    detail: Any = None
    """The driver's own: addresses as its protocol wants them."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How a device is read."""

    device: Device
    options: Any
    """The device's options in the driver's own type."""
    points: tuple[Point, ...]
    blocks: tuple[Block, ...]

    def of_mode(self, mode: str) -> list[Block]:
        """The blocks to subscribe to, or to poll."""
        return [block for block in self.blocks if block.group.mode == mode]


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway lends a source."""

    certificates: "ApplicationCertificates"
    secrets: "Secrets"
    log: Any
    admission: Admission = msgspec.field(default_factory=Admission)
    """Asked by the gateway before it opens a source."""
    board: Board = msgspec.field(default_factory=Board)
    """The newest value of every point of this gateway."""
    folder: "Path | None" = None
    """Where a driver keeps what must outlive a restart, in a folder of its own name."""


class Sink(Protocol):
    """Where a subscribed source puts what it got. Calls are short and never wait."""

    @property
    def doubtful(self) -> bool:
        """Values were marked as uncertain when the connection was lost: `confirm` them once it is back."""

    def take(self, columns: "Columns") -> None:
        """Rows as the device gave them. The sink copies; the caller may reuse the memory."""

    def confirm(self, columns: "Columns") -> None:
        """The present values of all points, read after a connection came back: ends the time of uncertain values."""

    def gap(self, gap: "Gap") -> None:
        """Samples are known to be missing."""


class Source(Protocol):
    """One device as its driver talks to it. Every method raises `LineshaftError`s only."""

    async def open(self) -> None:
        """Connect and sign in; after a loss also take up again what the device still holds."""

    async def subscribe(self, sink: Sink) -> None:
        """Have the device send its changes to `sink` from now on; after a loss, restore that."""

    async def read(self, block: Block) -> "Columns":
        """The present values of a block."""

    async def lost(self) -> LineshaftError:
        """Wait until the connection is gone; why it is."""

    async def close(self) -> None:
        """Sign out and hang up; never raises."""


@runtime_checkable
class Browser(Protocol):
    """A source that can list what its device has."""

    def browse(self, request: "BrowseRequest", state: "BrowseState") -> "AsyncIterator[BrowsePage]":
        """Walk the address space; `state` can be kept and given again to go on where a walk was broken off."""

    async def inspect(self, addresses: Sequence[str]) -> "list[Found]":
        """Look up single addresses: type, unit, range, or why they cannot be points."""

    async def about(self) -> Mapping[str, str]:
        """What the device says of itself."""


class Write(msgspec.Struct, frozen=True):
    """One value to write to one point."""

    point: int
    """Index into `plan.points`."""
    value: float | int | bool | str
    """In the point's unit."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one write."""

    q: int = 0
    """OPC UA StatusCode; 0: the device took it."""
    detail: str = ""
    """The device's own words or code, where it refused."""
    lost: bool = False
    """The request left, and no answer came: nobody knows whether the device took it."""


@runtime_checkable
class Writer(Protocol):
    """A source that can write. Nothing is written that `guard` has not admitted: the caller asks it first."""

    def operations(self, writes: Sequence[Write]) -> "list[Operation]":
        """What the writes are on the wire, one each, for the guard.

        Raises:
            InvalidInput: a value that the point cannot hold (type, length, scale): nothing may be written then.
        """

    async def write(self, writes: Sequence[Write]) -> list[Written]:
        """Write, in order; the answers in that order. Raises Unavailable only where nothing at all was sent."""


@runtime_checkable
class ReadsBack(Protocol):
    """A source that can read one point alone, to see what became of a write."""

    async def read_back(self, point: int) -> "Columns":
        """The present value of the point of that index. Raises Unavailable where the connection broke."""


class Simulate(Protocol):
    """Runs a device of the protocol on loopback for trial and tests."""

    def __call__(self, host: str, port: int) -> "AbstractAsyncContextManager[Simulated]":
        """The device serves while the block lasts; port 0: any free one."""


class Simulated(msgspec.Struct, frozen=True, kw_only=True):
    """A running simulator."""

    endpoint: str
    """What a device's `endpoint` is for it."""
    device: Device
    """A device with points and options that fit."""
    user: str = ""
    """Of the credentials that `device.options["secret"]` names; empty: it wants none."""
    password: str = ""
    note: str = ""
    """Anything else one must know, as a sentence."""


class Driver(Protocol):
    """A protocol that devices speak."""

    @property
    def manifest(self) -> Manifest: ...

    def plan(self, device: Device) -> Plan:
        """How to read a device.

        Raises:
            InvalidInput: options, addresses or groups that cannot be; all faults in one error.
        """

    def source(self, plan: Plan, tools: Tools) -> Source: ...


@cache
def drivers() -> dict[str, Callable[[], Driver]]:
    """Every registered driver by name, loaded when called."""
    return {point.name: point.load for point in entry_points(group=ENTRY_POINTS)}


def find_driver(name: str) -> Driver:
    """The driver of that name.

    Raises:
        NotFound: none is registered under it.
    """
    known = drivers()
    if name not in known:
        raise NotFound(
            "edge.driver_unknown", f"there is no driver {name!r}{meant(name, known)}",
            f"Known drivers: {', '.join(sorted(known))}.", driver=name, known=sorted(known),
        )  # fmt: skip
    return known[name]()


class Faults:
    """Collects everything wrong with a configuration, so that one error says it all."""

    SHOWN = 20
    LISTED = 200
    """Faults that the error carries one by one, for whoever shows them beside their fields."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._faults: list[str] = []
        self._errors: list[dict[str, str]] = []
        self._more = 0
        """Faults that stand within those of another look."""

    def add(self, field: str, value: object, rule: str) -> None:
        """Note that `field` is `value`, against `rule`."""
        self._faults.append(f"{field} is {value!r}: {rule}")
        self._errors.append({"field": field, "value": str(value)[:200], "rule": rule})

    def include(self, error: InvalidInput) -> None:
        """Take over the faults that another look at the same device found.

        Raises:
            InvalidInput: the error itself, where it is another kind.
        """
        if error.code != "edge.device_invalid":
            raise error
        self._faults.append(str(error.facts["faults"]))
        self._errors += error.facts.get("errors", ())
        self._more += int(str(error.facts["count"])) - 1

    def refuse(self) -> None:
        """Raise what was noted, if anything was.

        Raises:
            InvalidInput: with every fault, the first of them in the sentence.
        """
        if not self._faults:
            return
        here = len(self._faults)
        count = here + self._more
        shown = "; ".join(self._faults[: self.SHOWN]) + (f"; and {here - self.SHOWN} more" if here > self.SHOWN else "")
        raise InvalidInput(
            "edge.device_invalid", f"device {self._device!r} cannot be configured so: {shown}",
            "Correct what is named; nothing was changed.", device=self._device, faults=shown, count=count,
            errors=self._errors[: self.LISTED],
        )  # fmt: skip


def meant(word: str, known: Iterable[str]) -> str:
    """A question whether the nearest of the known words was meant, to go behind a sentence; empty where none is near."""
    near = get_close_matches(word, sorted(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def convert_options(manifest: Manifest, device: Device, faults: Faults) -> Any:
    """A device's options in the driver's type; everything that does not fit is noted and None returned."""
    try:
        return msgspec.convert(dict(device.options), manifest.options)
    except msgspec.ValidationError as error:
        if not _note_options(manifest, device, faults):
            faults.add("options", dict(device.options), str(error))
        return None


def _note_options(manifest: Manifest, device: Device, faults: Faults) -> bool:
    """Note every option that is missing, unknown or of another type; whether there was one."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(manifest.options)}
    noted = False
    for name, field in fields.items():
        rule = ""
        if name not in device.options:
            rule = f"{manifest.title} needs it" if field.required else ""
        else:
            try:
                msgspec.convert(device.options[name], field.type)
            except msgspec.ValidationError as error:
                rule = str(error)
        if rule:
            faults.add(f"options.{name}", device.options.get(name), rule)
            noted = True
    for name in device.options.keys() - fields.keys():
        rule = f"{manifest.title} has no such option, only {', '.join(sorted(fields))}{meant(name, fields)}"
        faults.add(f"options.{name}", device.options[name], rule)
        noted = True
    return noted


def check_points(manifest: Manifest, device: Device, faults: Faults) -> None:
    """Note what is wrong with groups and points whatever the protocol: names twice, groups that are not there."""
    groups = {group.name: group for group in device.groups}
    if len(groups) != len(device.groups):
        faults.add("groups", [group.name for group in device.groups], "two groups have one name")
    for group in groups.values():
        if group.mode not in manifest.modes:
            faults.add(
                f"groups.{group.name}.mode",
                group.mode,
                f"{manifest.title} can only {', '.join(sorted(manifest.modes))}",
            )
    seen: set[str] = set()
    for point in device.points:
        if point.name in seen:
            faults.add("points.name", point.name, "two points have this name")
        seen.add(point.name)
        if point.group not in groups:
            faults.add(
                f"points.{point.name}.group", point.group, f"the device has the groups {', '.join(sorted(groups))}"
            )
        _check_point(manifest, point, faults)


def _check_point(manifest: Manifest, point: Point, faults: Faults) -> None:
    """Note what of a point cannot be in any protocol."""
    field = f"points.{point.name}"
    if point.access != "read" and not manifest.writes:
        faults.add(f"{field}.access", point.access, f"{manifest.title} cannot write here")
    for low, high in (("low", "high"), ("minimum", "maximum")):
        least, most = getattr(point, low), getattr(point, high)
        if least is not None and most is not None and least >= most:
            faults.add(f"{field}.{low}", least, f"it must be less than {high}, {most:g}")
    _check_rules(point, field, faults)
    _check_report(point, field, faults)


def _check_rules(point: Point, field: str, faults: Faults) -> None:
    rules = point.write
    if rules is not None and rules.minimum is not None and rules.maximum is not None and rules.minimum > rules.maximum:
        faults.add(f"{field}.write.minimum", rules.minimum, f"it must not be more than maximum, {rules.maximum:g}")
    if rules is not None and rules.interlock:
        try:
            Formula.parse(rules.interlock)
        except InvalidInput as error:
            faults.add(f"{field}.write.interlock", rules.interlock, str(error.facts["reason"]))


def _check_report(point: Point, field: str, faults: Faults) -> None:
    report = point.report
    if report is None:
        return
    if point.kind not in ("number", "integer"):
        faults.add(f"{field}.report", point.kind, "only numbers and integers have report by exception")
    if report.swing and (report.deadband or report.percent or report.min_ms):
        faults.add(f"{field}.report.swing", report.swing, "with deadband, percent or min_ms beside it, it has no bound")
    if report.percent and (point.low is None or point.high is None):
        faults.add(f"{field}.report.percent", report.percent, "the point needs low and high, of which it is a part")
    if report.max_ms and report.max_ms < report.min_ms:
        faults.add(f"{field}.report.max_ms", report.max_ms, f"it must not be less than min_ms, {report.min_ms}")


def plan_blocks(device: Device, most: int, details: Sequence[Any]) -> tuple[Block, ...]:
    """Blocks of at most `most` points, group by group in the order of the points; `details` is one per point."""
    blocks = []
    for group in device.groups:
        members = [index for index, point in enumerate(device.points) if point.group == group.name]
        for start in range(0, len(members), most):
            chosen = tuple(members[start : start + most])
            blocks.append(Block(group=group, points=chosen, detail=tuple(details[index] for index in chosen)))
    return tuple(blocks)
