"""What the processes that read and write files have in common."""

import contextlib
import os
import resource

from lineshaft.core.errors import TooLarge
from lineshaft.history import memory

_NICENESS = 10
_SPARE_MB = 128
"""Libraries and what they keep."""


def bounded(memory_mb: int) -> None:
    """Be modest: behind everything else for the processor, and bounded in memory. Call it before anything is read."""
    os.umask(0o077)
    os.nice(_NICENESS)
    memory.economise()
    most = (memory_mb + _SPARE_MB) * 2**20
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def needs_more(memory_mb: int) -> TooLarge:
    """The refusal of a file that does not fit."""
    return TooLarge(
        "history.transfer_memory", f"one piece of the file needs more than {memory_mb} MB of memory",
        "Write it with shorter lines or smaller row groups; the bound is the setting transfer.memory_mb.",
        maximum=memory_mb,
    )  # fmt: skip
