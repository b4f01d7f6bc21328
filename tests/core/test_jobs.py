import asyncio
import threading

import msgspec
import pytest

from lineshaft.core import clock
from lineshaft.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from lineshaft.core.jobs import KEPT_DAYS, UNFINISHED, JobRunner


class Shelf:
    """A job store without a disk, which counts what is written and can be broken."""

    def __init__(self):
        self.jobs = {}
        self.writes = 0
        self.broken = False

    async def add(self, job):
        self.jobs[job.id] = job

    async def get(self, job_id):
        return self.jobs.get(job_id)

    async def page(self, *, owner=None, projects=None, before=None, limit=100):
        jobs = [job for job in reversed(self.jobs.values()) if owner in (None, job.owner)]
        jobs = [job for job in jobs if projects is None or job.project in projects]
        return [job for job in jobs if before is None or job.id < before][:limit]

    async def unfinished(self, runner):
        return [job for job in self.jobs.values() if job.runner == runner and job.state in UNFINISHED]

    async def update(self, job):
        await asyncio.sleep(0)
        if self.broken:
            raise Unavailable("records.disk_full", "the disk is full")
        self.writes += 1
        kept = self.jobs[job.id]
        if kept.state in UNFINISHED:
            self.jobs[job.id] = msgspec.structs.replace(job, cancelling=kept.cancelling)
        return kept.cancelling

    async def ask_to_cancel(self, job_id):
        job = self.jobs.get(job_id)
        if job is not None and job.state in UNFINISHED:
            self.jobs[job_id] = job = msgspec.structs.replace(job, cancelling=True)
        return job

    async def forget_before(self, moment):
        old = [job.id for job in self.jobs.values() if job.updated < moment and job.state not in UNFINISHED]
        for job_id in old:
            del self.jobs[job_id]
        return len(old)


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
async def runner(shelf):
    runner = JobRunner(shelf, write_seconds=0.01)
    yield runner
    await runner.stop()


async def until(condition, seconds=60):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # what it waits for calls nobody
            await asyncio.sleep(0.005)


class Steps:
    """A job of numbered steps that stops before each until let go."""

    def __init__(self, count=5):
        self.count = count
        self.done = []
        self.may = asyncio.Semaphore(0)

    def let(self, steps):
        for _ in range(steps):
            self.may.release()

    async def __call__(self, handle, arguments):
        for step in range(handle.cursor or 0, self.count):
            await self.may.acquire()
            self.done.append(step)
            await handle.checkpoint(step + 1, done=step + 1, total=self.count, message=f"step {step}")
        return {"steps": self.count, **arguments}


