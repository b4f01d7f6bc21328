"""The examples of README and docs run as they stand: commands in `sh` blocks, programs in `python` blocks."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lineshaft.cli.testing import running_box

pytestmark = pytest.mark.timeout(300)  # a whole box starts within a test's time

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "README.zh.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
NOT_HERE = ("up", "down", "top", "restore", "access recover")
"""Commands that would end, need or replace the box that the examples run against; other tests run them."""


def blocks(language):
    for page in PAGES:
        for number, text in enumerate(
            re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        ):
            yield pytest.param(text, id=f"{page.name}-{number}")


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with running_box(tmp_path_factory.mktemp("docs") / "home") as running:
        running.until(lambda: running.good_values() == 53, "all 53 values of the plant are live and good")
        yield running


@pytest.mark.parametrize("text", [*blocks("sh")])
def test_commands_run(box, text):
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] != ["lineshaft"] or " ".join(words[1:]).startswith(NOT_HERE):
            continue
        done = box.lineshaft(*words[1:], check=False)
        assert done.returncode == 0, f"{line}\n{done.stderr}"


@pytest.mark.parametrize("text", [*blocks("python")])
def test_programs_run(box, text):
    environment = {**os.environ, "LINESHAFT_HOME": str(box.home.path)}
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=False, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_example_programs_run(box, program):
    environment = {**os.environ, "LINESHAFT_HOME": str(box.home.path)}
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=False, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"
