"""The description that things are made from is the one that the server gives."""

import msgspec
import pytest

from lineshaft.web.describe import description


@pytest.fixture(scope="module")
def described():
    return msgspec.json.decode(description())


@pytest.mark.parametrize("path", ["/api/v1/edge/devices", "/api/v1/access/session", "/api/v1/ledger", "/healthz"])
def test_it_has_the_routes_of_every_package(described, path):
    assert "get" in described["paths"][path]


@pytest.mark.parametrize(
    ("route", "schema"),
    [
        ("processed", "ValuePage"),
        ("at", "ValuePage"),
        ("windows", "ValuePage"),
        ("raw", "SamplePage"),
        ("latest", "SamplePage"),
    ],
)
def test_answers_that_come_in_several_formats_have_their_types_too(described, route, schema):
    answered = described["paths"][f"/api/v1/history/{route}"]["get"]["responses"]["200"]["content"]["application/json"]
    assert answered["schema"] == {"$ref": f"#/components/schemas/{schema}"}
