"""The process that writes a file: `python -m lineshaft.history.transfer.encoder`.

On standard input an `ExportOrder` in one line, then frames of rows, then an empty frame; the file on standard output.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import msgspec
import pyarrow as pa

from lineshaft.history import formats
from lineshaft.history.children import LENGTH
from lineshaft.history.transfer.model import ExportOrder
from lineshaft.history.transfer.process import bounded


class CutOff(Exception):
    """The rows ended before their end was said."""


async def _rows() -> AsyncIterator[pa.RecordBatch]:
    while True:
        head = sys.stdin.buffer.read(LENGTH.size)
        if len(head) < LENGTH.size:
            raise CutOff
        (length,) = LENGTH.unpack(head)
        if not length:
            return
        data = sys.stdin.buffer.read(length)
        if len(data) < length:
            raise CutOff
        with pa.ipc.open_stream(data) as stream:
            for batch in stream:
                yield batch


async def _write(order: ExportOrder) -> None:
    tags = {tag.number: tag for tag in order.tags}
    async for piece in formats.encoded(_rows(), order.format, tags, order.language):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def main() -> int:
    """Write one file."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=ExportOrder)
    bounded(order.memory_mb)
    with contextlib.suppress(BrokenPipeError):
        try:
            asyncio.run(_write(order))
        except CutOff:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