class TestRunning:
    async def test_a_job_runs_and_keeps_its_result(self, runner, shelf):
        runner.register("steps", steps := Steps())
        with clock.fixed(lambda: 1_000_000):
            job = await runner.submit("steps", "Count", "p/person.1", {"site": "天轴"})
        assert (job.state, job.kind, job.title, job.owner) == ("queued", "steps", "Count", "p/person.1")
        assert (job.created, shelf.jobs[job.id]) == (1_000_000, job)
        steps.let(5)
        ended = await runner.join(job.id)
        assert (ended.state, ended.result) == ("done", {"steps": 5, "site": "天轴"})
        assert (ended.done, ended.total, ended.message) == (5, 5, "step 4")
        assert ended.updated > 1_000_000

    async def test_a_kind_that_nobody_registered_is_refused(self, runner, shelf):
        runner.register("steps", Steps())
        with pytest.raises(InvalidInput) as refusal:
            await runner.submit("leaps", "Leap", "p/person.1")
        assert (refusal.value.code, refusal.value.hint) == ("core.job_kind_unknown", "Known kinds: steps.")
        assert shelf.jobs == {}

    async def test_no_more_run_at_once_than_allowed_and_the_others_queue(self, shelf):
        runner = JobRunner(shelf, at_once=2, write_seconds=0.01)
        runner.register("steps", steps := Steps(1))
        jobs = [await runner.submit("steps", f"{number}", "p/person.1") for number in range(3)]
        await until(lambda: shelf.writes >= 2)
        assert [(await runner.get(job.id)).state for job in jobs] == ["running", "running", "queued"]
        steps.let(3)
        assert [(await runner.join(job.id)).state for job in jobs] == ["done"] * 3

    async def test_an_error_of_ours_is_kept_whole(self, runner):
        async def fails(_handle, _arguments):
            raise NotFound(
                "edge.device_unknown", "there is no device x", "List them.", device="x", reason=ValueError("y")
            )

        runner.register("fails", fails)
        ended = await runner.join((await runner.submit("fails", "Fail", "p/person.1")).id)
        assert ended.state == "failed"
        assert ended.error == {
            "code": "edge.device_unknown",
            "message": "there is no device x",
            "hint": "List them.",
            "facts": {"device": "x", "reason": "y"},
        }

    @pytest.mark.parametrize("what", ["raises", "returns what cannot be written"])
    async def test_an_error_that_nobody_foresaw_fails_the_job_and_not_the_runner(self, runner, what):
        async def crashes(_handle, _arguments):
            return object() if what.startswith("returns") else 1 / 0

        runner.register("crashes", crashes)
        runner.register("steps", steps := Steps(1))
        ended = await runner.join((await runner.submit("crashes", "Crash", "p/person.1")).id)
        assert (ended.state, ended.error["code"]) == ("failed", "core.job_crashed")
        steps.let(1)
        assert (await runner.join((await runner.submit("steps", "Go on", "p/person.1")).id)).state == "done"

    async def test_an_unknown_job_is_not_found(self, runner):
        for call in (runner.get, runner.cancel, runner.join):
            with pytest.raises(NotFound, match="no job 01X"):
                await call("01X")

    async def test_jobs_are_listed_newest_first_page_by_page(self, runner):
        runner.register("steps", Steps(0))
        jobs = []
        for number in range(3):
            with clock.fixed(lambda moment=number: moment * 10**6):
                jobs.append(await runner.submit("steps", f"{number}", f"p/person.{number % 2}"))
        page = await runner.page(limit=2)
        assert [job.title for job in page] == ["2", "1"]
        assert [job.title for job in await runner.page(before=page[-1].id)] == ["0"]
        assert [job.title for job in await runner.page(owner="p/person.0")] == ["2", "0"]


class TestProgress:
    async def test_it_is_seen_at_once_and_written_seldom(self, shelf):
        runner = JobRunner(shelf, write_seconds=1000)
        told = asyncio.Event()

        async def counts(handle, _arguments):
            for number in range(1, 10_001):
                handle.progress(number, 10_000, "counting")
                await asyncio.sleep(0)
            told.set()
            await asyncio.Event().wait()

        runner.register("counts", counts)
        job = await runner.submit("counts", "Count", "p/person.1")
        await told.wait()
        now = await runner.get(job.id)
        assert (now.done, now.total, now.message, now.state) == (10_000, 10_000, "counting", "running")
        assert shelf.writes == 1  # that it runs
        await runner.stop()

    async def test_the_last_word_is_written_without_another_one(self, runner, shelf):
        async def tells(handle, _arguments):
            handle.progress(7)
            await asyncio.Event().wait()

        runner.register("tells", tells)
        job = await runner.submit("tells", "Tell", "p/person.1")
        await until(lambda: shelf.jobs[job.id].done == 7)

    async def test_worker_threads_may_tell_it_and_see_the_cancel(self, runner):
        begun = threading.Event()

        def work(handle):
            while not handle.cancelled:
                handle.progress(handle.job.done + 1)
                begun.set()

        async def threaded(handle, _arguments):
            worker = asyncio.ensure_future(asyncio.to_thread(work, handle))
            try:
                await asyncio.shield(worker)
            finally:
                await worker

        runner.register("threaded", threaded)
        job = await runner.submit("threaded", "Thread", "p/person.1")
        await asyncio.to_thread(begun.wait, 60)
        await runner.cancel(job.id)
        ended = await runner.join(job.id)
        assert ended.state == "cancelled"
        assert ended.done > 0

    async def test_a_checkpoint_is_written_when_it_returns(self, shelf):
        runner = JobRunner(shelf, write_seconds=1000)
        reached = asyncio.Event()

        async def checks(handle, _arguments):
            await handle.checkpoint({"row": 7}, done=7)
            reached.set()
            await asyncio.Event().wait()

        runner.register("checks", checks)
        job = await runner.submit("checks", "Check", "p/person.1")
        await reached.wait()
        assert (shelf.jobs[job.id].cursor, shelf.jobs[job.id].done) == ({"row": 7}, 7)
        await runner.stop()

    async def test_writes_never_overtake_one_another(self, shelf):
        runner = JobRunner(shelf, write_seconds=1000)
        written = []
        slow = asyncio.Event()
        update = shelf.update

        async def first_is_slow(job):
            if job.cursor == 1:
                await slow.wait()
            written.append((job.cursor, job.state))
            return await update(job)

        shelf.update = first_is_slow

        async def hurries(handle, _arguments):
            first = asyncio.ensure_future(handle.checkpoint(1))
            await asyncio.sleep(0)
            second = asyncio.ensure_future(handle.checkpoint(2))
            await asyncio.sleep(0)
            slow.set()
            await asyncio.gather(first, second)

        runner.register("hurries", hurries)
        await runner.join((await runner.submit("hurries", "Hurry", "p/person.1")).id)
        assert [cursor for cursor, _ in written] == sorted((cursor for cursor, _ in written), key=lambda c: c or 0)
        assert written[-1] == (2, "done")


