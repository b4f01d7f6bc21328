"""Where the tables lie: a folder of this machine, or a prefix of an object store. Everything here blocks.

A file is written once under a new name and never changed, or replaced whole. It is durable when `write` or `replace`
returns; its name is once `sync` has.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

import msgspec

from lineshaft.core.home import sync_folder, write_file


class Stored(msgspec.Struct, frozen=True):
    """A file as a listing shows it."""

    name: str
    size: int
    changed_us: int


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What another process needs to open the same storage; no secret is in it."""

    url: str
    """`file:///…` or `s3://bucket/prefix`."""
    endpoint: str = ""
    region: str = ""
    path_style: bool = True
    credentials: str = ""
    """File with the keys; empty or missing: they are in the environment."""


class Storage(Protocol):
    """A folder, or what is under a prefix. `str()` of it is what people call it."""

    @property
    def url(self) -> str:
        """`file:///…` or `s3://bucket/prefix`."""

    @property
    def place(self) -> Place:
        """How another process opens it: `open_storage(place)`."""

    @property
    def folder(self) -> Path | None:
        """The folder, where it is one of this machine."""

    def child(self, name: str) -> "Storage":
        """A folder in it."""

    def prepare(self) -> None:
        """Make it ready to be written to."""

    def check(self) -> None:
        """Try whether commits are safe here: that of two that meet none overwrites the other.

        Raises:
            Unavailable: they are not, or the storage does not answer.
        """

    def write(self, name: str, make: Callable[[Path], None]) -> int:
        """Let `make` write a local file, store it under a new name, return its size once its content is durable.

        Raises:
            OSError: no space, or the storage refuses; nothing is left behind.
        """

    def open(self, name: str) -> Any:
        """A file for random access, as Arrow reads it; close it.

        Raises:
            FileNotFoundError: it is not there. OSError: it cannot be read.
        """

    def read(self, name: str) -> bytes:
        """The whole of a small file. Raises as `open` does."""

    def replace(self, name: str, data: bytes) -> None:
        """Write a small file or put another in its place, at once and durably, its name too."""

    def delete(self, name: str) -> None:
        """Remove a file, where it is there."""

    def names(self) -> list[Stored]:
        """The files directly in it, by name; none where it does not exist."""

    def sync(self, written: Sequence[str] = ()) -> None:
        """Make the names of everything here durable, and the content of `written`, which others wrote."""

    def table_arguments(self) -> tuple[str, dict[str, str] | None]:
        """Address and options of the Delta table in this folder, as the libraries for such tables take them."""


class LocalFolder:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def __str__(self) -> str:
        return str(self._folder)

    @property
    def url(self) -> str:
        return self._folder.as_uri()

    @property
    def place(self) -> Place:
        return Place(url=self.url)

    @property
    def folder(self) -> Path | None:
        return self._folder

    def child(self, name: str) -> "LocalFolder":
        return LocalFolder(self._folder / name)

    def prepare(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def check(self) -> None:
        """Nothing: a log entry is a link that exists or does not."""

    def write(self, name: str, make: Callable[[Path], None]) -> int:
        path = self._folder / name
        try:
            make(path)
            return _sync_file(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def open(self, name: str) -> Any:
        import pyarrow as pa

        # Buffered reads, not a memory map: a file that is cut short must raise, not kill the process.
        return pa.OSFile(str(self._folder / name))

    def read(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def replace(self, name: str, data: bytes) -> None:
        self.prepare()
        write_file(self._folder / name, data)

    def delete(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def names(self) -> list[Stored]:
        found = []
        try:
            entries = os.scandir(self._folder)
        except FileNotFoundError:
            return []
        with entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # one that went meanwhile hides none of the others
                    status = entry.stat(follow_symlinks=False)
                    if entry.is_file(follow_symlinks=False):
                        found.append(Stored(entry.name, status.st_size, status.st_mtime_ns // 1000))
        return sorted(found, key=lambda stored: stored.name)

    def sync(self, written: Sequence[str] = ()) -> None:
        for name in written:
            try:
                _sync_file(self._folder / name)
            except FileNotFoundError:
                continue
        sync_folder(self._folder)

    def table_arguments(self) -> tuple[str, dict[str, str] | None]:
        return str(self._folder), None


def open_storage(place: Place) -> Storage:
    """The storage of an address.

    Raises:
        InvalidInput: no such address, or no credentials for it.
    """
    if place.url.startswith("s3://"):
        from lineshaft.history.storage_s3 import S3Prefix

        return S3Prefix.at(place)
    return LocalFolder(path_of(place.url))


def path_of(url: str) -> Path:
    """The folder that a path or a `file:///` address names."""
    return Path(unquote(url.removeprefix("file://"))) if url.startswith("file://") else Path(url)


def _sync_file(path: Path) -> int:
    """Bring a file's content to the disk; returns its size."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
