"""Looking around in a Modbus device: who it is, what single addresses hold in every byte order, which ranges it has."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from lineshaft.core import clock, quality
from lineshaft.edge import raw
from lineshaft.edge.address_space import BrowsePage, BrowseRequest, BrowseState, Found, Pending
from lineshaft.edge.driver import Plan
from lineshaft.edge.drivers.modbus import faults, pdu
from lineshaft.edge.drivers.modbus.address import LAST, REGISTERS, Address, Space, read_address
from lineshaft.edge.drivers.modbus.link import Call
from lineshaft.edge.drivers.modbus.options import ModbusOptions
from lineshaft.edge.model import ByteOrder, Point

Ask = Callable[[Sequence[Call]], Awaitable[list[bytes | None]]]

_OBJECTS: Final = {
    0: "vendor", 1: "product_code", 2: "revision", 3: "vendor_url", 4: "product", 5: "model", 6: "application",
}  # fmt: skip
_ORDERS: Final[tuple[ByteOrder, ...]] = ("ABCD", "DCBA", "BADC", "CDAB")
_SUNSPEC: Final = b"SunS"
_SUNSPEC_BASES: Final = (40_000, 0, 50_000)
_SUNSPEC_END: Final = 0xFFFF
_MOST_MODELS: Final = 200
_MOST_REGISTERS: Final = 100
"""Registers of one request while looking around; every device takes so many."""
_BLOCKS_PER_PAGE: Final = 8
_MOST_OBJECT_PAGES: Final = 16


# -- who it is ------------------------------------------------------------------------------------------------------------


async def about(ask: Ask, unit: int) -> Mapping[str, str]:
    """What the device says of itself: by its identification (FC43/14), else by its server id (FC17); empty where it has neither."""
    for code in (2, 1):  # the regular objects hold the basic ones
        if found := await _identify(ask, unit, code):
            return found
    answer = (await ask([Call(unit, bytes([pdu.REPORT_SERVER]))]))[0]
    try:
        if answer is not None:
            pdu.check_function(answer, pdu.REPORT_SERVER)
            text = "".join(char for char in answer[2:].decode("latin-1") if " " <= char <= "~").strip()
            return {"server_id": text or answer[2:].hex()}
    except (pdu.Refused, pdu.Malformed):
        pass
    return {}


async def _identify(ask: Ask, unit: int, code: int) -> dict[str, str]:
    found: dict[str, str] = {}
    following = 0
    for _ in range(_MOST_OBJECT_PAGES):
        answer = (await ask([Call(unit, pdu.identification_request(code, following))]))[0]
        try:
            page = pdu.identification_answer(answer or b"")
        except (pdu.Refused, pdu.Malformed):
            break
        found |= {_OBJECTS.get(number, f"object_{number}"): text for number, text in page.objects.items()}
        following = page.following
        if following == 0:
            break
    return found


# -- single addresses -------------------------------------------------------------------------------------------------------


async def inspect(ask: Ask, plan: Plan, text: str) -> Found:
    """What is at an address: in the type of the device's point there, or in the usual types where it has none."""
    try:
        address = read_address(text)
    except ValueError as error:
        return Found(address=text, name=text, refused=str(error))
    point = next((one for one in plan.points if one.address == text), None)
    unit = plan.options.unit if address.unit is None else address.unit
    kind = "boolean" if address.space not in REGISTERS or address.bit is not None else "number"
    counts = [raw.words(point)] if point is not None else [2, 1] if kind == "number" else [1]
    refusal = ""
    for count in counts:
        try:
            data = await _read(ask, unit, address.space, address.number, min(count, LAST + 1 - address.number))
        except (pdu.Refused, pdu.Malformed) as error:
            refusal = faults.words_of(error.code) if isinstance(error, pdu.Refused) else str(error)
            continue
        if point is None or kind == "boolean":
            description = _bit(address, data) if kind == "boolean" else _usual(data)
            return Found(address=text, name=text, kind=kind, description=description)  # type: ignore[arg-type]
        return Found(
            address=text, name=point.name, kind=point.kind, data_type=point.type, unit=point.unit,
            description=_in_orders(point, data),
        )  # fmt: skip
    return Found(address=text, name=text, refused=refusal)


async def _read(ask: Ask, unit: int, space: Space, start: int, count: int) -> bytes:
    answer = (await ask([Call(unit, pdu.read_request(space, start, count))]))[0]
    if answer is None:
        raise pdu.Malformed("no answer in time")
    return pdu.read_answer(answer, pdu.READ[space], pdu.data_size(space, count))


def _bit(address: Address, data: bytes) -> str:
    place = 0 if address.bit is None else address.bit
    return str(bool(int.from_bytes(data, "big") >> place & 1)).lower()


def _in_orders(point: Point, data: bytes) -> str:
    """A value of several registers in all four orders, since the wrong one can look plausible."""
    if point.type in ("bool", "text") or raw.size(point) < 4:
        return _shown(point, data)
    return ", ".join(
        f"{order} {_shown(msgspec.structs.replace(point, order=order), data)}" for order in _ORDERS
    )  # fmt: skip


def _shown(point: Point, data: bytes) -> str:
    if raw.size(point) == 1 and point.type != "text":
        data = data[1:]
    q, value = raw.decode_one(point, data)
    if q != quality.GOOD:
        return quality.name(q)
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def _usual(data: bytes) -> str:
    """Registers as the types that are met most."""
    first = [f"{kind} {_shown(Point(name='x', address='', type=kind), data[:2])}" for kind in ("uint16", "int16")]
    wide = [
        f"{kind} {_in_orders(Point(name='x', address='', type=kind), data)}"
        for kind in ("float32", "int32")
        if len(data) >= 4
    ]
    return "; ".join(first + wide)


