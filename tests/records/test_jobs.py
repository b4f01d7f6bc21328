import asyncio
import json
import signal
import time

import pytest

from lineshaft.core.jobs import Job, JobRunner
from lineshaft.records import JobRecords


def job(number, **facts):
    given = {"kind": "count", "title": f"天轴 {number}", "owner": "p/person.1", "runner": "main"}
    times = {"created": number, "updated": number}
    return Job(id=f"{number:026}", **{**given, **times, **facts})


@pytest.fixture
def store(database):
    return JobRecords(database)


async def test_a_job_is_kept_as_it_was_given(store):
    whole = job(
        1, state="failed", cancelling=True, arguments={"a": [1, None]}, done=2**40, total=2**41, message="m\n",
        result={"rows": [1.5]}, error={"code": "x"}, cursor=[1, "two", None],
    )  # fmt: skip
    await store.add(whole)
    await store.add(job(2))
    assert await store.get(whole.id) == whole
    assert await store.get(job(2).id) == job(2)
    assert await store.get("absent") is None


async def test_pages_are_newest_first(store):
    for number in range(5):
        await store.add(job(number, owner=f"p/person.{number % 2}"))
    assert [found.created for found in await store.page(limit=2)] == [4, 3]
    assert [found.created for found in await store.page(before=job(3).id, limit=2)] == [2, 1]
    assert [found.created for found in await store.page(owner="p/person.1")] == [3, 1]


async def test_unfinished_jobs_of_one_runner_come_oldest_first(store):
    for number, state in enumerate(["running", "queued", "done", "failed", "cancelled"]):
        await store.add(job(9 - number, state=state))
    await store.add(job(1, runner="other"))
    assert [(found.created, found.state) for found in await store.unfinished("main")] == [(8, "queued"), (9, "running")]


async def test_an_update_writes_progress_and_tells_whether_the_end_is_wanted(store):
    await store.add(job(1))
    assert await store.update(job(1, state="running", done=5, cursor={"at": 5}, updated=7)) is False
    assert await store.get(job(1).id) == job(1, state="running", done=5, cursor={"at": 5}, updated=7)
    assert (await store.ask_to_cancel(job(1).id)).cancelling
    assert await store.update(job(1, state="running", done=6)) is True
    assert (await store.get(job(1).id)).cancelling


async def test_a_job_that_has_ended_stays_as_it_ended(store):
    await store.add(job(1))
    await store.update(job(1, state="done", result="result"))
    assert await store.update(job(1, state="running", done=3)) is True
    assert (await store.ask_to_cancel(job(1).id)) == job(1, state="done", result="result")


async def test_asking_for_the_end_of_an_unknown_job_finds_nothing(store):
    assert await store.ask_to_cancel("absent") is None
    assert await store.update(job(1)) is True  # nobody wants what nobody knows


async def test_only_ended_jobs_are_forgotten(store):
    for number, state in enumerate(["running", "queued", "done", "failed", "cancelled"]):
        await store.add(job(number, state=state))
    await store.add(job(10, state="done"))
    assert await store.forget_before(10) == 3
    assert [found.created for found in await store.page()] == [10, 1, 0]


COUNT = """
    import asyncio, os
    from lineshaft.core.jobs import JobRunner
    from lineshaft.records import JobRecords
    from lineshaft.records.testing import open_url

    log = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def count(handle, arguments):
        for number in range(handle.cursor or 0, arguments["to"]):
            os.write(log, f"{number}\\n".encode())
            await handle.checkpoint(number + 1, done=number + 1)

    async def main():
        runner = JobRunner(JobRecords(open_url(sys.argv[1])))
        runner.register("count", count)
        await runner.start()
        await asyncio.Event().wait()

    asyncio.run(main())
"""


async def test_killed_at_any_moment_it_goes_on_and_repeats_at_most_one_step(store, database, url, probe, tmp_path):
    log = tmp_path / "log"
    await store.add(job(1, arguments={"to": 200}))

    def lines():
        return log.read_text().split() if log.exists() else []

    for goal in (30, 100):
        process = probe.process(COUNT, url(database), str(log))
        deadline = time.monotonic() + 60
        while len(lines()) < goal:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = probe.process(COUNT, url(database), str(log))
    deadline = time.monotonic() + 60
    while (await store.get(job(1).id)).state != "done":
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    process.kill()
    process.communicate()
    numbers = [json.loads(line) for line in lines()]
    assert sorted(set(numbers)) == list(range(200))
    assert len(numbers) <= 202


async def test_a_runner_works_on_real_records(database):
    runner = JobRunner(JobRecords(database), write_seconds=0.01)

    async def sums(handle, arguments):
        for number in arguments["numbers"]:
            handle.progress(handle.job.done + number)
            await asyncio.sleep(0)
        return {"sum": handle.job.done}

    runner.register("sums", sums)
    ended = await runner.join((await runner.submit("sums", "Sum", "p/person.1", {"numbers": [1, 2, 3]})).id)
    assert (ended.state, ended.result, ended.done) == ("done", {"sum": 6}, 6)
