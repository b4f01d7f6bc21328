import signal
import time

import pytest
from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, String, Table, inspect, text

from lineshaft.core.errors import Conflict, Corrupt
from lineshaft.records import pending, upgrade
from lineshaft.records.schema import scripts, up_to, versions
from lineshaft.records.store import METADATA
from lineshaft.records.testing import assert_migrations_match, migrated_packages, sqlite_database

FIRST = 'op.create_table("probe_a", sa.Column("id", sa.Integer, primary_key=True))'
UPGRADE = """
    from lineshaft.records import upgrade
    from lineshaft.records.testing import open_url
    db = open_url(sys.argv[1])
    print("begins", flush=True)
    print(upgrade(db, ["probe"]), flush=True)
"""


def tables(db):
    return sorted(name for name in inspect(db.engine).get_table_names() if name.startswith("probe_"))


def waiting(connection):
    return connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_the_migrations_make_what_the_store_defines(database):
    assert_migrations_match("records", METADATA, database)


def test_the_migrations_of_every_package_are_numbered_without_a_gap():
    assert migrated_packages()[0] == "records"
    for package in migrated_packages():
        assert next(script.revision for script in scripts(package)) == f"{package}_0001"


class TestUpgrade:
    def test_an_empty_database_gets_everything_in_order_and_a_second_time_nothing(self, blank_database, probe):
        probe.migration(1, FIRST)
        probe.migration(2, 'op.add_column("probe_a", sa.Column("b", sa.String))')
        assert pending(blank_database, ["records", "probe"]) == [
            "records/0001_first",
            "records/0002_project",
            "probe/0001_step",
            "probe/0002_step",
        ]
        assert upgrade(blank_database, ["records", "probe"]) == [
            "records/0001_first",
            "records/0002_project",
            "probe/0001_step",
            "probe/0002_step",
        ]
        assert [column["name"] for column in inspect(blank_database.engine).get_columns("probe_a")] == ["id", "b"]
        assert pending(blank_database, ["records", "probe"]) == []
        assert upgrade(blank_database, ["records", "probe"]) == []

    def test_only_what_is_new_is_applied(self, blank_database, probe):
        probe.migration(1, FIRST)
        upgrade(blank_database, ["probe"])
        probe.migration(2, 'op.create_table("probe_b", sa.Column("id", sa.Integer, primary_key=True))')
        assert upgrade(blank_database, ["probe"]) == ["probe/0002_step"]
        assert tables(blank_database) == ["probe_a", "probe_b"]

    def test_a_package_without_migrations_has_nothing_pending_an_unknown_one_is_an_error(self, blank_database, probe):
        assert pending(blank_database, ["probe"]) == []
        with pytest.raises(ModuleNotFoundError):
            pending(blank_database, ["absent"])

    def test_a_gap_in_the_numbers_is_an_error(self, blank_database, probe):
        probe.migration(1, FIRST)
        probe.migration(3, FIRST)
        with pytest.raises(ValueError, match=r"numbered \[1, 3\]"):
            upgrade(blank_database, ["probe"])

    def test_a_revision_that_is_not_its_files_is_an_error_and_changes_nothing(self, blank_database, probe):
        probe.migration(1, FIRST)
        file = probe.folder / "0001_step.py"
        file.write_text(file.read_text().replace("probe_0001", "probe_0007"))
        with pytest.raises(ValueError, match="probe_0007"):
            upgrade(blank_database, ["probe"])
        assert tables(blank_database) == []


class TestBackupBefore:
    def test_a_new_database_needs_none(self, blank_database, probe):
        probe.migration(1, FIRST)
        calls = []
        upgrade(blank_database, ["probe"], before=lambda: calls.append(1))
        assert calls == []

    def test_a_database_in_use_gets_one_of_the_state_before_the_first_change(self, blank_database, probe):
        probe.migration(1, FIRST)
        upgrade(blank_database, ["probe"])
        upgrade(blank_database, ["probe"], before=pytest.fail)  # nothing pending
        probe.migration(2, 'op.drop_table("probe_a")')
        probe.migration(3, 'op.create_table("probe_c", sa.Column("id", sa.Integer, primary_key=True))')
        seen = []

        def before():
            with blank_database.read() as connection:
                seen.append((versions(connection), inspect(connection).get_table_names()))

        upgrade(blank_database, ["probe"], before=before)
        assert seen == [({"probe": "probe_0001"}, ["probe_a", "records_version_probe"])]

    def test_where_it_fails_nothing_changes(self, blank_database, probe):
        probe.migration(1, FIRST)
        upgrade(blank_database, ["probe"])
        probe.migration(2, 'op.drop_table("probe_a")')

        def before():
            raise OSError("no space")

        with pytest.raises(OSError, match="no space"):
            upgrade(blank_database, ["probe"], before=before)
        assert tables(blank_database) == ["probe_a"]
        assert pending(blank_database, ["probe"]) == ["probe/0002_step"]


