"""The table as its readers see it: the files of one exact version, by their statistics. Imports the library when asked."""

import threading
from typing import Any

import msgspec
import numpy as np

from lineshaft.history.commits import TableName
from lineshaft.history.faults import folder_error
from lineshaft.history.storage import Storage


class Files(msgspec.Struct, frozen=True):
    """Files of one version, column by column."""

    paths: list[str]
    sizes: np.ndarray
    rows: np.ndarray
    min_tag: np.ndarray
    max_tag: np.ndarray
    min_us: np.ndarray
    max_us: np.ndarray

    def overlapping(self, tags: np.ndarray | None, start_us: int, end_us: int) -> np.ndarray:
        """Indexes of the files that may hold rows of `tags` (sorted; None for all) with start ≤ ts < end."""
        hit = (self.min_us < end_us) & (self.max_us >= start_us)
        if tags is not None:
            first = np.searchsorted(tags, self.min_tag)
            hit &= first < np.searchsorted(tags, self.max_tag, side="right")
        return np.flatnonzero(hit)


class SealedTable:
    """One table of a history, for reading by any thread. Blocking; keeps the files of the version last asked for."""

    def __init__(self, storage: Storage, name: TableName) -> None:
        self.storage = storage.child(name)
        self._time = "noted" if name == "gaps" else "ts"
        self._table: Any = None
        self._found: tuple[int, Files] | None = None
        self._lock = threading.Lock()
        """The library's object, and what was read from it, belong to one version at a time."""

    def files(self, version: int) -> Files:
        """The files of exactly this version.

        Raises:
            Unavailable: the table is not there or cannot be read.
        """
        with self._lock:
            if self._found is None or self._found[0] != version:
                self._found = (version, self._read(version))
            return self._found[1]

    def newest(self, application: str) -> tuple[int, int | None]:
        """The newest version, and what `application` committed last up to it; (-1, None) where there is no table.

        Raises:
            Unavailable: the table cannot be read.
        """
        with self._lock:
            return self._newest(application)

    def _newest(self, application: str) -> tuple[int, int | None]:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        try:
            if self._table is None:
                url, options = self.storage.table_arguments()
                self._table = DeltaTable(url, storage_options=options)
            else:
                self._table.update_incremental()
            return int(self._table.version()), self._table.transaction_version(application)
        except TableNotFoundError:
            return -1, None
        except (DeltaError, OSError) as error:
            self._table = None
            raise folder_error(error, self.storage) from error

    def committed_us(self) -> int:
        """When the version that was last asked for was committed; 0 where its log does not say.

        Raises:
            Unavailable: the table cannot be read.
        """
        from deltalake.exceptions import DeltaError

        try:
            with self._lock:
                entries = self._table.history(1)
        except (DeltaError, OSError) as error:
            raise folder_error(error, self.storage) from error
        return int(entries[0].get("timestamp", 0)) * 1000 if entries else 0

    def _read(self, version: int) -> Files:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            if self._table is None:
                url, options = self.storage.table_arguments()
                self._table = DeltaTable(url, version=version, storage_options=options)
            elif self._table.version() < version:
                self._table.update_incremental()
            if self._table.version() != version:
                self._table.load_as_version(version)
            return self._columns()
        except (DeltaError, OSError) as error:
            self._table = None
            raise folder_error(error, self.storage) from error

    def _columns(self) -> Files:
        actions = self._table.get_add_actions(flatten=True)
        count = actions.num_rows
        present = set(actions.schema.names)

        def column(name: str, missing: int) -> np.ndarray:
            values = actions.column(name).to_pylist() if name in present else [None] * count
            return np.array([missing if value is None else _integer(value) for value in values], np.int64)

        return Files(
            [str(path) for path in actions.column("path").to_pylist()], column("size_bytes", 0), column("num_records", 0),
            column("min.tag", 0), column("max.tag", 2**31 - 1),
            column(f"min.{self._time}", -(2**62)), column(f"max.{self._time}", 2**62),
        )  # fmt: skip


def _integer(value: Any) -> int:
    from datetime import datetime

    from lineshaft.core import clock

    return clock.to_us(value) if isinstance(value, datetime) else int(value)
