"""Imports and exports as jobs: uploaded in pieces, cancelled, taken up after a restart, kept for one owner and not for ever."""

import asyncio
import json
import os
import time

import httpx
import msgspec
import pytest
from typer.testing import CliRunner

from lineshaft.access.labels import Label, LabelBook, Subject, approvals
from lineshaft.access.labels.approvals import Approval
from lineshaft.access.model import Member, Token
from lineshaft.cli import jobs as jobs_commands
from lineshaft.core import clock, console
from lineshaft.core.errors import Conflict, Forbidden, TooLarge, Unavailable
from lineshaft.core.home import Home, Identity
from lineshaft.core.jobs import JobRunner
from lineshaft.core.principals import Principal
from lineshaft.core.service import Context
from lineshaft.history import cli
from lineshaft.history.answers import encode_rows
from lineshaft.history.children import pieces_of
from lineshaft.history.model import Tag
from lineshaft.history.settings import HistorySettings
from lineshaft.history.testing import START_US, rows_of
from lineshaft.history.transfer import imports
from lineshaft.history.transfer.imports import ImportJobs
from lineshaft.history.transfer.lane import Imports
from lineshaft.history.transfer.model import Batch, Checked, ExportOrder, Failed, ImportAsked
from lineshaft.history.transfer.owner import present
from lineshaft.history.transfer.settings import TransferSettings
from lineshaft.history.transfer.spool import Spool
from lineshaft.records import JobRecords, RecordsSettings
from lineshaft.web.service import WebService
from lineshaft.web.testing import running_house

pytestmark = pytest.mark.timeout(300)
IMPORTS, EXPORTS, JOBS = "/api/v1/history/imports", "/api/v1/history/exports", "/api/v1/system/jobs"
STATE = f"{EXPORTS}/{{}}/state"
UPLOADS = "/api/v1/history/uploads"
UPLOAD = "0123456789abcdef" * 2
ENCODER = "lineshaft.history.transfer.encoder"
PATIENT = HistorySettings(hot_timeout_seconds=60)


@pytest.fixture
def until():
    """Waits for what stays true once it is; longer than others do, since processes have to start first."""

    async def wait(condition):
        async with asyncio.timeout(120):
            while True:
                if await condition():
                    return
                await asyncio.sleep(0.02)

    return wait


def at(number):
    return clock.rfc3339(START_US + number)


def client(house, *roles, scopes=("*",)):
    headers = {"authorization": f"Bearer {house.token(*roles, scopes=scopes)}"}
    return httpx.AsyncClient(base_url=house.url, headers=headers, timeout=60, trust_env=False)


async def ended(http, job, until, address=f"{JOBS}/{{}}"):
    """The job once it has ended."""
    seen = {}

    async def over():
        seen.update((await http.get(address.format(job))).json())
        return seen["state"] not in ("queued", "running")

    await until(over)
    return seen


async def csv_rows(http, path):
    """How many rows of a tag are stored."""
    answer = await http.get(
        "/api/v1/history/raw", params={"tag": path, "from": at(-1), "to": at(10**9), "format": "csv"}
    )
    return answer.text.count("\r\n") - 1


@pytest.fixture
def held_back(monkeypatch):
    """Batches from `seq` on wait until `open` is set."""

    class HeldBack:
        seq = 10**9
        open = asyncio.Event()

    take = Imports.take

    async def slow(self, principal, file, seq, data, *, last):
        if seq >= HeldBack.seq:
            await HeldBack.open.wait()
        return await take(self, principal, file, seq, data, last=last)

    monkeypatch.setattr(Imports, "take", slow)
    return HeldBack