class TestFailure:
    def test_a_step_that_fails_undoes_those_before_it_too(self, blank_database, probe):
        probe.migration(1, FIRST + '\nop.execute("INSERT INTO probe_a VALUES (1)")')
        probe.migration(2, 'op.execute("INSERT INTO probe_nowhere VALUES (1)")')
        with pytest.raises(Corrupt, match=r"probe/0002_step failed and was undone") as refusal:
            upgrade(blank_database, ["probe"])
        assert refusal.value.code == "records.migration_failed"
        assert tables(blank_database) == []
        assert pending(blank_database, ["probe"]) == ["probe/0001_step", "probe/0002_step"]

    def test_killed_in_the_middle_the_next_one_completes_it(self, blank_database, probe, url, tmp_path):
        probe.migration(1, FIRST)
        upgrade(blank_database, ["probe"])
        flag = tmp_path / "in the middle"
        probe.migration(2, 'op.create_table("probe_b", sa.Column("id", sa.Integer, primary_key=True))')
        probe.migration(
            3,
            f"""
            op.execute("INSERT INTO probe_b VALUES (1)")
            op.execute("INSERT INTO probe_a VALUES (1)")
            pathlib.Path({str(flag)!r}).touch()
            time.sleep(60)
            """,
        )
        process = probe.process(UPGRADE, url(blank_database))
        until(flag.exists)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert tables(blank_database) == ["probe_a"]
        probe.migration(3, 'op.execute("INSERT INTO probe_b VALUES (1)")')
        assert upgrade(blank_database, ["probe"]) == ["probe/0002_step", "probe/0003_step"]
        with blank_database.read() as connection:
            assert connection.scalar(text("SELECT count(*) FROM probe_a")) == 0
            assert connection.scalar(text("SELECT count(*) FROM probe_b")) == 1

    def test_two_at_once_take_turns_and_each_step_happens_once(self, blank_database, probe, url, tmp_path):
        flag, go_on = tmp_path / "first is in the middle", tmp_path / "go on"
        probe.migration(
            1,
            f"""
            {FIRST}
            op.execute("INSERT INTO probe_a VALUES (1)")
            pathlib.Path({str(flag)!r}).touch()
            while not pathlib.Path({str(go_on)!r}).exists():
                time.sleep(0.01)
            """,
        )
        first = probe.process(UPGRADE, url(blank_database))
        until(flag.exists)
        second = probe.process(UPGRADE, url(blank_database))
        assert second.stdout.readline() == "begins\n"
        if not blank_database.is_sqlite:  # which does not tell who waits
            until(lambda: blank_database.transact(waiting) == 1)
        go_on.touch()
        assert first.communicate(timeout=60)[0] == "begins\n['probe/0001_step']\n"
        assert second.communicate(timeout=60)[0] == "[]\n"
        assert first.returncode == second.returncode == 0

    def test_a_database_of_a_newer_release_is_refused_and_left_alone(self, blank_database, probe):
        probe.migration(1, FIRST)
        probe.migration(2, 'op.create_table("probe_b", sa.Column("id", sa.Integer, primary_key=True))')
        upgrade(blank_database, ["probe"])
        probe.forget(2)
        for attempt in (pending, upgrade):
            with pytest.raises(Conflict, match="at probe_0002, this release knows it up to probe_0001") as refusal:
                attempt(blank_database, ["records", "probe"])
            assert refusal.value.code == "records.database_newer"
        assert tables(blank_database) == ["probe_a", "probe_b"]
        assert not inspect(blank_database.engine).has_table("records_outbox")

    def test_a_part_that_this_release_does_not_have_at_all_is_newer_too(self):
        with pytest.raises(Conflict):
            up_to({"absent": "absent_0001"}, "a copy")


