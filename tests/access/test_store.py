"""The tables as migrations make them are the tables as the code defines them."""

import lineshaft.access.est.store  # its tables are among those compared
import lineshaft.access.labels.store  # its tables are among those compared
import lineshaft.access.people.store  # its tables are among those compared
import lineshaft.access.pki.store  # its tables are among those compared
import lineshaft.access.policy.store  # its tables are among those compared
import lineshaft.access.projects.store  # its tables are among those compared
import lineshaft.access.vault  # its tables are among those compared
import lineshaft.access.zones.store  # noqa: F401  # its tables are among those compared
from lineshaft.access.store import METADATA
from lineshaft.records.testing import assert_migrations_match


def test_migrations_and_definitions_agree(database):
    assert_migrations_match("access", METADATA, database)
