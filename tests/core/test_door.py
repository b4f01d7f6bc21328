"""Packages open lazily: every public name is there, and nothing is imported before it is asked for."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import lineshaft
from lineshaft.core.door import door

ROOT = Path(lineshaft.__file__).parent


def packages():
    """Every package that uses the lazy door."""
    for file in sorted(ROOT.rglob("__init__.py")):
        if "__getattr__ = door(" in file.read_text("utf-8"):
            yield ".".join(("lineshaft", *file.parent.relative_to(ROOT).parts))


@pytest.mark.parametrize("name", list(packages()))
def test_every_public_name_is_there_and_no_other(name):
    package = importlib.import_module(name)
    for public in package.__all__:
        assert getattr(package, public) is not None
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = package.nothing_of_the_kind


@pytest.mark.parametrize("name", list(packages()))
def test_the_type_checker_and_the_door_know_the_same_names(name):
    tree = ast.parse(Path(importlib.import_module(name).__file__).read_text("utf-8"))
    (checked,) = [node for node in tree.body if isinstance(node, ast.If)]
    stated = {alias.asname or alias.name for node in checked.body for alias in node.names}
    assert stated == set(importlib.import_module(name).__all__) | (stated & {"Any"})


def test_importing_a_package_imports_none_of_its_modules():
    program = "import sys, lineshaft.bus; print(sum(name.startswith('lineshaft.bus.') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_a_module_can_be_a_public_name_itself():
    assert door("lineshaft.core", {"clock": ("clock", "now_us")})("clock").__name__ == "lineshaft.core.clock"
    assert callable(door("lineshaft.core", {"clock": ("clock", "now_us")})("now_us"))
