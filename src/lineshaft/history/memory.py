"""Keeps a service that works with Arrow small: no pandas, no pools of its own, freed memory given back."""

from lineshaft.core import clock, memory

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_ARENAS = 2
_TRIM_BYTES = 1 << 20
_MMAP_BYTES = 1 << 17
_WORKING_BYTES = 1 << 25
"""While a segment is made, arrays up to this size come from memory that was used a moment ago."""
_COLLECT_SECONDS = 60.0
_last_collected = -_COLLECT_SECONDS


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


def keep() -> None:
    """Keep freed memory at hand until `release`: asking the system for each array anew doubles a seal's cost."""
    libc = memory.glibc()
    if libc is not None:
        libc.mallopt(_M_MMAP_THRESHOLD, _WORKING_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, 2 * _WORKING_BYTES)


def release() -> None:
    """Give freed memory back to the system; worth its milliseconds after something large.

    Garbage is collected now and then only: a seal leaves little, and looking for it costs as much as sorting the rows.
    """
    global _last_collected
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    libc = memory.glibc()
    if libc is not None:
        libc.mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)
    if clock.monotonic() - _last_collected >= _COLLECT_SECONDS:
        memory.release()
        _last_collected = clock.monotonic()
    elif libc is not None:
        libc.malloc_trim(0)
