"""`Database`: the one way to the records, with the same promises on both engines.

A write transaction is serialisable: what it read has not changed when it commits. A read transaction sees one moment
of the whole database and cannot write. A commit that returned is on disk.
"""

import asyncio
import contextvars
import functools
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.core.home import Home
from lineshaft.records import faults
from lineshaft.records.settings import RecordsSettings

P = ParamSpec("P")
T = TypeVar("T")

_ATTEMPTS = 10
_TOPICS = "records_topics"


class Database:
    """The records of one installation; shared by all threads of a process. Made by `open`."""

    def __init__(self, engine: Engine, settings: RecordsSettings) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        url = engine.url
        self.place = str(url.database) if self.is_sqlite else url.render_as_string(hide_password=True)
        """File or address, without a password, for messages."""
        self._wait_seconds = settings.wait_seconds
        self._turn = threading.Lock()
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="records")
        self._listeners: list[tuple[str, Callable[[], object]]] = []
        self._busy = threading.Condition()
        self._in_use = 0
        self._closed = False

    @classmethod
    def open(cls, settings: RecordsSettings, home: Home) -> "Database":
        """Open the records that the settings name: a SQLite file (made if missing) or a PostgreSQL database.

        A file is opened at once; a server is asked at first use, so that a service can start before it.

        Raises:
            InvalidInput: the address is none that we know.
            Unavailable: the file cannot be opened, or psycopg is missing.
            Corrupt: the file is not a database.
        """
        try:
            url = make_url(settings.url or "sqlite:///records.db")
        except ArgumentError:
            raise _unsupported(settings.url) from None
        if url.drivername == "sqlite" and url.database not in (None, ":memory:") and not url.query:
            from lineshaft.records import sqlite

            file = home.path / Path(str(url.database)).expanduser()
            return cls(sqlite.open_engine(file, settings.wait_seconds, settings.threads), settings)
        if url.drivername in ("postgresql", "postgresql+psycopg"):
            from lineshaft.records import postgresql

            return cls(postgresql.open_engine(url, settings.wait_seconds, settings.threads), settings)
        raise _unsupported(url.render_as_string(hide_password=True))

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One write transaction in this thread: commits at the end of the block, leaves nothing where it raises.

        Prefer `write` or `transact`, which try again where two transactions collide (PostgreSQL).

        Raises:
            Unavailable: see `records.faults`.
        """
        # Threads of one process wait for their turn here: SQLite's own waiting is a poll without order.
        with self._my_turn() if self.is_sqlite else nullcontext(), self._connection() as connection:
            connection.info.pop(_TOPICS, None)
            with connection.begin():
                yield connection
            topics: set[str] = connection.info.pop(_TOPICS, set())
        for topic, callback in tuple(self._listeners):
            if topic in topics:
                callback()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One read transaction in this thread: one moment of the whole database, whatever is written meanwhile."""
        options: dict[str, Any] = {faults.READING: True}
        if not self.is_sqlite:
            options.update(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with self._connection() as connection:
            connection.execution_options(**options)
            with connection.begin():
                yield connection

    def transact(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`function(connection, …)` inside one write transaction in this thread.

        It may run more than once (each time on a new transaction), so it must change nothing but the database.
        """
        for attempt in range(_ATTEMPTS):
            try:
                with self.begin() as connection:
                    return function(connection, *args, **kwargs)
            except Unavailable as error:
                if error.code != "records.collision" or attempt == _ATTEMPTS - 1:
                    raise
            time.sleep(random.uniform(0, 0.005 * 2**attempt))  # noqa: S311  # spreads rivals, guards nothing
        raise AssertionError("the last attempt returns or raises")

    async def write(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`transact` in a worker thread. A caller cancelled meanwhile does not stop it: it may still commit."""
        return await self._in_thread(functools.partial(self.transact, function, *args, **kwargs))

    async def query(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`function(connection, …)` inside one read transaction in a worker thread."""
        return await self._in_thread(functools.partial(self._reading, function, *args, **kwargs))

    def listen(self, topic: str, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback` after each commit of this process that announced `topic`; returns what undoes it.

        The callback runs in the thread that committed; it must be quick and must not raise.
        """
        entry = (topic, callback)
        self._listeners.append(entry)
        return lambda: self._listeners.remove(entry)

    def close(self) -> None:
        """Wait for the transactions that run, in whatever thread, then close every connection; none begins any more."""
        self._threads.shutdown(wait=True)
        with self._busy:
            self._closed = True
            self._busy.wait_for(lambda: not self._in_use, self._wait_seconds)
        self.engine.dispose()

    def _reading(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.read() as connection:
            return function(connection, *args, **kwargs)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._threads, context.run, work)

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=self._wait_seconds):
            raise faults.busy(self.place, self._wait_seconds)
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with self._counted():
            try:
                connection = self.engine.connect()
            except PoolTimeoutError as error:
                raise faults.busy(self.place, self._wait_seconds) from error
            with connection:
                yield connection

    @contextmanager
    def _counted(self) -> Iterator[None]:
        # A connection made behind `close` would stay open for ever: a thread that outlives its task finds this door shut.
        with self._busy:
            if self._closed:
                raise faults.closed(self.place)
            self._in_use += 1
        try:
            yield
        finally:
            with self._busy:
                self._in_use -= 1
                self._busy.notify_all()


def announce(connection: Connection, topic: str) -> None:
    """Tell `Database.listen` of this process about `topic` once this transaction has committed."""
    connection.info.setdefault(_TOPICS, set()).add(topic)


def _unsupported(url: str) -> InvalidInput:
    return InvalidInput(
        "records.url_unsupported", f"setting records.url is {url!r}, which names no database we can use",
        "Leave it empty, or give sqlite:///path or postgresql://user:password@host/name.",
        field="records.url", value=url,
    )  # fmt: skip