async def test_an_import_is_cancelled_says_what_it_stored_and_again_doubles_nothing(
    tmp_path, until, held_back, monkeypatch
):
    async with running_house(tmp_path, PATIENT) as house:
        (one,) = house.tags("ONE")
        file = tmp_path / "old.csv"
        file.write_text("path,time,value\n" + "".join(f"{one},{at(n)},{n}.5\n" for n in range(10_001)))
        held_back.seq = 2
        monkeypatch.setattr("lineshaft.history.transfer.cli._PIECE_BYTES", 200_000)
        words = ["import", str(file), "--home", str(house.home.path), "--project", "main", "--json"]
        follow, followed = console.follow, []

        def interrupted(job, read, *, quiet=False):
            followed.append(job)
            if len(followed) == 1:
                deadline = time.monotonic() + 120
                while read(job)["done"] != 10_000:  # there it is held back
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                raise KeyboardInterrupt
            return follow(job, read, quiet=quiet)

        monkeypatch.setattr(console, "follow", interrupted)
        done = await asyncio.to_thread(CliRunner().invoke, cli.app, words)
        assert (done.exit_code, "was cancelled" in done.stderr) == (130, True), (done.output, done.exception)
        assert "10,000 of 10,001 rows are in the history" in done.stderr
        shown = await asyncio.to_thread(CliRunner().invoke, jobs_commands.app, ["list", "--home", str(house.home.path)])
        assert "Import old.csv" in shown.stdout
        assert not [*(house.home.path / "history" / "transfers").iterdir()]
        held_back.open.set()
        done = await asyncio.to_thread(CliRunner().invoke, cli.app, words)
        assert done.exit_code == 0, (done.output, done.exception)
        assert '"faulty"' in done.stdout
        async with client(house, "engineer") as engineer, client(house, "viewer") as viewer:
            result = (await engineer.get(f"{JOBS}/{followed[-1]}")).json()["result"]
            assert (result["rows"], result["stored"], result["faults"], result["to"]) == (10_001, 10_001, 0, at(10_000))

            async def all_there():
                return await csv_rows(viewer, one) >= 10_001

            await until(all_there)
            await engineer.post("/api/v1/history/seal")
            assert await csv_rows(viewer, one) == 10_001
            assert (await viewer.post(IMPORTS, params={"name": "x.csv"}, content=b"x")).status_code == 403


async def check_uploads(send, text, engineer, other, spool):
    """Pieces of a file find their place once, and take none where they may not come in."""
    missing = await send(5, text[5:])
    assert (missing.status_code, missing.json()["code"]) == (409, "history.upload_piece_missing")
    for _ in range(2):  # sent again, it is not there twice
        assert (await send(0, text[:10], last="false")).json() == {
            "upload": UPLOAD,
            "received": 10,
            "job": None,
        }
    assert (await send(0, text[:4], other, last="false")).json()["received"] == 4  # another's is another
    large = await send(10, b"x" * 5000, last="false")
    assert (large.status_code, large.json()["code"]) == (413, "history.transfer_file_too_large")
    assert len([*spool.iterdir()]) == 1  # a file that may never be sent takes nothing; the other's is there
    large = await send(0, b"x", last="false", size=5000)
    assert (large.status_code, large.json()["code"]) == (413, "history.transfer_file_too_large")
    assert (await send(0, text[:10], last="false")).json()["received"] == 10
    assert (await other.delete(f"{UPLOADS}/{UPLOAD}")).status_code == 204
    assert [file.stat().st_size for file in spool.iterdir()] == [10]  # one's own, and nobody else's
    assert (await send(0, text[:10], last="false")).json()["received"] == 10


