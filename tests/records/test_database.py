import asyncio
import concurrent.futures
import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table, func, insert, inspect, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from lineshaft.core.errors import Corrupt, InvalidInput, Unavailable
from lineshaft.core.home import Home
from lineshaft.records import Database, RecordsSettings
from lineshaft.records.database import announce
from lineshaft.records.testing import fresh_postgres_database, open_url

METADATA = MetaData()
THING = Table("test_thing", METADATA, Column("name", String, primary_key=True), Column("count", Integer))
PART = Table("test_part", METADATA, Column("thing", ForeignKey("test_thing.name")))


@pytest.fixture
def things(blank_database):
    return with_things(blank_database)


@pytest.fixture
def server_things(postgres):
    """As `things`, for what only a server does."""
    with fresh_postgres_database(postgres) as db:
        yield with_things(db)


def with_things(db):
    METADATA.create_all(db.engine)
    with db.begin() as connection:
        connection.execute(insert(THING).values(name="first", count=0))
    return db


@pytest.fixture
def file(tmp_path):
    """A database file that this process has closed again."""
    db = open_url(f"sqlite:///{tmp_path}/records.db")
    METADATA.create_all(db.engine)
    db.close()
    return tmp_path / "records.db"


def names(connection):
    return connection.execute(select(THING.c.name).order_by(THING.c.name)).scalars().all()


