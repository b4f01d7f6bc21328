"""Backup files: whole or refused, never half restored."""

import tarfile

import pytest

from lineshaft.cli import backup, catalogue
from lineshaft.cli.prepare import prepare
from lineshaft.core.errors import Conflict, InvalidInput
from lineshaft.core.home import Home


@pytest.fixture
def home(tmp_path):
    place = Home(tmp_path / "home")
    prepare(place, catalogue.load_settings(place, {"bus.port": "0"}), demo=False)
    return place


def write(home, target):
    return backup.write_backup(home, catalogue.load_settings(home), target)


def test_a_restored_home_is_the_same_installation_and_goes_on(home, tmp_path):
    size = write(home, tmp_path / "one.tar.gz")
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
