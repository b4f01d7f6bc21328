"""Backup files: whole or refused, never half restored, and with everything in them."""

import fcntl
import os
import subprocess
import sys
import tarfile
import threading

import pytest

from lineshaft.cli import backup, backup_history, catalogue
from lineshaft.cli.prepare import prepare
from lineshaft.core.errors import Conflict, InvalidInput, Unavailable
from lineshaft.core.home import Home
from lineshaft.history.commits import Commit
from lineshaft.history.corrections.record import read_corrections, write_corrections
from lineshaft.history.maintenance.owned import OwnedTable
from lineshaft.history.maintenance.quarantine import quarantined, set_aside
from lineshaft.history.maintenance.work import Options, run
from lineshaft.history.model import Correction
from lineshaft.history.rollup import DAY_US, HOUR_US, LEVELS
from lineshaft.history.rollup_table import RolledTables
from lineshaft.history.segment import write_segment
from lineshaft.history.sorting import ordered
from lineshaft.history.storage import LocalFolder
from lineshaft.history.table import Table
from lineshaft.history.testing import START_US, rows_of, table_rows
from lineshaft.resolution.store import open_store

DAY = START_US // DAY_US * DAY_US
DEADLINE_SECONDS = 60


@pytest.fixture
def home(tmp_path):
    place = Home(tmp_path / "home")
    prepare(place, catalogue.load_settings(place, {"bus.port": "0"}), demo=False)
    return place


def write(home, target, **settings):
    found = catalogue.load_settings(home, {name.replace("__", "."): value for name, value in settings.items()})
    return backup.write_backup(home, found, target)


def restored(home, tmp_path, **settings):
    """What a backup of the home makes."""
    write(home, tmp_path / "one.tar.gz", **settings)
    other = Home(tmp_path / "other")
    backup.read_backup(tmp_path / "one.tar.gz", other)
    return other


def add_hour(storage, hour):
    """A file of a writer: an hour of two tags."""
    rows = [(tag, DAY + hour * HOUR_US + second * 1_000_000, float(second)) for tag in (1, 2) for second in range(3600)]
    table = Table(storage.child("samples"), "samples")
    fence = table.claim("stream@now/0")
    added = write_segment(storage.child("samples"), "writer-0", ordered([rows_of(rows)]))
    table.commit(Commit(fence=fence, sequence=(fence.sequence or 0) + 1, add=added))
    return added


def maintain(storage, **options):
    run(storage, Options(settle_us=0, **options), lambda *_: None)


def buckets(storage, level):
    tables = RolledTables(storage)
    return tables.rows(level, None, -(2**62), 2**62, tables.state()).to_pylist()


def test_a_restored_home_is_the_same_installation_and_goes_on(home, tmp_path):
    size, missing = write(home, tmp_path / "one.tar.gz")
    assert missing == []
    assert size == (tmp_path / "one.tar.gz").stat().st_size
    other = Home(tmp_path / "other")
    backup.read_backup(tmp_path / "one.tar.gz", other)
    assert other.identity() == home.identity()
    assert {path.name for path in other.keys.iterdir()} == {path.name for path in home.keys.iterdir()}
    prepared = prepare(other, catalogue.load_settings(other, {"bus.port": "0"}), demo=False)
    assert prepared.upgraded == [], "the restored records were not current"


def test_a_backup_is_private(home, tmp_path):
    write(home, tmp_path / "one.tar.gz")
    assert (tmp_path / "one.tar.gz").stat().st_mode & 0o077 == 0


def test_a_backup_replaces_no_file(home, tmp_path):
    (tmp_path / "one.tar.gz").write_bytes(b"precious")
    with pytest.raises(Conflict):
        write(home, tmp_path / "one.tar.gz")
    assert (tmp_path / "one.tar.gz").read_bytes() == b"precious"


def test_a_home_in_use_is_never_restored_over(home, tmp_path):
    write(home, tmp_path / "one.tar.gz")
    with pytest.raises(Conflict):
        backup.read_backup(tmp_path / "one.tar.gz", home)


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_a_cut_off_backup_is_refused_and_leaves_nothing(home, tmp_path, kept):
    write(home, tmp_path / "whole.tar.gz")
    data = (tmp_path / "whole.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(data[: int(kept if kept > 1 else kept * len(data))])
    before = sorted(entry.name for entry in tmp_path.iterdir())
    with pytest.raises(InvalidInput) as refused:
        backup.read_backup(tmp_path / "cut.tar.gz", Home(tmp_path / "new"))
    assert refused.value.code == "cli.backup_unreadable"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == before


def test_an_archive_that_reaches_outside_its_folder_is_refused(tmp_path):
    (tmp_path / "evil.txt").write_text("x")
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "evil.txt", "../outside.txt")
    with pytest.raises(InvalidInput):
        backup.read_backup(tmp_path / "evil.tar.gz", Home(tmp_path / "deep" / "new"))
    assert not (tmp_path / "outside.txt").exists()
    assert not (tmp_path / "deep" / "outside.txt").exists()