class TestCancel:
    async def test_a_running_job_ends_and_may_clean_up(self, runner, shelf):
        cleaned = []

        async def waits(handle, _arguments):
            try:
                await asyncio.Event().wait()
            finally:
                await handle.checkpoint("last")
                cleaned.append(True)

        runner.register("waits", waits)
        job = await runner.submit("waits", "Wait", "p/person.1")
        await until(lambda: shelf.jobs[job.id].state == "running")
        await runner.cancel(job.id)
        ended = await runner.join(job.id)
        assert (ended.state, ended.cursor, cleaned) == ("cancelled", "last", [True])

    async def test_a_job_cancelled_before_it_could_begin_is_cancelled(self, runner):
        runner.register("steps", Steps(1))
        job = await runner.submit("steps", "Step", "p/person.1")
        await runner.cancel(job.id)
        assert (await runner.join(job.id)).state == "cancelled"

    async def test_a_queued_job_never_runs(self, shelf):
        runner = JobRunner(shelf, at_once=1, write_seconds=0.01)
        runner.register("steps", steps := Steps(1))
        first = await runner.submit("steps", "First", "p/person.1")
        second = await runner.submit("steps", "Second", "p/person.1")
        await runner.cancel(second.id)
        assert (await runner.join(second.id)).state == "cancelled"
        steps.let(2)
        assert (await runner.join(first.id)).state == "done"
        assert steps.done == [0]

    async def test_one_asked_for_elsewhere_is_noticed(self, runner, shelf):
        runner.register("steps", Steps())
        job = await runner.submit("steps", "Step", "p/person.1")
        await until(lambda: shelf.jobs[job.id].state == "running")
        await shelf.ask_to_cancel(job.id)  # by another process
        assert (await runner.join(job.id)).state == "cancelled"

    async def test_a_job_that_has_ended_has_nothing_to_cancel(self, runner):
        runner.register("steps", Steps(0))
        job = await runner.join((await runner.submit("steps", "Step", "p/person.1")).id)
        with pytest.raises(Conflict, match="ended already: done") as refusal:
            await runner.cancel(job.id)
        assert refusal.value.code == "core.job_ended"


