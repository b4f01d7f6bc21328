"""One agent as a source: what the gateway opens, polls, writes to, browses and closes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from lineshaft.core import clock, quality
from lineshaft.core.errors import LineshaftError
from lineshaft.edge.address_space import BrowsePage, BrowseRequest, BrowseState, Found
from lineshaft.edge.columns import Columns
from lineshaft.edge.driver import Block, Sink, Tools, Write, Written
from lineshaft.edge.drivers.snmp import browse, faults, values
from lineshaft.edge.drivers.snmp.driver import SnmpPlan
from lineshaft.edge.drivers.snmp.manager import TOO_BIG, Manager, Oid, Response, Silent, UserRefused
from lineshaft.edge.guard.operation import Operation

_SYSTEM: Final[tuple[Oid, ...]] = tuple((1, 3, 6, 1, 2, 1, 1, number, 0) for number in (1, 2, 3, 5, 6))
_SAID: Final = ("description", "object", "uptime", "name", "location")
_SHORTEST_PASSWORD: Final = 8


class SnmpSource:
    """Implements `Source`, `Writer` and `Browser`."""

    def __init__(self, plan: SnmpPlan, tools: Tools) -> None:
        self._plan = plan
        self._device = plan.device
        self._options = plan.options
        self._tools = tools
        self._manager: Manager | None = None
        self._lost: asyncio.Future[LineshaftError] | None = None
        self._types: dict[int, Any] = {}
        """The last value of each point as the agent sent it: a write takes its type."""
        self._portion: int = plan.options.varbinds
        self._complained: set[int] = set()
        self.counts: Counter[str] = Counter()
        """Since the gateway started: requests, answers that would have been too big, objects refused."""

    # -- connecting -----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Ask the agent how long it has been up: that is all the connection SNMP has.

        Raises:
            Unavailable: nobody answers. InvalidInput: user or password are refused. NotFound: there is no such secret.
        """
        await self.close()
        secret = self._tools.secrets.get(self._options.secret)
        privacy_name = self._options.privacy_secret or self._options.secret
        privacy = self._tools.secrets.get(privacy_name)
        if self._options.version == "3":
            for name, each in ((self._options.secret, secret), (privacy_name, privacy)):
                if len(each.password) < _SHORTEST_PASSWORD:
                    raise faults.password_short(name)
        self._lost = asyncio.get_running_loop().create_future()
        try:
            self._manager = await Manager.open(self._plan.address, self._options, secret, privacy)
            await self._manager.get(_SYSTEM[2:3])
        except UserRefused as error:
            raise faults.user_refused(self._device, self._options.secret, str(error)) from error
        except (Silent, OSError) as error:
            raise faults.unreachable(self._device, str(error), self._options) from error

    async def subscribe(self, sink: Sink) -> None:
        """Nothing: agents are asked."""

    async def lost(self) -> LineshaftError:
        assert self._lost is not None
        return await asyncio.shield(self._lost)

    async def close(self) -> None:
        if self._manager is not None:
            self._manager.close()
            self._manager = None

    def _lose(self, reason: str) -> LineshaftError:
        error = faults.lost(self._device, reason)
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(error)
        return error

    def _present(self) -> Manager:
        if self._manager is None or (self._lost is not None and self._lost.done()):
            raise faults.lost(self._device, "it is not connected")
        return self._manager

    # -- reading --------------------------------------------------------------------------------------------------------

    async def read(self, block: Block) -> Columns:
        """The present values of a group; its requests leave together.

        Raises:
            Unavailable: the agent does not answer any more.
        """
        portions = [block.points[start : start + self._portion] for start in range(0, len(block.points), self._portion)]
        columns = Columns(len(block.points))
        try:
            await asyncio.gather(*(self._get(points, columns) for points in portions))
        except (Silent, UserRefused) as error:
            raise self._lose(str(error)) from error
        return columns

    async def _get(self, points: Sequence[int], columns: Columns) -> None:
        """Ask for some points; what the agent refuses of them is asked apart, so that the others have their values."""
        response = await self._request(points)
        if response.error == TOO_BIG and len(points) > 1:
            self.counts["too_big"] += 1
            half = len(points) // 2
            self._portion = max(min(self._portion, half), 1)
            await self._get(points[:half], columns)
            await self._get(points[half:], columns)
        elif response.error and len(points) > 1 and 1 <= response.index <= len(points):
            refused = response.index - 1
            self._refuse(points[refused : refused + 1], response.error, columns)
            await self._get([*points[:refused], *points[refused + 1 :]], columns)
        elif response.error:
            self._refuse(points, response.error, columns)
        else:
            self._take(points, response, columns)

    async def _request(self, points: Sequence[int]) -> Response:
        self.counts["requests"] += 1
        return await self._present().get([self._plan.objects[point].oid for point in points])

    def _take(self, points: Sequence[int], response: Response, columns: Columns) -> None:
        """The values of an answer. One that is about other objects than were asked for has none."""
        now = clock.now_us()
        asked = [self._plan.objects[point].oid for point in points]
        if [name for name, _ in response.bindings] != asked:
            self.counts["answers_malformed"] += 1
            for point in points:
                values.put(columns, point, now, values.bad(quality.BAD_DECODING))
            return
        for point, (_, sent) in zip(points, response.bindings, strict=True):
            self._types[point] = sent
            decoded = values.read_value(self._plan.points[point], self._plan.objects[point].form, sent)
            values.put(columns, point, now, decoded)
            if decoded[0] >= quality.BAD:
                self._complain(point, decoded[0])

    def _refuse(self, points: Sequence[int], error: int, columns: Columns) -> None:
        now = clock.now_us()
        for point in points:
            self.counts["objects_refused"] += 1
            self._complain(point, faults.status(error))
            values.put(columns, point, now, values.bad(faults.status(error)))

    def _complain(self, point: int, status: int) -> None:
        """Log the first time that a point has no value; its rows say it each time."""
        if point not in self._complained:
            self._complained.add(point)
            self._tools.log.warning(
                "edge_points_refused", device=self._device.name, count=1, points=[self._plan.points[point].name],
                status=quality.name(status),
            )  # fmt: skip

    # -- writing --------------------------------------------------------------------------------------------------------

    def operations(self, writes: Sequence[Write]) -> list[Operation]:
        """One `set` each, its node the object identifier in numbers."""
        return [self._operation(write) for write in writes]

    def _operation(self, write: Write) -> Operation:
        point, address = self._plan.points[write.point], self._plan.objects[write.point]
        values.raw_of(point, address.form, write.value)
        judged = () if isinstance(write.value, str) else (write.value,)
        return Operation.of(
            judged, protocol="snmp", device=self._device.name, function="set", node=address.dotted,
            points=(point.name,),
        )  # fmt: skip

    async def write(self, writes: Sequence[Write]) -> list[Written]:
        """Set one after another, each asked once. Behind one whose answer does not come, none is sent.

        Raises:
            Unavailable: not connected; nothing was sent.
        """
        stored = [
            values.raw_of(self._plan.points[each.point], self._plan.objects[each.point].form, each.value)
            for each in writes
        ]
        await self._learn([write.point for write in writes])
        written: list[Written] = []
        for write, value in zip(writes, stored, strict=True):
            if written and written[-1].lost:
                written += [Written(q=quality.BAD_NOT_CONNECTED, detail="not sent")] * (len(writes) - len(written))
                break
            written.append(await self._set(write.point, value))
        return written

    async def _learn(self, points: Sequence[int]) -> None:
        """Ask for the type of objects that were not read yet. Raises Unavailable where nobody answers."""
        unknown = [point for point in points if point not in self._types]
        try:
            for point in unknown:
                response = await self._request([point])
                if response.bindings and not response.error:
                    self._types[point] = response.bindings[0][1]
        except (Silent, UserRefused) as error:
            raise self._lose(str(error)) from error
        self._present()

    async def _set(self, point: int, stored: Any) -> Written:
        if point not in self._types:
            return Written(q=quality.BAD_NODE_ID_UNKNOWN, detail="the agent does not say what type the object has")
        try:
            sent = values.to_send(self._types[point], stored)
        except ValueError as error:
            return Written(q=quality.BAD_TYPE_MISMATCH, detail=f"not sent: {error}")
        try:
            response = await self._present().set(self._plan.objects[point].oid, sent)
        except (Silent, UserRefused) as error:
            self._lose(str(error))
            return Written(q=quality.BAD_NOT_CONNECTED, detail=str(error), lost=True)
        return Written(q=faults.status(response.error), detail=faults.name(response.error) if response.error else "")

    # -- looking around ---------------------------------------------------------------------------------------------------

    async def browse(self, request: BrowseRequest, state: BrowseState) -> AsyncIterator[BrowsePage]:
        """Walk from the root, or from MIB-II, within the request's limits; the depth of a tree of numbers means nothing."""
        try:
            async for page in browse.walk(self._present(), request, state):
                yield page
        except (Silent, UserRefused) as error:
            raise self._lose(str(error)) from error

    async def inspect(self, addresses: Sequence[str]) -> list[Found]:
        """Look up single objects."""
        try:
            return [await browse.inspect(self._present(), address) for address in addresses]
        except (Silent, UserRefused) as error:
            raise self._lose(str(error)) from error

    async def about(self) -> Mapping[str, str]:
        """The agent's system group, how the connection is secured, and what was counted."""
        try:
            response = await self._present().get(_SYSTEM)
        except (Silent, UserRefused) as error:
            raise self._lose(str(error)) from error
        said = {name: value.prettyPrint() for name, (_, value) in zip(_SAID, response.bindings, strict=False)}
        secured = f"version 3, {self._options.authentication} and {self._options.privacy}"
        said["security"] = secured if self._options.version == "3" else "version 2c, none"
        return {**said, **{name: str(count) for name, count in self.counts.items()}}
