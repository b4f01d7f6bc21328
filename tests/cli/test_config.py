"""`lineshaft config show`: every setting, its meaning and its origin."""

import json
import os
import subprocess
import sys


def show(home, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "lineshaft.cli.main", "config", "show", "--json", "--home", str(home), *arguments],
        capture_output=True, text=True, check=True, env={**os.environ, **environment},
    )  # fmt: skip
    return {row["name"]: row for row in json.loads(done.stdout)}


def test_every_setting_has_a_meaning(tmp_path):
    rows = show(tmp_path)
    assert {name.split(".")[0] for name in rows} >= {
        "records",
        "bus",
        "access",
        "history",
        "edge",
        "web",
        "demo",
        "box",
    }
    assert [name for name, row in rows.items() if not row["description"]] == []


def test_file_environment_and_flag_name_themselves(tmp_path):
    (tmp_path / "lineshaft.toml").write_text("[web]\nport = 8001\n[bus]\nport = 4001\n")
    rows = show(tmp_path, "--origin", "--set", "history.seal_seconds=5", LINESHAFT_BUS__PORT="4002")
    assert (rows["web.port"]["value"], rows["web.port"]["origin"]) == (8001, f"file {tmp_path}/lineshaft.toml")
    assert (rows["bus.port"]["value"], rows["bus.port"]["origin"]) == (4002, "environment LINESHAFT_BUS__PORT")
    assert rows["history.seal_seconds"]["origin"] == "flag --set history.seal_seconds"
    assert rows["demo.port"]["origin"] == "default"
