"""Long work as jobs: identity, progress, cancel, result, and going on after a restart from where it was.

A job's function is `async (handle, arguments) -> result`. It tells how far it is with `handle.progress`, and with
`handle.checkpoint` from where it can go on; after a restart it is called again and finds that in `handle.cursor`. It
must bear that what it did since its last checkpoint is done twice.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from lineshaft.core import clock, ids, logs
from lineshaft.core.errors import Conflict, InvalidInput, LineshaftError, NotFound, Unavailable
from lineshaft.core.principals import MAIN_PROJECT, Principal

T = TypeVar("T")

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
UNFINISHED: tuple[JobState, ...] = ("queued", "running")
WRITE_SECONDS = 0.5
"""How often, at most, a running job's progress is written."""
KEPT_DAYS = 30
"""How long finished jobs stay listed."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of long work."""

    id: str
    kind: str
    title: str
    owner: str
    """Handle of the principal it runs as."""
    project: str = MAIN_PROJECT
    """That of the object it is about, else of whoever started it."""
    state: JobState = "queued"
    cancelling: bool = False
    """Somebody asked for its end."""
    arguments: dict[str, Any] = {}
    done: int = 0
    total: int | None = None
    message: str = ""
    result: Any = None
    error: dict[str, Any] | None = None
    """`code`, `message`, `hint` and `facts` of what made it fail."""
    cursor: Any = None
    """Where it goes on after a restart; only its own function can read it."""
    runner: str = ""
    """The `JobRunner` that runs it."""
    created: int = 0
    updated: int = 0
    """Microseconds UTC."""


class JobStore(Protocol):
    """Keeps jobs durably. Every method raises Unavailable where the store does not answer."""

    async def add(self, job: Job) -> None: ...

    async def get(self, job_id: str) -> Job | None: ...

    async def page(
        self, *, owner: str | None = None, projects: Collection[str] | None = None, before: str | None = None,
        limit: int = 100,
    ) -> list[Job]:  # fmt: skip
        """Newest first; `before` is the id of the last job of the page before; None: of every owner, every project."""
        ...

    async def unfinished(self, runner: str) -> list[Job]:
        """The runner's queued and running jobs, oldest first."""
        ...

    async def update(self, job: Job) -> bool:
        """Write state, progress, cursor, result and error of a job not yet ended; returns whether it shall end."""
        ...

    async def ask_to_cancel(self, job_id: str) -> Job | None:
        """Note that the job shall end, where it has not yet; returns it."""
        ...

    async def forget_before(self, moment: int) -> int:
        """Delete finished jobs last changed before `moment`; returns how many."""
        ...


class JobHandle:
    """What a job's function holds: what it was given, and how it reports."""

    def __init__(self, job: Job, store: JobStore) -> None:
        self._job = job
        self._store = store
        self._changing = threading.Lock()
        self._writing = asyncio.Lock()
        self._writes: set[asyncio.Task[bool]] = set()
        self._unwritten = False
        self.cancelled = False
        """The end was asked for. Coroutines get `CancelledError`; a worker thread looks here now and then."""
        self.ending = False
        """The function has returned; what is left is to write that down."""

    @property
    def job(self) -> Job:
        """The job with its newest progress."""
        return self._job

    @property
    def cursor(self) -> Any:
        """What the last checkpoint before a restart gave; None at a first start."""
        return self._job.cursor

    def progress(self, done: int, total: int | None = None, message: str | None = None) -> None:
        """Tell how far it is; cheap, from any thread, as often as one likes: written at most twice a second."""
        self._change(done=done, total=total, message=message)

    async def checkpoint(
        self, cursor: Any, *, done: int | None = None, total: int | None = None, message: str | None = None
    ) -> None:
        """Tell from where to go on after a restart; durable when it returns.

        Args:
            cursor: JSON-able.
            done, total, message: as for `progress`, unchanged where None.
        """
        self._change(cursor=cursor, done=done, total=total, message=message)
        await self.write()

    async def write(self) -> bool:
        """Write the newest progress; returns whether somebody asked for the job's end. Writes never overtake."""
        task = asyncio.ensure_future(self._write())
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return await asyncio.shield(task)  # a write once begun ends, even where its caller was cancelled

    async def write_changes(self) -> bool:
        """As `write`, but only asks where there is nothing new to write."""
        if self._unwritten:
            return await self.write()
        job = await self._store.get(self._job.id)
        return job is None or job.cancelling

    def begin(self) -> None:
        """The function is called now."""
        self._change(state="running")

    async def end(self, state: JobState, *, result: Any = None, error: dict[str, Any] | None = None) -> None:
        """Write the final state."""
        self.ending = True
        self._change(state=state, result=result, error=error)
        await self.write()

    async def settle(self) -> None:
        """Wait for writes under way."""
        await asyncio.gather(*self._writes, return_exceptions=True)

    async def _write(self) -> bool:
        async with self._writing:
            self._unwritten = False
            try:
                return await self._store.update(self._job)
            except LineshaftError:
                self._unwritten = True
                raise

    def _change(self, **changes: Any) -> None:
        given = {name: value for name, value in changes.items() if value is not None}
        if "message" in given:
            given["message"] = given["message"].replace("\0", "")  # which PostgreSQL cannot hold
        with self._changing:
            self._job = msgspec.structs.replace(self._job, **given, updated=clock.now_us())
            self._unwritten = True


