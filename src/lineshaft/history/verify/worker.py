"""The process that verifies: `python -m lineshaft.history.verify.worker`, what to do on standard input.

It answers in lines of JSON: progress, and at the end the report. It ends when nobody reads them any more.
"""

import os
import resource
import sys
import time
from collections.abc import Callable

import msgspec

from lineshaft.core.errors import Conflict, LineshaftError
from lineshaft.history import memory
from lineshaft.history.commits import Segment, TableName
from lineshaft.history.storage import Place, Storage, open_storage
from lineshaft.history.verify.report import Asked, Damage, Done, Failed, Kind, Line, Progress, Report

_ATTEMPTS = 60
_PAUSE_SECONDS = 2.0
_APPLICATION = "verify"
_OTHERS: tuple[TableName, ...] = ("gaps", "corrections", "rollup_1s", "rollup_1min", "rollup_1h")
_PASSING = ("history.commit_conflict", "history.maintenance_busy")
_BELIEVABLE: tuple[Kind, ...] = ("unreadable", "size", "rows", "order", "statistics")
"""What of such files can be read, page by page with its checksum, is what was written."""
Tell = Callable[[Line], None]


def main() -> int:
    """Verify once."""
    os.umask(0o077)
    memory.economise()
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)

    def tell(line: Line) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
        sys.stdout.buffer.flush()

    try:
        tell(Done(report=verify(open_storage(msgspec.convert(asked.place, Place)), asked, tell)))
    except LineshaftError as error:
        facts: dict[str, object] = {key: str(value) for key, value in error.facts.items()}
        tell(Failed(code=error.code, message=error.message, hint=error.hint, status=error.status, facts=facts))
    return 0


def verify(storage: Storage, asked: Asked, tell: Tell) -> Report:
    """Look at every file of the newest version, and set aside what is damaged where that is asked for.

    Raises:
        Unavailable, Corrupt: the table cannot be opened.
    """
    from lineshaft.history.batches import read_accounts
    from lineshaft.history.gaps import read_gaps
    from lineshaft.history.maintenance.quarantine import quarantined
    from lineshaft.history.table import Table
    from lineshaft.history.verify.lanes import counted, lanes_of, transactions
    from lineshaft.history.verify.recount import Books, recounted

    table = Table(storage.child("samples"), "samples")
    segments, version = table.segments(), table.version
    # Now, of this very version: a writer goes on meanwhile.
    written, accounts = transactions(storage.child("samples"), version), read_accounts(storage)
    said = sum(segment.rows for segment in segments)
    lost = [
        (one.noted_us, one.lost) for one in quarantined(storage) if one.path not in {each.path for each in segments}
    ]  # fmt: skip
    damages, rows = _check_all(storage.child("samples"), segments, tell)
    gone = {stored.path for stored in damages if stored.kind == "missing"}
    if gone:  # replaced while we read: only what the newest version still names is missing
        table.refresh()
        present = {segment.path for segment in table.segments()}
        damages = [one for one in damages if one.path in present or one.kind != "missing"]
    damages += _check_others(storage)
    gaps = Table(storage.child("gaps"), "gaps")
    if asked.quarantine and damages:
        damages = _set_aside(storage, damages, asked)
        gaps.refresh()
    records = read_gaps(storage.child("gaps"), [segment.path for segment in gaps.segments()])
    books = Books(transactions=written, accounts=accounts, gaps=records, rows=said, quarantined=lost)
    return Report(
        version=version, files=len(segments), rows=rows, rows_said=said,
        bytes=sum(segment.size for segment in segments), gaps=counted(records), recount=recounted(books),
        lanes=lanes_of(written, records), damages=damages, cpu_seconds=_cpu_seconds(),
    )  # fmt: skip


def _check_all(place: Storage, segments: list[Segment], tell: Tell) -> tuple[list[Damage], int]:
    from lineshaft.history.verify.check import Unsound, check_against, check_file, damage

    damages: list[Damage] = []
    rows, seen, total = 0, 0, sum(segment.rows for segment in segments)
    sound: list[Segment] = []
    for segment in sorted(segments, key=lambda one: one.min_us):
        try:
            rows += check_file(place, segment)
            sound = [one for one in sound if one.max_us >= segment.min_us]
            for other in sound:
                check_against(place, segment, other)
            sound.append(segment)
        except Unsound as error:
            damages.append(damage("samples", segment, error))
        seen += segment.rows
        tell(Progress(done=seen, total=total, message=f"{segment.path}"))
    return damages, rows


def _check_others(storage: Storage) -> list[Damage]:
    """Files of the tables beside the samples; rollups are made of samples anew, the others are not."""
    from lineshaft.history.table import LOG, Table
    from lineshaft.history.verify.check import Unsound, check_plain, damage

    damages = []
    for name in _OTHERS:
        place = storage.child(name)
        if not place.child(LOG).names():
            continue
        table = Table(place, name)
        for segment in table.segments():
            try:
                check_plain(place, segment)
            except Unsound as error:
                found = damage(name, segment, error)
                table.refresh()
                if error.kind != "missing" or found.path in {one.path for one in table.segments()}:
                    damages.append(found)
    return damages


def _set_aside(storage: Storage, damages: list[Damage], asked: Asked) -> list[Damage]:
    """Take damaged files of samples out of the table, with the right to maintain it."""
    from lineshaft.history.maintenance import lease

    for attempt in range(_ATTEMPTS):
        try:
            with lease.held(storage):
                return _exchanged(storage, damages, asked)
        except Conflict as error:
            if error.code not in _PASSING or attempt == _ATTEMPTS - 1:
                raise
            time.sleep(_PAUSE_SECONDS)
    raise AssertionError


def _exchanged(storage: Storage, damages: list[Damage], asked: Asked) -> list[Damage]:
    from lineshaft.history.maintenance.owned import OwnedTable
    from lineshaft.history.maintenance.quarantine import set_aside

    table = OwnedTable(storage, "samples", _APPLICATION)
    present = {segment.path: segment for segment in table.segments()}
    told = []
    for one in damages:
        segment = present.get(one.path) if one.table == "samples" else None
        if segment is not None:
            reason, salvage = f"{one.kind}: {one.reason}", one.kind in _BELIEVABLE
            kept = set_aside(storage, table, segment, reason, asked.owners, salvage=salvage)
            one = msgspec.structs.replace(one, quarantined=True, saved=kept.saved)  # noqa: PLW2901
        told.append(one)
    return told


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return round(usage.ru_utime + usage.ru_stime, 3)


if __name__ == "__main__":
    sys.exit(main())