async def check_refusals(engineer, other, one, until):
    """What is no file, or has a wrong row, is refused with its reason."""
    started = await other.post(EXPORTS, json={"tags": [one], "from": at(1), "to": at(4), "format": "csv"})
    assert started.status_code == 202, started.text  # though the folder itself may be as large as a file
    assert (await other.delete(started.json()["file"])).status_code == 204
    empty = await engineer.post(IMPORTS, params={"name": "empty.csv"}, content=b"")
    job = await ended(engineer, empty.json()["job"], until)
    assert (job["state"], job["error"]["code"]) == ("failed", "history.import_empty")
    for wrong, code in (({"name": "x.xlsx"}, "history.file_format_unknown"),
                        ({"name": "x.csv", "map": "P"}, "history.import_map_invalid"),
                        ({"name": "x.csv", "upload": "../x"}, "history.upload_name_invalid")):  # fmt: skip
        assert (await engineer.post(IMPORTS, params=wrong, content=b"x")).json()["code"] == code
    # A file with a wrong row is refused whole.
    bad = await engineer.post(
        IMPORTS, params={"name": "bad.csv"}, content=f"path,time,value\n{one},{at(5)},high\n{one},{at(6)},1\n"
    )
    job = await ended(engineer, bad.json()["job"], until)
    assert (job["state"], job["result"]["stored"], job["result"]["faults"]) == ("done", 0, 1)
    faults = f"{IMPORTS}/{job['id']}/faults"
    (fault,) = (await engineer.get(faults)).json()["items"]
    assert (fault["line"], fault["column"], fault["value"]) == (2, "value", "high")
    assert (await other.get(faults)).status_code == 404
    assert "high" not in json.dumps(job)  # which every member of the project may read


async def test_uploads_grow_piece_by_piece_and_imports_go_on_after_a_restart(tmp_path, until, held_back):
    async with running_house(tmp_path, TransferSettings(file_bytes=4096), PATIENT) as house:
        one, two = house.tags("ONE", "TWO")
        spool = house.home.path / "history" / "transfers"
        text = f"when,P,Q\n{at(0)},1.5,2.5\n{at(1)},1.75,\n".encode()
        asked = {"name": "wide.csv", "map": [f"P={one}", f"Q={two}"], "time": "when", "upload": UPLOAD}
        async with client(house, "engineer") as engineer, client(house, "engineer") as other:

            async def send(offset, piece, whose=engineer, **more):
                return await whose.post(IMPORTS, params={**asked, "offset": offset, **more}, content=piece)

            await check_uploads(send, text, engineer, other, spool)
            await check_refusals(engineer, other, one, until)
            held_back.seq = 1
            started = await engineer.post(IMPORTS, params={**asked, "upload": "f" * 32}, content=text)
            assert started.status_code == 202, started.text
            job = started.json()["job"]

            async def held():
                return (await engineer.get(f"{JOBS}/{job}")).json()["total"] == 3

            await until(held)
            waiting = [
                (await engineer.post(IMPORTS, params={**asked, "upload": digit * 32}, content=text)).json()["job"]
                for digit in "de"
            ]
            assert (await engineer.post(f"{JOBS}/{waiting[0]}/cancel")).status_code == 202
            assert (await ended(engineer, waiting[0], until))["state"] == "cancelled"  # before its turn
            assert len([*spool.glob("*.import")]) == 2
            assert (await JobRecords(house.database).ask_to_cancel(waiting[1])).state == "queued"
            await house.web.stop()  # as if it had ended before it could do that
            held_back.open.set()
            house.web = WebService(Context(house.home, house.settings))
            await house.web.start()
            async with client(house, "administrator") as administrator:
                over = await ended(administrator, job, until)
                assert (over["state"], over["result"]["stored"]) == ("done", 3), over
                assert (await ended(administrator, waiting[1], until))["state"] == "cancelled"

                async def forgotten():
                    return not [*spool.glob("*.import")]

                await until(forgotten)

                async def all_there():
                    return [await csv_rows(administrator, path) for path in (one, two)] == [2, 1]

                await until(all_there)


