"""Keeps a service that works with Arrow small: no pandas, no pools of its own, freed memory given back."""

from lineshaft.core import memory

_M_TRIM_THRESHOLD = -1
_M_ARENA_MAX = -8
_ARENAS = 2
_TRIM_BYTES = 1 << 20


def economise() -> None:
    """Prepare this process; call it once before any Arrow array is made.

    Arrow imports pandas (40 MB) where it is installed, to see whether a value is one of its series; here none ever is.
    """
    memory.refuse_imports("pandas")
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())
    pa.set_io_thread_count(1)
    libc = memory.glibc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, _ARENAS)
        libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)


def release() -> None:
    """Give freed memory back to the system; worth its milliseconds after something large."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    memory.release()
