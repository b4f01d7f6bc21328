"""Commits for the writer in a process of their own, which lives only while there is something to commit.

The Delta library and what it keeps of a log weigh as much as the whole writer; a seal needs them for a moment every ten
minutes. `Committer` is the writer's side; `python -m lineshaft.history.committer PLACE` is the process. Each request
and each answer is a length and a msgpack document. The process ends when its standard input does.
"""

import asyncio
import contextlib
import os
import signal
import struct
import sys
from typing import Any, BinaryIO

import msgspec

from lineshaft.core.errors import LineshaftError, Unavailable, from_wire
from lineshaft.history.commits import Commit, Fence, Segment, TableName
from lineshaft.history.storage import Place, Storage, open_storage

IDLE_SECONDS = 3.0
_END_SECONDS = 10.0
_LENGTH = struct.Struct("<I")


class Claim(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    table: TableName
    application: str


class Lookup(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    table: TableName
    application: str


class ListSegments(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    table: TableName


class Write(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    table: TableName
    commit: Commit


Request = Claim | Lookup | ListSegments | Write


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a request; only the fields that it asks for are set."""

    error: dict[str, Any] | None = None
    version: int = -1
    identity: str = ""
    fence: Fence | None = None
    transaction: int | None = None
    segments: list[Segment] = []


class Committer:
    """The tables of one storage, for one writer. Calls are answered in order."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._useless = False
        self._retiring: asyncio.Future[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return None if self._process is None else self._process.pid

    async def claim(self, table: TableName, application: str) -> Answer:
        """Open or make a table and become its one writer; the answer has fence, version and identity."""
        return await self._ask(Claim(table=table, application=application))

    async def transaction(self, table: TableName, application: str) -> int | None:
        """The version that an application committed last."""
        return (await self._ask(Lookup(table=table, application=application))).transaction

    async def segments(self, table: TableName) -> list[Segment]:
        """Every file of the newest version."""
        return (await self._ask(ListSegments(table=table))).segments

    async def commit(self, table: TableName, commit: Commit) -> int:
        """Commit durably; returns the table's version. See `Table.commit` for the errors."""
        return (await self._ask(Write(table=table, commit=commit))).version

    async def close(self) -> None:
        """End the process after what it is doing."""
        async with self._lock:
            await self._retire()

    async def _ask(self, request: Request) -> Answer:
        async with self._lock:
            if self._idle is not None:
                self._idle.cancel()
            try:
                answer = await self._exchange(request)
            except (OSError, asyncio.IncompleteReadError) as error:
                self._useless = True
                raise Unavailable(
                    "history.committer_ended", f"the process that commits for the history ended: {error}",
                    "It is started again; if this repeats, the log of the history service says why.", reason=str(error),
                ) from error  # fmt: skip
            except BaseException:  # cancelled: the answer that still comes would be taken for the next one's
                self._useless = True
                raise
            self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._retire_soon)
        if answer.error is not None:
            raise from_wire(**answer.error)
        return answer

    async def _exchange(self, request: Request) -> Answer:
        if self._useless:
            await self._retire()
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", __name__, msgspec.json.encode(self._storage.place).decode(),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(_frame(request))
        await stdin.drain()
        (length,) = _LENGTH.unpack(await stdout.readexactly(_LENGTH.size))
        return msgspec.msgpack.decode(await stdout.readexactly(length), type=Answer)

    def _retire_soon(self) -> None:
        self._retiring = asyncio.ensure_future(self.close())

    async def _retire(self) -> None:
        """End the process: after what it is doing, or at once where its answer is of no use any more."""
        process, self._process = self._process, None
        useless, self._useless = self._useless, False
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if process is None:
            return
        if useless:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):  # it may have ended at this very moment
                process.kill()
            await process.wait()


def _frame(document: object) -> bytes:
    data = msgspec.msgpack.encode(document)
    return _LENGTH.pack(len(data)) + data


class Tables:
    """The process's side: opens each table once and answers requests."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._tables: dict[TableName, Any] = {}
        self._checked = False

    def answer(self, request: Request) -> Answer:
        """Do what is asked; an error becomes part of the answer."""
        try:
            return self._do(request)
        except LineshaftError as error:
            self._tables.clear()  # what was half read is read again
            facts = {key: str(value) for key, value in error.facts.items()}
            return Answer(error={
                "code": error.code, "message": error.message, "hint": error.hint, "status": error.status, "facts": facts,
            })  # fmt: skip

    def _do(self, request: Request) -> Answer:
        if isinstance(request, Claim) and not self._checked:
            self._storage.check()
            self._checked = True
        table = self._table(request.table)
        match request:
            case Claim():
                fence = table.claim(request.application)
                return Answer(fence=fence, version=table.version, identity=table.identity)
            case Lookup():
                table.refresh()
                return Answer(transaction=table.transaction(request.application), version=table.version)
            case ListSegments():
                table.refresh()
                return Answer(segments=table.segments(), version=table.version)
            case Write():
                return Answer(version=table.commit(request.commit))

    def _table(self, name: TableName) -> Any:
        from lineshaft.history.table import Table

        if name not in self._tables:
            self._tables[name] = Table(self._storage.child(name), name)
        return self._tables[name]


def _requests(source: BinaryIO) -> Any:
    decoder = msgspec.msgpack.Decoder(Request)
    while len(head := source.read(_LENGTH.size)) == _LENGTH.size:
        (length,) = _LENGTH.unpack(head)
        yield decoder.decode(source.read(length))


def main() -> int:
    """Answer requests until standard input ends."""
    os.umask(0o077)  # the library makes folders that others could read
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the writer, which closes our input
    with os.fdopen(os.dup(1), "wb") as answers, contextlib.suppress(BrokenPipeError):
        os.dup2(2, 1)  # nothing that a library prints may fall between the answers
        tables = Tables(open_storage(msgspec.json.decode(sys.argv[1], type=Place)))
        for request in _requests(sys.stdin.buffer):
            answers.write(_frame(tables.answer(request)))
            answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
