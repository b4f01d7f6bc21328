"""A connection to one controller. Every call blocks: they are made from the device's own thread, one after another."""

import socket
import struct
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

from snap7.client import Client
from snap7.connection import ISOTCPConnection
from snap7.datatypes import S7Area, S7WordLen
from snap7.error import S7Error, S7TimeoutError
from snap7.type import Block as BlockType

from lineshaft.edge.drivers.s7.address import Place
from lineshaft.edge.drivers.s7.answers import Answer, Malformed, Refused, read_acknowledgement, read_items, reference
from lineshaft.edge.drivers.s7.options import Address, S7Options
from lineshaft.edge.drivers.s7.packing import SMALLEST_PDU, Item

Failure = (S7Error, OSError)
"""What ends a connection."""

_KINDS: Final = {"pg": 1, "op": 2, "basic": 3}
_AREAS: Final = {"DB": S7Area.DB, "M": S7Area.MK, "I": S7Area.PE, "Q": S7Area.PA}
_CPU_STATE: Final = 0x0424
"""Number of the system status list that says whether the program runs."""
_STATE_BYTE: Final = 7
_STATES: Final = {0x08: "run", 0x04: "stop"}
_MOST_BLOCKS: Final = 4096
_TPKT_VERSION: Final = 3
_TPKT_BYTES: Final = 4
_DATA: Final = b"\x02\xf0\x80"
"""Header of an ISO 8073 data unit, class 0, that is the last of its message."""


class _Client(Client):
    """The library's client, which asks for one request on the way, asking for several."""

    at_once = 1
    """Requests that may be on the way: what is asked for, then what was granted."""

    def _setup_communication(self) -> None:
        asked = self.at_once
        request = self.protocol.build_setup_communication_request(
            max_amq_caller=asked, max_amq_callee=asked, pdu_length=self.pdu_length
        )
        granted = self._send_receive(request).get("parameters") or {}
        self.at_once = max(1, min(asked, int(granted.get("max_amq_caller", 1))))
        size = int(granted.get("pdu_length", 0))
        self.pdu_length = min(size, self.pdu_length) if size >= SMALLEST_PDU else SMALLEST_PDU