# -- ranges -----------------------------------------------------------------------------------------------------------------


async def browse(
    ask: Ask, options: ModbusOptions, request: BrowseRequest, state: BrowseState
) -> AsyncIterator[BrowsePage]:
    """SunSpec models where the device has them, else the ranges of addresses that it lets be read.

    A range is found by reading blocks and halving those that the device refuses for an address. `request.nodes` bounds
    the addresses asked for, `request.seconds` the time.
    """
    started = clock.monotonic()
    if not state.begun:
        models = await _models(ask, options.unit)
        state.begun, state.found = True, len(models)
        if not models:
            state.pending = _all_blocks(options)
        yield _page(models, state)
    looked = 0
    while state.pending and not state.stopped:
        portion, state.pending = state.pending[:_BLOCKS_PER_PAGE], state.pending[_BLOCKS_PER_PAGE:]
        ranges, asked = await _readable(ask, options.unit, [_block(one) for one in portion])
        looked += asked
        found = [_range(space, start, count) for space, start, count in ranges]
        state.found += len(found)
        if state.pending and looked >= request.nodes:
            state.stopped = "nodes"
        elif state.pending and clock.monotonic() - started > request.seconds:
            state.stopped = "seconds"
        yield _page(found, state)


def _page(found: list[Found], state: BrowseState) -> BrowsePage:
    return BrowsePage(
        found=found, seen=state.found, pending=len(state.pending), beyond=state.beyond, stopped=state.stopped
    )  # fmt: skip


async def _models(ask: Ask, unit: int) -> list[Found]:
    """SunSpec's chain of models: id and length of each, after the marker `SunS`."""
    for base in _SUNSPEC_BASES:
        try:
            if await _read(ask, unit, "holding", base, 2) == _SUNSPEC:
                return await _chain(ask, unit, base + 2)
        except (pdu.Refused, pdu.Malformed):
            continue
    return []


async def _chain(ask: Ask, unit: int, place: int) -> list[Found]:
    found: list[Found] = []
    while len(found) < _MOST_MODELS and place + 1 <= LAST:
        try:
            data = await _read(ask, unit, "holding", place, 2)
        except (pdu.Refused, pdu.Malformed):
            break
        model, length = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big")
        if model == _SUNSPEC_END:
            break
        content = await _whole(ask, unit, place, 2 + length)
        if content is None:
            break
        found.append(
            Found(
                address=f"holding:{place}", name=f"model {model}", path=("SunSpec",), data=content.hex(),
                description=f"SunSpec model {model}, {length} registers from holding:{place + 2}",
                refused="a model is a block of many values: `lineshaft edge import` makes points of it",
            )
        )  # fmt: skip
        place += 2 + length
    return found


async def _whole(ask: Ask, unit: int, place: int, count: int) -> bytes | None:
    """Every register of a model; None where the device does not have them all, or there cannot be so many."""
    content = b""
    while len(content) < 2 * count:
        done = len(content) // 2
        step = min(count - done, _MOST_REGISTERS, LAST + 1 - place - done)
        if step <= 0:
            return None
        try:
            content += await _read(ask, unit, "holding", place + done, step)
        except (pdu.Refused, pdu.Malformed):
            return None
    return content


def _all_blocks(options: ModbusOptions) -> list[Pending]:
    spaces: tuple[Space, ...] = ("holding", "input", "coil", "discrete")
    blocks = []
    for space in spaces:
        step = options.max_registers if space in REGISTERS else options.max_bits
        for start in range(0, LAST + 1, step):
            count = min(step, LAST + 1 - start)
            blocks.append(Pending(address=f"{space}:{start}", path=(str(count),), variable=False))
    return blocks


def _block(pending: Pending) -> tuple[Space, int, int]:
    address = read_address(pending.address)
    return address.space, address.number, int(pending.path[0])


async def _readable(
    ask: Ask, unit: int, blocks: list[tuple[Space, int, int]]
) -> tuple[list[tuple[Space, int, int]], int]:
    """The readable ranges within blocks, neighbours joined; how many addresses were asked for."""
    ranges: list[tuple[Space, int, int]] = []
    asked = 0
    while blocks:
        answers = await ask([Call(unit, pdu.read_request(*block)) for block in blocks])
        asked += sum(count for _, _, count in blocks)
        smaller = []
        for (space, start, count), answer in zip(blocks, answers, strict=True):
            try:
                pdu.read_answer(answer or b"", pdu.READ[space], pdu.data_size(space, count))
                ranges.append((space, start, count))
            except pdu.Refused as refused:
                if refused.code == faults.ILLEGAL_ADDRESS and count > 1:
                    half = count // 2
                    smaller += [(space, start, half), (space, start + half, count - half)]
            except pdu.Malformed:
                continue
        blocks = smaller
    return _joined(sorted(ranges)), asked


def _joined(ranges: list[tuple[Space, int, int]]) -> list[tuple[Space, int, int]]:
    joined: list[tuple[Space, int, int]] = []
    for space, start, count in ranges:
        if joined and joined[-1][0] == space and sum(joined[-1][1:]) == start:
            joined[-1] = (space, joined[-1][1], joined[-1][2] + count)
        else:
            joined.append((space, start, count))
    return joined


def _range(space: Space, start: int, count: int) -> Found:
    last = start + count - 1
    return Found(
        address=f"{space}:{start}", name=f"{space} {start}-{last}", path=(space,),
        kind="number" if space in REGISTERS else "boolean", description=f"{count} readable addresses, {start} to {last}",
        refused="" if count == 1 else "a range of addresses: say address and type of each value",
    )  # fmt: skip
