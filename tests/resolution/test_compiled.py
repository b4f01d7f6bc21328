"""Compiled modules: only those made of the sources that are here run, and what runs passes the same tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lineshaft.resolution import compiled, hot
from lineshaft.resolution.compiled import Finder, file_name, source_of

ROOT = Path(__file__).parents[2]
HOT = "lineshaft.resolution.hot"
SAME_TESTS = [
    "test_wire_fuzz.py", "test_wire_strictness.py", "test_packets.py", "test_handle_reference.py", "test_node_answers.py",
    "test_node_operations.py", "test_node_reference.py", "test_node_workers.py", "test_listeners_abuse.py",
    "test_administration.py", "test_dialect_cn.py", "http/test_http_rendering.py", "http/test_registrations.py",
]  # fmt: skip


def test_a_compiled_module_is_found_in_the_place_of_its_source(tmp_path):
    file = tmp_path / file_name(HOT, source_of(HOT))
    file.touch()
    found = Finder(tmp_path).find_spec(HOT)
    assert found.origin == str(file)
    assert Finder(tmp_path).find_spec("lineshaft.resolution.wire") is None


def test_one_made_of_another_source_is_not(tmp_path):
    other = tmp_path / "hot.py"
    other.write_bytes(source_of(HOT).read_bytes() + b"\n")
    (tmp_path / file_name(HOT, other)).touch()
    assert Finder(tmp_path).find_spec(HOT) is None
    assert not Finder(tmp_path)


def test_one_made_with_other_types_is_not(tmp_path):
    same = shutil.copy(source_of(HOT), tmp_path / "hot.py")
    same.with_suffix(".pxd").write_bytes(source_of(HOT).with_suffix(".pxd").read_bytes() + b"\n")
    (tmp_path / file_name(HOT, same)).touch()
    assert Finder(tmp_path).find_spec(HOT) is None


def test_what_no_module_here_was_compiled_to_is_passed_over(tmp_path):
    for name in (file_name(HOT, source_of(HOT)).replace("cpython-", "cpython-9"), f"{HOT}.so", "notes.txt", "x-y"):
        (tmp_path / name).touch()
    assert not Finder(tmp_path)
    assert not Finder(tmp_path / "absent")


def test_one_that_cannot_be_loaded_leaves_its_source_to_run(tmp_path):
    file = tmp_path / file_name(HOT, source_of(HOT))
    file.write_bytes(b"no module")
    done = subprocess.run(
        [sys.executable, "-c", "from lineshaft.resolution import hot; print(hot.__file__)"], check=False,
        env=os.environ | {compiled.VARIABLE: str(tmp_path)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, str(source_of(HOT))), done.stderr
    assert done.stderr.count("\n") == 1
    assert f"{HOT} runs from source: " in done.stderr


def test_an_empty_setting_has_everything_run_from_source(monkeypatch):
    before = list(sys.meta_path)
    monkeypatch.setenv(compiled.VARIABLE, "")
    compiled.use()
    assert sys.meta_path == before


def test_both_ways_to_write_an_integer_agree():
    room = bytearray(8)
    for value in (0, 1, 0x01020304, 0x80000000, 0xFFFFFFFF):
        hot.put32(room, 2, value)
        assert room[2:6] == value.to_bytes(4)
        assert hot.u32(room, 2) == value


@pytest.mark.soak
@pytest.mark.peer("cc", "make")
@pytest.mark.timeout(3600)
def test_the_compiled_modules_pass_the_same_tests(tmp_path):
    built = tmp_path / "built"
    subprocess.run(["make", "compiled", f"BUILT={built}"], cwd=ROOT, check=True, timeout=900)
    environment = os.environ | {compiled.VARIABLE: str(built)}
    told = subprocess.run(
        [sys.executable, "-c", "from lineshaft.resolution import hot; print(hot.COMPILED, hot.__file__)"],
        env=environment, check=True, capture_output=True, text=True, timeout=60,
    ).stdout.split()  # fmt: skip
    assert told[0] == "True"
    assert Path(told[1]).parent == built
    tests = [f"tests/resolution/{name}" for name in SAME_TESTS]
    for marked in (["-m", "not soak", *tests], ["-m", "soak", tests[0]]):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--timeout=1800", *marked], cwd=ROOT, env=environment, check=False,
            capture_output=True, text=True, timeout=3000,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:]
