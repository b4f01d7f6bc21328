"""Messages over datagrams: divided into packets of at most 512 bytes, and put together again (RFC 3652 2.3).

Every packet repeats the envelope with the length of the whole message, its own number, and the flag for a part of one.
"""

import math
import struct
from collections.abc import Hashable
from typing import Final

from lineshaft.resolution import codes
from lineshaft.resolution.fields import Malformed

_TAIL: Final = struct.Struct(">II")
_FLAGS: Final = 2
_SEQUENCE: Final = slice(12, 16)


def split(message: bytes) -> list[bytes]:
    """The packets of an encoded message; the message itself when it fits one."""
    if len(message) <= codes.MAX_PACKET_BYTES:
        return [message]
    head = bytearray(message[: codes.ENVELOPE_BYTES])
    head[_FLAGS] |= codes.TRUNCATED_ENVELOPE
    packets = []
    size = codes.PACKET_PAYLOAD_BYTES
    for number, start in enumerate(range(codes.ENVELOPE_BYTES, len(message), size)):
        head[_SEQUENCE] = number.to_bytes(4)
        packets.append(bytes(head) + message[start : start + size])
    return packets


def first_packet(message: bytes) -> bytes:
    """What an asker gets whose address is not known to be its own: one packet, from which it learns to use TCP."""
    return split(message)[0]


class _Parts:
    __slots__ = ("began", "bytes", "count", "head", "parts")

    def __init__(self, head: bytes, count: int, began: float) -> None:
        self.head = head
        self.count = count
        self.began = began
        self.parts: dict[int, bytes] = {}
        self.bytes = 0


class Reassembly:
    """Puts packets together; bounded in messages and bytes, oldest given up first.

    Args:
        messages: how many may be incomplete at a time.
        most_bytes: how many bytes of packets may wait altogether.
        patience: seconds after which an incomplete message is given up.
    """

    def __init__(self, messages: int = 1024, most_bytes: int = 4 * 1024 * 1024, patience: float = 5.0) -> None:
        self._most = messages
        self._most_bytes = most_bytes
        self._patience = patience
        self._waiting: dict[Hashable, _Parts] = {}
        self._bytes = 0
        self.given_up = 0
        """Messages that were dropped incomplete."""

    def add(self, source: Hashable, packet: bytes, now: float) -> bytes | None:
        """The whole message, as if it had come at once, when this packet completes it.

        Args:
            source: address and port of the sender.
            packet: one datagram whose envelope is flagged as a part.
            now: seconds on a clock that never steps.

        Raises:
            Malformed: a packet that no message can have, or that contradicts the others.
        """
        self._forget(now)
        head, number, count = _checked(packet)
        key = (source, head[4:12])
        parts = self._waiting.get(key)
        if parts is None:
            parts = self._waiting[key] = _Parts(head, count, now)
        elif parts.head != head:
            raise _refused("its envelope differs from that of the other packets")
        payload = packet[codes.ENVELOPE_BYTES :]
        if parts.parts.setdefault(number, payload) != payload:
            raise _refused(f"packet {number} came twice with different bytes")
        if len(parts.parts) == parts.count:
            self._drop(key)
            whole = b"".join(parts.parts[place] for place in range(count))
            return head[:_FLAGS] + bytes((head[_FLAGS] & ~codes.TRUNCATED_ENVELOPE,)) + head[3:] + whole
        added = sum(map(len, parts.parts.values())) - parts.bytes
        parts.bytes += added
        self._bytes += added
        self._shed()
        return None

    def _forget(self, now: float) -> None:
        while self._waiting:
            key, oldest = next(iter(self._waiting.items()))
            if now - oldest.began < self._patience:
                return
            self._drop(key)
            self.given_up += 1

    def _shed(self) -> None:
        while len(self._waiting) > self._most or self._bytes > self._most_bytes:
            self._drop(next(iter(self._waiting)))
            self.given_up += 1

    def _drop(self, key: Hashable) -> None:
        self._bytes -= self._waiting.pop(key).bytes


def _checked(packet: bytes) -> tuple[bytes, int, int]:
    """Envelope with sequence 0, number of the packet, number of packets."""
    if len(packet) <= codes.ENVELOPE_BYTES or len(packet) > codes.MAX_PACKET_BYTES:
        raise _refused(f"a packet has 21 to {codes.MAX_PACKET_BYTES} bytes, and this one {len(packet)}")
    if not packet[_FLAGS] & codes.TRUNCATED_ENVELOPE:
        raise _refused("it is not flagged as part of a message")
    number, length = _TAIL.unpack_from(packet, 12)
    size = codes.PACKET_PAYLOAD_BYTES
    count = math.ceil(length / size)
    if length > codes.MAX_MESSAGE_BYTES or number >= count:
        raise _refused(f"packet {number} of a message of {length} bytes cannot be")
    expected = size if number < count - 1 else length - size * (count - 1)
    if len(packet) - codes.ENVELOPE_BYTES != expected:
        raise _refused(f"packet {number} holds {len(packet) - codes.ENVELOPE_BYTES} bytes instead of {expected}")
    return packet[:12] + b"\0\0\0\0" + packet[16:20], number, count


def _refused(reason: str) -> Malformed:
    return Malformed(
        "resolution.packet", f"a packet cannot be put together with others: {reason}", "It is dropped.", reason=reason
    )