async def check_approvals(house, viewer, wish, one, until):
    """An export for somebody else is given out while it may leave by approval or without; the label it has then."""
    ben = house.principal("ben", "viewer")
    given = (await viewer.post(EXPORTS, json={**wish, "recipient": "ben"})).json()
    assert (await ended(viewer, given["job"], until, STATE))["state"] == "done"
    assert (await viewer.get(given["file"])).status_code == 200
    book = LabelBook(house.identity.tenant)
    label = Label(domain="production", grade_2020=1, grade_2022="general", export="approval")
    house.database.transact(book.put, Subject("tag", one), label, author="me", state="confirmed")

    async def unapproved():
        answer = await viewer.get(given["file"])
        return answer.status_code == 403 and answer.json()["code"] == "history.export_closed"

    await until(unapproved)
    leave = Approval(id="1", kind="tag", object=one, recipient="ben", purpose="operation", reason="",
                     approver=ben.id, created=1, expires=2**53)  # fmt: skip
    house.database.transact(approvals.add, house.identity.tenant, leave)
    assert (await viewer.get(given["file"])).status_code == 200
    return label


async def check_interrupted(house, file, monkeypatch):
    """Ctrl-C cancels an export with the right to read the history alone."""
    follow, followed = console.follow, []

    def interrupted(job, read, *, quiet=False):
        followed.append(job)
        if len(followed) == 1:
            raise KeyboardInterrupt
        return follow(job, read, quiet=quiet)

    monkeypatch.setattr(console, "follow", interrupted)
    words = ["export", str(file), "--tag", "*/ONE", "--from", at(1), "--home", str(house.home.path)]
    done = await asyncio.to_thread(CliRunner().invoke, cli.app, words)
    assert (done.exit_code, "was cancelled" in done.stderr) == (130, True), (done.output, done.exception)


async def test_an_export_is_what_the_query_says_and_there_for_its_owner_while_he_may(tmp_path, until, monkeypatch):
    async with running_house(tmp_path, PATIENT) as house:
        one, two = house.tags("ONE", "TWO")
        await house.publish(*((path, n + 0.5, START_US + n) for path in (one, two) for n in range(5)))
        narrow = ("history:read",)
        async with client(house, "viewer", scopes=narrow) as viewer, client(house, "viewer", scopes=narrow) as other:

            async def all_there():
                return await csv_rows(viewer, one) == 5

            await until(all_there)
            wish = {"tags": ["*/ONE"], "from": at(1), "to": at(4), "format": "csv"}
            started = await viewer.post(EXPORTS, json=wish)
            assert started.status_code == 202, started.text
            address = started.json()["file"]
            job = await ended(viewer, started.json()["job"], until, STATE)
            assert (job["state"], job["result"]["rows"]) == ("done", 3), job
            assert (await other.get(f"{address}/state")).status_code == 404
            file = await viewer.get(address)
            raw = await viewer.get(
                "/api/v1/history/raw", params={"tag": one, "from": at(1), "to": at(4), "format": "csv"}
            )
            assert file.content == raw.content
            assert file.headers["content-type"].startswith("text/csv")
            assert (await other.get(address)).status_code == 404
            assert (await other.delete(address)).status_code == 404
            unknown = await viewer.post(EXPORTS, json={**wish, "tags": ["*/NONE"]})
            assert (unknown.status_code, unknown.json()["code"]) == (404, "history.tag_pattern_unmatched")
            kept = (await viewer.post(EXPORTS, json={**wish, "tags": [two], "format": "parquet"})).json()
            assert (await ended(viewer, kept["job"], until, STATE))["state"] == "done"
            label = await check_approvals(house, viewer, wish, one, until)
            assert (await viewer.delete(address)).status_code == 204
            gone = await viewer.get(address)
            assert (gone.status_code, gone.json()["code"]) == (409, "history.export_expired")
            label = msgspec.structs.replace(label, export="forbidden")
            book = LabelBook(house.identity.tenant)
            house.database.transact(book.put, Subject("tag", two), label, author="me", state="confirmed")

            async def closed():
                answer = await viewer.get(kept["file"])
                return answer.status_code == 403 and answer.json()["code"] == "history.export_closed"

            await until(closed)
            refused = await viewer.post(EXPORTS, json={**wish, "tags": [two]})
            assert (refused.status_code, refused.json()["code"]) == (403, "access.export_forbidden")
        monkeypatch.setenv("LINESHAFT_TOKEN", house.token("viewer", scopes=narrow))
        await check_interrupted(house, tmp_path / "o.csv", monkeypatch)


