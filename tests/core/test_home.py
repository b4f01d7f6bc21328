"""The home folder: complete or clearly not, one instance at a time, files replaced whole."""

import json
import os
import subprocess
import sys

import pytest

from lineshaft.core.errors import Conflict, Corrupt, InvalidInput, Unavailable
from lineshaft.core.home import Home, write_file


def test_a_first_start_makes_a_private_folder_and_an_identity_that_stays(tmp_path):
    home = Home(tmp_path / "home")
    first = home.prepare(tenant="acme", site="hall1")
    assert (first.tenant, first.site) == ("acme", "hall1")
    assert home.prepare(tenant="other") == first
    assert home.path.stat().st_mode & 0o077 == 0
    assert home.keys.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("left", [[], ["keys"], ["keys", "run", "bus", "records.db"], ["lineshaft.toml"]])
def test_an_interrupted_first_start_is_completed(tmp_path, left):
    home = Home(tmp_path)
    for name in left:
        (tmp_path / name).touch() if "." in name else (tmp_path / name).mkdir()
    assert home.prepare().prefix.startswith("99.")


def test_a_folder_with_foreign_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(InvalidInput) as refused:
        Home(tmp_path).prepare()
    assert refused.value.facts["found"] == "thesis.doc"
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.doc"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput):
        Home(tmp_path / "file").check()


def test_no_installation_a_broken_one_and_a_newer_one_are_told_apart(tmp_path):
    home = Home(tmp_path)
    with pytest.raises(Unavailable, match="no Lineshaft installation"):
        home.identity()
    identity = json.loads((home.prepare(), (tmp_path / "identity.json").read_text())[1])
    (tmp_path / "identity.json").write_text(json.dumps({**identity, "format": 99}))
    with pytest.raises(Corrupt, match="newer release"):
        home.identity()
    (tmp_path / "identity.json").write_text("{")
    with pytest.raises(Corrupt, match="cannot be read"):
        home.identity()


def test_a_second_instance_is_refused_and_told_who_runs(tmp_path):
    home = Home(tmp_path)
    home.prepare()
    code = f"from lineshaft.core.home import Home; from pathlib import Path\nwith Home(Path({str(tmp_path)!r})).locked(): print('in', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"in\n"
        assert home.running_pid() == holder.pid
        with pytest.raises(Conflict) as refused, home.locked():
            pytest.fail("two instances hold one home")
        assert refused.value.facts["pid"] == str(holder.pid)
        holder.kill()
        holder.wait()
        assert home.running_pid() is None
        with home.locked():
            assert home.running_pid() == os.getpid()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / "state.json"
    write_file(file, b"old")
    monkeypatch.setattr(os, "fsync", lambda _descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_file(file, b"new")
    assert file.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def test_a_socket_of_a_deep_home_gets_a_short_path_of_its_own(tmp_path):
    deep = Home(tmp_path / ("d" * 120))
    deep.prepare()
    assert len(str(deep.socket("web"))) < 100
    assert deep.socket("web") != Home(tmp_path / ("e" * 120)).socket("web")
    assert deep.socket("web").parent.stat().st_mode & 0o077 == 0
