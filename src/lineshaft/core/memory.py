"""Keeps long-running processes small: no library that nobody asked for, freed memory given back to the system."""

import ctypes
import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Refusal:
    """An import finder that says of some modules that they are not installed."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in self._names:
            raise ModuleNotFoundError(f"{name} is kept out of this process", name=name)
        return None


def refuse_imports(*names: str) -> None:
    """Have libraries believe that others are not installed, which they import only because they find them.

    Modules that are loaded already stay.
    """
    sys.meta_path.insert(0, _Refusal(frozenset(names)))


@contextmanager
def refusing(*names: str) -> Iterator[None]:
    """The same while a block runs."""
    refusal = _Refusal(frozenset(names))
    sys.meta_path.insert(0, refusal)
    try:
        yield
    finally:
        sys.meta_path.remove(refusal)


def release() -> None:
    """Collect garbage and give freed memory back to the system.

    Worth its tenth of a second after something large: importing alone leaves half of what it took as free heap.
    """
    gc.collect()
    libc = glibc()
    if libc is not None:
        libc.malloc_trim(0)


def glibc() -> ctypes.CDLL | None:
    """The C library where it is glibc, which alone has the knobs for memory."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None
