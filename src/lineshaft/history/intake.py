"""From a stored message to rows: what a telemetry message holds, and what is wrong with it."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from lineshaft.bus import BatchHeader, StoredMessage, read_batch_header
from lineshaft.bus.telemetry import decode, decode_alike
from lineshaft.core.errors import InvalidInput
from lineshaft.history.corrections.record import LANE
from lineshaft.history.schema import ROWS, TIME, empty_rows, microseconds
from lineshaft.history.sorting import keys, taken

IMPORTS = "web"
"""The lane of imported files is the web server's, which takes them in; no gateway can have its name."""
LAST_TIME_US = (2**63 - 1) // 1000
"""April 2262: readers that count in nanoseconds know no later time."""
_FAULT_LENGTH = 500
_ARRIVAL = ROWS.get_field_index("arrival")


class Intake(msgspec.Struct, frozen=True, kw_only=True):
    """What one message gives."""

    header: BatchHeader | None
    """None where the message does not say which batch it is."""
    rows: pa.RecordBatch
    """In the form ROWS."""
    fault: str = ""
    """Why the message, or some of its rows, cannot be taken; it belongs into the dead-letter stream then."""
    refused: int | None = None
    """How many rows are not taken; None where nobody can know."""

    @property
    def is_ours(self) -> bool:
        """Whether people said this, through a lane of the site's own: it may be of any tag."""
        return self.header is not None and self.header.gateway in (LANE, IMPORTS)

    @property
    def is_correction(self) -> bool:
        """Whether it corrects, and says why."""
        return self.header is not None and self.header.gateway == LANE


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """What several messages give that need nothing but to be taken in, one after the other."""

    headers: list[BatchHeader]
    rows: pa.RecordBatch
    """In the form ROWS."""
    ends: np.ndarray
    """Behind the rows of each message."""
    times: np.ndarray
    """For each row, when the bus took it in, microseconds."""


def take_in_together(messages: Sequence[StoredMessage], maximum_tag: int) -> Together | None:
    """Read the first few of some messages at once; None where each must be looked at. Never raises."""
    found = decode_alike([message.data for message in messages])
    if found is None:
        return None
    batch, counts = found
    try:
        headers = [read_batch_header(message.subject, message.headers) for message in messages[: len(counts)]]
    except InvalidInput:
        return None
    times = np.repeat([message.time_us for message in messages[: len(counts)]], counts)
    rows = _with_arrival(batch, times)
    if not _in_range(*keys(rows), maximum_tag) or any(header.gateway in (LANE, IMPORTS) for header in headers):
        return None
    return Together(headers=headers, rows=rows, ends=np.cumsum(counts), times=times)


def take_in(message: StoredMessage, maximum_tag: int) -> Intake:
    """Read a message. Never raises: whatever a message holds, the history goes on."""
    try:
        header = read_batch_header(message.subject, message.headers)
    except InvalidInput as error:
        return Intake(header=None, rows=empty_rows(), fault=_line(error))
    if header.rows == 0 and not message.data:
        return Intake(header=header, rows=empty_rows())
    try:
        batch = decode(message.data)
    except InvalidInput as error:
        return Intake(header=header, rows=empty_rows(), fault=_line(error), refused=header.rows)
    rows = _with_arrival(batch, message.time_us)
    return _plausible(header, rows, maximum_tag)


def _with_arrival(batch: pa.RecordBatch, time_us: int | np.ndarray) -> pa.RecordBatch:
    """The batch in the form ROWS: an arrival time that is missing or out of any range is the bus's."""
    columns = batch.columns
    arrival = columns[_ARRIVAL]
    times = microseconds(arrival)
    if arrival.null_count or (len(times) and times.view(np.uint64).max() > LAST_TIME_US):  # so negative ones are large
        wrong = (times < 0) | (times > LAST_TIME_US)
        if arrival.null_count:
            wrong |= ~np.asarray(arrival.is_valid())
        columns[_ARRIVAL] = pa.array(np.where(wrong, time_us, times)).cast(TIME)
    return pa.RecordBatch.from_arrays(columns, schema=ROWS)


def _plausible(header: BatchHeader, rows: pa.RecordBatch, maximum_tag: int) -> Intake:
    """Set rows aside that no table could hold: a tag number nobody allocated, a time outside 1970 to 2262."""
    tag, ts = keys(rows)
    if _in_range(tag, ts, maximum_tag):
        return Intake(header=header, rows=rows)
    wrong = (tag < 1) | (tag > maximum_tag) | (ts < 0) | (ts > LAST_TIME_US)
    count = int(np.count_nonzero(wrong))
    first = int(np.flatnonzero(wrong)[0])
    fault = (
        f"{count} rows are out of range, the first with tag {tag[first]} and time {ts[first]} µs: "
        f"tags go from 1 to {maximum_tag}, times from 1970 to 2262"
    )
    kept = taken(rows, np.flatnonzero(~wrong))
    return Intake(header=header, rows=kept, fault=fault, refused=count)


def _in_range(tag: np.ndarray, ts: np.ndarray, maximum_tag: int) -> bool:
    return not len(tag) or bool(
        tag.min() >= 1 and tag.max() <= maximum_tag and ts.view(np.uint64).max() <= LAST_TIME_US
    )


def without(intake: Intake, wrong: np.ndarray) -> Intake:
    """Set rows aside whose tags belong to other gateways."""
    count = int(np.count_nonzero(wrong))
    assert intake.header is not None
    tag, _ = keys(intake.rows)
    fault = (
        f"{count} rows are of tags of other gateways than {intake.header.gateway}, the first with tag {tag[wrong][0]}"
    )
    kept = taken(intake.rows, np.flatnonzero(~wrong))
    return Intake(
        header=intake.header, rows=kept, fault=f"{intake.fault}; {fault}" if intake.fault else fault,
        refused=count + (intake.refused or 0),
    )  # fmt: skip


def _line(error: InvalidInput) -> str:
    """An error as one line that a message's header can carry."""
    return " ".join(str(error).split())[:_FAULT_LENGTH]
