"""Headers of telemetry batches and events: what is written is read, what is not ours is refused by name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.bus import BatchHeader, Gap, decode_body, read_batch_header, read_event
from lineshaft.bus.envelopes import encode_body, event_headers
from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput

SUBJECT = "ls.main.box.data.gateway.fast"
HEADER = BatchHeader(gateway="gateway", boot="01B", seq=7, rows=3, group="fast", config=2, clock_offset_us=-15)
INT64 = st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1)


@settings(deadline=None)
@given(
    seq=st.integers(min_value=1, max_value=2**63 - 1), rows=st.integers(min_value=0, max_value=2**31 - 1),
    offset=INT64, config=st.integers(min_value=0, max_value=2**63 - 1), first=st.booleans(), last=st.booleans(),
    gap=st.none() | st.builds(
        Gap, cause=st.sampled_from(["restart", "sequence", "overflow", "dropped", "undecodable"]),
        from_ts=INT64, to_ts=INT64, rows=INT64, detail=st.text(),
    ),
)  # fmt: skip
def test_a_batch_header_is_read_as_it_was_written(seq, rows, offset, config, first, last, gap):
    header = BatchHeader(
        gateway="gateway", boot="01B", seq=seq, rows=rows, group="fast", config=config, clock_offset_us=offset,
        first=first, last=last, gap=gap,
    )  # fmt: skip
    headers = header.to_headers()
    assert all("\r" not in value and "\n" not in value for value in headers.values())
    assert read_batch_header(SUBJECT, headers) == header


def test_the_message_id_names_gateway_boot_and_sequence():
    assert HEADER.message_id == "gateway:01B:7"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Ls-Gateway", "other"), ("Ls-Gateway", "a.b"), ("Ls-Boot", "a b"), ("Ls-Boot", "*"),
        ("Ls-Seq", "0"), ("Ls-Seq", "-1"), ("Ls-Seq", "1.5"), ("Ls-Seq", "x"), ("Ls-Seq", "٣"), ("Ls-Seq", str(2**63)),
        ("Ls-Seq", "9" * 5000), ("Ls-Seq", "1_0"), ("Ls-Seq", " 1"), ("Ls-Rows", "-1"), ("Ls-Rows", str(2**31)),
        ("Ls-Config", "-1"), ("Ls-Clock-Offset", "--1"), ("Ls-First", "0"), ("Ls-Last", "yes"),
        ("Ls-Gap", "{}"), ("Ls-Gap", "["), ("Ls-Gap", '{"cause":"bored","from_ts":1,"to_ts":2}'),
        ("Ls-Gap", '{"cause":"restart","from_ts":1,"to_ts":2,"more":3}'),
    ],
)  # fmt: skip
def test_a_malformed_header_is_refused_by_name(name, value):
    with pytest.raises(InvalidInput) as refused:
        read_batch_header(SUBJECT, {**HEADER.to_headers(), name: value})
    assert refused.value.facts["field"] == name
    assert refused.value.code in ("bus.header_invalid", "bus.token_invalid")
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize("name", ["Ls-Gateway", "Ls-Boot", "Ls-Seq", "Ls-Config", "Ls-Clock-Offset", "Ls-Rows"])
def test_a_missing_header_is_refused_by_name(name):
    headers = {key: value for key, value in HEADER.to_headers().items() if key != name}
    with pytest.raises(InvalidInput, match=name) as refused:
        read_batch_header(SUBJECT, headers)
    assert refused.value.code == "bus.header_missing"


@pytest.mark.parametrize("subject", ["ls.main.box.raw.gateway.fast", "ls.main.box.data.gateway", f"{SUBJECT}.x", "ls"])
def test_a_header_on_a_subject_of_another_kind_is_refused(subject):
    with pytest.raises(InvalidInput):
        read_batch_header(subject, HEADER.to_headers())


def test_an_event_carries_its_attributes():
    with clock.fixed(lambda: 1_700_000_000_000_001):
        headers = event_headers(source="/main/box/access", type_="access.revoked", id_="01E")
    event = read_event(headers)
    assert (event.id, event.source, event.type) == ("01E", "/main/box/access", "access.revoked")
    assert event.time_us == 1_700_000_000_000_001
    assert headers["ce-specversion"] == "1.0"


def test_an_event_without_an_attribute_or_with_a_bad_time_is_refused():
    headers = event_headers(source="/main/box/access", type_="access.revoked")
    with pytest.raises(InvalidInput, match="ce-type"):
        read_event({**headers, "ce-type": ""})
    with pytest.raises(InvalidInput, match="ce-time"):
        read_event({**headers, "ce-time": "yesterday"})


def test_a_body_is_bytes_nothing_or_json():
    assert encode_body(b"\x00raw") == b"\x00raw"
    assert encode_body(None) == b""
    assert encode_body({"a": [1]}) == b'{"a":[1]}'
    assert decode_body(b'{"a":[1]}', dict[str, list[int]]) == {"a": [1]}


@pytest.mark.parametrize("bad", [b"", b"{", b"[1]", b'{"a":"x"}', b"\xff\xfe"])
def test_a_body_of_another_shape_is_refused(bad):
    with pytest.raises(InvalidInput) as refused:
        decode_body(bad, dict[str, int])
    assert refused.value.code == "bus.body_invalid"
