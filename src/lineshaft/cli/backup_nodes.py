"""What a backup holds of resolution nodes: everything in the home's `resolution` folder, records as of one moment."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lineshaft.cli.backup_history import copy
from lineshaft.core.errors import Unavailable
from lineshaft.core.home import Home
from lineshaft.core.settings import Settings
from lineshaft.resolution.settings import ResolutionSettings

_LMDB = "data.mdb"
_ROCKSDB = "CURRENT"
_MAP_BYTES = 256 * 2**30
"""Addresses set aside to read an environment; its own size where that is more."""


class NodeRecords:
    """The stores in the home, each held at the moment in which it was opened.

    Args:
        home: whose.
    """

    def __init__(self, home: Home, held: contextlib.ExitStack) -> None:
        self._home = home
        self._plain: list[Path] = []
        self._stores: list[tuple[Path, Any, Any]] = []
        self.foreign: list[Path] = []
        """Stores that cannot be copied while they are open."""
        self._find(home.path / "resolution", held)

    def copy(self, target: Path) -> None:
        """Write everything under `target` as it lies in the home; LMDB without its free pages.

        Raises:
            Unavailable: records cannot be read, or there is no space for them.
        """
        for path in self._plain:
            copy(path, target / path.relative_to(self._home.path))
        for folder, environment, transaction in self._stores:
            there = target / folder.relative_to(self._home.path)
            there.mkdir(parents=True, mode=0o700)
            with _faults(folder):
                environment.copy(str(there), compact=True, txn=transaction)
            (there / _LMDB).chmod(0o600)

    def _find(self, folder: Path, held: contextlib.ExitStack) -> None:
        if not folder.is_dir():
            return
        if (folder / _LMDB).exists():
            self._stores.append((folder, *held.enter_context(_opened(folder))))
            return
        if (folder / _ROCKSDB).exists():
            self.foreign.append(folder)
            return
        for entry in sorted(os.scandir(folder), key=lambda one: one.name):
            if entry.is_dir(follow_symlinks=False):
                self._find(Path(entry.path), held)
            elif entry.is_file(follow_symlinks=False):
                self._plain.append(Path(entry.path))


def outside(home: Home, settings: Settings) -> Path | None:
    """The folder of a node's records, where it is not in the home's `resolution` folder; None too where no node runs."""
    node = settings.of(ResolutionSettings)
    if not node.roles or not node.folder or node.store == "memory":
        return None
    folder = Path(node.folder).expanduser().absolute()
    return None if folder.resolve().is_relative_to((home.path / "resolution").resolve()) else folder


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[tuple[Any, Any]]:
    """An LMDB environment for reading, and a transaction that sees it as it is now."""
    import lmdb

    size = max(_MAP_BYTES, (folder / _LMDB).stat().st_size)
    with contextlib.ExitStack() as stack:
        with _faults(folder):
            environment = lmdb.open(
                str(folder), map_size=size, max_dbs=2, max_readers=1024, mode=0o600, readonly=True, create=False,
                readahead=False,
            )  # fmt: skip
            stack.callback(environment.close)
            transaction = environment.begin()
            stack.callback(transaction.abort)
        yield environment, transaction


@contextlib.contextmanager
def _faults(folder: Path) -> Iterator[None]:
    import lmdb

    try:
        yield
    except (lmdb.Error, OSError) as error:
        raise Unavailable(
            "cli.backup_records_unreadable", f"the identifiers' records in {folder} cannot be copied: {error}",
            "Free space where the backup is written, or repair the store; no backup was written.",
            path=str(folder), reason=str(error),
        ) from error  # fmt: skip
