"""THIRD_PARTY.md says what the installed packages say of themselves, and nothing under GPL or AGPL gets in."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
COPYLEFT = re.compile(r"\bA?GPL|\bA(ffero|FFERO) |\bGeneral Public License", re.IGNORECASE)
LESSER = re.compile(r"LGPL|Lesser General Public License|Library General Public License", re.IGNORECASE)


def licence_of(name):
    """What a package's metadata says: the SPDX expression, else a name in `License`, else its classifiers, else the
    heading of the text in `License`, else that of its licence file.
    """
    metadata = importlib.metadata.metadata(name)
    if metadata["License-Expression"]:
        return metadata["License-Expression"]
    text = (metadata["License"] or "").strip()
    if text and "\n" not in text:
        return text
    classifiers = [entry for entry in metadata.get_all("Classifier", []) if entry.startswith("License ::")]
    stated = " OR ".join(entry.rsplit(" :: ", 1)[1] for entry in classifiers) or text.split("\n", 1)[0]
    return stated or heading_of_file(name)


def heading_of_file(name):
    """First line of the licence file that a package's metadata names; empty where it names none."""
    files = importlib.metadata.metadata(name).get_all("License-File") or []
    for path in importlib.metadata.files(name) or []:
        if path.name in files and ".dist-info" in str(path):
            text = path.read_text("utf-8").strip()
            return bsd_clauses(text) or text.split("\n", 1)[0].strip()
    return ""


def bsd_clauses(text):
    """The SPDX name of a BSD licence that has no heading; empty where the text is another."""
    if not text.startswith("Copyright") or "Redistribution and use in source and binary forms" not in text:
        return ""
    return "BSD-3-Clause" if "name of" in text else "BSD-2-Clause"


def is_forbidden(licence):
    """GPL or AGPL in some spelling; the LGPL, and GPL with the GCC runtime exception, are neither."""
    rest = LESSER.sub("", licence).replace("GPL-3.0-with-GCC-exception", "")
    return bool(COPYLEFT.search(rest))


def locked(file="box.txt"):
    """Names of all packages that a box installs on this platform."""
    lines = (ROOT / "requirements" / file).read_text().replace("\\\n", " ").splitlines()
    texts = [line.split("--hash")[0].strip() for line in lines if line.strip() and not line.startswith("#")]
    requirements = [Requirement(text) for text in texts]
    return sorted(each.name for each in requirements if each.marker is None or each.marker.evaluate())


def direct():
    """Names of the packages that pyproject.toml asks for at run time, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = [*project["dependencies"], *(text for extra in project["optional-dependencies"].values() for text in extra)]
    return {canonicalize_name(Requirement(text).name) for text in texts}


def listed():
    """Package and licence of every table row of the page."""
    rows = re.findall(r"^\| ([a-z0-9-]+) \| ([^|]+) \|", (ROOT / "THIRD_PARTY.md").read_text(), re.MULTILINE)
    return {name: licence.strip() for name, licence in rows if name != "package"}


def test_every_direct_dependency_is_listed_and_nothing_else():
    assert set(listed()) == direct()


@pytest.mark.parametrize("name", sorted(direct()))
def test_the_listed_licence_is_the_one_in_the_package(name):
    assert listed()[name] == licence_of(name)


def test_the_whole_tree_is_looked_at():
    tree = {canonicalize_name(name) for name in (*locked(), *locked("dev.txt"))}
    assert direct() < tree
    assert len(tree) > 60


@pytest.mark.parametrize("name", locked())
def test_no_package_of_the_tree_is_gpl_and_every_one_names_its_licence(name):
    licence = licence_of(name)
    assert licence
    assert not is_forbidden(licence)


@pytest.mark.parametrize(
    ("licence", "forbidden"),
    [
        ("GPL-3.0-or-later", True),
        ("AGPL-3.0-only", True),
        ("GNU General Public License v2 (GPLv2)", True),
        ("GNU Affero General Public License v3", True),
        ("MIT OR GPL-2.0-only", True),
        ("LGPL-3.0-only", False),
        ("GNU Lesser General Public License v3 or later (LGPLv3+)", False),
        ("MIT", False),
    ],
)
def test_gpl_is_told_from_lgpl(licence, forbidden):
    assert is_forbidden(licence) is forbidden
