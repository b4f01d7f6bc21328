"""Maintenance as a job in a process of its own: done when asked, resumed after kill -9, ended when cancelled."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lineshaft.access.labels import LabelBook, Subject, holds
from lineshaft.access.labels.model import Label
from lineshaft.core.home import Home
from lineshaft.core.ids import HandleMinter
from lineshaft.core.jobs import Job
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings
from lineshaft.history.commits import Commit
from lineshaft.history.maintenance.keeper import Keeper
from lineshaft.history.maintenance.order import Asked, job_of
from lineshaft.history.maintenance.settings import MaintenanceSettings
from lineshaft.history.maintenance.tags import kept_tags
from lineshaft.history.model import TagSpec
from lineshaft.history.rollup import DAY_US
from lineshaft.history.segment import read_segment, write_segment
from lineshaft.history.settings import HistorySettings
from lineshaft.history.store import Tags
from lineshaft.history.table import Table
from lineshaft.history.testing import START_US, listed, rows_of
from lineshaft.records import Database, JobRecords, RecordsSettings, upgrade

DAY = START_US // DAY_US * DAY_US
Until = Callable[[Callable[[], bool | Awaitable[bool]]], Awaitable[None]]


class Site:
    """A home with records and a table, and the history service's keeper on it."""

    def __init__(self, home: Home, until: Until) -> None:
        self.home = home
        self.identity = home.prepare()
        self._until = until
        self.database = Database.open(RecordsSettings(), home)
        upgrade(self.database, ["records", "access", "history"])
        self.jobs = JobRecords(self.database)
        self.storage = HistorySettings().storage(home)
        self.table = Table(self.storage.child("samples"), "samples")
        self._fence = self.table.claim("stream@now/0")
        self.keepers: list[Keeper] = []

    def fill(self, files: int, *, tags: int = 3, rows: int = 20) -> None:
        added = []
        for number in range(files):
            start = DAY + number * (DAY_US // files)
            content = [(tag, start + row * 1000, tag + row / 4) for tag in range(1, tags + 1) for row in range(rows)]
            added += write_segment(self.storage.child("samples"), "writer-0", rows_of(content))
        sequence = (self._fence.sequence or 0) + 1
        self.table.commit(Commit(fence=self._fence, sequence=sequence, add=added))
        self._fence = msgspec.structs.replace(self._fence, sequence=sequence)

    def files(self) -> int:
        self.table.refresh()
        return len(self.table.segments())

    def rows(self) -> int:
        self.table.refresh()
        samples = self.storage.child("samples")
        return len({row[:2] for one in self.table.segments() for row in listed(read_segment(samples, one.path))})

    @contextlib.contextmanager
    def held_up(self) -> Iterator[None]:
        """Within its block, whoever reads the table's files stops at the first: a pipe lies there that nobody writes to."""
        file = Path(str(self.storage)) / "samples" / self.table.segments()[0].path
        away = file.with_suffix(".away")
        file.rename(away)
        os.mkfifo(file)
        try:
            yield
        finally:
            away.replace(file)

    def keeper(self, **settings: Any) -> Keeper:
        context = Context(self.home, Settings([MaintenanceSettings(**settings)]))
        keeper = Keeper(context, lambda: self.table.version)
        self.keepers.append(keeper)
        keeper.start()
        return keeper

    async def submit(self, asked: Asked | None = None) -> str:
        job = job_of("Compact the history", "owner", asked or Asked(settle=False))
        await self.jobs.add(job)
        return job.id

    async def job(self, job_id: str) -> Job:
        job = await self.jobs.get(job_id)
        assert job is not None
        return job

    async def ended(self, job_id: str) -> Job:
        async def done() -> bool:
            return (await self.job(job_id)).state not in ("queued", "running")

        await self._until(done)
        return await self.job(job_id)

    async def close(self) -> None:
        for keeper in self.keepers:
            await keeper.stop()
        self.database.close()


@pytest.fixture
async def site(tmp_path: Path, until: Until) -> AsyncIterator[Site]:
    made = Site(Home(tmp_path / "home"), until)
    yield made
    await made.close()


async def test_what_is_due_is_done_by_the_clock_and_listed_as_a_job(site: Site, until: Until) -> None:
    site.fill(6)
    keeper = site.keeper(every_seconds=0.1)
    await until(lambda: site.files() == 1)
    await until(lambda: keeper.pid is None)
    (job,) = await site.jobs.page()
    assert (job.kind, job.state, job.result["merges"], job.result["merged_files"]) == ("history.maintain", "done", 1, 6)
    assert job.result["rolled_until_us"] == DAY + DAY_US
    assert site.rows() == 6 * 3 * 20
    assert keeper.check().ok


async def test_a_killed_job_is_taken_up_by_the_next_process(site: Site, until: Until) -> None:
    site.fill(40, rows=500)
    job_id = await site.submit()
    keeper = site.keeper(every_seconds=3600)
    lock = Path(str(site.storage)) / "maintenance.lock"
    with site.held_up():  # it is killed in the middle, however late we look
        keeper.ask()
        await until(lambda: lock.exists() and lock.stat().st_size > 0)
        assert keeper.pid is not None
        os.kill(keeper.pid, signal.SIGKILL)
        await keeper.stop()
    assert (await site.job(job_id)).state in ("queued", "running")
    site.keeper(every_seconds=3600)  # a restarted service: nobody asks again
    assert (await site.ended(job_id)).state == "done"
    assert (site.files(), site.rows()) == (1, 40 * 3 * 500)


async def test_a_cancelled_job_ends_and_leaves_the_table_whole(site: Site) -> None:
    site.fill(4)
    job_id = await site.submit()
    await site.jobs.ask_to_cancel(job_id)
    site.keeper(every_seconds=3600).ask()
    assert (await site.ended(job_id)).state == "cancelled"
    assert (site.files(), site.rows()) == (4, 4 * 3 * 20)


async def test_a_process_without_its_service_ends(site: Site, until: Until) -> None:
    site.fill(2)
    keeper = site.keeper(every_seconds=3600)
    keeper.ask()
    await until(lambda: keeper.pid is not None)
    await asyncio.wait_for(keeper.stop(), 120)
    assert keeper.pid is None


async def test_a_keeper_that_is_stopped_as_it_is_asked_ends(site: Site, until: Until) -> None:
    keeper = site.keeper(every_seconds=3600)
    await until(lambda: bool(keeper._asked._waiters))  # type: ignore[attr-defined]
    keeper.ask()
    await asyncio.wait_for(keeper.stop(), 60)
    assert keeper.pid is None


async def test_a_label_says_how_long_and_a_legal_hold_keeps(site: Site) -> None:
    tenant = site.identity.tenant
    tags = Tags(site.database, HandleMinter(site.identity.prefix))
    paths = [f"acme/berlin/press/1/a/device/{name}" for name in ("kept", "short")]

    def prepare(connection: Any) -> None:
        tags.allocate(connection, tenant, [TagSpec(path=path) for path in paths])
        label = Label(domain="production", grade_2020=1, grade_2022="general", retention_days=30)
        LabelBook(tenant).put(connection, Subject("tag", "acme/berlin"), label, author="me", state="confirmed")

    await site.database.write(prepare)
    found = await kept_tags(site.database, tenant, site.identity.prefix)
    assert [(one.path, one.label_days, one.is_held) for one in found] == [(path, 30, False) for path in paths]
    await site.database.write(
        lambda connection: holds.place(connection, tenant, Subject("tag", paths[0]), reason="trial", author="me")
    )
    assert [one.is_held for one in await kept_tags(site.database, tenant, site.identity.prefix)] == [True, False]


async def test_expired_samples_go_by_the_settings(site: Site) -> None:
    tenant = site.identity.tenant
    tags = Tags(site.database, HandleMinter(site.identity.prefix))
    specs = [TagSpec(path=f"acme/berlin/press/1/a/device/{name}") for name in ("short", "a", "b")]
    await site.database.write(lambda connection: tags.allocate(connection, tenant, specs))
    site.fill(3)
    job_id = await site.submit()
    site.keeper(every_seconds=3600, retention=("*/short=5",)).ask()
    job = await site.ended(job_id)
    assert job.state == "done", job.error
    assert job.result["expired_rows"] == 60
    assert site.rows() == 120