def test_files_have_bounds_and_expire_unless_they_are_in_use(tmp_path):
    spool = Spool(tmp_path / "transfers", TransferSettings(file_bytes=1024, total_bytes=1536, keep_seconds=100))
    spool.prepare()
    spool.path("a").write_bytes(b"x" * 1024)
    spool.check("b", 512)
    with pytest.raises(TooLarge, match="transfer_file_too_large"):
        spool.check("a", 1)
    spool.path("b").write_bytes(b"x" * 512)
    with pytest.raises(TooLarge, match="transfer_full"):
        spool.check("c", 1)
    spool.hold("b")
    for name in ("a", "b"):
        os.utime(spool.path(name), (1, 1))
    assert spool.expire() == 1
    assert (spool.size("a"), spool.size("b")) == (0, 512)
    spool.free("b")
    assert spool.expire() == 1


ASKED = Principal(id="99.1/p", name="ann", kind="person", tenant="main", roles=frozenset({"administrator"}),
                  attributes={"scopes": "history:write", "token": "T"}, projects=None)  # fmt: skip


class People:
    """One person with one token; what notes their acts."""

    revoked = None
    expires = 2**53
    away = 0
    """How often the records do not answer yet."""

    async def member(self, _):
        if self.away:
            self.away -= 1
            raise Unavailable("records.away", "the records do not answer")
        return Member(
            id="99.1/p", name="ann", kind="person", roles=["viewer"], created=1, revoked=self.revoked,
            can_sign_in=True, projects=["north"],
        )  # fmt: skip

    async def tokens_of(self, _):
        return [Token(id="T", principal="99.1/p", label="", scopes=[], created=1, expires=self.expires, used=None)]

    async def note(self, act):
        pass


async def test_a_job_runs_with_the_rights_of_now():
    people = People()
    now = await present(people, ASKED)
    assert (now.roles, now.projects, now.attributes) == (frozenset({"viewer"}), ("north",), ASKED.attributes)
    people.expires = 5
    with pytest.raises(Forbidden, match="transfer_token_ended"):
        await present(people, ASKED)
    own = msgspec.structs.replace(ASKED, attributes={"scopes": "*", "token": "of the start before"})
    assert (await present(people, own)).id == ASKED.id
    people.expires, people.revoked = 2**53, 5
    with pytest.raises(Forbidden, match="transfer_owner_revoked"):
        await present(people, ASKED)


