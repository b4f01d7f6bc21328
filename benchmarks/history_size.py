"""Bytes per sample in segments, with quality and microseconds, against plain Parquet and VictoriaMetrics on the same rows.

    mixed    1,000 tags at 1 Hz (see lineshaft.history.testing_signals) in 10-minute segments
    skab     8 channels of a pump rig, tep 52 of a chemical plant: public data, each as one segment; skipped where absent
    merged   those segments through the historian's own merge, as the peer is measured after its own
    plain    the same rows in Parquet as pyarrow writes it, with zstd
    peer     VictoriaMetrics: value and milliseconds, no quality, no arrival; after its own merge
Every segment is read back and compared bit for bit. In the mixed set samples arrive two milliseconds after
the scan, or `--jitter` microseconds more; the public data have no such time and get that of one import. Last line: one JSON object.
"""

import argparse
import csv
import gzip
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lineshaft.history.commits import Segment
from lineshaft.history.encodings.hints import Hints
from lineshaft.history.maintenance.merge import merge
from lineshaft.history.schema import ROWS
from lineshaft.history.segment import read_segment, write_segment
from lineshaft.history.sorting import ordered
from lineshaft.history.storage import LocalFolder
from lineshaft.history.testing import START_US
from lineshaft.history.testing_peers import lines_of, peer
from lineshaft.history.testing_signals import Scans, mixed

DATA = Path(__file__).parents[2] / "shared" / "data"
MUST = {"segments": 1.4, "merged": 1.3, "plain": 0.85}
_SLAB_ROWS = 4_000_000
SEGMENT_SCANS = 600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, default=1000)
    parser.add_argument("--minutes", type=int, default=60, help="of the mixed set")
    parser.add_argument("--jitter", type=int, default=0, help="microseconds; 1,000 cost 0.04 bytes")
    arguments = parser.parse_args()
    sets = {"mixed": (mixed(arguments.tags, 60 * arguments.minutes, jitter_us=arguments.jitter), SEGMENT_SCANS)}
    for name, read in (("skab", skab), ("tep", tep)):
        found = read()
        if found is None:
            print(f"{name}: not there, skipped")
        else:
            sets[name] = (found, len(found.ts))
    figures: dict[str, Any] = {"benchmark": "history_size"}
    with tempfile.TemporaryDirectory() as folder:
        for name, (scans, each) in sets.items():
            figures[name] = measured(name, scans, each, Path(folder) / name)
    bounds = [figures["mixed"][key] <= MUST[key] for key in ("segments", "merged")]
    bounds += [(figures["mixed"]["times_peer"] or 0) <= 1]
    bounds += [figures[name]["times_plain"] <= MUST["plain"] for name in ("skab", "tep") if name in figures]
    figures["must"], figures["met_target"] = MUST, all(bounds)
    print(json.dumps(figures))


def measured(name: str, scans: Scans, each: int, folder: Path) -> dict[str, Any]:
    """Bytes per sample of one set in each form."""
    segments, merged, seconds = ours(scans, each, folder / "segments")
    count = scans.values.size
    figures: dict[str, Any] = {
        "samples": count, "segments": segments / count, "merged": merged / count,
        "plain": plain(scans, each, folder) / count,
        "encode_m_per_cpu_s": count / seconds / 1e6,
    }  # fmt: skip
    figures["times_plain"] = figures["segments"] / figures["plain"]
    figures["peer"] = figures["times_peer"] = None
    if shutil.which("victoria-metrics"):
        figures["peer"] = metrics(scans, folder / "peer") / count
        figures["times_peer"] = figures["merged"] / figures["peer"]
    figures = {key: round(value, 4) if isinstance(value, float) else value for key, value in figures.items()}
    print(f"{name:6}", *(f"{key} {value}" for key, value in figures.items()), sep="  ")
    return figures


def ours(scans: Scans, each: int, folder: Path) -> tuple[int, int, float]:
    """Bytes of the segments, the same once merged, and what writing the segments took; they are read back."""
    storage, hints = LocalFolder(folder), Hints()
    storage.prepare()
    files: list[Segment] = []
    spent = 0.0
    for batch in scans.batches(each):
        rows = ordered([batch])
        began = time.process_time()
        written = write_segment(storage, "bench", rows, hints=hints)
        spent += time.process_time() - began
        back = ordered([read_segment(storage, segment.path) for segment in written])
        if not all(same(rows.column(field.name), back.column(field.name)) for field in ROWS):
            raise SystemExit("what was read is not what was written")
        files += written
    merged = merge(storage, "merged", files, slab_rows=_SLAB_ROWS, report=lambda _: None).added
    return sum(segment.size for segment in files), sum(segment.size for segment in merged), spent


def same(one: pa.Array, other: pa.Array) -> bool:
    if one.type == pa.float64():
        return bool(np.array_equal(one.to_numpy().view(np.int64), other.to_numpy().view(np.int64)))
    return bool(one.equals(other))


def plain(scans: Scans, each: int, folder: Path) -> int:
    size = 0
    for number, batch in enumerate(scans.batches(each)):
        path = folder / f"plain-{number}.parquet"
        pq.write_table(pa.Table.from_batches([ordered([batch])]), path, compression="zstd")
        size += path.stat().st_size
    return size


def metrics(scans: Scans, folder: Path) -> int:
    with peer("victoria-metrics", folder) as store:
        for start in range(0, len(scans.ts), 100):
            part = slice(start, start + 100)
            store.write(lines_of(scans.values.shape[1], scans.ts[part].tolist(), scans.values[part]))
        store.flush()
        store.merge()
        return store.size()


def skab() -> Scans | None:
    """The pump rig's eight channels, file after file by their times."""
    files = sorted((DATA / "skab_dev").rglob("*.csv.gz"))
    rows: dict[int, list[float]] = {}
    for path in files:
        rows.update(_channels(path))
    return _scans(sorted(rows), [rows[ts] for ts in sorted(rows)]) if rows else None


def _channels(path: Path) -> Iterator[tuple[int, list[float]]]:
    with gzip.open(path, "rt") as file:
        reader = csv.reader(file, delimiter=";")
        next(reader)
        for line in reader:
            moment = np.datetime64(line[0].replace(" ", "T"), "us").astype(np.int64)
            yield int(moment), [float(cell) for cell in line[1:9]]


def tep() -> Scans | None:
    """The chemical plant's 52 measurements, run after run."""
    rows: list[list[float]] = []
    for path in sorted((DATA / "tep_dev").glob("*.dat.gz")):
        with gzip.open(path, "rt") as file:
            table = np.loadtxt(file)
        rows.extend((table.T if table.shape[0] == 52 else table).tolist())
    return _scans([START_US + 180_000_000 * number for number in range(len(rows))], rows) if rows else None


def _scans(ts: list[int], rows: list[list[float]]) -> Scans:
    values = np.array(rows)
    times = np.array(ts, np.int64)
    return Scans(values, np.zeros(values.shape, np.uint32), times, np.full(len(times), START_US))


if __name__ == "__main__":
    main()
