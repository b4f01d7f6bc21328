"""Queries answer in threads beside each other: none gets another's version, and none breaks what the others remember."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lineshaft.history.commits import Commit, Fence
from lineshaft.history.query import scan
from lineshaft.history.query.scan import Scanner
from lineshaft.history.sealed import SealedTable
from lineshaft.history.segment import write_segment
from lineshaft.history.sorting import ordered
from lineshaft.history.storage import LocalFolder
from lineshaft.history.table import Table
from lineshaft.history.testing import START_US, rows_of

COUNT = 6


@pytest.fixture
def versions(tmp_path: Path) -> dict[int, set[str]]:
    """Six versions of a table, each with one file more: the paths of each."""
    storage = LocalFolder(tmp_path / "samples")
    table = Table(storage, "samples")
    fence, paths = table.claim("writer/0"), {}
    seen: set[str] = set()
    for number in range(COUNT):
        rows = rows_of([(1, START_US + number * 1000 + place, float(number)) for place in range(200)])
        (segment,) = write_segment(storage, "writer-0", ordered([rows]))
        version = table.commit(Commit(fence=fence, sequence=number + 1, add=[segment]))
        fence = Fence(application=fence.application, sequence=number + 1, epoch=fence.epoch)
        seen = seen | {segment.path}
        paths[version] = seen
    return paths


def test_each_thread_gets_the_files_of_the_version_it_asks_for(tmp_path, versions):
    sealed = SealedTable(LocalFolder(tmp_path), "samples")
    asked = [*versions] * 15
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda version: set(sealed.files(version).paths), asked))
    assert answers == [versions[version] for version in asked]


def test_a_scanner_that_forgets_while_others_read_gives_each_its_rows(tmp_path, versions, monkeypatch):
    monkeypatch.setattr(scan, "_KEPT_GROUPS", 2)
    scanner = Scanner(LocalFolder(tmp_path / "samples"))
    paths = sorted(versions[max(versions)]) * 40
    tags = np.array([1], np.int32)

    def read(path):
        return len(scanner.read(path, tags, START_US, START_US + 10**9, whole=False).ts)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(read, paths)) == [200] * len(paths)
    assert len(scanner._footers) <= 2
    assert scanner._groups == sum(len(footer.min_us) for footer in scanner._footers.values())