class Link:
    """One connection.

    Args:
        counts: where frames that are no answers are counted: `frames_dropped`, `answers_malformed`.
    """

    def __init__(self, address: Address, options: S7Options, counts: Counter[str]) -> None:
        self._address = address
        self._options = options
        self._counts = counts
        self._client = _Client()

    @property
    def pdu(self) -> int:
        """Greatest PDU that the controller granted, bytes."""
        return int(self._client.pdu_length)

    @property
    def at_once(self) -> int:
        """Requests that the controller lets be on the way."""
        return self._client.at_once

    def connect(self, password: str) -> None:
        """Connect, agree on a PDU size, and open a protected controller.

        Raises:
            Refused: the controller does not take the password.
            S7Error, OSError: nobody answers there, or no controller.
        """
        client, at = self._client, self._address
        client.connection_type = _KINDS[self._options.connection]
        client.pdu_length = self._options.pdu
        client.at_once = self._options.at_once
        client.use_optimizer = False
        client.connect(at.host, at.rack, at.slot, at.port)
        transport = client.connection
        assert transport is not None
        transport.timeout = self._options.timeout_seconds
        if transport.socket is not None:
            transport.socket.settimeout(self._options.timeout_seconds)
        if password:
            try:
                client.set_session_password(password)
            except S7TimeoutError:
                raise
            except S7Error as error:
                raise Refused(0xD602) from error

    def break_off(self) -> None:
        """Have a call that waits in the device's thread fail now. The only call that other threads may make."""
        transport = self._client.connection
        if transport is not None and transport.socket is not None:
            try:
                transport.socket.shutdown(socket.SHUT_RDWR)
            except OSError:  # it is closed already
                return

    def disconnect(self) -> None:
        """Hang up; never raises."""
        self._client.disconnect()

    # -- values ---------------------------------------------------------------------------------------------------------

    def read(self, items: list[Item]) -> list[Answer]:
        """Ask for up to 20 items.

        Raises:
            Malformed: what came is no answer to that. Refused: the controller refused the request.
            S7Error, OSError: the connection is lost.
        """
        (answer,) = self.read_all([items])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def read_all(self, requests: Sequence[list[Item]]) -> list[list[Answer] | Malformed | Refused]:
        """Ask for items in several requests of up to 20; what became of each, in their order.

        As many as the controller grants leave in one write; with every answer the next one goes.

        Raises:
            S7Error, OSError: the connection is lost.
        """
        pdus = [self._read_request(items) for items in requests]
        answers = self._exchange_all(pdus)
        return [_items(pdu, len(items)) for pdu, items in zip(answers, requests, strict=True)]

    def _read_request(self, items: list[Item]) -> bytes:
        wanted = [(int(_AREAS[item.area]), item.db, item.start, item.length) for item in items]
        return self._client.protocol.build_multi_read_request(wanted)

    def write(self, place: Place, data: bytes) -> Answer:
        """Write the bytes of one place; of a bool, its bit alone. Raises what `read` does."""
        bit = place.type == "bool"
        start, width = (place.byte * 8 + place.bit, S7WordLen.BIT) if bit else (place.byte, S7WordLen.BYTE)
        request = self._client.protocol.build_write_request(_AREAS[place.area], place.db, start, width, data)
        return read_acknowledgement(self._exchange(request))

    def _exchange(self, request: bytes) -> bytes:
        """Send a request and wait for its answer."""
        return self._exchange_all([request])[0]

    def _exchange_all(self, requests: Sequence[bytes]) -> list[bytes]:
        """Send requests and wait for their answers, in whatever order they come.

        What answers none that is on the way is dropped and counted.
        """
        waiting = iter(enumerate(requests))
        under_way: dict[int, int] = {}
        answers: dict[int, bytes] = {}
        self._send(under_way, islice(waiting, self._client.at_once))
        deadline = time.monotonic() + self._options.timeout_seconds
        while under_way:
            pdu = self._transport.receive_data()
            number = under_way.pop(reference(pdu), None)
            if number is not None:
                answers[number] = pdu
                self._send(under_way, islice(waiting, 1))
                deadline = time.monotonic() + self._options.timeout_seconds
                continue
            self._counts["frames_dropped"] += 1
            if time.monotonic() > deadline:
                raise S7TimeoutError("it sends, but never the answer that was asked for")
        return [answers[number] for number in range(len(requests))]

    def _send(self, under_way: dict[int, int], requests: Iterable[tuple[int, bytes]]) -> None:
        """Put requests on the way, in one write."""
        frames = bytearray()
        for number, request in requests:
            under_way[reference(request)] = number
            frames += struct.pack(">BBH", _TPKT_VERSION, 0, _TPKT_BYTES + len(_DATA) + len(request)) + _DATA + request
        socket_ = self._transport.socket
        if frames and socket_ is not None:
            self._counts["writes"] += 1
            socket_.sendall(frames)

    @property
    def _transport(self) -> ISOTCPConnection:
        transport = self._client.connection
        if transport is None or transport.socket is None:
            raise S7Error("not connected")
        return transport

    # -- what the controller says of itself -------------------------------------------------------------------------------

    def state(self) -> str:
        """`run`, `stop`, another state's number, or empty where the controller does not say."""
        data = self._list(_CPU_STATE)
        if len(data) <= _STATE_BYTE:
            return ""
        code = data[_STATE_BYTE] & 0x0F
        return _STATES.get(code, f"state {code}")

    def about(self) -> dict[str, str]:
        """Type, serial number and order number, where the controller says them."""
        said: dict[str, str] = {"pdu": f"{self.pdu} bytes", "at_once": str(self.at_once)}
        for ask, names in (
            (self._client.get_cpu_info, {"ModuleTypeName": "module", "SerialNumber": "serial", "ASName": "name"}),
            (self._client.get_order_code, {"OrderCode": "order"}),
        ):
            answer = self._ask(ask)
            for field, name in names.items():
                text = bytes(getattr(answer, field, b"")).split(b"\0")[0].decode("latin-1").strip()
                if text:
                    said[name] = text
        return said

    def blocks(self) -> list[tuple[int, int]]:
        """Numbers of the data blocks and their bytes, 0 where it is not said; none where the controller lists none."""
        numbers = self._ask(lambda: self._client.list_blocks_of_type(BlockType.DB, _MOST_BLOCKS))
        return [(number, self._length(number)) for number in sorted(numbers or [])]

    def _length(self, number: int) -> int:
        info = self._ask(lambda: self._client.get_block_info(BlockType.DB, number))
        return int(getattr(info, "MC7Size", 0))

    def _list(self, number: int) -> bytes:
        """A system status list; empty where the controller has none of that number."""
        answer = self._ask(lambda: self._client.read_szl(number, 0))
        if answer is None:
            return b""
        return bytes(byte & 0xFF for byte in answer.Data[: answer.Header.LengthDR])

    def _ask(self, ask: Any) -> Any:
        """What the controller answers; None where it refuses, which is its right."""
        try:
            return ask()
        except (S7Error, RuntimeError, ValueError, IndexError, struct.error) as error:
            transport = self._client.connection
            if transport is None or not transport.connected or isinstance(error, S7TimeoutError):
                raise
            return None


def _items(pdu: bytes, count: int) -> list[Answer] | Malformed | Refused:
    """The items of an answer, or what is wrong with it."""
    try:
        return read_items(pdu, count)
    except (Malformed, Refused) as error:
        return error
