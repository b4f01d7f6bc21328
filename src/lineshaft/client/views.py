"""What a client offers of single packages: history and devices."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from lineshaft.core import clock

if TYPE_CHECKING:
    from lineshaft.client.calls import Client

Time = str | int
"""RFC 3339 text, an offset such as `-15m`, or microseconds since 1970."""
Sample = tuple[str, int, Any, int]
"""Path, microseconds since 1970, value, OPC UA StatusCode."""

_ARROW = "application/vnd.apache.arrow.stream"
_QUERY_BYTES = 8000


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

    def raw(self, tags: Sequence[str], start: Time, end: Time = "now", *, limit: int | None = None) -> Any:
        """Samples of the tags from `start` up to `end` by time, as a `pyarrow.Table`.

        Raises:
            NotFound: no such tag.
        """
        import pyarrow as pa

        now = clock.now_us()  # one moment for all parts
        between = [("from", _time(start, now)), ("to", _time(end, now))]
        if limit is not None:
            between.append(("limit", str(limit)))
        tables = [self._raw([("tag", path) for path in part] + between) for part in [*_parts(tags)] or [[]]]
        if len(tables) == 1:
            return tables[0]
        whole = pa.concat_tables(tables).unify_dictionaries().sort_by("ts")
        return whole if limit is None else whole.slice(0, limit)

    def _raw(self, params: list[tuple[str, str]]) -> Any:
        import pyarrow as pa
        import pyarrow.ipc

        headers = {"Accept": _ARROW}
        with (
            self._client.stream("GET", "/api/v1/history/raw", params=params, headers=headers) as response,
            pyarrow.ipc.open_stream(pa.PythonFile(_Reader(response), mode="r")) as reader,
        ):
            return reader.read_all()

    def status(self) -> dict[str, Any]:
        """State of the history writer."""
        return dict(self._client.request("GET", "/api/v1/history/status"))


class Devices:
    """Devices of the gateways."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def list(self) -> list[dict[str, Any]]:
        """Every device."""
        return [*self._client.pages("/api/v1/edge/devices")]

    def get(self, name: str) -> dict[str, Any]:
        """One device.

        Raises:
            NotFound: no such device.
        """
        return dict(self._client.request("GET", f"/api/v1/edge/devices/{quote(name, safe='')}"))


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


def _sample(item: Mapping[str, Any]) -> Sample:
    return item["path"], clock.parse_time(item["time"]), item["value"], item["quality"]


def _time(moment: Time, now: int) -> str:
    return clock.rfc3339(clock.parse_time(moment, now=now) if isinstance(moment, str) else moment)


class _Reader:
    """A response's body as the file object that Arrow reads from."""

    closed = False

    def __init__(self, response: httpx.Response) -> None:
        self._parts = response.iter_bytes()
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