def test_only_the_newest_automatic_backups_stay(home):
    for _ in range(4):
        backup.before_upgrade(home, catalogue.load_settings(home), kept=2)
    assert len(list(home.backups.glob("before-upgrade-*.tar.gz"))) == 2


def test_corrections_quarantine_and_snapshots_of_every_shard_come_back(home, tmp_path):
    storage = LocalFolder(home.path / "history")
    (broken,) = add_hour(storage, 0)
    record = set_aside(storage, OwnedTable(storage, "samples"), broken, "a test", {}, salvage=False)
    correction = Correction(
        tag=1, ts_us=DAY, noted_us=DAY + 1, who="ada", reason="typo", old=1.0, old_q=0, old_arrival_us=DAY, new=2.0,
        new_q=0, sequence=7,
    )  # fmt: skip
    storage.child("corrections").prepare()
    OwnedTable(storage, "corrections").commit([write_corrections(storage.child("corrections"), "w", [correction])], [])
    for folder in ("snapshots", "snapshots-1"):
        storage.child(folder).replace("snapshot-000000000001.arrow", folder.encode())
    back = LocalFolder(restored(home, tmp_path).path / "history")
    files = [segment.path for segment in Table(back.child("corrections"), "corrections").segments()]
    assert read_corrections(back.child("corrections"), files) == [correction]
    assert quarantined(back) == [record]
    assert back.child("quarantine").read(broken.path) == storage.child("quarantine").read(broken.path)
    assert len(Table(back.child("gaps"), "gaps").segments()) == 1
    for folder in ("snapshots", "snapshots-1"):
        assert back.child(folder).read("snapshot-000000000001.arrow") == folder.encode()


def test_rollups_come_back_with_the_finer_versions_that_their_state_names(home, tmp_path):
    storage = LocalFolder(home.path / "history")
    add_hour(storage, 0)
    maintain(storage)
    minutes = OwnedTable(storage, "rollup_1min")  # a maintainer that died before it came to the hours
    minutes.commit([], [segment.path for segment in minutes.segments()])
    back = LocalFolder(restored(home, tmp_path).path / "history")
    assert RolledTables(back).state() == RolledTables(storage).state()
    for level in LEVELS:
        assert buckets(back, level) == buckets(storage, level), level
    assert len(buckets(back, "rollup_1min")) == 120
    assert table_rows(back) == table_rows(storage)
    maintain(back)
    assert len(Table(back.child("rollup_1h"), "rollup_1h").segments()) == 1


def test_rollups_that_move_while_logs_are_copied_are_copied_again(home, tmp_path, monkeypatch):
    storage = LocalFolder(home.path / "history")
    add_hour(storage, 0)
    maintain(storage)
    real, met = backup_history.copy, []

    def during(source, target):
        real(source, target)
        if source.parts[-2:] == ("samples", "_delta_log") and not met:
            met.append(add_hour(storage, 1))
            maintain(storage, merge=False)

    monkeypatch.setattr(backup_history, "copy", during)
    back = LocalFolder(restored(home, tmp_path).path / "history")
    assert RolledTables(back).state() == RolledTables(storage).state()
    assert len(table_rows(back)) == 2 * 7200
    assert met


def test_a_segment_that_maintenance_deletes_meanwhile_is_no_longer_named_at_the_second_try(home, tmp_path, monkeypatch):
    storage = LocalFolder(home.path / "history")
    for hour in (0, 1):
        add_hour(storage, hour)
    wanted, real, tries = table_rows(storage), backup.copy_logs, []

    def late(history, target):
        real(history, target)
        if not tries:
            maintain(storage, retired_seconds=0)
        tries.append(1)

    monkeypatch.setattr(backup, "copy_logs", late)
    back = LocalFolder(restored(home, tmp_path).path / "history")
    assert len(tries) == 2, "nothing was deleted, so nothing was tried"
    assert table_rows(back) == wanted


def test_a_segment_that_is_gone_for_good_fails_the_backup_and_leaves_no_file(home, tmp_path):
    storage = LocalFolder(home.path / "history")
    (lost,) = add_hour(storage, 0)
    storage.child("samples").delete(lost.path)
    before = sorted(entry.name for entry in tmp_path.iterdir())
    with pytest.raises(Unavailable) as failed:
        write(home, tmp_path / "one.tar.gz")
    assert failed.value.code == "cli.backup_segment_missing"
    assert lost.path in str(failed.value)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == before


