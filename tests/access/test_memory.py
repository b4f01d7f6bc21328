"""What the processes of a box must not carry: heavy libraries in `access`, a database in `history` and the gateway."""

import subprocess
import sys

import pytest

HEAVY = {"numpy", "pyarrow", "asyncua", "litestar", "deltalake", "typer", "rich", "duckdb"}


def loaded_by(module):
    """Top-level packages that a fresh interpreter has after importing a module."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_the_access_service_carries_no_heavy_library():
    assert loaded_by("lineshaft.access.service") & HEAVY == set()


@pytest.mark.parametrize("module", ["lineshaft.access.grants", "lineshaft.access.roles", "lineshaft.access.model"])
def test_grants_roles_and_nouns_need_no_database(module):
    assert loaded_by(module) & (HEAVY | {"sqlalchemy", "argon2"}) == set()


def test_the_command_line_imports_little_before_it_knows_what_is_asked():
    assert loaded_by("lineshaft.access.cli") & (HEAVY - {"typer", "rich"} | {"sqlalchemy", "argon2", "httpx"}) == set()
