"""Payloads that we send: deaths, births, data and commands (specification 3.0, 6.4), and the metrics in them."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from lineshaft.core import clock
from lineshaft.edge.drivers.sparkplug.datatypes import BOOLEAN_TYPE, INT64, DataType, put
from lineshaft.edge.drivers.sparkplug.schema import payload_class

REBIRTH: Final = "Node Control/Rebirth"
BD_SEQ: Final = "bdSeq"
SEQUENCE: Final = 256


class OutMetric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric to send."""

    name: str = ""
    alias: int | None = None
    datatype: DataType
    value: Any = None
    """None: null."""
    ts_us: int = 0
    """0: the message's own time."""
    historical: bool = False
    says_type: bool = False
    quality: int | None = None
    """The property `Quality`: 192 good, 500 stale, 0 bad."""
    unit: str = ""


def encode(metrics: Iterable[OutMetric], *, seq: int | None = None, ts_us: int | None = None) -> bytes:
    """A payload.

    Raises:
        ValueError: a value that its datatype cannot hold.
    """
    now_ms = (clock.now_us() if ts_us is None else ts_us) // 1000
    payload = payload_class()(timestamp=now_ms)
    if seq is not None:
        payload.seq = seq
    for each in metrics:
        _add(payload, each, now_ms)
    return bytes(payload.SerializeToString())


def death(bd_seq: int) -> bytes:
    """An edge node's death: nothing but the number of the session that ends (6.4.25)."""
    return encode([_bd_seq(bd_seq)])


def rebirth_request() -> bytes:
    """The command that has an edge node send all births again."""
    return encode([OutMetric(name=REBIRTH, datatype=BOOLEAN_TYPE, value=True, says_type=True)])


def control_metrics(bd_seq: int) -> list[OutMetric]:
    """What every NBIRTH begins with."""
    return [_bd_seq(bd_seq), OutMetric(name=REBIRTH, datatype=BOOLEAN_TYPE, value=False, says_type=True)]


def _bd_seq(number: int) -> OutMetric:
    return OutMetric(name=BD_SEQ, datatype=INT64, value=number, says_type=True)


def find_bd_seq(payload: Any) -> int | None:
    """The number of the session that a birth or death belongs to; None where it does not say."""
    for metric in payload.metrics:
        if metric.name == BD_SEQ:
            field = metric.WhichOneof("value")
            return int(getattr(metric, field)) if field in ("int_value", "long_value") else None
    return None


def _add(payload: Any, each: OutMetric, now_ms: int) -> None:
    metric = payload.metrics.add(timestamp=each.ts_us // 1000 or now_ms)
    if each.name:
        metric.name = each.name
    if each.alias is not None:
        metric.alias = each.alias
    if each.says_type:
        metric.datatype = each.datatype.code
    if each.historical:
        metric.is_historical = True
    if each.value is None:
        metric.is_null = True
    else:
        put(metric, each.datatype, each.value)
    if each.quality is not None:
        _property(metric, "Quality", 3, int_value=each.quality)
    if each.unit:
        _property(metric, "engUnit", 12, string_value=each.unit)


def _property(metric: Any, key: str, kind: int, **value: Any) -> None:
    metric.properties.keys.append(key)
    metric.properties.values.add(type=kind, **value)
