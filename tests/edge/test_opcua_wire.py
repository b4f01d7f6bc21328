"""The driver's own decoder against values encoded as the standard says, the variants among them by the library."""

import math
import struct
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_to_binary, variant_to_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.edge.columns import BOOLEAN, INTEGER, MISSING, NUMBER, TEXT, Columns
from lineshaft.edge.drivers.opcua import answers, values, wire

_Type = ua.VariantType
_INTEGERS = {
    _Type.SByte: (-128, 127), _Type.Byte: (0, 255), _Type.Int16: (-(2**15), 2**15 - 1), _Type.UInt16: (0, 2**16 - 1),
    _Type.Int32: (-(2**31), 2**31 - 1), _Type.UInt32: (0, 2**32 - 1), _Type.Int64: (-(2**63), 2**63 - 1),
    _Type.UInt64: (0, 2**64 - 1),
}  # fmt: skip
_EPOCH_TICKS = 116_444_736_000_000_000


class Value(NamedTuple):
    """A data value; None where a part is absent."""

    variant: ua.Variant | None = None
    status: int | None = None
    source: int | None = None
    source_pico: int | None = None
    server: int | None = None
    server_pico: int | None = None

    def encode(self):
        """IEC 62541-6, 5.2.2.17."""
        parts = [
            (1, self.variant, lambda: variant_to_binary(self.variant)),
            (2, self.status, lambda: struct.pack("<I", self.status)),
            (4, self.source, lambda: struct.pack("<q", self.source * 10 + _EPOCH_TICKS)),
            (16, self.source_pico, lambda: struct.pack("<H", self.source_pico)),
            (8, self.server, lambda: struct.pack("<q", self.server * 10 + _EPOCH_TICKS)),
            (32, self.server_pico, lambda: struct.pack("<H", self.server_pico)),
        ]
        present = [(bit, write()) for bit, part, write in parts if part is not None]
        return bytes([sum(bit for bit, _ in present)]) + b"".join(data for _, data in present)

    def row(self, key):
        """The row it must become."""
        q = self.status or 0
        kind, value, best = values.scalar(self.variant)
        return (
            key, MISSING if self.source is None else self.source, MISSING if self.server is None else self.server,
            best if best and q < 0x80000000 else q, kind, value,
        )  # fmt: skip


def _variants():
    integers = [st.builds(ua.Variant, st.integers(*bounds), st.just(kind)) for kind, bounds in _INTEGERS.items()]
    return st.one_of(
        *integers,
        st.builds(ua.Variant, st.booleans(), st.just(_Type.Boolean)),
        st.builds(ua.Variant, st.floats(width=32, allow_nan=False), st.just(_Type.Float)),
        st.builds(ua.Variant, st.floats(allow_nan=False), st.just(_Type.Double)),
        st.builds(ua.Variant, st.text(max_size=20), st.just(_Type.String)),
        st.builds(ua.Variant, st.binary(max_size=10), st.just(_Type.ByteString)),
        st.builds(ua.Variant, st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)), st.just(_Type.DateTime)),  # noqa: DTZ001
        st.builds(lambda text: ua.Variant(ua.LocalizedText(text), _Type.LocalizedText), st.text(max_size=5)),
        st.builds(lambda numbers: ua.Variant(numbers, _Type.Double), st.lists(st.floats(allow_nan=False), max_size=3)),
        st.just(ua.Variant(None, _Type.Null)),
    )


_MICROSECONDS = st.one_of(st.none(), st.integers(0, 7 * 10**15))
_PICOSECONDS = st.one_of(st.none(), st.integers(0, 9999))
_DATA_VALUES = st.builds(
    Value, st.one_of(st.none(), _variants()), st.one_of(st.none(), st.integers(0, 2**32 - 1)),
    _MICROSECONDS, _PICOSECONDS, _MICROSECONDS, _PICOSECONDS,
)  # fmt: skip
_ITEMS = st.lists(st.tuples(st.integers(0, 2**31 - 1), _DATA_VALUES), min_size=1, max_size=30)


def _bytes_of(items):
    return b"".join(struct.pack("<I", handle) + value.encode() for handle, value in items)


def _check(columns, items):
    rows = [(*row[:4], int(columns.kind[number]), row[4]) for number, row in enumerate(columns)]
    assert [repr(row) for row in rows] == [repr(value.row(key)) for key, value in items]


@settings(max_examples=300, deadline=None)
@given(_ITEMS)
def test_any_mixture_of_values_is_read(items):
    columns = Columns(1)
    data = _bytes_of(items) + b"tail"
    assert wire.decode(data, 0, len(items), columns, handles=True) == len(data) - 4
    _check(columns, items)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 50), _DATA_VALUES)
