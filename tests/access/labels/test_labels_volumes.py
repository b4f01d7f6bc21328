"""Exports found again: by recipient, purpose or object, and those that went outside."""

import pytest

from lineshaft.access.labels import volumes
from lineshaft.access.labels.volumes import Export


@pytest.fixture
def noted(database):
    """Three exports; their recipients by number."""
    rows = [("acme_tools", "repair", "site/press/p", True), ("ada", "operation", "site/oven/t", False),
            ("acmextools", "study", "site/press/q", False)]  # fmt: skip
    for recipient, purpose, what, outside in rows:
        export = Export(principal="99.1/person.a", recipient=recipient, outside=outside, purpose=purpose, what=what,
                        objects=1, rows=5, bytes=50, grade_2020=1, grade_2022="general", decision="D", whole=True)  # fmt: skip
        database.transact(volumes.record, "main", export)
    return database


@pytest.mark.parametrize(
    ("search", "outside", "found"),
    [
        ("", None, {"acme_tools", "ada", "acmextools"}),
        ("ACME_", None, {"acme_tools"}),  # an underscore is a character, and case does not matter
        ("press", None, {"acme_tools", "acmextools"}),
        ("press", False, {"acmextools"}),
        ("operation", None, {"ada"}),
        ("", True, {"acme_tools"}),
        ("%", None, set()),
    ],
)
async def test_a_search_finds_part_of_recipient_purpose_or_object(noted, search, outside, found):
    rows = await noted.query(volumes.newest, "main", search=search, outside=outside)
    assert {row.recipient for row in rows} == found
