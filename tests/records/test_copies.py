import contextlib
import errno
import os
import random
import sqlite3
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select, text

from lineshaft.core.errors import Conflict, Corrupt, InvalidInput, Unavailable
from lineshaft.records import dump, load, outbox, upgrade
from lineshaft.records.schema import versions
from lineshaft.records.store import IDEMPOTENCY, JOB, OUTBOX
from lineshaft.records.testing import assert_migrations_match, fresh_postgres_database, sqlite_database

PARENT_AND_CHILD = """
    op.create_table(
        "probe_a",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("flag", sa.Boolean),
        sa.Column("facts", sa.JSON),
        sa.Column("blob", sa.LargeBinary),
        sa.Column("note", sa.Text),
        sa.Column("next", sa.Integer, sa.ForeignKey("probe_a.id")),
    )
    op.create_table("probe_b", sa.Column("a", sa.Integer, sa.ForeignKey("probe_a.id"), nullable=False))
    op.execute("INSERT INTO probe_a (id, note) VALUES (1, 'made by the migration')")
"""
ROWS = [
    (2, True, '{"a": [1, null]}', b"\x00\xff", "天轴 \n \"'", 3),
    (3, False, "null", b"", "", None),
    (2**40, None, None, None, None, 2),
]


@pytest.fixture(params=["sqlite", "postgres"])
def other(request, tmp_path_factory):
    """A second blank database, on either engine."""
    if request.param == "sqlite":
        with sqlite_database(tmp_path_factory.mktemp("other")) as db:
            yield db
    else:
        with fresh_postgres_database(request.getfixturevalue("postgres")) as db:
            yield db


def filled(db, probe):
    """A database with rows of every type, and references that no order of rows can follow."""
    probe.migration(1, PARENT_AND_CHILD)
    upgrade(db, ["records", "probe"])
    facts = "CAST(:facts AS JSON)" if not db.is_sqlite else ":facts"
    with db.begin() as connection:
        connection.execute(text("DELETE FROM probe_a"))
        connection.execute(text("INSERT INTO probe_a (id) VALUES (2), (3)"))
        for number, flag, document, blob, note, following in ROWS:
            connection.execute(text("DELETE FROM probe_a WHERE id = 1099511627776"))
            insert = "INSERT INTO probe_a (id) VALUES (:id) ON CONFLICT DO NOTHING"
            connection.execute(text(insert), {"id": number})
            change = f"UPDATE probe_a SET flag=:flag, facts={facts}, blob=:blob, note=:note, next=:next WHERE id=:id"
            values = {"flag": flag, "facts": document, "blob": blob, "note": note, "next": following, "id": number}
            connection.execute(text(change), values)
        connection.execute(text("INSERT INTO probe_b VALUES (3), (2)"))
        outbox.add(connection, "ls.a.b", bytes(range(256)), {"Kind": "天轴"})
    return db


def content(db):
    """All rows, in a form that does not depend on the engine."""
    with db.read() as connection:
        query = "SELECT id, flag, CAST(facts AS TEXT), blob, note, next FROM probe_a ORDER BY id"
        parents = [
            (
                row[0],
                None if row[1] is None else bool(row[1]),
                row[2],
                None if row[3] is None else bytes(row[3]),
                *row[4:],
            )
            for row in connection.execute(text(query))
        ]
        children = sorted(connection.execute(text("SELECT a FROM probe_b")).scalars())
        messages = [tuple(row) for row in connection.execute(select(OUTBOX))]
        return parents, children, messages, versions(connection)


