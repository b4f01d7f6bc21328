"""Work of a job in a process of its own: what to do goes in as one document, lines of JSON come out.

What reads or writes much of the history does it there, so that none of it stays in the service that asked.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import msgspec

from lineshaft.core.errors import Unavailable

_LINE_BYTES = 64 * 2**20
_PIECE_BYTES = 1 << 20


async def lines_of(module: str, asked: object) -> AsyncIterator[bytes]:
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
        if await process.wait():
            raise Unavailable(
                "history.worker_ended", f"the process {module} ended with status {process.returncode}",
                "The log of the service says why; try again.", process=module, status=process.returncode,
            )  # fmt: skip
    finally:
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
