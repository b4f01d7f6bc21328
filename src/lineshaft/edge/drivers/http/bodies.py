"""Bodies as Python values, and the records in them as rows."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from lineshaft.core import clock, quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.columns import MISSING, NUMBER, Columns
from lineshaft.edge.drivers.http import scalars
from lineshaft.edge.drivers.http.options import HttpOptions
from lineshaft.edge.drivers.http.pointer import ABSENT, Pointer
from lineshaft.edge.model import Point

JSON: Final = ("application/json", "text/json", "text/plain", "")
CBOR: Final = ("application/cbor",)
LINES: Final = ("application/x-ndjson", "application/jsonl", "application/json-lines")
_PER_SECOND: Final = {"seconds": 1_000_000, "milliseconds": 1000, "microseconds": 1}
_MOST_RECORDS: Final = 100_000


class Fault(NamedTuple):
    """Something in a body that cannot be taken."""

    field: str
    """JSON pointer, after the record's number where there are several."""
    reason: str


def decode(body: bytes, content_type: str, form: str) -> Any:
    """A body as plain values; several lines become a list.

    Args:
        form: the option: `auto`, `json` or `cbor`.

    Raises:
        ValueError: it cannot be read, or its type is none of ours.
    """
    plain = content_type.partition(";")[0].strip().lower()
    try:
        if form == "cbor" or (form == "auto" and (plain in CBOR or plain.endswith("+cbor"))):
            return _cbor(body)
        if plain in LINES:
            return [msgspec.json.decode(line) for line in body.splitlines() if line.strip()]
        if form == "json" or plain in JSON or plain.endswith("+json"):
            return msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"it cannot be read: {error}") from error
    raise ValueError(f"its type is {plain!r}, and neither JSON nor CBOR")


def _cbor(body: bytes) -> Any:
    import cbor2

    try:
        return cbor2.loads(body)
    except Exception as error:  # a foreign body can make the library raise anything
        raise ValueError(f"it is no CBOR: {error!r}") from error


class Reader:
    """Makes rows of records.

    Args:
        points: of the plan.
        chosen: indexes of the points, and their pointers beside.
    """

    def __init__(
        self, points: Sequence[Point], chosen: Sequence[int], pointers: Sequence[Pointer], options: HttpOptions
    ) -> None:
        self._wanted = [(index, points[index], pointer) for index, pointer in zip(chosen, pointers, strict=True)]
        self._records, self._time = options.pointer("records"), options.pointer("time")
        self._unit = options.time_unit

    def rows(self, document: Any, now: int, *, whole: bool) -> tuple[Columns, list[Fault]]:
        """The rows of a body and what of it does not fit.

        Args:
            now: microseconds; the time of records that carry none.
            whole: every record has all points, and one that is missing is Bad; else a missing one has no row.
        """
        columns, faults = Columns(max(len(self._wanted), 1)), list[Fault]()
        for place, record in self._each(document, faults):
            ts = self._source_time(record, now, place, faults)
            for index, point, pointer in self._wanted:
                value = pointer.find(record)
                if value is ABSENT and not whole:
                    continue
                if value is ABSENT:
                    columns.add(index, ts, MISSING, quality.BAD_NO_DATA)
                    continue
                sample = scalars.fit(point, value)
                if sample.problem and sample.q != quality.BAD_NO_DATA:
                    faults.append(Fault(f"{place}{pointer}", sample.problem))
                scalars.add(columns, index, ts, sample)
        return columns, faults

    def spoil(self, now: int, q: int) -> Columns:
        """A row without value for every point."""
        columns = Columns(max(len(self._wanted), 1))
        for index, _, _ in self._wanted:
            columns.add(index, now, now, q, NUMBER)
        return columns

    def _each(self, document: Any, faults: list[Fault]) -> Iterator[tuple[str, Any]]:
        found = document if self._records is None else self._records.find(document)
        if self._records is None and not isinstance(found, list):
            yield "", found
            return
        if self._records is None and any(step.isdigit() for _, _, each in self._wanted for step in each.steps[:1]):
            yield "", found  # the pointers count the list's elements themselves
            return
        if not isinstance(found, list) or len(found) > _MOST_RECORDS:
            faults.append(Fault(str(self._records or ""), f"it is no list of at most {_MOST_RECORDS} records"))
            return
        base = str(self._records or "")
        yield from ((f"{base}/{number}", record) for number, record in enumerate(found))

    def _source_time(self, record: Any, now: int, place: str, faults: list[Fault]) -> int:
        if self._time is None:
            return now
        value = self._time.find(record)
        try:
            return self._read_time(value)
        except (ValueError, OverflowError, InvalidInput):
            said = "missing" if value is ABSENT else repr(value)[:60]
            faults.append(Fault(f"{place}{self._time}", f"the time is {said}, and no time as {self._unit}"))
            return MISSING

    def _read_time(self, value: Any) -> int:
        if self._unit == "rfc3339":
            if isinstance(value, datetime) and value.tzinfo is not None:  # CBOR has times of its own
                return clock.to_us(value)
            if not isinstance(value, str) or value[:1] in ("+", "-", "n"):
                raise ValueError
            return clock.parse_time(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError  # noqa: TRY004  # a value that does not fit is one fault with those out of range
        found = round(value * _PER_SECOND[self._unit])
        if not 0 <= found < 2**62:
            raise ValueError
        return found