class TestRoundTrip:
    def test_every_value_arrives_from_either_engine_on_either(self, blank_database, other, probe, tmp_path):
        source = filled(blank_database, probe)
        dump(source, tmp_path / "copy")
        load(other, tmp_path / "copy")
        assert content(other) == content(source)
        assert content(other)[0] == ROWS

    def test_what_was_there_before_is_gone(self, blank_database, other, probe, tmp_path):
        dump(filled(blank_database, probe), tmp_path / "copy")
        upgrade(other, ["records", "probe"])
        with other.begin() as connection:
            connection.execute(text("INSERT INTO probe_a (id, note) VALUES (99, 'before')"))
            outbox.add(connection, "ls.a.b", b"before")
        load(other, tmp_path / "copy")
        assert content(other) == content(blank_database)

    def test_the_tables_are_those_of_the_migrations_and_go_on_counting(self, database, other, tmp_path):
        from lineshaft.records.store import METADATA

        database.transact(outbox.add, "ls.a.b", b"one")
        dump(database, tmp_path / "copy")
        load(other, tmp_path / "copy")
        assert_migrations_match("records", METADATA, other)
        other.transact(outbox.add, "ls.a.b", b"two")
        with other.read() as connection:
            assert connection.execute(select(OUTBOX.c.payload).order_by(OUTBOX.c.number)).scalars().all() == [
                b"one",
                b"two",
            ]

    def test_references_hold_again_afterwards(self, blank_database, other, probe, tmp_path):
        dump(filled(blank_database, probe), tmp_path / "copy")
        load(other, tmp_path / "copy")
        with pytest.raises(Exception, match=r"(?i)foreign key"), other.begin() as connection:
            connection.execute(text("INSERT INTO probe_b VALUES (77)"))

    def test_a_copy_of_an_older_release_is_loaded_as_it_was_and_can_then_be_upgraded(
        self, blank_database, other, probe, tmp_path
    ):
        dump(filled(blank_database, probe), tmp_path / "copy")
        probe.migration(2, 'op.add_column("probe_b", sa.Column("later", sa.Integer))')
        upgrade(other, ["records", "probe"])
        load(other, tmp_path / "copy")
        assert content(other) == content(blank_database)
        assert upgrade(other, ["records", "probe"]) == ["probe/0002_step"]

    def test_an_empty_database_can_be_copied_too(self, blank_database, other, tmp_path):
        upgrade(other, ["records"])
        dump(blank_database, tmp_path / "copy")
        load(other, tmp_path / "copy")
        assert inspect(other.engine).get_table_names() == []


class TestWhileItRuns:
    def test_a_copy_is_of_one_moment(self, database, tmp_path):
        """Each transaction adds one row to three tables: in any copy they are equally many."""
        stop, added = threading.Event(), threading.Event()

        def add(connection, number):
            connection.execute(OUTBOX.insert().values(id=f"{number}", subject="s", payload=b"", headers={}, created=0))
            connection.execute(
                IDEMPOTENCY.insert().values(principal="p", key=f"{number}", digest="d", status=200, created=0)
            )
            facts = {"arguments": {}, "done": 0, "message": "", "created": 0, "updated": 0, "cancelling": False}
            names = {"kind": "k", "title": "t", "owner": "o", "runner": "r", "state": "done"}
            connection.execute(JOB.insert().values(id=f"{number}", **names, **facts))

        def keep_adding():
            number = 0
            while not stop.is_set():
                database.transact(add, number)
                added.set()
                number += 1

        writer = threading.Thread(target=keep_adding)
        writer.start()
        try:
            for number in range(5):
                dump(database, tmp_path / f"{number}")
                added.clear()
                assert added.wait(60)  # so that the next one differs
        finally:
            stop.set()
            writer.join()
        counts = []
        for number in range(5):
            folder = tmp_path / f"target{number}"
            folder.mkdir()
            with sqlite_database(folder) as target:
                load(target, tmp_path / f"{number}")
                with target.read() as connection:
                    counts.append(
                        [connection.scalar(select(func.count()).select_from(t)) for t in (OUTBOX, IDEMPOTENCY, JOB)]
                    )
        assert all(len(set(each)) == 1 for each in counts)
        assert counts[-1][0] > counts[0][0]

    def test_a_copy_can_be_taken_while_a_migration_holds_the_database(self, blank_database, probe, tmp_path):
        filled(blank_database, probe)
        before = content(blank_database)
        probe.migration(2, 'op.execute("DELETE FROM probe_b")')
        upgrade(blank_database, ["probe"], before=lambda: dump(blank_database, tmp_path / "copy"))
        load(blank_database, tmp_path / "copy")
        assert content(blank_database) == before

    def test_only_its_owner_reads_a_copy_and_nothing_else_lies_beside_it(self, database, tmp_path):
        dump(database, tmp_path / "copy")
        files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "copy").iterdir()}
        assert set(files.values()) == {0o600}
        assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o700
        assert ("records.json" in files) is not ("records.db" in files)


