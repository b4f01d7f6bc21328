"""Writes: what each is on the wire, for the guard and for the device."""

from collections.abc import Sequence

import msgspec

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge import raw
from lineshaft.edge.driver import Plan, Write, Written
from lineshaft.edge.drivers.modbus import faults, pdu
from lineshaft.edge.drivers.modbus.address import WRITABLE, Address, read_address
from lineshaft.edge.drivers.modbus.link import Call, Link
from lineshaft.edge.drivers.modbus.options import ModbusOptions
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.model import Point

FUNCTIONS = {
    pdu.WRITE_COIL: "write_single_coil", pdu.WRITE_COILS: "write_multiple_coils",
    pdu.WRITE_REGISTER: "write_single_register", pdu.WRITE_REGISTERS: "write_multiple_registers",
    pdu.MASK_WRITE: "mask_write_register",
}  # fmt: skip
"""Names of the functions, as the guard's rules have them."""


class Order(msgspec.Struct, frozen=True):
    """One write, ready to go."""

    operation: Operation
    call: Call
    """Of a bit that is written in two steps, the second with the register as the mask leaves it of zero."""
    keep: int | None = None
    """Of a bit that is written in two steps: which bits of the present register stay."""


def orders(plan: Plan, writes: Sequence[Write]) -> list[Order]:
    """The writes, one each.

    Raises:
        InvalidInput: a value that its point cannot hold, or a point that cannot be written.
    """
    return [_order(plan, write) for write in writes]


def _order(plan: Plan, write: Write) -> Order:
    point = plan.points[write.point]
    address = read_address(point.address)
    if address.space not in WRITABLE or point.access == "read":
        raise InvalidInput(
            "edge.point_read_only", f"the point {point.name!r} at {point.address} can only be read",
            "Write to a coil or a holding register whose point has the access write.", point=point.name,
        )  # fmt: skip
    data = raw.encode(point, write.value)
    request, keep = _request(address, data, plan.options)
    operation = Operation.of(
        _values(point, write, data), protocol="modbus", device=plan.device.name, function=FUNCTIONS[request[0]],
        space=address.space, start=address.number, count=raw.words(point), points=(point.name,),
    )  # fmt: skip
    unit = plan.options.unit if address.unit is None else address.unit
    return Order(operation, Call(unit, request), keep)


def _request(address: Address, data: bytes, options: ModbusOptions) -> tuple[bytes, int | None]:
    start = address.number
    if address.space == "coil":
        on = data == b"\1"
        return (pdu.write_coil(start, value=on) if options.single_writes else pdu.write_coils(start, [on])), None
    if address.bit is not None:
        mask = 1 << address.bit
        wanted, keep = mask if data == b"\1" else 0, 0xFFFF ^ mask
        if options.bit_writes == "mask":
            return pdu.mask_write(start, keep, wanted), None
        return _register(start, wanted.to_bytes(2, "big"), options), keep
    return _register(start, data, options), None


def _register(start: int, data: bytes, options: ModbusOptions) -> bytes:
    single = len(data) == 2 and options.single_writes
    return pdu.write_register(start, data) if single else pdu.write_registers(start, data)


def _values(point: Point, write: Write, data: bytes) -> tuple[float, ...]:
    """The value in the point's unit; of a text, its words."""
    if isinstance(write.value, str):
        return tuple(int.from_bytes(data[start : start + 2], "big") for start in range(0, len(data), 2))
    return (bool(write.value) if point.type == "bool" else write.value,)


async def carry_out(link: Link, given: Sequence[Order], options: ModbusOptions) -> list[Written]:
    """Write in order, each once; after a lost connection the rest is not sent.

    Raises:
        ConnectionError: before anything was sent.
    """
    results: list[Written] = []
    for order in given:
        sent = order.keep is None
        try:
            call = order.call
            if order.keep is not None:
                call = await _merged(link, order, order.keep, options)
            sent = True
            results.append(_result(call, (await link.ask([call]))[0]))
        except pdu.Refused as refused:
            results.append(_refusal(refused.code))
        except pdu.Malformed as error:
            results.append(Written(q=quality.BAD_COMMUNICATION_ERROR, detail=str(error)))
        except ConnectionError as error:
            results.append(Written(q=quality.BAD_NO_COMMUNICATION, detail=str(error), lost=sent))
            missing = len(given) - len(results)
            return results + [Written(q=quality.BAD_NO_COMMUNICATION, detail="not sent")] * missing
    return results


async def _merged(link: Link, order: Order, keep: int, options: ModbusOptions) -> Call:
    """The write of a whole register whose other bits are as they are now."""
    start = order.operation.start
    answer = (await link.ask([Call(order.call.unit, pdu.read_request("holding", start, 1))]))[0]
    if answer is None:
        raise pdu.Malformed("the register could not be read before the write; nothing was written")
    present = int.from_bytes(pdu.read_answer(answer, pdu.READ["holding"], 2), "big")
    wanted = int.from_bytes(order.call.pdu[-2:], "big")
    return Call(order.call.unit, _register(start, (present & keep | wanted).to_bytes(2, "big"), options))


def _result(call: Call, answer: bytes | None) -> Written:
    if answer is None:
        return Written(q=quality.BAD_TIMEOUT, detail="no answer in time", lost=True)
    try:
        pdu.check_echo(call.pdu, answer)
    except pdu.Refused as refused:
        return _refusal(refused.code)
    except pdu.Malformed as error:
        return Written(q=quality.BAD_DECODING, detail=str(error), lost=True)
    return Written()


def _refusal(code: int) -> Written:
    """The device's exception; one that only says that it takes longer leaves the outcome open."""
    return Written(q=faults.status_of(code), detail=faults.words_of(code), lost=code == faults.ACKNOWLEDGE)
