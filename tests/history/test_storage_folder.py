"""A folder as storage, while others write to it."""

import os

from lineshaft.history.storage import LocalFolder


def test_a_file_that_goes_while_a_folder_is_listed_hides_none_of_the_others(tmp_path, monkeypatch):
    for name in "abcde":
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "folder").mkdir()
    scan = os.scandir

    class Late:
        """Entries of a moment ago: the first of them is no longer there."""

        def __init__(self, folder):
            with scan(folder) as entries:
                self._entries = list(entries)
            self.gone = next(entry.name for entry in self._entries if entry.is_file())
            (tmp_path / self.gone).unlink()
            listed.append(self)

        def __iter__(self):
            return iter(self._entries)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    listed: list[Late] = []
    monkeypatch.setattr("lineshaft.history.storage.os.scandir", Late)
    found = [stored.name for stored in LocalFolder(tmp_path).names()]
    assert found == sorted(set("abcde") - {listed[0].gone})


def test_a_folder_that_is_not_there_has_no_files(tmp_path):
    assert LocalFolder(tmp_path / "nowhere").names() == []