class TestRefusals:
    def test_a_folder_without_a_copy(self, database, tmp_path):
        with pytest.raises(InvalidInput) as refusal:
            load(database, tmp_path / "nothing")
        assert refusal.value.code == "records.copy_missing"

    def test_a_damaged_file(self, sqlite_template, other, tmp_path):
        with sqlite_database(tmp_path, sqlite_template) as source:
            for number in range(200):
                source.transact(outbox.add, "ls.a.b", b"x" * 100 + bytes([number]))
            dump(source, tmp_path / "copy")
        file = tmp_path / "copy" / "records.db"
        size = file.stat().st_size
        with file.open("r+b") as raw:
            raw.seek(size // 2)
            raw.write(os.urandom(8192))
        refuses_and_keeps(other, tmp_path / "copy", Corrupt)

    @pytest.mark.parametrize(
        "damage", ["a line is missing", "a line is cut", "a file is missing", "the manifest is cut"]
    )
    def test_damaged_lines(self, postgres, other, tmp_path, damage):
        with fresh_postgres_database(postgres) as source:
            upgrade(source, ["records"])
            for _ in range(3):
                source.transact(outbox.add, "ls.a.b", b"x")
            dump(source, tmp_path / "copy")
        lines, manifest = tmp_path / "copy" / "records_outbox.jsonl", tmp_path / "copy" / "records.json"
        if damage == "a line is missing":
            lines.write_bytes(b"".join(lines.read_bytes().splitlines(keepends=True)[:-1]))
        elif damage == "a line is cut":
            lines.write_bytes(lines.read_bytes()[:-10])
        elif damage == "a file is missing":
            lines.unlink()
        else:
            manifest.write_bytes(manifest.read_bytes()[:-10])
        error = refuses_and_keeps(other, tmp_path / "copy", Corrupt)
        assert error.code == "records.copy_damaged"

    def test_a_copy_that_a_newer_release_wrote(self, blank_database, other, probe, tmp_path):
        dump(filled(blank_database, probe), tmp_path / "copy")
        probe.forget(1)
        error = refuses_and_keeps(other, tmp_path / "copy", Conflict)
        assert error.code == "records.database_newer"

    def test_a_target_that_cannot_be_written(self, database):
        with pytest.raises(Unavailable, match="/proc/copy"):
            dump(database, Path("/proc/copy"))

    def test_a_target_without_room(self, sqlite_template, tmp_path, monkeypatch):
        connect = sqlite3.connect

        def small(*arguments, **options):
            connection = connect(*arguments, **options)
            connection.execute("PRAGMA max_page_count = 2")
            return connection

        with sqlite_database(tmp_path, sqlite_template) as source:
            source.engine.connect().close()
            monkeypatch.setattr("lineshaft.records.copies.sqlite3.connect", small)
            with pytest.raises(Unavailable) as refusal:
                dump(source, tmp_path / "copy")
        assert refusal.value.code == "records.disk_full"
        assert list((tmp_path / "copy").iterdir()) == []

    def test_lines_that_find_no_room(self, postgres, tmp_path, monkeypatch):
        def full(_descriptor):
            raise OSError(errno.ENOSPC, "No space left on device")

        with fresh_postgres_database(postgres) as source:
            upgrade(source, ["records"])
            monkeypatch.setattr("lineshaft.records.rows.os.fsync", full)
            with pytest.raises(Unavailable) as refusal:
                dump(source, tmp_path / "copy")
        assert refusal.value.code == "records.disk_full"
        assert not (tmp_path / "copy" / "records.json").exists()


def refuses_and_keeps(db, folder, kind):
    upgrade(db, ["records"])
    db.transact(outbox.add, "ls.a.b", b"kept")
    with pytest.raises(kind) as refusal:
        load(db, folder)
    with db.read() as connection:
        assert connection.execute(select(OUTBOX.c.payload)).scalars().all() == [b"kept"]
    return refusal.value


LOAD = """
    import pathlib
    from lineshaft.records import load
    from lineshaft.records.testing import open_url
    db = open_url(sys.argv[1])
    print("begins", flush=True)
    load(db, pathlib.Path(sys.argv[2]))
"""


def test_killed_while_loading_the_database_is_the_old_or_the_new_one(database, probe, url, tmp_path):
    rows = [{"id": f"{n}", "subject": "s", "payload": b"x" * 200, "headers": {}, "created": 0} for n in range(5000)]
    database.transact(lambda connection: connection.execute(OUTBOX.insert(), rows))
    dump(database, tmp_path / "copy")
    database.transact(lambda connection: connection.execute(OUTBOX.delete().where(OUTBOX.c.id != "7")))

    def count():
        with database.read() as connection:
            return connection.scalar(select(func.count()).select_from(OUTBOX))

    rng = random.Random(1)
    for _ in range(3):
        process = probe.process(LOAD, url(database), str(tmp_path / "copy"))
        assert process.stdout.readline() == "begins\n"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=rng.uniform(0, 0.3))
        process.kill()
        process.communicate()
        assert count() in (1, 5000)
    load(database, tmp_path / "copy")
    assert count() == 5000
