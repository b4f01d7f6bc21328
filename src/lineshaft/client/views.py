"""What a client offers of single packages: history and devices."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput

if TYPE_CHECKING:
    from lineshaft.client.calls import Client

Time = str | int
"""RFC 3339 text, an offset such as `-15m`, or microseconds since 1970."""
Sample = tuple[str, int, Any, int]
"""Path, microseconds since 1970, value, OPC UA StatusCode."""

_ARROW = "application/vnd.apache.arrow.stream"
_QUERY_BYTES = 8000
_PAGE = 1000


class History:
    """Stored and present values."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def latest(self, tags: Sequence[str]) -> list[Sample]:
        """The newest sample of each tag that has one."""
        samples: list[Sample] = []
        for part in _parts(tags):
            answer = self._client.request("GET", "/api/v1/history/latest", params=[("tag", path) for path in part])
            samples += [_sample(item) for item in answer["items"]]
        return samples

    def latest_table(self, tags: Sequence[str], *, frame: bool = False) -> Any:
        """The same as a `pyarrow.Table`; with `frame` as a `polars.DataFrame`."""
        return _framed(self._tables("latest", tags, [], None), frame)

    def raw(
        self, tags: Sequence[str], start: Time, end: Time = "now", *, limit: int | None = None, bounds: bool = False,
        frame: bool = False,
    ) -> Any:  # fmt: skip
        """Samples of the tags from `start` up to `end` by time, as a `pyarrow.Table`.

        Args:
            bounds: with the bounding values of each tag (OPC UA Part 11).
            frame: as a `polars.DataFrame`; needs the extra `frames`.

        Raises:
            NotFound: no such tag.
        """
        now = clock.now_us()  # one moment for all parts
        between = [("from", _time(start, now)), ("to", _time(end, now))]
        if limit is not None:
            between.append(("limit", str(limit)))
        if bounds:
            between.append(("bounds", "true"))
        whole = self._tables("raw", tags, between, "ts")
        return _framed(whole if limit is None else whole.slice(0, limit), frame)

    def processed(
        self, tags: Sequence[str], start: Time, end: Time = "now", *, interval: str = "0", aggregate: str = "Average",
        frame: bool = False, **configured: Any,
    ) -> Any:  # fmt: skip
        """An aggregate of OPC UA Part 13 over each interval, as a `pyarrow.Table`; `v` is the value, `q` its StatusCode.

        Args:
            interval: such as `60s`, `10m`, `1h`; `0` for the whole range.
            configured: `stepped`, `treat_uncertain_as_bad`, `percent_data_bad`, `percent_data_good`,
                `use_sloped_extrapolation`.

        Raises:
            InvalidInput: an unknown aggregate, no range, or too many intervals. NotFound: no such tag.
        """
        now = clock.now_us()
        asked = [
            ("from", _time(start, now)), ("to", _time(end, now)), ("interval", interval), ("aggregate", aggregate),
            *_configured(configured),
        ]  # fmt: skip
        return _framed(self._tables("processed", tags, asked, None), frame)

    def at(
        self, tags: Sequence[str], times: Sequence[Time], *, mode: str = "interpolated", frame: bool = False,
        **configured: Any,
    ) -> Any:  # fmt: skip
        """The value of each tag at each time, `interpolated` or the `previous` sample, as a `pyarrow.Table`."""
        now = clock.now_us()
        asked = [("time", _time(time, now)) for time in times]
        return _framed(self._tables("at", tags, [*asked, ("mode", mode), *_configured(configured)], None), frame)

    def windows(
        self, tags: Sequence[str], events: Sequence[Time], *, before: str = "60s", after: str = "60s",
        frame: bool = False,
    ) -> Any:  # fmt: skip
        """The samples around each event with their `offset` from it in microseconds, as a `pyarrow.Table`."""
        now = clock.now_us()
        asked = [("event", _time(event, now)) for event in events]
        return _framed(self._tables("windows", tags, [*asked, ("before", before), ("after", after)], "event"), frame)

    def _tables(self, what: str, tags: Sequence[str], asked: list[tuple[str, str]], order: str | None) -> Any:
        """One table of as many calls as the tags need; sorted by a column where the calls' answers interleave."""
        import pyarrow as pa

        tables = []
        for part in [*_parts(tags)] or [[]]:
            params = [*(("tag", path) for path in part), *asked]
            with self._client.stream(
                "GET", f"/api/v1/history/{what}", params=params, headers={"Accept": _ARROW}
            ) as response:
                tables.append(_table(response))
        if len(tables) == 1:
            return tables[0]
        whole = pa.concat_tables(tables).unify_dictionaries()
        return whole if order is None else whole.sort_by(order)

    def sql(
        self, statement: str, tags: Sequence[str], start: Time, end: Time = "now", *, purpose: str = "operation",
        recipient: str = "",
    ) -> Any:  # fmt: skip
        """One SELECT over the samples of `tags` (paths, or patterns with * and ?) in that time, as a `pyarrow.Table`.

        Raises:
            InvalidInput: the statement. Forbidden: it asks for more than the views. TooLarge, DeadlineExceeded: beyond
                the limits.
        """
        now = clock.now_us()
        asked = {
            "sql": statement, "tags": list(tags), "from": _time(start, now), "to": _time(end, now), "format": "arrow",
            "purpose": purpose, "recipient": recipient,
        }  # fmt: skip
        with self._client.stream("POST", "/api/v1/history/sql", json=asked) as response:
            return _table(response)

    def status(self) -> dict[str, Any]:
        """State of the history writer."""
        return dict(self._client.request("GET", "/api/v1/history/status"))


