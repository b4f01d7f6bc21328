"""The parts of a `multipart/x-mixed-replace` answer (RFC 2046, 5.1), each an MTConnect document."""

import re
from typing import Final

_BOUNDARY: Final = re.compile(r"boundary=\"?([^\";]{1,70})\"?", re.IGNORECASE)
_LENGTH: Final = re.compile(rb"^content-length:[ \t]*(\d{1,9})[ \t]*$", re.IGNORECASE | re.MULTILINE)
LARGEST_HEAD: Final = 8192


def boundary_of(content_type: str) -> bytes:
    """The boundary that a content type names.

    Raises:
        ValueError: it is no multipart.
    """
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/") or found is None:
        raise ValueError(f"the stream is {content_type!r} and no multipart with a boundary")
    return found[1].strip().encode("latin-1", "replace")


class Parts:
    """Takes bytes as they come and gives whole parts.

    Args:
        boundary: without the two leading hyphens.
        largest: of one part, in bytes.
    """

    def __init__(self, boundary: bytes, largest: int) -> None:
        self._mark = b"--" + boundary
        self._largest = largest
        self._buffer = bytearray()
        self.ended = False
        """The closing boundary has come."""

    def feed(self, data: bytes) -> list[bytes]:
        """The parts that are whole now.

        Raises:
            ValueError: a part is larger than allowed, or is none.
        """
        self._buffer += data
        parts = []
        while not self.ended and (part := self._next()) is not None:
            parts.append(part)
        if len(self._buffer) > self._largest + LARGEST_HEAD:
            raise ValueError(f"a part of the stream is larger than {self._largest} bytes")
        return parts

    def _next(self) -> bytes | None:
        start = self._buffer.find(self._mark)
        if start < 0:
            return None
        after = start + len(self._mark)
        if self._buffer[after : after + 2] == b"--":
            self.ended = True
            return None
        head_end = self._buffer.find(b"\r\n\r\n", after)
        gap = 4
        if head_end < 0:
            head_end, gap = self._buffer.find(b"\n\n", after), 2
        if head_end < 0:
            if len(self._buffer) - after > LARGEST_HEAD:
                raise ValueError("a part of the stream has no end of its header")
            return None
        begin = head_end + gap
        found = _LENGTH.search(bytes(self._buffer[after:head_end]).replace(b"\r", b""))
        end = begin + int(found[1]) if found else self._buffer.find(b"\n" + self._mark, begin)
        if found and end - begin > self._largest:
            raise ValueError(f"a part of the stream is larger than {self._largest} bytes")
        if end < 0 or end > len(self._buffer):
            return None
        part = bytes(self._buffer[begin:end])
        del self._buffer[:end]
        return part
