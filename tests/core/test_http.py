"""Problem documents, cursors and entity tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.core import http
from lineshaft.core.errors import InvalidInput, NotFound, PreconditionFailed


def test_an_error_survives_the_way_over_http():
    error = NotFound("edge.device_unknown", "there is no device 'x'", "List them.", device="x")
    back = http.error_from_problem(http.problem(error))
    assert type(back) is NotFound
    assert (back.code, back.message, back.hint, back.facts) == (error.code, error.message, error.hint, {"device": "x"})


@given(st.lists(st.integers() | st.text(), min_size=1, max_size=4))
def test_a_cursor_gives_back_its_position(position):
    assert http.decode_cursor(http.encode_cursor(*position)) == position


@pytest.mark.parametrize("cursor", ["", "x", "!!!!", "eyJ9", "AAAA", "é"])
def test_a_foreign_cursor_is_refused(cursor):
    with pytest.raises(InvalidInput) as refused:
        http.decode_cursor(cursor)
    assert refused.value.code == "core.cursor_invalid"


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_size_out_of_range_is_refused(limit):
    with pytest.raises(InvalidInput):
        http.check_limit(limit)


def test_a_change_of_something_that_changed_meanwhile_is_refused():
    tag = http.etag({"a": 1})
    assert http.etag({"a": 1}) == tag != http.etag({"a": 2})
    http.check_match(None, tag)
    http.check_match("*", tag)
    http.check_match(f'"other", {tag}', tag)
    with pytest.raises(PreconditionFailed):
        http.check_match('"other"', tag)
