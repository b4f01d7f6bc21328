"""A history read from its storage alone: no writer, no bus, no records; any number of such readers, anywhere.

They see sealed rows only, so an answer says up to when it is whole: `committed_us`. Tags are numbers here.
"""

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.core import clock
from lineshaft.core.errors import NotFound
from lineshaft.history.answers import sorted_tags
from lineshaft.history.faults import folder_error, segment_gone
from lineshaft.history.reader import by_time
from lineshaft.history.sealed import Files, SealedTable
from lineshaft.history.segment import read_segment
from lineshaft.history.storage import Place, Storage, open_storage

_WINDOW_ROWS = 1_000_000
_ATTEMPTS = 3
_NOT_ASKED = ""


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """What one version of the table holds."""

    version: int
    committed_us: int
    """When it was committed: everything that the writer had sealed by then is in it."""
    oldest_us: int | None
    """Source time of its oldest and newest sample; None where there is none."""
    newest_us: int | None
    rows: int
    files: int
    bytes: int


class SealedHistory:
    """The sealed rows under one address. Blocking; stays at one version until `refresh`."""

    def __init__(self, storage: Storage) -> None:
        self._table = SealedTable(storage, "samples")
        self._files: Files
        self.extent: Extent
        self.refresh()

    def refresh(self) -> Extent:
        """Go to the newest version.

        Raises:
            NotFound: there is no history. Unavailable: the storage does not answer or refuses.
        """
        version, _ = self._table.newest(_NOT_ASKED)
        if version < 0:
            place = str(self._table.storage)
            raise NotFound(
                "history.table_missing", f"there is no history at {place}", "Check the address: it ends before `samples`.",
                path=place,
            )  # fmt: skip
        self._files = files = self._table.files(version)
        filled = len(files.paths) > 0
        self.extent = Extent(
            version=version, committed_us=self._table.committed_us(),
            oldest_us=int(files.min_us.min()) if filled else None,
            newest_us=int(files.max_us.max()) if filled else None,
            rows=int(files.rows.sum()), files=len(files.paths), bytes=int(files.sizes.sum()),
        )  # fmt: skip
        return self.extent

    def raw(self, tags: Iterable[int] | None, start_us: int, end_us: int) -> Iterator[pa.RecordBatch]:
        """Sealed rows of `tags` (of all where None) with start ≤ time < end, by (time, tag number), in the form ROWS.

        Raises:
            Unavailable: the storage does not answer.
        """
        wanted = sorted_tags(None if tags is None else [*tags])
        for low, high in self._windows(wanted, start_us, end_us):
            rows = self._window(wanted, low, high)
            if len(rows):
                yield rows

    def _windows(self, tags: np.ndarray | None, start_us: int, end_us: int) -> Iterator[tuple[int, int]]:
        """Stretches of time that hold a bounded number of rows, about."""
        files = self._files
        hit = files.overlapping(tags, start_us, end_us)
        if not len(hit):
            return
        low = max(start_us, int(files.min_us[hit].min()))
        high = min(end_us, int(files.max_us[hit].max()) + 1)
        spans = files.max_tag[hit] - files.min_tag[hit] + 1
        share = np.ones(len(hit)) if tags is None else np.minimum(1.0, len(tags) / spans)
        count = max(1, round(float((files.rows[hit] * share).sum())) // _WINDOW_ROWS)
        for number in range(count):
            yield low + (high - low) * number // count, low + (high - low) * (number + 1) // count

    def _window(self, tags: np.ndarray | None, start_us: int, end_us: int) -> pa.RecordBatch:
        for attempt in range(_ATTEMPTS):
            try:
                return by_time(
                    [
                        read_segment(self._table.storage, self._files.paths[index], tags, start_us, end_us)
                        for index in self._files.overlapping(tags, start_us, end_us)
                    ]
                )
            except FileNotFoundError as error:
                # Replaced while we read, and past its time in the storage: go on in the newest version.
                if attempt == _ATTEMPTS - 1:
                    raise segment_gone(str(error.filename or error)) from error
                self.refresh()
            except OSError as error:
                raise folder_error(error, self._table.storage) from error
        raise AssertionError


def open_table(
    url: str, *, endpoint: str = "", region: str = "", path_style: bool = True, credentials: str = ""
) -> SealedHistory:
    """The history at an address, as a stateless reader opens it.

    Args:
        url: folder, `file:///…` or `s3://bucket/prefix`, above `samples`.
        endpoint, region, path_style: of an object store, as in the settings of the history.
        credentials: file with its keys; empty: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.

    Raises:
        InvalidInput: no such address. NotFound: no history there. Unavailable: no keys, or the storage fails.
    """
    place = Place(url=url, endpoint=endpoint, region=region, path_style=path_style, credentials=credentials)
    return SealedHistory(open_storage(place))


def described(extent: Extent) -> dict[str, object]:
    """An extent as people read it."""
    times = {
        name: None if value is None else clock.rfc3339(value)
        for name, value in (("committed", extent.committed_us), ("oldest", extent.oldest_us), ("newest", extent.newest_us))
    }  # fmt: skip
    return {**times, "rows": extent.rows, "files": extent.files, "bytes": extent.bytes, "version": extent.version}
