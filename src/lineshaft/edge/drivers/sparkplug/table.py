"""The metrics of one birth certificate, and the reading of later messages by them: alias or name → slot → columns.

The way of a message: protobuf parses it in C; of its metrics only the fields that a row needs are looked at, column by
column; values that are not there, null, or of another type than the birth said go the careful way, one by one.
"""

from operator import attrgetter, itemgetter
from typing import Any, Final

import msgspec
import numpy as np

from lineshaft.core import quality
from lineshaft.edge.columns import BOOLEAN, INTEGER, MISSING, NUMBER, TEXT, Columns
from lineshaft.edge.drivers.sparkplug.datatypes import BY_CODE, LARGEST_INTEGER, UNKNOWN, DataType, scalar
from lineshaft.edge.drivers.sparkplug.schema import payload_class

QUALITY_CODES: Final = {192: quality.GOOD, 500: 0x40900000, 0: quality.BAD}
"""The property `Quality` (6.4.11): good; stale, that is the last usable value; bad."""
_IS_NULL: Final = b"\x38\x01"
"""The field `is_null` on the wire. A null without a value is found by the missing value anyhow."""
_alias, _timestamp = attrgetter("alias"), attrgetter("timestamp")
_FIELDS: Final = {
    name: attrgetter(name) for name in ("int_value", "long_value", "float_value", "double_value", "boolean_value")
}
UNKNOWN_SLOT: Final = -1
_LATEST_MS: Final = 2**52


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a birth certificate says of a metric beside its value."""

    unit: str = ""
    low: float | None = None
    high: float | None = None
    description: str = ""


class _Group(msgspec.Struct, frozen=True):
    """The rows of one message that have one datatype."""

    datatype: DataType
    rows: Any
    """Their numbers."""
    pick: Any
    """Takes their metrics out of all; None: they are all."""


class MetricTable:
    """The metrics of one birth; a slot is a metric's place in it.

    Args:
        birth: the payload message of an NBIRTH or DBIRTH.
        data: the bytes it was parsed from.
    """

    def __init__(self, birth: Any, data: bytes) -> None:
        self.names: list[str] = []
        self.aliases: list[int | None] = []
        self.datatypes: list[DataType] = []
        self._data = data
        for metric in birth.metrics:
            self.names.append(metric.name)
            self.aliases.append(metric.alias if metric.HasField("alias") else None)
            self.datatypes.append(BY_CODE.get(metric.datatype, UNKNOWN))
        self.by_name = {name: slot for slot, name in enumerate(self.names)}
        self._by_alias = {alias: slot for slot, alias in enumerate(self.aliases) if alias}  # 0 looks like none at all
        self._zero = self.aliases.index(0) if 0 in self.aliases else None
        self._last_aliases: list[int] = []
        self._last: tuple[Any, list[_Group]] | None = None

    def read(self, payload: Any, data: bytes, columns: Columns) -> list[str]:
        """Append a row per metric that the birth has; the rows' keys are slots.

        Returns:
            Names or aliases of the metrics that the birth has not.
        """
        metrics = list(payload.metrics)
        unknown: list[str] = []
        slots, groups = self._place(metrics)
        if UNKNOWN_SLOT in slots:
            unknown = [_name(metric) for metric, slot in zip(metrics, slots, strict=True) if slot == UNKNOWN_SLOT]
            metrics = [metric for metric, slot in zip(metrics, slots, strict=True) if slot != UNKNOWN_SLOT]
            slots, groups = self._place(metrics)
        count = len(metrics)
        start = columns.reserve(count)
        end = start + count
        columns.key[start:end] = slots
        columns.arrival[start:end] = MISSING
        columns.q[start:end] = quality.GOOD
        columns.ts[start:end] = _times(metrics, payload)
        columns.rows = end
        for group in groups:
            _fill(columns, start, metrics, group)
        if _IS_NULL in data:  # perhaps: the same bytes may be part of a number
            for row, metric in enumerate(metrics):
                if metric.is_null:
                    _careful(columns, start + row, metric, self.datatypes[int(slots[row])])
        if b"Quality" in data:
            _judge(columns, start, metrics)
        return unknown

    def facts(self) -> list[Facts]:
        """What the birth says of each metric, by slot; parses it again, so for rare use."""
        return [_facts(metric) for metric in payload_class().FromString(self._data).metrics]

    def _place(self, metrics: list[Any]) -> tuple[Any, list[_Group]]:
        """Each metric's slot, and the groups of their datatypes; the same aliases as last time cost nothing."""
        aliases = list(map(_alias, metrics))
        if self._last is not None and aliases == self._last_aliases:
            return self._last
        find = self._by_alias.get
        slots = [find(alias, UNKNOWN_SLOT) for alias in aliases]
        if UNKNOWN_SLOT in slots:
            slots = [self._named(metric) if slot < 0 else slot for slot, metric in zip(slots, metrics, strict=True)]
            return np.array(slots, np.int32), self._groups(slots)
        self._last_aliases, self._last = aliases, (np.array(slots, np.int32), self._groups(slots))
        return self._last

    def _named(self, metric: Any) -> int:
        """The slot of a metric that is given by name, or by the alias 0."""
        if metric.name:
            return self.by_name.get(metric.name, UNKNOWN_SLOT)
        zero = metric.HasField("alias") and metric.alias == 0
        return self._zero if zero and self._zero is not None else UNKNOWN_SLOT

    def _groups(self, slots: list[int]) -> list[_Group]:
        by_type: dict[DataType, list[int]] = {}
        for row, slot in enumerate(slots):
            if slot != UNKNOWN_SLOT:
                by_type.setdefault(self.datatypes[slot], []).append(row)
        return [_group(datatype, rows, len(slots)) for datatype, rows in by_type.items()]


