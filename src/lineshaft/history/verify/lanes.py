"""Which batches a table has: its log carries, for each boot of a gateway, the last batch that is in it."""

from collections.abc import Iterable

import msgspec

from lineshaft.history.model import Gap
from lineshaft.history.storage import Storage
from lineshaft.history.table import LOG
from lineshaft.history.verify.report import GapCount, Lane

_CHECKPOINT, _ENTRY = ".checkpoint.parquet", ".json"


def transactions(table: Storage, version: int) -> dict[str, int]:
    """Every application transaction of a version, from the table's log; the library gives them one by one by name."""
    import pyarrow.parquet as pq

    log = table.child(LOG)
    until = f"{version:020}~"
    names = [stored.name for stored in log.names() if stored.name < until]
    checkpoints = [name for name in names if name.endswith(_CHECKPOINT)]
    found: dict[str, int] = {}
    begin = ""
    if checkpoints:
        newest = max(checkpoints)
        with log.open(newest) as source, pq.ParquetFile(source) as file:
            for row in file.read(columns=["txn"], use_threads=False).column("txn").to_pylist():
                if row is not None:
                    found[row["appId"]] = row["version"]
        begin = newest.removesuffix(_CHECKPOINT)
    for name in sorted(name for name in names if name.endswith(_ENTRY) and name.removesuffix(_ENTRY) > begin):
        for line in log.read(name).splitlines():
            action = msgspec.json.decode(line)
            if "txn" in action:
                found[action["txn"]["appId"]] = action["txn"]["version"]
    return found


def lanes_of(transactions: dict[str, int], gaps: Iterable[Gap]) -> list[Lane]:
    """The lanes that transactions name (`gw:<gateway>:<boot>`), by gateway; with what gap records say of them."""
    missing: dict[tuple[str, str], int] = {}
    for gap in gaps:
        key = (gap.gateway, gap.boot)
        missing[key] = missing.get(key, 0) + batches_of(gap)
    found = []
    for name, sequence in transactions.items():
        kind, _, lane = name.partition(":")
        gateway, _, boot = lane.rpartition(":")
        if kind == "gw":
            found.append(Lane(gateway=gateway, boot=boot, batches=sequence, missing=missing.get((gateway, boot), 0)))
    return sorted(found, key=lambda lane: (lane.gateway, lane.boot))


def counted(gaps: Iterable[Gap]) -> list[GapCount]:
    """Gap records by gateway and cause."""
    grouped: dict[tuple[str, str], GapCount] = {}
    for gap in gaps:
        key = (gap.gateway, gap.cause)
        before = grouped.get(key) or GapCount(
            gateway=gap.gateway, cause=gap.cause, gaps=0, batches=0, rows=0, from_us=gap.from_us, to_us=gap.to_us
        )
        grouped[key] = msgspec.structs.replace(
            before, gaps=before.gaps + 1, batches=before.batches + batches_of(gap), rows=before.rows + (gap.rows or 0),
            from_us=min(before.from_us, gap.from_us), to_us=max(before.to_us, gap.to_us),
        )  # fmt: skip
    return [grouped[key] for key in sorted(grouped)]


def batches_of(gap: Gap) -> int:
    """Batches that a record says are missing by number; those after an unclean end nobody can count."""
    if gap.from_seq is None or gap.to_seq is None:
        return 0
    return gap.to_seq - gap.from_seq + 1
