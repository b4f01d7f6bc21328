"""Keeps a message that is longer than allowed from filling the memory: its packet is read to the end and kept to a bound.

paho gathers a packet whole, up to 256 MiB, before anybody sees its length. Here the bytes beyond the bound are read and
thrown away; what is left passes as a shorter packet, so that it is acknowledged by its quality of service and does not come
again. Whoever takes the message sees by its length that it was too long.
"""

from typing import Any, Self


class _Kept(bytearray):
    """A packet's bytes, up to a bound."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __iadd__(self, data: Any) -> Self:  # type: ignore[misc]  # paho gathers with +=
        self.extend(data[: max(self._most - len(self), 0)])
        return self


def bound_packets(client: Any, most: int) -> None:
    """Have a paho client keep `most` bytes of each packet it reads."""
    read, handle = client._packet_read, client._packet_handle  # noqa: SLF001  # it has no other place to take hold of

    def bounded_read() -> Any:
        packet = client._in_packet  # noqa: SLF001
        if not packet["packet"]:
            packet["packet"] = _Kept(most)
        return read()

    def bounded_handle() -> Any:
        packet = client._in_packet  # noqa: SLF001
        packet["remaining_length"] = min(packet["remaining_length"], most)
        return handle()

    client._packet_read, client._packet_handle = bounded_read, bounded_handle  # noqa: SLF001