def _group(datatype: DataType, rows: list[int], count: int) -> _Group:
    pick: Any = None
    if len(rows) < count:
        pick = itemgetter(*rows) if len(rows) > 1 else lambda metrics, row=rows[0]: (metrics[row],)
    return _Group(datatype, np.array(rows, np.int64), pick)


def _name(metric: Any) -> str:
    return metric.name or f"alias {metric.alias}"


def _times(metrics: list[Any], payload: Any) -> Any:
    """Source times, microseconds; the payload's where a metric has none, else MISSING."""
    sent_ms = list(map(_timestamp, metrics))
    if max(sent_ms, default=0) > _LATEST_MS:  # the intake does not believe it, and says so
        sent_ms = [min(each, _LATEST_MS) for each in sent_ms]
    ts = np.array(sent_ms, np.int64) * 1000
    if 0 in sent_ms:
        sent = payload.timestamp
        ts[ts == 0] = sent * 1000 if 0 < sent <= _LATEST_MS else MISSING
    return ts


def _fill(columns: Columns, start: int, metrics: list[Any], group: _Group) -> None:
    """The values of the rows of one datatype."""
    datatype, field = group.datatype, group.datatype.field
    chosen = metrics if group.pick is None else group.pick(metrics)
    at = group.rows + start if start else group.rows
    if datatype.kind == "text" or not field:
        for row, metric in zip(at.tolist(), chosen, strict=True):
            _careful(columns, row, metric, datatype)
        return
    raw = list(map(_FIELDS[field], chosen))
    if datatype.kind == "integer":
        values, doubtful = _integers(raw, datatype)
        columns.integer[at], columns.kind[at] = values, INTEGER
    else:
        values = np.array(raw)
        doubtful = values == 0
        if datatype.kind == "boolean":
            columns.integer[at], columns.kind[at] = values, BOOLEAN
        else:
            columns.number[at], columns.kind[at] = values, NUMBER
    if doubtful.any():  # a field that is not there reads as zero
        for index in np.flatnonzero(doubtful).tolist():
            if raw[index] or not chosen[index].HasField(field):
                _careful(columns, int(at[index]), chosen[index], datatype)


def _integers(raw: list[int], datatype: DataType) -> tuple[Any, Any]:
    """Values of one integer type, and which of them need a careful look: zeros, and those beyond the type."""
    if datatype.field == "long_value":
        unsigned = np.array(raw, np.uint64)
        beyond = (unsigned > LARGEST_INTEGER) & (not datatype.signed)
        return unsigned.view(np.int64), beyond | (unsigned == 0)
    values = np.array(raw, np.int64)
    half = 1 << (datatype.bits - 1)
    if datatype.signed:
        values = np.where(values >= (1 << 32) - half, values - (1 << 32), values)
        return values, (values >= half) | (values == 0)
    return values, (values >= 2 * half) | (values == 0)


def _careful(columns: Columns, row: int, metric: Any, datatype: DataType) -> None:
    kind, value, q = scalar(metric, datatype)
    columns.kind[row], columns.q[row] = kind, q
    if kind == NUMBER:
        columns.number[row] = value
    elif kind == TEXT:
        columns.integer[row], columns.texts[row] = 0, value
    else:
        columns.integer[row] = value


def _judge(columns: Columns, start: int, metrics: list[Any]) -> None:
    """Take the property `Quality` where a metric has it; what is not in the table is uncertain."""
    for row, metric in enumerate(metrics, start):
        if not metric.HasField("properties") or columns.q[row] >= quality.BAD:
            continue
        for key, value in zip(metric.properties.keys, metric.properties.values, strict=False):
            if key == "Quality":
                columns.q[row] = QUALITY_CODES.get(value.int_value or value.long_value, quality.UNCERTAIN)


def _facts(metric: Any) -> Facts:
    """The properties that edge nodes give by custom: engUnit, engLow, engHigh, documentation."""
    found: dict[str, Any] = {}
    for key, value in zip(metric.properties.keys, metric.properties.values, strict=False):
        field = value.WhichOneof("value")
        if field is not None and not field.startswith("propertyset"):
            found[key] = getattr(value, field)
    low, high = (found.get(key) for key in ("engLow", "engHigh"))
    return Facts(
        unit=str(found.get("engUnit", "")), low=float(low) if isinstance(low, int | float) else None,
        high=float(high) if isinstance(high, int | float) else None,
        description=str(found.get("documentation") or metric.metadata.description),
    )  # fmt: skip
