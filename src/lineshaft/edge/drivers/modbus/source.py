"""One Modbus connection as a source: what the gateway opens, polls, writes to, looks around in and closes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.edge.address_space import BrowsePage, BrowseRequest, BrowseState, Found
from lineshaft.edge.columns import Columns
from lineshaft.edge.driver import Block, Plan, Sink, Tools, Write, Written
from lineshaft.edge.drivers.modbus import faults, pdu, probe, writing
from lineshaft.edge.drivers.modbus.connect import connect
from lineshaft.edge.drivers.modbus.endpoint import read_endpoint
from lineshaft.edge.drivers.modbus.link import DAMAGED, Call, Drops, Link
from lineshaft.edge.drivers.modbus.scan import Scan
from lineshaft.edge.guard.operation import Operation

_SILENT_SCANS: Final = 2
"""So many scans in a row without a single answer, and the connection counts as lost."""
_MOST_CUTS: Final = 9
"""Cut at gaps, then in halves: 125 registers are single after seven more."""


class ModbusSource:
    """Implements `Source`, `Browser` and `Writer`."""

    def __init__(self, plan: Plan, tools: Tools) -> None:
        self._plan = plan
        self._device = plan.device.name
        self._log = tools.log
        self._drops = Drops(self._device, tools.log)
        self._link: Link | None = None
        self._scans: dict[str, Scan] = {}
        self._silent = 0

    # -- connecting -----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect, and see that somebody answers: on a serial line nothing else tells.

        Raises:
            Unavailable: nobody does.
        """
        await self.close()
        self._drops.forget()
        self._silent = 0
        self._scans = {
            block.group.name: Scan(block.detail, self._plan.points, self._drops) for block in self._plan.blocks
        }
        endpoint = self._plan.device.endpoint
        try:
            self._link = await connect(read_endpoint(endpoint), self._plan.options, self._drops)
            answered = await self._anybody(self._link)
        except (OSError, TimeoutError, ValueError) as error:  # ValueError: a rate that the serial port does not know
            await self.close()
            raise faults.unreachable(self._device, endpoint, str(error) or "no connection in time") from error
        if not answered:
            await self.close()
            raise faults.unreachable(self._device, endpoint, "there is a connection, but no request is answered")

    async def _anybody(self, link: Link) -> bool:
        """Whether a unit answers its first request, be it with an exception."""
        first: dict[int, Call] = {}
        for scan in self._scans.values():
            for call in scan.calls:
                first.setdefault(call.unit, call)
        calls = list(first.values())
        for _ in range(1 + self._plan.options.retries):
            if not calls or any(await link.ask(calls)):
                return True
        return False

    async def subscribe(self, sink: Sink) -> None:
        """Modbus devices send nothing by themselves."""

    async def lost(self) -> LineshaftError:
        return faults.lost(self._device, await self._open_link().lost())

    async def close(self) -> None:
        if self._link is not None:
            self._link.lose("closed by us")
            self._link = None

    def _open_link(self) -> Link:
        if self._link is None:
            raise faults.lost(self._device, "it is closed")
        return self._link

    # -- reading ----------------------------------------------------------------------------------------------------------

    async def read(self, block: Block) -> Columns:
        """Scan a group.

        Raises:
            Unavailable: the connection broke, or nothing at all was answered for the second time in a row.
        """
        name = block.group.name
        answers = await self._ask(self._scans[name].calls)
        for _ in range(_MOST_CUTS):
            divided = self._scans[name].divided(answers)
            if divided is None:
                break
            self._log.info("edge_scan_divided", device=self._device, group=name, requests=len(divided.requests))
            self._scans[name] = divided
            answers = await self._ask(divided.calls)
        columns = Columns(len(block.points))
        self._scans[name].decode(answers, columns, clock.now_us())
        return columns

    async def _ask(self, calls: Sequence[Call]) -> list[bytes | None]:
        """Answers to reads; what was not answered, came damaged or met a busy device is asked again."""
        link = self._open_link()
        try:
            answers = await link.ask(calls)
            for _ in range(self._plan.options.retries):
                again = [index for index, answer in enumerate(answers) if _is_worth_retrying(answer)]
                if not again:
                    break
                await self._ask_again(link, calls, answers, again)
        except ConnectionError as error:
            raise faults.lost(self._device, str(error)) from error
        self._note_silence(link, answers)
        return answers

    async def _ask_again(
        self, link: Link, calls: Sequence[Call], answers: list[bytes | None], again: Sequence[int]
    ) -> None:
        """Put new answers in the place of some; one at a time, where that may be what the device needs."""
        before = link.in_flight
        dropped = [index for index in again if answers[index] is None]
        suspicious = before > 1 and 0 < len(dropped) < len(calls)
        if suspicious:
            link.in_flight = 1
        for index, answer in zip(again, await link.ask([calls[index] for index in again]), strict=True):
            answers[index] = answer
        if suspicious and any(answers[index] is None for index in dropped):
            link.in_flight = before
        elif suspicious:
            self._log.info("edge_one_request_at_a_time", device=self._device, dropped=len(dropped))

    def _note_silence(self, link: Link, answers: Sequence[bytes | None]) -> None:
        self._silent = 0 if any(answer is not None for answer in answers) else self._silent + 1
        if self._silent >= _SILENT_SCANS:
            reason = f"no answer to anything in {self._silent} scans"
            link.lose(reason)
            raise faults.lost(self._device, reason)

    # -- writing ----------------------------------------------------------------------------------------------------------

    def operations(self, writes: Sequence[Write]) -> list[Operation]:
        return [order.operation for order in writing.orders(self._plan, writes)]

    async def write(self, writes: Sequence[Write]) -> list[Written]:
        """Write one after the other, each once.

        Raises:
            InvalidInput: as `operations`. Unavailable: there is no connection; nothing was sent.
        """
        orders = writing.orders(self._plan, writes)
        return await writing.carry_out(self._open_link(), orders, self._plan.options)

    # -- looking around -----------------------------------------------------------------------------------------------------

    async def browse(self, request: BrowseRequest, state: BrowseState) -> AsyncIterator[BrowsePage]:
        async for page in probe.browse(self._ask, self._plan.options, request, state):
            yield page

    async def inspect(self, addresses: Sequence[str]) -> list[Found]:
        return [await probe.inspect(self._ask, self._plan, address) for address in addresses]

    async def about(self) -> Mapping[str, str]:
        return await probe.about(self._ask, self._plan.options.unit)


def _is_worth_retrying(answer: bytes | None) -> bool:
    busy = answer is not None and len(answer) == 2 and bool(answer[0] & pdu.EXCEPTION) and answer[1] == faults.BUSY
    return answer is None or answer == DAMAGED or busy
