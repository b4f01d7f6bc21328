"""Ending background tasks."""

import asyncio
from typing import Any

_AGAIN_SECONDS = 0.2


async def end(*tasks: "asyncio.Task[Any] | None") -> None:
    """Cancel tasks and wait until all have ended; what they raise is dropped.

    Cancelled again and again: until Python 3.12 `asyncio.wait_for` loses a cancellation that arrives in the moment in
    which what it waits for is done, and the libraries below use it.
    """
    left = {task for task in tasks if task is not None}
    while left:
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=_AGAIN_SECONDS)
        for task in done:
            if not task.cancelled():
                task.exception()
