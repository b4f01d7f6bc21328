"""The tables as migrations make them are the tables as the code defines them."""

from lineshaft.ledger.store import METADATA
from lineshaft.records.testing import assert_migrations_match


def test_migrations_and_definitions_agree(database):
    assert_migrations_match("ledger", METADATA, database)