class TestReferences:
    """SQLite changes many things of a table only by making it anew."""

    PARENT_AND_CHILD = """
        op.create_table("probe_a", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
        op.create_table("probe_b", sa.Column("a", sa.Integer, sa.ForeignKey("probe_a.id", ondelete="CASCADE")))
        op.execute("INSERT INTO probe_a VALUES (1, 1)")
        op.execute("INSERT INTO probe_b VALUES (1)")
    """

    def test_rows_that_refer_to_a_table_made_anew_survive(self, blank_database, probe):
        probe.migration(1, self.PARENT_AND_CHILD)
        upgrade(blank_database, ["probe"])
        probe.migration(
            2,
            """
            with op.batch_alter_table("probe_a", recreate="auto") as table:
                table.alter_column("n", existing_type=sa.Integer, type_=sa.BigInteger, nullable=False)
            """,
        )
        upgrade(blank_database, ["probe"])
        with blank_database.begin() as connection:
            assert connection.scalar(text("SELECT count(*) FROM probe_b")) == 1
            connection.execute(text("DELETE FROM probe_a"))
            assert connection.scalar(text("SELECT count(*) FROM probe_b")) == 0

    def test_a_step_that_leaves_a_reference_to_nothing_is_undone(self, blank_database, probe):
        probe.migration(1, self.PARENT_AND_CHILD.replace(', ondelete="CASCADE"', ""))
        upgrade(blank_database, ["probe"])
        probe.migration(2, 'op.execute("DELETE FROM probe_a")')
        with pytest.raises(Corrupt):
            upgrade(blank_database, ["probe"])
        with blank_database.read() as connection:
            assert connection.scalar(text("SELECT count(*) FROM probe_a")) == 1


class TestComparison:
    """`assert_migrations_match` must see what a careless migration gets wrong."""

    @staticmethod
    def defined(*, name="probe_a", kind=Integer, reference="CASCADE", index="probe_a_n", **changes):
        metadata = MetaData()
        options = {"nullable": False, "server_default": "7", **changes}
        Table(
            name,
            metadata,
            Column("id", Integer, primary_key=True),
            Column("n", kind, **options),
            sqlite_autoincrement=True,
        )
        Table("probe_b", metadata, Column("a", ForeignKey(f"{name}.id", ondelete=reference)))
        if index:
            Index(index, metadata.tables[name].c.n)
        return metadata

    @pytest.fixture
    def migrated(self, blank_database, probe):
        probe.migration(
            1,
            """
            op.create_table(
                "probe_a",
                sa.Column("id", sa.Integer, primary_key=True),
                sa.Column("n", sa.Integer, nullable=False, server_default="7"),
                sqlite_autoincrement=True,
            )
            op.create_index("probe_a_n", "probe_a", ["n"])
            op.create_table("probe_b", sa.Column("a", sa.Integer, sa.ForeignKey("probe_a.id", ondelete="CASCADE")))
            """,
        )
        upgrade(blank_database, ["probe"])
        return blank_database

    def test_equal_definitions_match(self, migrated):
        assert_migrations_match("probe", self.defined(), migrated)

    @pytest.mark.parametrize(
        "difference",
        [
            {"kind": String},
            {"nullable": True},
            {"server_default": "8"},
            {"unique": True},
            {"reference": "SET NULL"},
            {"index": "probe_other_n"},
            {"index": ""},
            {"name": "probe_c"},
        ],
        ids=lambda difference: next(iter(difference)),
    )
    def test_any_difference_fails(self, migrated, difference):
        with pytest.raises(AssertionError, match="only in METADATA"):
            assert_migrations_match("probe", self.defined(**difference), migrated)

    def test_a_number_that_may_come_back_is_not_one_that_may_not(self, tmp_path, probe):
        probe.migration(1, FIRST)
        metadata = MetaData()
        Table("probe_a", metadata, Column("id", Integer, primary_key=True), sqlite_autoincrement=True)
        with sqlite_database(tmp_path) as db:
            upgrade(db, ["probe"])
            with pytest.raises(AssertionError, match="probe_a grows by itself"):
                assert_migrations_match("probe", metadata, db)