def test_many_values_of_one_layout_are_read(count, value):
    items = [(handle, value) for handle in range(count)]
    columns = Columns(1)
    wire.decode(_bytes_of(items), 0, count, columns, handles=True)
    _check(columns, items)


@settings(max_examples=100, deadline=None)
@given(_ITEMS)
def test_values_without_handles_are_counted(items):
    columns = Columns(1)
    wire.decode(b"".join(value.encode() for _, value in items), 0, len(items), columns, handles=False)
    _check(columns, [(number, value) for number, (_, value) in enumerate(items)])


@settings(max_examples=200, deadline=None)
@given(_ITEMS, st.data())
def test_a_message_cut_short_is_refused_and_leaves_the_columns_as_they_were(items, data):
    whole = _bytes_of(items)
    cut = data.draw(st.integers(0, len(whole) - 1))
    columns = Columns(1)
    columns.add(7, 1, 1, 0, TEXT, "before")
    with pytest.raises(ValueError, match=r"."):
        wire.decode(whole[:cut], 0, len(items), columns, handles=True)
    assert list(columns) == [(7, 1, 1, 0, "before")]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 5))
def test_no_bytes_can_do_more_than_be_refused(data, count):
    columns = Columns(1)
    try:
        wire.decode(data, 0, count, columns, handles=True)
    except ValueError:
        assert columns.rows == 0


@pytest.mark.parametrize("encoding", [0x80, 0x80 | 11, 24, 0x80 | 24], ids=["nulls", "doubles", "variant", "variants"])
def test_a_few_bytes_that_claim_to_be_a_thousand_million_values_are_refused_at_once(encoding):
    with pytest.raises(ValueError, match="value 1"):
        wire.decode(struct.pack("<IBBi", 1, 1, encoding, 10**9), 0, 1, Columns(1), handles=True)


@pytest.mark.parametrize(
    ("variant", "kind", "value", "q"),
    [
        (ua.Variant(True, _Type.Boolean), BOOLEAN, True, 0),
        (ua.Variant(-5, _Type.SByte), INTEGER, -5, 0),
        (ua.Variant(2**63 - 1, _Type.UInt64), INTEGER, 2**63 - 1, 0),
        (ua.Variant(2**63, _Type.UInt64), NUMBER, 2.0**63, 0x803C0000),
        (ua.Variant(0.5, _Type.Float), NUMBER, 0.5, 0),
        (ua.Variant("läuft 运行", _Type.String), TEXT, "läuft 运行", 0),
        (ua.Variant(datetime(2024, 2, 29, 12, 34, 56, 789000), _Type.DateTime), TEXT, "2024-02-29T12:34:56.789000Z", 0),  # noqa: DTZ001
        (ua.Variant(b"\x00\xff", _Type.ByteString), TEXT, "AP8=", 0),
    ],
)
def test_each_type_goes_to_its_column(variant, kind, value, q):
    columns = Columns(1)
    wire.decode(_bytes_of([(1, Value(variant))]), 0, 1, columns, handles=True)
    assert (columns.kind[0], columns.value(0), columns.q[0]) == (kind, value, q)


@pytest.mark.parametrize(
    "variant",
    [ua.Variant([1.0, 2.0], _Type.Double), ua.Variant(ua.Range(1.0, 2.0), _Type.ExtensionObject)],
    ids=["array", "structure"],
)
def test_arrays_and_structures_are_bad_not_supported(variant):
    columns = Columns(1)
    following = (2, Value(ua.Variant(1.5, _Type.Double)))
    wire.decode(_bytes_of([(1, Value(variant)), following]), 0, 2, columns, handles=True)
    assert columns.q[0] == 0x803D0000
    assert columns.value(1) == 1.5  # what follows is found all the same


def test_a_good_status_without_a_value_means_that_the_value_is_still_awaited():
    columns = Columns(1)
    wire.decode(_bytes_of([(1, Value(ua.Variant(None, _Type.Null)))]), 0, 1, columns, handles=True)
    assert columns.q[0] == 0x80320000


@pytest.mark.parametrize("ticks", [0, 2_650_467_743_990_000_000, 2**63 - 1])
def test_the_protocols_zero_and_end_of_time_are_no_times(ticks):
    whole = Value(ua.Variant(1.0, _Type.Double), source=0).encode()
    columns = Columns(1)
    wire.decode(whole[:-8] + struct.pack("<q", ticks), 0, 1, columns, handles=False)
    assert columns.ts[0] == MISSING


