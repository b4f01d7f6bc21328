"""A package of migrations that a test writes itself."""

import importlib
import subprocess
import sys
import textwrap

import pytest

import lineshaft


class Probe:
    """The package `lineshaft.probe`, whose migrations a test writes."""

    def __init__(self, place):
        self.place = place
        self.folder = place / "probe" / "migrations"
        self.folder.mkdir(parents=True)
        (place / "probe" / "__init__.py").write_text("")

    def migration(self, number, body, noun="step"):
        revision = f'revision = "probe_{number:04}"\ndown_revision = None\n'
        head = "import os\nimport pathlib\nimport time\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n"
        text = head + revision + "\n\ndef upgrade():\n" + textwrap.indent(textwrap.dedent(body), "    ")
        (self.folder / f"{number:04}_{noun}.py").write_text(text)

    def forget(self, number):
        for path in self.folder.glob(f"{number:04}_*.py"):
            path.unlink()

    def process(self, script, *arguments):
        """A Python process that knows this package; its standard output can be read."""
        head = f"import sys, lineshaft\nlineshaft.__path__.append({str(self.place)!r})\n"
        return subprocess.Popen(
            [sys.executable, "-c", head + textwrap.dedent(script), *arguments], stdout=subprocess.PIPE, text=True
        )


@pytest.fixture
def probe(tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("probe")
    monkeypatch.setattr(lineshaft, "__path__", [*lineshaft.__path__, str(place)])
    importlib.invalidate_caches()
    return Probe(place)


@pytest.fixture
def url():
    """Gives the address of a database, for another process to open."""

    def address(db):
        return db.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")

    return address
