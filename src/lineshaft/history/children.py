"""Work of a job in a process of its own: what to do goes in as one document; lines of JSON come out, or a file's bytes.

What reads or writes much of the history does it there, so that none of it stays in the service that asked.
"""

import asyncio
import contextlib
import struct
import sys
from collections.abc import AsyncGenerator, AsyncIterator

import msgspec

from lineshaft.core.errors import Unavailable

_LINE_BYTES = 64 * 2**20
_PIECE_BYTES = 1 << 20
LENGTH = struct.Struct("<I")
"""What a frame begins with: the number of its bytes. One without any says that these were all."""


async def lines_of(module: str, asked: object) -> AsyncGenerator[bytes, None]:
    """Run `python -m module` with `asked` on its standard input; the lines that it answers. Ends it where left early.

    Raises:
        Unavailable: it ended before it was done.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE_BYTES
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stdin.write(msgspec.json.encode(asked))
            await stdin.drain()
            stdin.close()
        while line := await stdout.readline():
            yield line
        await _end_well(process, module)
    finally:
        await _end(process)


async def pieces_of(module: str, asked: object, frames: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Run `python -m module` with `asked` in one line and then `frames` on its standard input; what it answers.

    What `frames` raises is raised here, after what was answered before. Ends the process where left early.

    Raises:
        Unavailable: it ended before it was done.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_PIECE_BYTES
    )
    feeding = asyncio.create_task(_feed(process, asked, frames))
    stdout = process.stdout
    assert stdout is not None
    try:
        while piece := await stdout.read(_PIECE_BYTES):
            yield piece
        await feeding
        await _end_well(process, module)
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        await _end(process)


async def _feed(process: asyncio.subprocess.Process, asked: object, frames: AsyncIterator[bytes]) -> None:
    stdin = process.stdin
    assert stdin is not None
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its status says more
            stdin.write(msgspec.json.encode(asked) + b"\n")
            async for data in frames:
                stdin.writelines((LENGTH.pack(len(data)), data))
                await stdin.drain()
            stdin.write(LENGTH.pack(0))
            await stdin.drain()
    finally:
        stdin.close()


async def _end_well(process: asyncio.subprocess.Process, module: str) -> None:
    if await process.wait():
        raise Unavailable(
            "history.worker_ended", f"the process {module} ended with status {process.returncode}",
            "The log of the service says why; try again.", process=module, status=process.returncode,
        )  # fmt: skip


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(ended(process))


async def ended(process: asyncio.subprocess.Process) -> None:
    """Return once a process that was killed has ended and its pipes are closed: they close when they are read out."""
    if process.stdout is not None:
        while await process.stdout.read(_PIECE_BYTES):
            pass
    await process.wait()