class TestRestart:
    async def test_an_interrupted_job_goes_on_from_its_checkpoint(self, shelf):
        first = JobRunner(shelf, write_seconds=0.01)
        first.register("steps", steps := Steps(5))
        job = await first.submit("steps", "Step", "p/person.1", {"site": "a"})
        steps.let(3)
        await until(lambda: shelf.jobs[job.id].cursor == 3)
        await first.stop()
        assert shelf.jobs[job.id].state == "running"

        second = JobRunner(shelf, write_seconds=0.01)
        second.register("steps", again := Steps(5))
        again.let(5)
        await second.start()
        ended = await second.join(job.id)
        assert (ended.state, ended.result) == ("done", {"steps": 5, "site": "a"})
        assert (steps.done, again.done) == ([0, 1, 2], [3, 4])

    async def test_a_queued_job_is_not_forgotten(self, shelf):
        first = JobRunner(shelf, at_once=1)
        first.register("steps", Steps(1))
        jobs = [await first.submit("steps", f"{number}", "p/person.1") for number in range(2)]
        await first.stop()
        second = JobRunner(shelf)
        second.register("steps", steps := Steps(1))
        steps.let(2)
        await second.start()
        assert [(await second.join(job.id)).state for job in jobs] == ["done", "done"]

    async def test_one_cancelled_while_nobody_ran_it_is_cancelled(self, shelf):
        first = JobRunner(shelf)
        first.register("steps", Steps(1))
        job = await first.submit("steps", "Step", "p/person.1")
        await first.stop()
        await shelf.ask_to_cancel(job.id)
        second = JobRunner(shelf)
        second.register("steps", steps := Steps(1))
        await second.start()
        assert (await second.join(job.id)).state == "cancelled"
        assert steps.done == []

    async def test_each_runner_takes_up_its_own(self, shelf):
        first = JobRunner(shelf, "first")
        first.register("steps", Steps(1))
        job = await first.submit("steps", "Step", "p/person.1")
        await first.stop()
        second = JobRunner(shelf, "second")
        second.register("steps", Steps(1))
        await second.start()
        assert (await second.join(job.id)).state in UNFINISHED

    async def test_a_kind_no_longer_known_waits_for_a_release_that_knows_it(self, shelf):
        first = JobRunner(shelf)
        first.register("steps", Steps(1))
        job = await first.submit("steps", "Step", "p/person.1")
        await first.stop()
        await JobRunner(shelf).start()
        assert shelf.jobs[job.id].state in UNFINISHED

    async def test_jobs_that_ended_long_ago_are_forgotten(self, shelf):
        day = 86400 * clock.MICROSECONDS
        runner = JobRunner(shelf)
        runner.register("steps", Steps(0))
        with clock.fixed(lambda: day):
            await runner.join((await runner.submit("steps", "Old", "p/person.1")).id)
        with clock.fixed(lambda: 2 * day):
            await runner.join((await runner.submit("steps", "New", "p/person.1")).id)
        with clock.fixed(lambda: (KEPT_DAYS + 1) * day + 1):
            await runner.start()
        assert [job.title for job in shelf.jobs.values()] == ["New"]


class TestStoreAway:
    async def test_the_work_goes_on_and_its_result_is_written_when_the_store_is_back(self, runner, shelf):
        worked = asyncio.Event()

        async def works(handle, _arguments):
            handle.progress(1)
            worked.set()
            return "result"

        runner.register("works", works)
        shelf.broken = True
        job = await runner.submit("works", "Work", "p/person.1")
        await worked.wait()
        await asyncio.sleep(0)
        assert shelf.jobs[job.id].state == "queued"
        shelf.broken = False
        ended = await runner.join(job.id)
        assert (ended.state, ended.result) == ("done", "result")

    async def test_a_cancel_while_the_result_waits_to_be_written_changes_nothing(self, runner, shelf):
        async def works(_handle, _arguments):
            return "result"

        runner.register("works", works)
        shelf.broken = True
        job = await runner.submit("works", "Work", "p/person.1")
        await until(lambda: runner._running[job.id][0].ending)
        await runner.cancel(job.id)
        shelf.broken = False
        assert (await runner.join(job.id)).state == "done"

    async def test_a_checkpoint_that_cannot_be_written_says_so_to_the_job(self, runner, shelf):
        async def checks(handle, _arguments):
            shelf.broken = True
            try:
                await handle.checkpoint(1)
            finally:
                shelf.broken = False

        runner.register("checks", checks)
        ended = await runner.join((await runner.submit("checks", "Check", "p/person.1")).id)
        assert (ended.state, ended.error["code"]) == ("failed", "records.disk_full")
