"""What a newcomer sees: one command, then live values, a history, a clean end."""

import contextlib
import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)  # a whole box starts within a test's time


def test_every_measurement_and_manipulated_variable_is_live(box):
    rows = box.json("top", "--once")
    assert sorted(row["name"] for row in rows) == sorted(
        [f"XMEAS_{n:02}" for n in range(1, 42)] + [f"XMV_{n:02}" for n in range(1, 13)]
    )
    pressure = next(row for row in rows if row["name"] == "XMEAS_07")
    assert 2000 < float(pressure["value"]) < 3000
    assert pressure["unit"] == "kPa"


def test_status_names_every_service_and_finds_it_ready(box):
    report = box.json("status")
    assert report["ok"] is True
    assert [service["name"] for service in report["services"]] == [
        "bus", "access", "history", "gateway", "web", "plant",
    ]  # fmt: skip


def test_doctor_finds_nothing_wrong(box):
    assert all(row["ok"] for row in box.json("doctor"))


def test_stored_values_come_back_by_name_in_every_format(box):
    path = "eastman/tennessee/process/te/main/plant/XMEAS_07"
    query = ("history", "query", "XMEAS_07", "--from", "-10m")
    box.until(lambda: sum(row["quality"] == "good" for row in box.json(*query)) >= 3, "three good values are stored")
    rows = box.json(*query)
    times = [row["time"] for row in rows]
    assert times == sorted(set(times))
    assert {row["tag"] for row in rows} == {path}
    # The gateway may be up before the plant: its first sample then says "no communication", which is not a value.
    assert all(2000 < row["value"] < 3500 for row in rows if row["quality"] == "good")
    assert [row for row in rows if row["quality"] != "good" and row["value"] is not None] == []
    lines = [json.loads(line) for line in box.lineshaft(*query, "--format", "ndjson").stdout.splitlines()]
    assert [line["value"] for line in lines][: len(rows)] == [row["value"] for row in rows]
    assert box.lineshaft(*query, "--format", "csv").stdout.splitlines()[0].startswith("path,time")


def test_a_disturbance_is_seen_in_the_plant(box):
    box.lineshaft("demo", "disturb", "idv_06")
    assert box.json("demo", "status")["disturbances"] == ["idv_06"]
    box.lineshaft("demo", "calm")
    assert box.json("demo", "status")["disturbances"] == []
    refused = box.lineshaft("demo", "disturb", "idv_99", check=False)
    assert refused.returncode != 0
    assert "idv_99" in refused.stderr.lower()


def test_the_device_list_shows_where_values_come_from(box):
    device = next(row for row in box.json("device", "list") if row["name"] == "plant")
    assert device["driver"] == "opcua"


def test_a_second_instance_on_the_home_is_refused_and_says_so(box):
    second = box.lineshaft("up", check=False)
    assert second.returncode == 5
    assert str(box.process.pid) in second.stderr
    assert "lineshaft status" in second.stderr
    assert box.json("status")["ok"] is True


def test_nothing_in_the_home_is_readable_by_others(box):
    loose = []
    for folder, _, names in os.walk(box.home.path):
        for path in (Path(folder) / name for name in names):
            with contextlib.suppress(FileNotFoundError):  # the box goes on meanwhile: files come and go
                if path.is_file() and path.stat().st_mode & 0o077 and path.parent.stat().st_mode & 0o077:
                    loose.append(path)
    assert loose == []


def test_top_redraws_in_a_terminal_and_ends_cleanly_on_q(box):
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(LINESHAFT_HOME=str(box.home.path), TERM="xterm", COLUMNS="120", LINES="40")
        os.execv(sys.executable, [sys.executable, "-m", "lineshaft.cli.main", "top"])
    seen = _read_until(terminal, b"XMEAS_07", 60)
    _read_until(terminal, b"good", 60)
    os.write(terminal, b"q")
    end = _read_until(terminal, b"\x1b[?1049l", 60)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    assert b"\x1b[?1049h" in seen + end, "the alternate screen was not used, so the user's lines are lost"


def _read_until(terminal, wanted, seconds):
    deadline, seen = time.monotonic() + seconds, b""
    while wanted not in seen:
        assert time.monotonic() < deadline, f"{wanted!r} did not come; the end was {seen[-500:]!r}"
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:
                break
    return seen


def test_the_one_time_link_is_printed_once_the_box_is_up(box):
    said = box.home.path.parent.joinpath("home.out").read_text()
    assert re.search(r"http://\S+/#invite=\S{20,}", said)


@pytest.mark.parametrize("arguments", [["--help"], ["history", "--help"], ["device", "--help"], ["access", "--help"]])
def test_help_is_there_for_every_group(arguments):
    done = subprocess.run(
        [sys.executable, "-m", "lineshaft.cli.main", *arguments], capture_output=True, text=True, check=True
    )
    assert "Commands" in done.stdout