class Devices:
    """Devices of the gateways."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def list(self) -> list[dict[str, Any]]:
        """Every device."""
        return [*self._client.pages("/api/v1/edge/devices", {"limit": _PAGE})]

    def get(self, name: str) -> dict[str, Any]:
        """One device.

        Raises:
            NotFound: no such device.
        """
        return dict(self._client.request("GET", f"/api/v1/edge/devices/{quote(name, safe='')}"))

    def reports(self, gateway: str, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """What a gateway says of itself and of these devices, in parts: of many thousands one answer would be too large.

        Raises:
            Unavailable: the gateway does not answer.
        """
        for part in _parts(names) if names else [[]]:
            asked = [("gateway", gateway), *(("device", name) for name in part)]
            yield self._client.request("GET", "/api/v1/edge/status", params=asked)


def _parts(paths: Sequence[str]) -> Iterator[list[str]]:
    """Paths in groups that fit into one address."""
    part: list[str] = []
    size = 0
    for path in paths:
        if part and size + len(quote(path)) > _QUERY_BYTES:
            yield part
            part, size = [], 0
        part.append(path)
        size += len(quote(path)) + 5
    if part:
        yield part


def _table(response: httpx.Response) -> Any:
    """An answer that is an Arrow stream."""
    import pyarrow as pa
    import pyarrow.ipc

    with pyarrow.ipc.open_stream(pa.PythonFile(ByteReader(response.iter_bytes()), mode="r")) as reader:
        return reader.read_all()


def _sample(item: Mapping[str, Any]) -> Sample:
    return item["path"], clock.parse_time(item["time"]), item["value"], item["quality"]


def _configured(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, str(value).lower()) for name, value in given.items() if value is not None]


def _framed(table: Any, frame: bool) -> Any:  # noqa: FBT001
    """The table, or the same as a frame."""
    if not frame:
        return table
    try:
        import polars as pl
    except ImportError:
        raise InvalidInput(
            "client.frames_missing", "frames need polars, which is not installed",
            "Install lineshaft[frames], or take the table.", field="frame",
        ) from None  # fmt: skip
    return pl.from_arrow(table)


def _time(moment: Time, now: int) -> str:
    return clock.rfc3339(clock.parse_time(moment, now=now) if isinstance(moment, str) else moment)


class ByteReader:
    """Pieces of bytes as the file object that Arrow reads from."""

    closed = False

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._parts = iter(pieces)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        gathered = [self._rest]
        have = len(self._rest)
        while size < 0 or have < size:
            part = next(self._parts, None)
            if part is None:
                break
            gathered.append(part)
            have += len(part)
        data = b"".join(gathered)
        cut = len(data) if size < 0 else size
        self._rest = data[cut:]
        return data[:cut]

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True