JobFunction = Callable[[JobHandle, dict[str, Any]], Awaitable[Any]]


class JobRunner:
    """Runs the jobs of one process.

    Args:
        store: keeps them.
        name: the runner's own; a restarted process takes up the unfinished jobs of its name, so two that run at once
            need two names.
        at_once: how many run at a time; the others queue.
        write_seconds: how often progress is written.
    """

    def __init__(
        self, store: JobStore, name: str = "main", *, at_once: int = 2, write_seconds: float = WRITE_SECONDS
    ) -> None:
        self._store = store
        self._name = name
        self._functions: dict[str, JobFunction] = {}
        self._slots = asyncio.Semaphore(at_once)
        self._write_seconds = write_seconds
        self._running: dict[str, tuple[JobHandle, asyncio.Task[None]]] = {}
        self._log = logs.get("jobs")

    def register(self, kind: str, function: JobFunction) -> None:
        """Make a kind of job known; before `start`."""
        self._functions[kind] = function

    async def start(self) -> None:
        """Take up what an earlier process of this name left, and forget what ended long ago."""
        await self._store.forget_before(clock.now_us() - KEPT_DAYS * 86400 * clock.MICROSECONDS)
        for job in await self._store.unfinished(self._name):
            if job.kind in self._functions:
                self._log.info("job_resumed", job=job.id, kind=job.kind, done=job.done)
                self._begin(job)
            else:  # a later release, or a package that is installed again, may know it
                self._log.warning("job_kind_unknown", job=job.id, kind=job.kind)

    async def stop(self) -> None:
        """Interrupt the jobs; they stay unfinished and go on at the next start."""
        running = list(self._running.values())
        for _, task in running:
            task.cancel()
        await asyncio.gather(*(task for _, task in running), return_exceptions=True)
        for handle, _ in running:
            await handle.settle()

    async def submit(
        self, kind: str, title: str, owner: str, arguments: Mapping[str, Any] | None = None, *,
        project: str = MAIN_PROJECT,
    ) -> Job:  # fmt: skip
        """Queue a job; it is durable when this returns.

        Args:
            kind: one that was registered.
            title: what people see in lists.
            owner: handle of the principal it runs as.
            arguments: JSON-able; given to the function at each start.
            project: whose members may know of it.

        Raises:
            InvalidInput: the kind is unknown.
        """
        if kind not in self._functions:
            known = ", ".join(sorted(self._functions)) or "none"
            raise InvalidInput(
                "core.job_kind_unknown", f"there is no kind of job {kind!r}",
                f"Known kinds: {known}.", field="kind", value=kind, known=known,
            )  # fmt: skip
        now = clock.now_us()
        job = Job(
            id=ids.new_id(), kind=kind, title=title, owner=owner, project=project, arguments=dict(arguments or {}),
            runner=self._name, created=now, updated=now,
        )  # fmt: skip
        await self._store.add(job)
        self._begin(job)
        return job

    async def get(self, job_id: str, *, reader: Principal | None = None) -> Job:
        """A job, with its newest progress where it runs here.

        Args:
            reader: who wants to know; a job of a project that is not theirs is not there for them.

        Raises:
            NotFound: no such job.
        """
        running = self._running.get(job_id)
        job = await self._store.get(job_id) if running is None else running[0].job
        if job is None or (reader is not None and not reader.sees(job.project)):
            raise _unknown(job_id)
        return job

    async def page(
        self, *, owner: str | None = None, projects: Collection[str] | None = None, before: str | None = None,
        limit: int = 100,
    ) -> list[Job]:  # fmt: skip
        """Jobs, newest first; see `JobStore.page`."""
        return await self._store.page(owner=owner, projects=projects, before=before, limit=limit)

    async def cancel(self, job_id: str) -> Job:
        """Ask for a job's end, wherever it runs; returns it as it stands now.

        Raises:
            NotFound: no such job.
            Conflict: it has ended already.
        """
        job = await self._store.ask_to_cancel(job_id)
        if job is None:
            raise _unknown(job_id)
        if job.state not in UNFINISHED:
            raise Conflict(
                "core.job_ended", f"job {job_id} has ended already: {job.state}", "There is nothing left to cancel.",
                field="job", value=job_id, state=job.state,
            )  # fmt: skip
        await asyncio.sleep(0)  # a task that has not begun would end without writing anything
        if job_id in self._running:
            handle, task = self._running[job_id]
            handle.cancelled = True
            if not handle.ending:
                task.cancel()
        return job

    async def join(self, job_id: str) -> Job:
        """Wait until a job of this runner has ended; returns it."""
        if job_id in self._running:
            await asyncio.wait([self._running[job_id][1]])
        return await self.get(job_id)

    def _begin(self, job: Job) -> None:
        handle = JobHandle(job, self._store)
        task = asyncio.create_task(self._carry_out(handle), name=f"job {job.id}")
        self._running[job.id] = handle, task
        task.add_done_callback(lambda _: self._running.pop(job.id))

    async def _carry_out(self, handle: JobHandle) -> None:
        """One job from its turn to its end. Cancelled without having been asked for, it stays unfinished."""
        ending: dict[str, Any]
        try:
            if handle.job.cancelling:  # asked for, and then the process ended
                raise asyncio.CancelledError  # noqa: TRY301  # the same way out as below
            async with self._slots:
                ending = await self._work(handle)
        except asyncio.CancelledError:
            if not (handle.cancelled or handle.job.cancelling):
                raise
            ending = {"state": "cancelled"}
        await self._insist(lambda: handle.end(**ending))
        self._log.info("job_ended", job=handle.job.id, kind=handle.job.kind, state=handle.job.state)

    async def _work(self, handle: JobHandle) -> dict[str, Any]:
        """Call the function; returns how the job ended. The one place where whatever it raises is caught."""
        job = handle.job
        handle.begin()
        reporter = asyncio.create_task(self._report(handle))
        try:
            result = msgspec.to_builtins(await self._functions[job.kind](handle, dict(job.arguments)))
        except LineshaftError as error:
            return {"state": "failed", "error": _described(error)}
        except Exception as error:  # noqa: BLE001  # the boundary of foreign code: counted, logged, kept with the job
            self._log.exception("job_crashed", job=job.id, kind=job.kind)
            crash = LineshaftError(
                "core.job_crashed", f"job {job.title!r} failed in a way nobody foresaw: {error!r}",
                "The log of the service has the details; please report them.", title=job.title, reason=repr(error),
            )  # fmt: skip
            return {"state": "failed", "error": _described(crash)}
        else:
            return {"state": "done", "result": result}
        finally:
            reporter.cancel()

    async def _report(self, handle: JobHandle) -> None:
        """Write progress in the background and learn whether somebody, here or elsewhere, asked for the end."""
        while True:
            if await self._insist(handle.write_changes):
                handle.cancelled = True
                self._running[handle.job.id][1].cancel()
                return
            await asyncio.sleep(self._write_seconds)

    async def _insist(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write until the store takes it; says so once when it stops and once when it goes on."""
        refused = False
        while True:
            try:
                answer = await write()
            except Unavailable as error:
                if not refused:
                    self._log.warning("job_store_lost", code=error.code, message=error.message)
                refused = True
                await asyncio.sleep(self._write_seconds)
            else:
                if refused:
                    self._log.info("job_store_back")
                return answer


def _described(error: LineshaftError) -> dict[str, Any]:
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "facts": msgspec.to_builtins(error.facts, enc_hook=str),
    }


def _unknown(job_id: str) -> NotFound:
    return NotFound(
        "core.job_unknown",
        f"there is no job {job_id}",
        "List the jobs to see their ids; those that ended long ago are forgotten.",
        field="job",
        value=job_id,
    )
