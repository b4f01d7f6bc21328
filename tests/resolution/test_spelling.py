"""Identifiers as people paste them and labels carry them."""

import pytest

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution.spelling import handle_of


@pytest.mark.parametrize(
    ("given", "handle"),
    [
        ("88.100.1/HELLO", "88.100.1/HELLO"),
        ("  86.1000.5/零件-7 \n", "86.1000.5/零件-7"),
        ("hdl:20.500.12345/a/b", "20.500.12345/a/b"),
        ("HDL:20.500/a%20b", "20.500/a b"),
        ("info:hdl/20.500/7", "20.500/7"),
        ("doi:10.1000/182", "10.1000/182"),
        ("https://hdl.handle.net/88.100.1/HELLO?noredirect#top", "88.100.1/HELLO"),
        ("http://192.0.2.7:8000/api/handles/88.100.1/A%2FB", "88.100.1/A/B"),
        ("https://example.cn/id/86.1.2/x", "86.1.2/x"),
        ("0.NA/88.100", "0.NA/88.100"),
        ("20.500/50%", "20.500/50%"),
    ],
)
def test_the_handle_is_found(given, handle):
    assert handle_of(given) == handle


@pytest.mark.parametrize(
    "given",
    ["", "   ", "HELLO", "88.100.1/", "/HELLO", "plant/line/pump", "https://example.com/", "https://[/88.1/x",
     "https://example.com/a/b", "88.100/a\u202eb", "88 .1/x", "88.1/" + "x" * 3000, "javascript:88.1/x",
     "1" + ".a" * 4000 + " x/y", "https://example.com/1" + ".a" * 4000 + " x/y", "88..1/x"],
)  # fmt: skip
def test_what_is_none_is_refused_with_its_form(given):
    with pytest.raises(InvalidInput) as refusal:
        handle_of(given)
    assert refusal.value.code in {"resolution.identifier_form", "resolution.handle_too_long"}
