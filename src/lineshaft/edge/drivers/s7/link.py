"""A connection to one controller. Every call blocks: they are made from the device's own thread, one after another."""

import socket
import struct
import time
from collections import Counter
from typing import Any, Final

from snap7.client import Client
from snap7.datatypes import S7Area, S7WordLen
from snap7.error import S7Error, S7TimeoutError
from snap7.type import Block as BlockType

from lineshaft.edge.drivers.s7.address import Place
from lineshaft.edge.drivers.s7.answers import Answer, Refused, read_acknowledgement, read_items, reference
from lineshaft.edge.drivers.s7.options import Address, S7Options
from lineshaft.edge.drivers.s7.packing import Item

Failure = (S7Error, OSError)
"""What ends a connection."""

_KINDS: Final = {"pg": 1, "op": 2, "basic": 3}
_AREAS: Final = {"DB": S7Area.DB, "M": S7Area.MK, "I": S7Area.PE, "Q": S7Area.PA}
_CPU_STATE: Final = 0x0424
"""Number of the system status list that says whether the program runs."""
_STATE_BYTE: Final = 7
_STATES: Final = {0x08: "run", 0x04: "stop"}
_MOST_BLOCKS: Final = 4096


class Link:
    """One connection.

    Args:
        counts: where frames that are no answers are counted: `frames_dropped`, `answers_malformed`.
    """

    def __init__(self, address: Address, options: S7Options, counts: Counter[str]) -> None:
        self._address = address
        self._options = options
        self._counts = counts
        self._client = Client()

    @property
    def pdu(self) -> int:
        """Greatest PDU that the controller granted, bytes."""
        return int(self._client.pdu_length)

    def connect(self, password: str) -> None:
        """Connect, agree on a PDU size, and open a protected controller.

        Raises:
            Refused: the controller does not take the password.
            S7Error, OSError: nobody answers there, or no controller.
        """
        client, at = self._client, self._address
        client.connection_type = _KINDS[self._options.connection]
        client.pdu_length = self._options.pdu
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
        wanted = [(int(_AREAS[item.area]), item.db, item.start, item.length) for item in items]
        pdu = self._exchange(self._client.protocol.build_multi_read_request(wanted))
        return read_items(pdu, len(items))

    def write(self, place: Place, data: bytes) -> Answer:
        """Write the bytes of one place; of a bool, its bit alone. Raises what `read` does."""
        bit = place.type == "bool"
        start, width = (place.byte * 8 + place.bit, S7WordLen.BIT) if bit else (place.byte, S7WordLen.BYTE)
        request = self._client.protocol.build_write_request(_AREAS[place.area], place.db, start, width, data)
        return read_acknowledgement(self._exchange(request))

    def _exchange(self, request: bytes) -> bytes:
        """Send a request and wait for its answer; what answers another one, or nothing, is dropped and counted."""
        transport = self._client.connection
        if transport is None:
            raise S7Error("not connected")
        expected = reference(request)
        transport.send_data(request)
        deadline = time.monotonic() + self._options.timeout_seconds
        while True:
            pdu: bytes = transport.receive_data()
            if reference(pdu) == expected:
                return pdu
            self._counts["frames_dropped"] += 1
            if time.monotonic() > deadline:
                raise S7TimeoutError("it sends, but never the answer that was asked for")

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
        said: dict[str, str] = {"pdu": f"{self.pdu} bytes"}
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