class TestOpening:
    def test_without_an_address_it_is_a_file_of_the_home_that_only_its_owner_reads(self, tmp_path):
        db = Database.open(RecordsSettings(), Home(tmp_path))
        METADATA.create_all(db.engine)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        db.close()
        assert modes == {"records.db": 0o600, "records.db-wal": 0o600, "records.db-shm": 0o600}

    def test_a_relative_file_lies_in_the_home(self, tmp_path):
        db = Database.open(RecordsSettings(url="sqlite:///other.db"), Home(tmp_path))
        db.close()
        assert (tmp_path / "other.db").exists()

    @pytest.mark.parametrize(
        "url", ["sqlite://", "sqlite:///:memory:", "sqlite:///a.db?mode=ro", "mysql://host/name", "records.db", "://"]
    )
    def test_an_address_it_cannot_use_is_refused(self, tmp_path, url):
        with pytest.raises(InvalidInput) as refusal:
            Database.open(RecordsSettings(url=url), Home(tmp_path))
        assert refusal.value.code == "records.url_unsupported"
        assert list(tmp_path.iterdir()) == []

    def test_a_password_in_the_address_shows_nowhere(self):
        db = open_url("postgresql://user:geheim@localhost:1/name", wait_seconds=1)
        with pytest.raises(Unavailable) as refusal, db.read():
            pass
        db.close()
        assert refusal.value.code == "records.unreachable"
        assert "geheim" not in str(refusal.value) + str(refusal.value.facts) + db.place

    def test_a_missing_folder_is_named(self, tmp_path):
        with pytest.raises(Unavailable, match="nowhere") as refusal:
            open_url(f"sqlite:///{tmp_path}/nowhere/records.db")
        assert refusal.value.code == "records.unreachable"

    def test_a_file_that_is_no_database_is_refused_and_left_alone(self, tmp_path):
        (tmp_path / "records.db").write_bytes(b"something else " * 1000)
        with pytest.raises(Corrupt) as refusal:
            open_url(f"sqlite:///{tmp_path}/records.db")
        assert refusal.value.code == "records.damaged"
        assert (tmp_path / "records.db").read_bytes() == b"something else " * 1000

    def test_postgresql_without_its_driver_says_what_to_install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(Unavailable) as refusal:
            open_url("postgresql://localhost/name")
        assert refusal.value.code == "records.psycopg_missing"

    def test_a_box_loads_neither_alembic_nor_psycopg(self, file):
        script = (
            "import sys; from lineshaft.records.testing import fresh_postgres_database, open_url; from lineshaft.records import pending, outbox\n"
            f"db = open_url('sqlite:///{file}')\n"
            "print(pending(db, ['records']))\n"
            "print(sorted({'alembic', 'mako', 'psycopg', 'numpy', 'pyarrow'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines() == ["['records/0001_first', 'records/0002_project']", "[]"]

    def test_many_may_open_a_new_file_at_once(self, tmp_path):
        together = threading.Barrier(6)

        def open_it():
            together.wait()
            db = open_url(f"sqlite:///{tmp_path}/records.db")
            db.close()

        with concurrent.futures.ThreadPoolExecutor(6) as threads:
            for done in [threads.submit(open_it) for _ in range(6)]:
                done.result()

    def test_where_two_make_a_file_durable_at_the_same_moment_the_loser_tries_again(self, tmp_path, monkeypatch):
        """SQLite then says "locked" without waiting: about once in a hundred races, here always."""
        connect, attempts = sqlite3.connect, []

        def lose_the_first_race(*arguments, **options):
            attempts.append(1)
            if len(attempts) == 1:
                lost = sqlite3.OperationalError("database is locked")
                lost.sqlite_errorcode = sqlite3.SQLITE_BUSY
                raise lost
            return connect(*arguments, **options)

        monkeypatch.setattr("lineshaft.records.sqlite.sqlite3.connect", lose_the_first_race)
        db = open_url(f"sqlite:///{tmp_path}/records.db")
        with db.read() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        db.close()


class TestWriting:
    def test_what_was_committed_survives_a_kill(self, things, probe, url):
        script = """
            from sqlalchemy import text
            from lineshaft.records.testing import open_url
            db = open_url(sys.argv[1])
            for number in range(10**6):
                db.transact(lambda connection: connection.execute(text(f"INSERT INTO test_thing VALUES ('{number}', 1)")))
                print(number, flush=True)
        """
        process = probe.process(script, url(things))
        for _ in range(50):
            process.stdout.readline()
        process.kill()
        told = 50 + len([line for line in process.communicate()[0].splitlines(keepends=True) if line.endswith("\n")])
        with things.read() as connection:
            assert connection.scalar(select(func.sum(THING.c.count))) in (told, told + 1)

    def test_what_a_failed_transaction_did_is_gone_tables_included(self, things):
        def half_done(connection):
            connection.execute(insert(THING).values(name="second"))
            connection.execute(text("CREATE TABLE test_more (a INTEGER)"))
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            things.transact(half_done)
        with things.read() as connection:
            assert names(connection) == ["first"]
        assert not inspect(things.engine).has_table("test_more")

    def test_a_savepoint_undoes_its_part_only(self, things):
        with things.begin() as connection:
            connection.execute(insert(THING).values(name="second"))
            with contextlib.suppress(IntegrityError), connection.begin_nested():
                connection.execute(insert(THING).values(name="third"))
                connection.execute(insert(THING).values(name="first"))
        with things.read() as connection:
            assert names(connection) == ["first", "second"]

    def test_a_reference_to_nothing_is_an_integrity_error(self, things):
        with pytest.raises(IntegrityError), things.begin() as connection:
            connection.execute(insert(PART).values(thing="nothing"))

    def test_concurrent_changes_of_one_record_all_count(self, things):
        def increment(connection):
            count = connection.scalar(select(THING.c.count))
            connection.execute(update(THING).values(count=count + 1))

        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            for done in [threads.submit(things.transact, increment) for _ in range(60)]:
                done.result()
        with things.read() as connection:
            assert connection.scalar(select(THING.c.count)) == 60

    def test_two_transactions_that_each_saw_the_other_absent_cannot_both_win(self, things):
        together = threading.Barrier(2)

        def add_if_alone(connection, name):
            alone = connection.scalar(select(func.count()).where(THING.c.name != "first")) == 0
            with contextlib.suppress(threading.BrokenBarrierError):
                together.wait(timeout=0.2)  # on SQLite the other one cannot have begun
            if alone:
                connection.execute(insert(THING).values(name=name))

        with concurrent.futures.ThreadPoolExecutor(2) as threads:
            for done in [threads.submit(things.transact, add_if_alone, name) for name in ("left", "right")]:
                done.result()
        with things.read() as connection:
            assert len(names(connection)) == 2

    async def test_write_and_query_run_in_other_threads_and_return_what_the_function_returns(self, things):
        def add(connection, name, *, count):
            connection.execute(insert(THING).values(name=name, count=count))
            return threading.current_thread()

        assert await things.write(add, "second", count=2) is not threading.current_thread()
        assert await things.query(names) == ["first", "second"]

    async def test_a_write_whose_caller_was_cancelled_is_whole_nevertheless(self, things):
        begun, go_on = threading.Event(), threading.Event()

        def slow(connection):
            connection.execute(insert(THING).values(name="second"))
            begun.set()
            go_on.wait(30)
            connection.execute(insert(THING).values(name="third"))

        task = asyncio.create_task(things.write(slow))
        await asyncio.to_thread(begun.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        things.close()
        url = things.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
        with contextlib.closing(open_url(url)) as again, again.read() as connection:
            assert names(connection) == ["first", "second", "third"]

    def test_a_commit_is_told_to_those_who_listen_a_rollback_is_not(self, things):
        told = []
        forget = things.listen("topic", lambda: told.append("topic"))
        things.listen("other", lambda: told.append("other"))
        with contextlib.suppress(ZeroDivisionError), things.begin() as connection:
            announce(connection, "topic")
            raise ZeroDivisionError
        with things.begin():
            pass
        assert told == []
        with things.begin() as connection:
            announce(connection, "topic")
            assert told == []
        assert told == ["topic"]
        forget()
        with things.begin() as connection:
            announce(connection, "topic")
        assert told == ["topic"]


class TestReading:
    def test_a_reader_sees_one_moment_and_delays_no_writer(self, things):
        with things.read() as connection:
            assert names(connection) == ["first"]
            with things.begin() as other:
                other.execute(insert(THING).values(name="second"))
            assert names(connection) == ["first"]
        with things.read() as connection:
            assert names(connection) == ["first", "second"]

    def test_a_reader_cannot_write_and_the_next_writer_can(self, things):
        for _ in range(10):  # whatever connection of the pool it gets
            with pytest.raises(DBAPIError, match=r"read-?only"), things.read() as connection:
                connection.execute(insert(THING).values(name="second"))
        with things.begin() as connection:
            connection.execute(insert(THING).values(name="second"))


def enter_patiently(stack, enter, seconds=60):
    """Enter a context that a busy server may be too slow for at first."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return stack.enter_context(enter())
        except Unavailable:
            assert time.monotonic() < deadline


class TestFaults:
    def test_a_lock_held_too_long_is_named_and_passes(self, file):
        db = open_url(f"sqlite:///{file}", wait_seconds=0.1)
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable) as refusal, db.begin():
                pass
            other.execute("ROLLBACK")
        assert refusal.value.code == "records.busy"
        with db.begin() as connection:
            connection.execute(insert(THING).values(name="first"))
        db.close()

    def test_a_second_writer_of_the_same_process_waits_no_longer_than_it_may(self, file):
        db = open_url(f"sqlite:///{file}", wait_seconds=0.1)
        with db.begin(), pytest.raises(Unavailable) as refusal, db.begin():
            pass
        assert refusal.value.code == "records.busy"
        with db.begin():
            pass
        db.close()

    def test_a_locked_row_on_the_server_is_named(self, postgres, server_things):
        impatient = open_url(postgres.url(server_things.engine.url.database), wait_seconds=3)  # to connect, too
        with contextlib.ExitStack() as reader:
            enter_patiently(reader, impatient.read)  # its connection stays
        with server_things.begin() as connection:
            connection.execute(update(THING).values(count=1))
            with pytest.raises(Unavailable) as refusal, impatient.begin() as other:
                other.execute(update(THING).values(count=2))
        impatient.close()
        assert refusal.value.code == "records.busy"

    def test_more_transactions_than_connections_wait_and_then_say_so(self, things):
        url = things.engine.url.render_as_string(hide_password=False)
        small = open_url(url.replace("+psycopg", ""), wait_seconds=3, threads=1)  # to connect, too
        with contextlib.ExitStack() as readers:
            enter_patiently(readers, small.read)
            enter_patiently(readers, small.read)
            with pytest.raises(Unavailable) as refusal:
                readers.enter_context(small.read())
            assert refusal.value.code == "records.busy"
        with small.read() as connection:
            assert names(connection) == ["first"]
        small.close()

    def test_a_full_disk_is_named_nothing_is_half_done_and_it_goes_on_afterwards(self, file):
        db = open_url(f"sqlite:///{file}", threads=1)

        def fill(connection):
            connection.execute(insert(THING).values(name="small"))
            connection.execute(insert(THING).values(name="big" * 100_000))

        with db.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(Unavailable) as refusal:
            db.transact(fill)
        assert refusal.value.code == "records.disk_full"
        with db.read() as connection:
            assert names(connection) == []
        with db.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        db.transact(fill)
        db.close()

    def test_a_file_that_takes_no_writes_can_still_be_read(self, file):
        with file.open("r+b") as raw:  # "write version" of the header: later than any that SQLite writes
            raw.seek(18)
            raw.write(b"\x03")
        db = open_url(f"sqlite:///{file}")
        with db.read() as connection:
            assert names(connection) == []
        with pytest.raises(Unavailable) as refusal, db.begin() as connection:
            connection.execute(insert(THING).values(name="first"))
        db.close()
        assert refusal.value.code == "records.read_only"

    def test_a_damaged_page_is_named(self, file):
        db = open_url(f"sqlite:///{file}")
        with db.begin() as connection:
            connection.execute(insert(THING), [{"name": f"thing {number:06}"} for number in range(2000)])
        db.close()
        size = file.stat().st_size
        with file.open("r+b") as raw:
            raw.seek(4096)
            raw.write(os.urandom(size - 4096))
        db = open_url(f"sqlite:///{file}")
        with pytest.raises(Corrupt) as refusal, db.read() as connection:
            names(connection)
        db.close()
        assert refusal.value.code == "records.damaged"

    @pytest.mark.parametrize(
        ("state", "code"),
        [
            ("53100", "records.disk_full"),
            ("40001", "records.collision"),
            ("40P01", "records.collision"),
            ("25006", "records.read_only"),
            ("58030", "records.disk_error"),
            ("XX001", "records.damaged"),
            ("57P03", "records.unreachable"),
        ],
    )
    def test_what_the_server_reports_is_told_in_the_same_words(self, server_things, state, code):
        with pytest.raises((Unavailable, Corrupt)) as refusal, server_things.begin() as connection:
            connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'reason' USING ERRCODE = '{state}'; END $$")
        assert refusal.value.code == code
        assert server_things.transact(names) == ["first"]

    def test_a_server_that_cuts_a_transaction_is_named_and_the_next_one_gets_a_new_connection(self, server_things):
        with pytest.raises(Unavailable) as refusal, server_things.begin() as connection:
            connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
        assert refusal.value.code == "records.unreachable"
        assert server_things.transact(names) == ["first"]

    def test_a_connection_cut_while_nobody_used_it_is_replaced_without_a_word(self, server_things, postgres):
        database = server_things.engine.url.database
        assert server_things.transact(names) == ["first"]
        postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
        assert server_things.transact(names) == ["first"]

    @pytest.mark.parametrize("values", [{"name": "\ud800"}, {"name": "a", "count": 2**64}])
    def test_a_value_that_no_engine_can_hold_is_bad_input(self, things, values):
        with pytest.raises(InvalidInput) as refusal, things.begin() as connection:
            connection.execute(insert(THING).values(**values))
        assert refusal.value.code == "records.value_refused"

    def test_a_text_that_the_server_cannot_hold_is_bad_input(self, server_things):
        with pytest.raises(InvalidInput) as refusal, server_things.begin() as connection:
            connection.execute(insert(THING).values(name="a\0b"))
        assert refusal.value.code == "records.value_refused"

    def test_transactions_that_keep_colliding_are_given_up_with_a_clear_error(self, server_things, monkeypatch):
        monkeypatch.setattr("lineshaft.records.database.time.sleep", lambda _: None)
        calls = []

        def collide(connection):
            calls.append(1)
            connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$")

        with pytest.raises(Unavailable) as refusal:
            server_things.transact(collide)
        assert refusal.value.code == "records.collision"
        assert len(calls) == 10


def test_each_sqlite_connection_is_durable_and_checks_references(file):
    db = open_url(f"sqlite:///{file}")
    with db.begin() as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "query_only")
        ]
    db.close()
    assert pragmas == ["wal", 2, 1, 0]


class TestClosing:
    def test_a_transaction_of_any_thread_ends_first(self, things):
        inside, go_on, done = threading.Event(), threading.Event(), threading.Event()

        def work():
            with things.read() as connection:
                inside.set()
                assert go_on.wait(30)
                assert names(connection) == ["first"]
                done.set()

        thread = threading.Thread(target=work)
        thread.start()
        assert inside.wait(30)
        threading.Timer(0.1, go_on.set).start()
        things.close()
        assert done.is_set()
        thread.join()

    def test_afterwards_none_begins(self, things):
        things.close()
        for begin in (things.read, things.begin):
            with pytest.raises(Unavailable) as refusal, begin():
                pass
            assert refusal.value.code == "records.closed"