class Shelf:
    """A job store without a disk."""

    def __init__(self):
        self.jobs = {}
        self.full = False

    async def add(self, job):
        if self.full:
            raise Unavailable("records.disk_full", "the disk is full")
        self.jobs[job.id] = job

    async def get(self, job_id):
        return self.jobs[job_id]

    async def update(self, job):
        self.jobs[job.id] = job
        return False


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """Imports whose file is read as two batches, and a bus that does not take the first ones."""

    class Desk:
        people, shelf, taken, refused = People(), Shelf(), [], 0

        async def take(self, principal, file, seq, data, *, last):
            if self.refused:
                self.refused -= 1
                raise Unavailable("bus.away", "the bus does not answer")
            self.taken.append((seq, self.spool.size(self.asked.stored)))
            self.people.revoked = 5 if seq == self.revoking else None
            return 0

    desk = Desk()
    desk.revoking = 0
    desk.spool = Spool(tmp_path / "transfers", TransferSettings())
    desk.spool.prepare()
    desk.runner = JobRunner(desk.shelf, write_seconds=0.01)
    desk.imports = ImportJobs(desk, desk.people, desk.runner, desk.spool, home=Home(tmp_path), records=RecordsSettings(),
                              identity=Identity(format=1, prefix="99.1", tenant="main", site="s", created=""),
                              settings=TransferSettings())  # fmt: skip
    desk.asked = ImportAsked(principal=ASKED, stored="x.import", name="x.csv", format="csv", mapping={}, time="",
                             skip_faulty=False)  # fmt: skip
    checked = Checked(name="0" * 32, rows=2, faults=0, tags=1, first=None, last=None, faulty=[])
    away = [Failed("records.away", "the records do not answer", "", 503, {})]
    desk.readings = [away, [checked, Batch(1, 1, b"1"), Batch(2, 1, b"2"), Batch(3, 0, b"")]]

    async def lines(module, order):
        for line in desk.readings.pop(0):
            yield msgspec.json.encode(line)

    monkeypatch.setattr(imports, "lines_of", lines)
    monkeypatch.setattr(imports, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(imports, "_BELIEVED_SECONDS", 0)
    desk.spool.path("part").write_bytes(b"x")
    return desk


async def test_an_import_waits_for_bus_and_records_and_keeps_its_file(desk):
    desk.people.away = desk.refused = 3
    job = await desk.runner.join((await desk.imports.submit(ASKED, "part", desk.asked, "main")).id)
    assert (job.state, job.result["stored"]) == ("done", 2), job.error
    assert desk.taken == [(1, 1), (2, 1), (3, 1)]
    assert not [*desk.spool.folder.iterdir()]


async def test_an_import_ends_with_the_rights_of_whoever_asked(desk):
    desk.revoking = 1
    job = await desk.runner.join((await desk.imports.submit(ASKED, "part", desk.asked, "main")).id)
    assert (job.state, job.error["code"]) == ("failed", "history.transfer_owner_revoked")
    assert [seq for seq, _ in desk.taken] == [1]


async def test_an_import_that_cannot_be_noted_leaves_no_file(desk):
    desk.shelf.full = True
    with pytest.raises(Unavailable):
        await desk.imports.submit(ASKED, "part", desk.asked, "main")
    assert not [*desk.spool.folder.iterdir()]
    desk.spool.path(desk.asked.stored).write_bytes(b"x")
    os.utime(desk.spool.path(desk.asked.stored), (1, 1))
    assert desk.spool.expire() == 1  # it is not held either


TAG = Tag(number=1, tenant="main", path="a/P", handle="", unit="", description="", kind="number", device="", created=0)
ORDER = ExportOrder(format="csv", tags=[TAG], language="en", memory_mb=512)


async def test_a_process_that_writes_a_file_ends_with_whoever_wants_it():
    async def one(more):
        yield encode_rows(rows_of([(1, START_US, 0.5)]))
        await more()

    async def nothing():
        return

    async def fail():
        raise Conflict("history.test", "in the middle")

    async def for_ever():
        await asyncio.Event().wait()

    pieces = [piece async for piece in pieces_of(ENCODER, ORDER, one(nothing))]
    assert b"".join(pieces).count(b"\r\n") == 2
    with pytest.raises(Conflict):
        _ = [piece async for piece in pieces_of(ENCODER, ORDER, one(fail))]
    with pytest.raises(Unavailable):
        _ = [piece async for piece in pieces_of("lineshaft.history.transfer.nowhere", ORDER, one(nothing))]

    async def take():
        return [piece async for piece in pieces_of(ENCODER, ORDER, one(for_ever))]

    task = asyncio.create_task(take())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_the_list_of_jobs_is_json_too(monkeypatch):
    import contextlib

    from lineshaft import client as clients

    class Answers:
        def pages(self, path, params):
            assert path == JOBS
            return iter([{"id": str(n), "state": "done"} for n in range(5)])

    monkeypatch.setattr(clients, "connect", lambda **_: contextlib.nullcontext(Answers()))
    done = CliRunner().invoke(jobs_commands.app, ["list", "--limit", "2", "--json"])
    assert [row["id"] for row in json.loads(done.stdout)] == ["0", "1"]