@pytest.mark.parametrize("bits", [0x7F800001, 0x7FC00000, 0xFF800000])
def test_every_float_there_is_can_be_read(bits):
    data = bytes([1, 10]) + struct.pack("<I", bits)
    columns = Columns(1)
    wire.decode(data * 3, 0, 3, columns, handles=False)  # a signalling not-a-number must not even warn
    assert math.isnan(columns.value(1)) == (bits != 0xFF800000)


def test_all_32_bits_of_the_status_are_kept():
    columns = Columns(1)
    items = [(1, Value(ua.Variant(1.0, _Type.Double), 0x409304C0))]
    wire.decode(_bytes_of(items), 0, 1, columns, handles=True)
    assert columns.q[0] == 0x409304C0


# -- whole responses --------------------------------------------------------------------------------------------------


def _publish(*notifications, sequence=5):
    response = ua.PublishResponse()
    response.Parameters.SubscriptionId = 9
    response.Parameters.AvailableSequenceNumbers = [4, 5]
    response.Parameters.NotificationMessage = ua.NotificationMessage(
        SequenceNumber=sequence, NotificationData=list(notifications)
    )
    return Buffer(struct_to_binary(response))


def _data_change(*items):
    return ua.DataChangeNotification(
        MonitoredItems=[ua.MonitoredItemNotification(ClientHandle=handle, Value=value) for handle, value in items]
    )


def test_a_publish_response_is_read_with_its_numbers_and_values():
    now = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    value = ua.DataValue(ua.Variant(2.5, _Type.Double), ua.StatusCode(0), now, now + timedelta(seconds=1))
    columns = Columns(1)
    message = answers.read_publish(_publish(_data_change((3, value))), columns)
    assert (message.subscription, message.sequence, message.keep_alive, message.available) == (9, 5, False, (4, 5))
    assert list(columns) == [(3, 1767323045678901, 1767323046678901, 0, 2.5)]


def test_a_keep_alive_has_no_values():
    message = answers.read_publish(_publish(), Columns(1))
    assert message.keep_alive
    assert message.sequence == 5


def test_a_status_change_tells_its_code():
    change = ua.StatusChangeNotification(Status=ua.StatusCode(ua.StatusCodes.BadTimeout))
    assert answers.read_publish(_publish(change), Columns(1)).status == ua.StatusCodes.BadTimeout


def test_several_notifications_in_one_message_are_all_read():
    value = ua.DataValue(ua.Variant(1.0, _Type.Double))
    columns = Columns(1)
    answers.read_publish(
        _publish(_data_change((1, value)), ua.EventNotificationList(), _data_change((2, value))), columns
    )
    assert [row[0] for row in columns] == [1, 2]


def test_a_bad_result_is_raised():
    response = ua.PublishResponse()
    response.ResponseHeader.ServiceResult = ua.StatusCode(ua.StatusCodes.BadSessionClosed)
    with pytest.raises(ua.uaerrors.BadSessionClosed):
        answers.read_publish(Buffer(struct_to_binary(response)), Columns(1))


def test_a_damaged_response_is_refused():
    whole = bytes(_publish(_data_change((1, ua.DataValue(ua.Variant(1.0, _Type.Double))))))
    with pytest.raises(ValueError, match="cannot be read"):
        answers.read_publish(Buffer(whole[:40]), Columns(1))


def test_values_that_cannot_be_read_are_told_and_the_rest_of_the_message_is_not_lost():
    good = ua.DataValue(ua.Variant(1.0, _Type.Double))
    data = bytearray(bytes(_publish(_data_change((1, good)), _data_change((2, good)))))
    mark = data.index(struct.pack("<I", 1) + struct_to_binary(good))
    data[mark + 4] = 0xFF  # an encoding that no standard has
    columns = Columns(1)
    message = answers.read_publish(Buffer(bytes(data)), columns)
    assert message.undecodable
    assert [row[0] for row in columns] == [2]


def test_an_empty_republish_answer_means_that_the_message_is_gone():
    empty = ua.RepublishResponse(NotificationMessage=ua.NotificationMessage())
    assert answers.read_republish(Buffer(struct_to_binary(empty)), Columns(1), 9) is None


def test_read_values_are_counted_from_zero():
    response = ua.ReadResponse(Results=[ua.DataValue(ua.Variant(number, _Type.Int32)) for number in (10, 20)])
    columns = Columns(1)
    assert answers.read_values(Buffer(struct_to_binary(response)), columns) == 2
    assert [(row[0], row[4]) for row in columns] == [(0, 10), (1, 20)]