def test_segments_of_another_file_system_are_copied(home, tmp_path, monkeypatch):
    storage = LocalFolder(home.path / "history")
    add_hour(storage, 0)

    def refuse(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(backup_history.os, "link", refuse)
    assert table_rows(LocalFolder(restored(home, tmp_path).path / "history")) == table_rows(storage)


WRITER = """
import sys
from pathlib import Path
from lineshaft.resolution.store import open_store

store = open_store("lmdb", Path(sys.argv[1]))
for number in range(10**9):
    asked = sys.stdin.readline()
    with store.write() as changes:
        for key in (b"first", b"last"):
            changes.put(key, b"%d" % number)
        for key in range(64):
            changes.put(b"middle/%d" % key, b"%d" % number * 100)
        changes.put(b"place", b"%d" % number, "meta")
    if asked:
        print("written", flush=True)
"""
"""Writes once for each line, and for ever once there are no more."""


def test_records_of_a_node_that_goes_on_writing_come_back_as_of_one_moment(home, tmp_path, monkeypatch):
    folder = home.folder("resolution") / "records"
    (home.path / "resolution" / "note.json").write_text("{}")
    (home.keys / "resolution.pem").write_text("a key")
    command = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:

        def one_more(*_):
            writer.stdin.write(b"\n")
            writer.stdin.flush()
            assert writer.stdout.readline() == b"written\n"

        def after_the_moment(*_):
            one_more()
            writer.stdin.close()

        monkeypatch.setattr(backup, "link_files", after_the_moment)
        try:
            for _ in range(3):
                one_more()
            other = restored(home, tmp_path)
        finally:
            writer.kill()
    assert (other.path / "resolution" / "note.json").read_text() == "{}"
    assert (other.keys / "resolution.pem").read_text() == "a key"
    back = other.path / "resolution" / "records"
    assert [path.name for path in back.iterdir()] == ["data.mdb"]
    assert (back / "data.mdb").stat().st_mode & 0o077 == 0
    store = open_store("lmdb", back)
    try:
        number = store.get(b"first")
        assert number == b"2", "not as of the moment in which the bus stood still"
        assert store.get(b"last") == store.get(b"place", "meta") == number
        assert [value for _, value in store.scan(b"middle/")] == [number * 100] * 64
        with store.write() as changes:
            changes.put(b"another", b"1")
    finally:
        store.close()


def test_records_that_are_none_fail_the_backup(home, tmp_path):
    folder = home.folder("resolution") / "records"
    folder.mkdir()
    (folder / "data.mdb").write_bytes(b"no LMDB" * 2000)
    with pytest.raises(Unavailable) as failed:
        write(home, tmp_path / "one.tar.gz")
    assert failed.value.code == "cli.backup_records_unreadable"
    assert not (tmp_path / "one.tar.gz").exists()


def test_stores_that_a_backup_cannot_hold_are_named_at_both_ends(home, tmp_path, monkeypatch, capsys):
    store = open_store("rocksdb", home.folder("resolution") / "records")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    try:
        written = write(
            home, tmp_path / "one.tar.gz", resolution__roles='["enterprise"]', resolution__folder=str(tmp_path / "far"),
            history__url="s3://bucket/prefix", history__endpoint="https://127.0.0.1:9", history__region="here",
        )  # fmt: skip
    finally:
        store.close()
    other = Home(tmp_path / "other")
    backup.restore(tmp_path / "one.tar.gz", other.path)
    assert len(written.not_contained) == 3
    told = capsys.readouterr().err
    for place in ("s3://bucket/prefix", str(home.path / "resolution" / "records"), str(tmp_path / "far")):
        assert any(place in line for line in told.splitlines() if line.startswith("not contained: ")), place
    assert not (other.path / "resolution").joinpath("records").exists()


def test_one_backup_of_a_home_is_written_at_a_time(home, tmp_path, monkeypatch):
    waits = threading.Event()
    monkeypatch.setattr(backup.console, "note", lambda _: waits.set())
    writing = threading.Thread(target=write, args=(home, tmp_path / "one.tar.gz"))
    other = os.open(home.path, os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)  # as a backup does in another process
        writing.start()
        assert waits.wait(DEADLINE_SECONDS)
        assert not (tmp_path / "one.tar.gz").exists()
    finally:
        os.close(other)
    writing.join(DEADLINE_SECONDS)
    assert (tmp_path / "one.tar.gz").exists()


def test_what_a_killed_backup_left_goes_with_the_next_one_and_nothing_of_another_home(home, tmp_path):
    folder, elsewhere = home.folder("backups"), Home(tmp_path / "elsewhere")
    left = [place / f"{backup._unfinished_name(home)}x1" for place in (folder, tmp_path)]
    foreign = folder / f"{backup._unfinished_name(elsewhere)}x1"
    for place in (*left, foreign):
        (place / "keys").mkdir(parents=True)
    write(home, tmp_path / "one.tar.gz")
    assert [place.exists() for place in left] == [False, False]
    assert foreign.exists()
