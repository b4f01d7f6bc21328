"""The ledger: append with one fsync per batch, full verification, proofs; a plain hashlib loop in the same run.

Figures are per CPU-second of this process, so a slow disk does not show in them; the wall time beside says what the disk
did. The peer computes the same tree hashes with nothing around them: no files, no tiles, no fsync. `pymerkle`, the usual
Python library, is GPL and is compared only where it is installed.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Self

from lineshaft.ledger import Log, LogReader, merkle, verify_folder
from lineshaft.ledger.notes import NoteSigner

APPEND_MUST = 300_000
VERIFY_MUST = 1_000_000
PROOF_MUST_MS = 5.0
BATCH = 10_000


class Cost:
    """CPU and wall seconds of a block."""

    def __enter__(self) -> Self:
        self._cpu, self._wall = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu = time.process_time() - self._cpu
        self.wall = time.perf_counter() - self._wall


def plain(entries: list[bytes]) -> bytes:
    """The root by hashlib alone, level by level: the least that any tree costs."""
    sha256 = hashlib.sha256
    level = [sha256(b"\x00" + entry).digest() for entry in entries]
    while len(level) > 1:
        above = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
        level = above + level[len(above) * 2 :]
    return level[0]


def append(folder: Path, signer: NoteSigner, entries: list[bytes]) -> Cost:
    """All entries in batches; one fsync and one checkpoint each."""
    with Cost() as cost, Log.open(folder, signer.name, signer) as log:
        for first in range(0, len(entries), BATCH):
            log.append(entries[first : first + BATCH])
            log.checkpoint()
    return cost


def proofs(folder: Path, size: int, entries: list[bytes]) -> list[float]:
    """CPU milliseconds for proofs of random entries from tiles, each checked."""
    reader, took, root = LogReader(folder), [], LogReader(folder).root(size)
    for index in random.Random(3).sample(range(size), 300):
        with Cost() as cost:
            proof = reader.inclusion(index)
        took.append(cost.cpu * 1000)
        assert merkle.verify_inclusion(index, size, merkle.leaf_hash(entries[index]), proof, root)
    return sorted(took)


def pymerkle(entries: list[bytes]) -> float | None:
    """Entries per CPU-second of the library's tree in memory; None where it is not installed."""
    if importlib.util.find_spec("pymerkle") is None:
        return None
    from pymerkle import InmemoryTree

    tree = InmemoryTree(algorithm="sha256")
    with Cost() as cost:
        for entry in entries[:100_000]:
            tree.append_entry(entry)
    return min(len(entries), 100_000) / cost.cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    size = arguments.entries
    entries = [hashlib.sha256(b"%d" % number).digest() for number in range(size)]
    signer = NoteSigner.generate("lineshaft.99.1/main/bench")
    rates: dict[str, list[float]] = {"append": [], "verify": [], "hashlib": []}
    wall = []
    # Every turn's log stays until the end: ext4 steps over inodes deleted within the last seconds one by one, so that
    # making files right after thousands were deleted costs a multiple, which no log in a plant ever sees.
    with tempfile.TemporaryDirectory() as place:
        for turn in range(arguments.turns):
            folder = Path(place) / f"log{turn}"
            cost = append(folder, signer, entries)
            rates["append"].append(size / cost.cpu)
            wall.append(size / cost.wall)
            with Cost() as cost:
                report = verify_folder(folder, [signer.vkey])
            assert report.ok, report.problems
            rates["verify"].append(size / cost.cpu)
            with Cost() as cost:
                plain(entries)
            rates["hashlib"].append(size / cost.cpu)
            took = proofs(folder, size, entries)
            with Cost() as opening, Log.open(folder, signer.name, signer) as log:
                assert log.size == size
    library = pymerkle(entries)
    middle = {name: statistics.median(found) for name, found in rates.items()}
    print(f"{size:,} entries of 32 bytes in batches of {BATCH:,}; {os.cpu_count()} CPUs; median of {arguments.turns}")
    for name, found in rates.items():
        print(f"{name:8} {middle[name]:12,.0f} entries per CPU-second ({min(found):,.0f}–{max(found):,.0f})")
    print(f"append by the clock {statistics.median(wall):,.0f} entries/s; opening {opening.wall * 1000:.1f} ms")
    print(f"inclusion proof {statistics.median(took):.2f} ms, slowest of 300 {took[-1]:.2f} ms")
    print("pymerkle: not installed (GPL)" if library is None else f"pymerkle {library:,.0f} entries per CPU-second")
    result = {
        "benchmark": "ledger", "entries": size, "append_per_cpu_s": round(middle["append"]), "append_must": APPEND_MUST,
        "append_per_second": round(statistics.median(wall)), "verify_per_cpu_s": round(middle["verify"]),
        "verify_must": VERIFY_MUST, "hashlib_per_cpu_s": round(middle["hashlib"]),
        "verify_to_hashlib": round(middle["verify"] / middle["hashlib"], 2), "proof_ms": round(statistics.median(took), 2),
        "proof_slowest_ms": round(took[-1], 2), "proof_must_ms": PROOF_MUST_MS, "open_ms": round(opening.wall * 1000, 1),
        "pymerkle_per_cpu_s": None if library is None else round(library),
        "ok": middle["append"] >= APPEND_MUST and middle["verify"] >= VERIFY_MUST and took[-1] <= PROOF_MUST_MS,
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
