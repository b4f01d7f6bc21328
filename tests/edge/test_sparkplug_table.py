"""Payloads into columns: every datatype, aliases and names, nulls, times, qualities, and what is not there."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.edge.columns import MISSING, Columns
from lineshaft.edge.drivers.sparkplug.datatypes import BY_CODE, BY_NAME, put
from lineshaft.edge.drivers.sparkplug.payloads import OutMetric, encode
from lineshaft.edge.drivers.sparkplug.schema import payload_class, read_payload
from lineshaft.edge.drivers.sparkplug.table import MetricTable

SENT = 1_760_000_000_000_000
BAD_NO_VALUE, BAD_RANGE, BAD_TYPE, BAD_SUPPORT = 0x80F00000, 0x803C0000, 0x80740000, 0x803D0000


def table_of(*metrics):
    """A birth of (name, alias, datatype)."""
    data = encode(
        [OutMetric(name=name, alias=alias, datatype=BY_NAME[kind], says_type=True) for name, alias, kind in metrics],
        seq=0,
    )
    return MetricTable(read_payload(data), data)


def read(table, payload):
    data = payload.SerializeToString()
    columns = Columns(4)
    unknown = table.read(read_payload(data), data, columns)
    return list(columns), unknown


def message(*metrics, timestamp=SENT // 1000):
    payload = payload_class()(timestamp=timestamp)
    for fields in metrics:
        payload.metrics.add(**fields)
    return payload


WHOLE = {each.name: each for each in BY_CODE.values() if each.bits}


@settings(deadline=None)
@given(st.data())
def test_every_integer_that_a_type_holds_comes_back(data):
    kind = data.draw(st.sampled_from(sorted(WHOLE)))
    bits, signed = WHOLE[kind].bits, WHOLE[kind].signed
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    values = data.draw(st.lists(st.integers(low, min(high, 2**63 - 1)), min_size=1, max_size=20))
    table = table_of(*((f"m{number}", number + 1, kind) for number in range(len(values))))
    payload = message(*({"alias": number + 1} for number in range(len(values))))
    for metric, value in zip(payload.metrics, values, strict=True):
        put(metric, WHOLE[kind], value)
    rows, unknown = read(table, payload)
    assert unknown == []
    assert [(key, ts, q, value) for key, ts, _, q, value in rows] == [
        (n, SENT, 0, value) for n, value in enumerate(values)
    ]


@settings(deadline=None)
@given(st.lists(st.floats(), min_size=1, max_size=20))
def test_every_double_comes_back(values):
    table = table_of(*((f"m{number}", number + 1, "Double") for number in range(len(values))))
    rows, _ = read(table, message(*({"alias": n + 1, "double_value": value} for n, value in enumerate(values))))
    for (_, _, _, q, told), value in zip(rows, values, strict=True):
        assert q == 0
        assert told == value or (math.isnan(told) and math.isnan(value))


CASES = [
    ("Int8", {"int_value": 0xFFFFFFFB}, 0, -5), ("Int8", {"int_value": 0xFB}, 0, -5), ("Int8", {"int_value": 300}, BAD_RANGE, 300.0),
    ("Int16", {"int_value": 0xFFFF8000}, 0, -32768), ("UInt8", {"int_value": 256}, BAD_RANGE, 256.0),
    ("UInt32", {"long_value": 4_000_000_000}, 0, 4_000_000_000), ("UInt64", {"long_value": 2**63}, BAD_RANGE, float(2**63)),
    ("Int64", {"long_value": 2**64 - 1}, 0, -1), ("Float", {"float_value": 0.5}, 0, 0.5), ("Float", {"double_value": 0.25}, 0, 0.25),
    ("Double", {"int_value": 7}, 0, 7.0), ("Double", {"string_value": "7"}, BAD_TYPE, None), ("Boolean", {"boolean_value": False}, 0, False),
    ("Boolean", {"int_value": 1}, BAD_TYPE, None), ("String", {"string_value": ""}, 0, ""), ("Text", {"string_value": "运行"}, 0, "运行"),
    ("DateTime", {"long_value": 1_709_211_296_789}, 0, "2024-02-29T12:54:56.789000Z"), ("DateTime", {"long_value": 2**63}, BAD_RANGE, None),
    ("Bytes", {"bytes_value": b"\0\1"}, 0, "AAE="), ("UUID", {"string_value": "x"}, 0, "x"), ("Double", {}, BAD_NO_VALUE, None),
    ("Double", {"is_null": True}, BAD_NO_VALUE, None), ("Double", {"is_null": True, "double_value": 5.0}, BAD_NO_VALUE, None),
    ("Int32", {"is_null": True}, BAD_NO_VALUE, None), ("DataSet", {"dataset_value": {}}, BAD_SUPPORT, None),
    ("Template", {"template_value": {}}, BAD_SUPPORT, None), ("Int32Array", {"bytes_value": b"\0"}, BAD_SUPPORT, None),
    ("Int32", {"float_value": 1.5}, BAD_TYPE, None), ("Double", {"double_value": 0.0}, 0, 0.0), ("Int32", {"int_value": 0}, 0, 0),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields", "q", "value"), CASES)
def test_what_a_metric_becomes(kind, fields, q, value):
    table = table_of(("other", 1, "Double"), ("m", 2, kind))
    rows, _ = read(table, message({"alias": 1, "double_value": 1.0}, {"alias": 2, **fields}))
    assert rows[1][3] == q
    assert rows[1][4] == value or (value is None and math.isnan(rows[1][4]))
    assert rows[0][3:] == (0, 1.0)


def test_metrics_come_by_alias_by_name_and_by_the_alias_0():
    table = table_of(("a", 0, "Double"), ("b", 7, "Double"), ("c", None, "Double"))
    rows, unknown = read(
        table,
        message(
            {"name": "c", "double_value": 3.0}, {"alias": 0, "double_value": 1.0}, {"alias": 7, "double_value": 2.0}
        ),
    )
    assert [(row[0], row[4]) for row in rows] == [(2, 3.0), (0, 1.0), (1, 2.0)]
    assert unknown == []


def test_the_same_aliases_again_and_others_between_do_not_mix_up_values():
    table = table_of(*((f"m{number}", number + 1, "Double" if number % 2 else "Int32") for number in range(6)))
    for aliases in ([1, 2, 3], [1, 2, 3], [6, 5, 4], [1, 2], [1, 2, 3]):
        fields = [{"alias": a, **({"int_value": a} if a % 2 else {"double_value": a / 2})} for a in aliases]
        rows, _ = read(table, message(*fields))
        assert [(row[0], row[4]) for row in rows] == [(a - 1, a if a % 2 else a / 2) for a in aliases]


def test_unknown_metrics_are_named_and_the_others_taken():
    table = table_of(("a", 1, "Double"))
    rows, unknown = read(
        table, message({"alias": 9, "double_value": 1.0}, {"alias": 1, "double_value": 2.0}, {"name": "z"})
    )
    assert [(row[0], row[4]) for row in rows] == [(0, 2.0)]
    assert unknown == ["alias 9", "z"]


def test_a_metric_without_a_time_has_its_messages_and_historical_ones_their_own():
    table = table_of(("a", 1, "Double"))
    early = {"alias": 1, "double_value": 1.0, "timestamp": 1_700_000_000_000, "is_historical": True}
    rows, _ = read(table, message(early, {"alias": 1, "double_value": 2.0}))
    assert [row[1] for row in rows] == [1_700_000_000_000_000, SENT]
    rows, _ = read(table, message({"alias": 1, "double_value": 2.0}, timestamp=0))
    assert rows[0][1] == MISSING
    rows, _ = read(table, message({"alias": 1, "double_value": 2.0, "timestamp": 2**64 - 1}))
    assert rows[0][1] > 4 * 10**18


@pytest.mark.parametrize(("told", "q"), [(192, 0), (500, 0x40900000), (0, 0x80000000), (7, 0x40000000)])
def test_the_property_quality_is_taken(told, q):
    table = table_of(("a", 1, "Double"), ("b", 2, "Double"))
    payload = message({"alias": 1, "double_value": 1.0}, {"alias": 2, "double_value": 2.0})
    payload.metrics[0].properties.keys.append("Quality")
    payload.metrics[0].properties.values.add(type=3, int_value=told)
    rows, _ = read(table, payload)
    assert [row[3:] for row in rows] == [(q, 1.0), (0, 2.0)]


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_payload_do_no_harm(data):
    table = table_of(("a", 1, "Double"))
    payload = read_payload(data)
    if payload is not None:
        table.read(payload, data, Columns(1))
