"""The process that reads a file: `python -m lineshaft.history.transfer.worker`, an `ImportOrder` on standard input.

It answers in lines of JSON: how far it is, what the whole file holds, then every batch. It ends when nobody reads them.
"""

import asyncio
import contextlib
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from lineshaft.core.errors import LineshaftError
from lineshaft.history.transfer.files import digest
from lineshaft.history.transfer.importing import Summary, batches, encoded, plan
from lineshaft.history.transfer.mapping import RowFault, Sample
from lineshaft.history.transfer.model import Batch, Checked, Failed, ImportLine, ImportOrder, Reading
from lineshaft.history.transfer.process import bounded, needs_more

_TOLD_ROWS = 20_000
_PAGE = 1000


def main() -> int:
    """Read one file."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=ImportOrder)
    bounded(order.memory_mb)
    with contextlib.suppress(BrokenPipeError):
        try:
            for line in lines(order):
                _tell(line)
        except LineshaftError as error:
            _tell(_failed(error))
        except MemoryError:
            _tell(_failed(needs_more(order.memory_mb)))
    return 0


def lines(order: ImportOrder) -> Iterator[ImportLine]:
    """Everything there is to answer.

    Raises:
        InvalidInput: the file cannot be read, or does not say what it is. Unavailable: the records.
    """
    asked, file = order.asked, Path(order.file)
    read = plan(file, asked.format, asyncio.run(_tags(order)), asked.mapping, asked.time, name=asked.name)
    summary = Summary()
    yield from _counted(read, summary)
    names = (asked.format, asked.time, repr(sorted(asked.mapping.items())), repr(sorted(summary.tags)))
    yield Checked(
        name=digest(file, *names, str(summary.samples)), rows=summary.samples, faults=summary.faults,
        tags=len(summary.tags), first=summary.first, last=summary.last, faulty=summary.shown,
    )  # fmt: skip
    if summary.faults and not asked.skip_faulty:
        return
    for seq, batch in enumerate(itertools.chain(batches(read()), [[]]), 1):
        yield Batch(seq, len(batch), encoded(batch) if batch else b"")


def _counted(read: Callable[[], Iterator[Sample | RowFault]], summary: Summary) -> Iterator[Reading]:
    for number, one in enumerate(read(), 1):
        summary.add(one)
        if not number % _TOLD_ROWS:
            yield Reading(number)


async def _tags(order: ImportOrder) -> list[dict[str, Any]]:
    """The tags that the caller may know of, as the interface lists them."""
    from lineshaft.core.home import Home
    from lineshaft.core.ids import HandleMinter
    from lineshaft.history.store import Tags
    from lineshaft.records import Database

    principal = order.asked.principal
    database = Database.open(order.records, Home(Path(order.home)))
    try:
        tags, after = Tags(database, HandleMinter(order.prefix)), ""
        found: list[dict[str, Any]] = []
        while True:
            page = await tags.list(principal.tenant, after=after, limit=_PAGE, projects=principal.projects)
            found += [{"path": tag.path, "number": tag.number, "kind": tag.kind} for tag in page]
            if len(page) < _PAGE:
                return found
            after = page[-1].path
    finally:
        database.close()


def _failed(error: LineshaftError) -> Failed:
    facts = {key: str(value) for key, value in error.facts.items()}
    return Failed(error.code, error.message, error.hint, error.status, facts)


def _tell(line: ImportLine) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
