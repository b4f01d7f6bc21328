"""Aggregates by their OPC UA names, how they are configured, and the bits they set (Part 13, Part 4 7.39)."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
import pyarrow as pa
from msgspec import Meta

from lineshaft.core.errors import InvalidInput
from lineshaft.history.schema import TIME

Bounds = Literal["none", "simple", "interpolated"]
Percent = Annotated[int, Meta(ge=0, le=100)]

INFO_DATA_VALUE: Final = 0x0400
"""InfoType of a code whose low bits say something of a data value; the aggregate bits mean nothing without it."""
CALCULATED: Final = 0x0401
INTERPOLATED: Final = 0x0402
PARTIAL: Final = 0x0404
EXTRA_DATA: Final = 0x0408
MULTIPLE_VALUES: Final = 0x0410
AGGREGATE_BITS: Final = 0x1F

GOOD: Final = 0x00000000
UNCERTAIN_DATA_SUB_NORMAL: Final = 0x40A40000
BAD: Final = 0x80000000
BAD_NO_DATA: Final = 0x809B0000
BAD_BOUND_NOT_FOUND: Final = 0x80D70000

RESOLUTION_US: Final = 1000
"""What a processed time is exact to, as in Part 13's examples: how long the newest sample lasts, and how far before the
end of an interval its EffectiveEndTime lies."""
MAXIMUM_VALUES: Final = 2_000_000
"""Most values of one answer: intervals times tags."""

PROCESSED = pa.schema(
    [
        pa.field("tag", pa.int32(), nullable=False),
        pa.field("ts", TIME, nullable=False),
        pa.field("v", pa.float64()),
        pa.field("vi", pa.int64()),
        pa.field("vs", pa.string()),
        pa.field("vb", pa.bool_()),
        pa.field("q", pa.uint32(), nullable=False),
    ]
)
"""One row per tag and interval. At most one value; where it is that of a stored sample, in the sample's own column."""


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """AggregateConfiguration (Part 13 4.2.1.2) with its standard defaults."""

    treat_uncertain_as_bad: bool = True
    percent_data_bad: Percent = 100
    """Bad from this share of bad data on."""
    percent_data_good: Percent = 100
    """Good from this share of good data on."""
    use_sloped_extrapolation: bool = False
    """Behind the newest sample: the line through the last two instead of the last value."""


class Aggregate(msgspec.Struct, frozen=True, kw_only=True):
    """What an aggregate is, as far as reading for it goes."""

    name: str
    bounds: Bounds = "none"
    numeric: bool = True
    """Whether it needs numbers; the others say something of texts as well."""


def _table() -> Mapping[str, Aggregate]:
    simple: Bounds = "simple"
    interpolated: Bounds = "interpolated"
    spread = ("Minimum", "Maximum", "MinimumActualTime", "MaximumActualTime", "Range")
    statistics = [f"{what}{of}" for what in ("StandardDeviation", "Variance") for of in ("Sample", "Population")]
    found = [
        Aggregate(name="Interpolative", bounds=interpolated, numeric=False),
        *(Aggregate(name=name, bounds=interpolated) for name in ("TimeAverage", "Total")),
        *(Aggregate(name=name, bounds=simple) for name in ("TimeAverage2", "Total2")),
        Aggregate(name="Average"),
        *(Aggregate(name=name) for name in spread),
        *(Aggregate(name=f"{name}2", bounds=simple) for name in spread),
        *(Aggregate(name=name, numeric=False) for name in ("Count", "Start", "End", "WorstQuality")),
        Aggregate(name="Delta"),
        *(Aggregate(name=name, bounds=simple, numeric=False) for name in ("StartBound", "EndBound")),
        Aggregate(name="DeltaBounds", bounds=simple),
        *(Aggregate(name=name, bounds=simple) for name in ("DurationInStateZero", "DurationInStateNonZero")),
        Aggregate(name="NumberOfTransitions", bounds=interpolated),
        *(
            Aggregate(name=name, bounds=simple, numeric=False)
            for name in ("DurationGood", "DurationBad", "PercentGood", "PercentBad", "WorstQuality2")
        ),
        *(Aggregate(name=name) for name in statistics),
    ]  # fmt: skip
    return {aggregate.name: aggregate for aggregate in found}


AGGREGATES: Mapping[str, Aggregate] = _table()


def aggregate_named(name: str) -> Aggregate:
    """The aggregate of this name; letter case and a blank at either end do not matter.

    Raises:
        InvalidInput: there is none, or it needs what is not kept here.
    """
    wanted = name.strip().lower()
    for known, aggregate in AGGREGATES.items():
        if known.lower() == wanted:
            return aggregate
    if wanted == "annotationcount":
        raise InvalidInput(
            "history.aggregate_unsupported", "aggregate AnnotationCount counts annotations, and none are kept here",
            "Count counts samples; corrections are modifications, which /api/v1/history/corrections lists.",
            field="aggregate", value="AnnotationCount",
        )  # fmt: skip
    raise InvalidInput(
        "history.aggregate_unknown", f"aggregate is {name[:40]!r}, which is no aggregate of OPC UA Part 13",
        f"One of {', '.join(AGGREGATES)}.", field="aggregate", value=name[:40], known=", ".join(AGGREGATES),
    )  # fmt: skip
