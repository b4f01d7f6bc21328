"""What all tests share: the two databases, and the rules for tests that need a foreign program or much time."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from lineshaft.access import recording
from lineshaft.bus import server as bus_server
from lineshaft.records import Database, upgrade
from lineshaft.records.testing import (
    PostgresServer,
    fresh_postgres_database,
    migrated_packages,
    postgres_server,
    sqlite_database,
)

_TEMPLATE = "migrated"
_CONSOLE = "tests/console/"
# How long an example takes, to make or to try, is the machine's load, not the code.
settings.register_profile("lineshaft", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lineshaft")


def pytest_configure() -> None:
    """What a run needs that is done by several processes, on a machine that may be slow."""
    # Few tests run an access service, and nobody else takes the audit trail to the ledger: after half a minute, which a
    # test may well take, all changes would be refused.
    recording.STALLED_SECONDS = 3600.0
    # Each process has ports of its own: one that is free for a moment is not taken by a test beside it.
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    bus_server._FREE_PORTS = bus_server._FREE_PORTS[number::count]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """As `--dist loadfile` has it, a file's tests in one process; all of the console's in one, for they share a box."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _CONSOLE if nodeid.startswith(_CONSOLE) else super()._split_scope(nodeid)

    return ByFile(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("soak") and os.environ.get("LINESHAFT_SOAK") != "1":
        pytest.skip("long; runs in `make soak` only")
    for marker in item.iter_markers("peer"):
        for program in marker.args:
            if shutil.which(program) is None:
                reason = f"needs the program {program!r}, which is not installed"
                if os.environ.get("LINESHAFT_REQUIRE_PEERS") == "1":
                    pytest.fail(f"{reason}, and LINESHAFT_REQUIRE_PEERS is set", pytrace=False)
                pytest.skip(reason)


@pytest.fixture(autouse=True)
def no_console(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whether somebody built the console in this tree changes no test; those of the console build one of their own."""
    monkeypatch.setattr("lineshaft.web.console.FOLDER", tmp_path / "no console")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server, one for the whole run."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    """Name of a database with every package's tables, to copy."""
    with fresh_postgres_database(postgres) as db:
        upgrade(db, migrated_packages())
        db.engine.dispose()
        postgres.execute(f"CREATE DATABASE {_TEMPLATE} TEMPLATE {db.engine.url.database}")
    return _TEMPLATE


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed database file with every package's tables, to copy."""
    folder = tmp_path_factory.mktemp("template")
    with sqlite_database(folder) as db:
        upgrade(db, migrated_packages())
    return folder / "records.db"


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database with every package's tables, on either engine."""
    if request.param == "sqlite":
        with sqlite_database(tmp_path, request.getfixturevalue("sqlite_template")) as db:
            yield db
    else:
        template = request.getfixturevalue("postgres_template")
        with fresh_postgres_database(request.getfixturevalue("postgres"), template) as db:
            yield db


@pytest.fixture(params=["sqlite", "postgres"])
def blank_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table, on either engine."""
    if request.param == "sqlite":
        with sqlite_database(tmp_path) as db:
            yield db
    else:
        with fresh_postgres_database(request.getfixturevalue("postgres")) as db:
            yield db
