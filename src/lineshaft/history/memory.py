"""Keeps a long-running process that works with Arrow small: few memory arenas, freed memory given back."""

import ctypes
import sys

_M_TRIM_THRESHOLD = -1
_M_ARENA_MAX = -8
_ARENAS = 2
_TRIM_BYTES = 1 << 20


def economise() -> None:
    """Prepare this process; call it once before much is allocated."""
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())
    pa.set_io_thread_count(1)
    libc = _libc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, _ARENAS)
        libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)


def release() -> None:
    """Give freed memory back to the system; worth its milliseconds after something large."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    libc = _libc()
    if libc is not None:
        libc.malloc_trim(0)


def _libc() -> ctypes.CDLL | None:
    """The C library where it is glibc, whose knobs these are."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None
