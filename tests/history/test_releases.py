"""A table and releases: one column more, seen by the release before and by the one after; a disk that only reads."""

import shutil
import subprocess

import polars as pl
import pytest
from deltalake import DeltaTable, Field
from deltalake.schema import PrimitiveType

from lineshaft.core.errors import Corrupt, Unavailable
from lineshaft.history import table as tables
from lineshaft.history.storage import LocalFolder
from lineshaft.history.table import Table
from lineshaft.history.testing import START_US, LaneMessages, table_rows


async def test_an_older_release_reads_and_writes_a_table_that_has_a_column_more(writers):
    lane = LaneMessages()
    writer = await writers.open()
    await writer.take(lane.next([(1, START_US, 1.5)]))
    await writer.seal()
    await writer.close()
    DeltaTable(writers.folder / "samples").alter.add_columns([Field("later", PrimitiveType("string"), nullable=True)])
    writer = await writers.open()
    await writer.take(lane.next([(1, START_US + 1, 2.5)]))
    await writer.seal()
    assert [row[2] for row in table_rows(writers.folder)] == [1.5, 2.5]
    frame = pl.scan_delta(str(writers.folder / "samples")).sort("ts").collect()
    assert (frame["later"].to_list(), len(frame)) == ([None, None], 2)


async def test_a_newer_release_gives_an_older_table_its_column(writers, monkeypatch):
    lane = LaneMessages()
    writer = await writers.open()
    await writer.take(lane.next([(1, START_US, 1.5)]))
    await writer.seal()
    await writer.close()
    newer = [*tables._COLUMNS["samples"], ("later", "string", True)]
    monkeypatch.setitem(tables._COLUMNS, "samples", newer)
    writer = await writers.open()
    await writer.take(lane.next([(1, START_US + 1, 2.5)]))
    await writer.seal()
    assert [row[2] for row in table_rows(writers.folder)] == [1.5, 2.5]
    assert "later" in [field.name for field in DeltaTable(writers.folder / "samples").schema().fields]
    assert pl.scan_delta(str(writers.folder / "samples")).select(pl.col("later").is_null().sum()).collect().item() == 2


def test_a_table_without_a_column_that_every_row_must_have_is_refused(tmp_path, monkeypatch):
    storage = LocalFolder(tmp_path / "samples")
    Table(storage, "samples")
    monkeypatch.setitem(tables._COLUMNS, "samples", [*tables._COLUMNS["samples"], ("must", "long", False)])
    with pytest.raises(Corrupt, match="no column must of type long"):
        Table(storage, "samples")


async def test_a_disk_that_only_reads_stops_the_writer_and_loses_nothing(writers, tmp_path):
    folder = writers.folder
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may mount no file system")
    try:
        writer = await writers.open()
        lane = LaneMessages()
        await writer.take(lane.next([(1, START_US, 1.5)]))
        await writer.seal()
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        await writer.take(lane.next([(1, START_US + 1, 2.5)]))
        with pytest.raises(Unavailable):
            await writer.seal()
        assert (writer.hot.rows, len(table_rows(folder))) == (1, 1)
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
        assert await writer.seal() == 1
        assert [row[2] for row in table_rows(folder)] == [1.5, 2.5]
        await writer.close()
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
