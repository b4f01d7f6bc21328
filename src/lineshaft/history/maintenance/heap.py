"""Memory of a process that works through slabs and then ends: what is freed is used again, not given back.

A service gives freed memory back at once (`history.memory`); here that would cost half of all the time, in page faults.
"""

from lineshaft.core import memory

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_NEVER = 2**31 - 1
_LARGEST_HEAP_BYTES = 1 << 30


def keep_freed() -> None:
    """Prepare this process; call it once before any Arrow array is made."""
    memory.refuse_imports("pandas")  # Arrow imports it where it finds it; nothing here is one of its series
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())
    pa.set_io_thread_count(1)
    libc = memory.glibc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, 1)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_HEAP_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, _NEVER)
