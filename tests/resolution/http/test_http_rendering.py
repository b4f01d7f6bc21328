"""The quick way from a stored record to JSON says what the long one says."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.resolution import rest
from lineshaft.resolution.bulk.packing import Fault, Packer
from lineshaft.resolution.http.rendering import public_answer
from lineshaft.resolution.model import HandleValue, Reference
from lineshaft.resolution.record import pack_record, unpack_record
from lineshaft.resolution.values.json_form import compact, value_from_json

SECONDS = 1_700_000_000
TEXT = st.text(max_size=20)
REFERENCES = st.lists(st.builds(Reference, handle=st.just(b"88.1/x"), index=st.integers(0, 9)), max_size=2).map(tuple)
VALUES = st.lists(
    st.builds(
        HandleValue,
        index=st.integers(1, 2**32 - 1),
        type=st.sampled_from([b"URL", b"HS_ADMIN", b"hs_vlist", b"HS_SITE", b"HS_ALIAS", "型号".encode(), b'q"t']),
        data=st.binary(max_size=20) | TEXT.map(lambda text: text.encode("utf-8", "replace")),
        ttl=st.integers(0, 2**32 - 1), ttl_type=st.integers(0, 1), permissions=st.integers(0, 15),
        timestamp=st.sampled_from([0, SECONDS, 2**32 - 1]), references=REFERENCES,
    ),
    max_size=5, unique_by=lambda value: value.index,
)  # fmt: skip
JSON_VALUES = st.lists(
    st.fixed_dictionaries(
        {"index": st.sampled_from([1, 2, 3, 0, True, "1", 2**32]), "type": st.sampled_from(["URL", "HS_ALIAS", 3]),
         "data": st.sampled_from(["x", "电机", {"format": "string", "value": "y"}, {"format": "hex", "value": "00"}, 5, None])},
        optional={"ttl": st.sampled_from([0, 60, -1, "2030-01-01T00:00:00Z", 1.0]),
                  "permissions": st.sampled_from(["1110", "1100", "111"]),
                  "references": st.sampled_from([[], [{"handle": "a/b", "index": 1}], 3])},
    ),
    max_size=4,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(values=VALUES)
def test_both_ways_to_json_are_one(values):
    public = [value for value in values if value.public]
    assert public_answer("88.1/电机".encode(), pack_record(values)) == compact(
        rest.resolved("88.1/电机".encode(), public)
    )


@settings(max_examples=80, deadline=None)
@given(values=JSON_VALUES)
def test_both_ways_from_json_are_one(values):
    line = json.dumps({"handle": "88.1/x", "values": values})
    try:
        expected = [value_from_json({**one, "timestamp": "2023-11-14T22:13:20Z"}) for one in values]
        record = pack_record(expected) if values else None
    except Exception:  # noqa: BLE001  # whatever the long way refuses
        record = None
    try:
        found = Packer(SECONDS).pack(line)[2]
    except Fault:
        found = None
    assert found == record
    assert found is None or unpack_record(found) == expected
