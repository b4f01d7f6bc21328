"""What the server says beside errors: settings, drivers, checks and jobs, each in both languages."""

import ast
import itertools
import re

import pytest

from lineshaft.cli.catalogue import load_settings
from lineshaft.core import texts
from lineshaft.core.errors import Unavailable
from lineshaft.core.health import Check
from lineshaft.core.home import Home
from lineshaft.edge.driver import drivers, find_driver

from .test_texts import SOURCES

CHINESE = re.compile(r"[\u4e00-\u9fff]")
KINDS = {
    "edge/api.py": "edge.browse", "edge/browses.py": "edge.browse",
    "history/verify/api.py": "history.verify",
    "history/maintenance/api.py": "history.maintain", "history/maintenance/work.py": "history.maintain",
    "history/transfer/imports.py": "history.import", "history/transfer/exports.py": "history.export",
    "web/backups.py": "system.backup",
}  # fmt: skip
"""Which kind of job each module starts or carries out."""


def functions(*words):
    """(place, function) of everything in the sources, but for the command line, in whose module one of `words` stands."""
    for path in sorted(SOURCES.rglob("*.py")):
        place, text = str(path.relative_to(SOURCES)), path.read_text("utf-8")
        if not place.startswith("cli/") and any(word in text for word in words):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield place, node


def calls(function):
    """(call, name of what is called) within a function."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func).rpartition("health.")[2]


def sentences(value, function):
    """Every sentence that an expression can become, with `x1`, `x2`, … where something is filled in."""
    match value:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            choices = [filled(part, place, function) for place, part in enumerate(parts)]
            return ["".join(chosen) for chosen in itertools.product(*choices)]
        case ast.IfExp(body=one, orelse=other):
            chosen = [one, other]
        case ast.BoolOp(values=chosen) | ast.Dict(values=chosen):
            pass
        case ast.Subscript(value=ast.Name() as name):
            chosen = [name]
        case ast.Name(id=name):
            given = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
            chosen = [each.value for each in given if any(getattr(to, "id", "") == name for to in each.targets)]
        case _:
            chosen = []
    return [said for each in chosen for said in sentences(each, function)]


def filled(part, place, function):
    """What a piece of an f-string can become: its words, those of a sentence that was put together before, or `x1`."""
    if isinstance(part, ast.Constant):
        return [part.value]
    said = sentences(part.value, function) if isinstance(part.value, ast.Name) else []
    return [each for each in said if " " in each] or [f"x{place}"]


def said_by_checks():
    """(sentence, place) of the name, detail and hint of every check of a service."""
    for place, function in functions("Check"):
        for node, name in calls(function):
            values = []
            if name in ("Check", "NodeCheck"):
                values = [each.value for each in node.keywords if each.arg in ("name", "detail", "hint")]
            elif name == "Check.of":
                values = [*node.args[:1], *node.args[2:]]
            for value in values:
                yield from ((said, f"{place}:{node.lineno}") for said in sentences(value, function))


def said_by_jobs():
    """(kind of job, sentence, place) of titles and messages."""
    for place, function in functions("JobRunner", "JobHandle", "job_of", "history.maintenance"):
        for node, called in calls(function):
            name = called.rpartition(".")[2]
            values = []
            if name == "submit" and len(node.args) > 2:
                values = [node.args[1]]
            elif name in ("progress", "_say"):
                values = [*(each.value for each in node.keywords if each.arg == "message"), *node.args[-1:]]
            elif name == "_started":
                values = [node.args[2]]
            for value in values:
                yield from (
                    (KINDS.get(place, place), said, f"{place}:{node.lineno}") for said in sentences(value, function)
                )


def untold(part, sentence):
    """Whether a sentence has words and no translation."""
    return re.search(r"[A-Za-z]{2}", re.sub(r"x\d", "", sentence)) and texts.phrase("zh", part, sentence) == sentence


def test_every_setting_is_explained_in_chinese(tmp_path):
    names = {row.name for row in load_settings(Home(tmp_path)).rows()}
    assert names == set(texts.catalogue("zh", "settings"))


def test_every_driver_explains_its_addresses_in_chinese():
    known = texts.catalogue("zh", "drivers")
    assert set(known) == set(drivers())
    for name in drivers():
        assert set(known[name]) == {"title", "endpoint", "address"}
        assert (
            texts.driver("en", name, "endpoint", find_driver(name).manifest.endpoint)
            == find_driver(name).manifest.endpoint
        )


def test_the_walk_finds_checks_and_jobs():
    assert len(list(said_by_checks())) > 50
    assert len(list(said_by_jobs())) > 10


def test_every_check_speaks_chinese():
    missing = sorted({f"{place}: {said}" for said, place in said_by_checks() if untold("checks", said)})
    assert missing == []


def test_every_job_speaks_chinese():
    missing = sorted({f"{place}: {said}" for kind, said, place in said_by_jobs() if untold(kind, said)})
    assert missing == []


def test_what_is_filled_in_stays_as_it_is():
    assert texts.phrase("zh", "edge.browse", "browse {odd} \\ name") == "浏览设备 {odd} \\ name"
    assert texts.phrase("zh", "edge.browse", "of another kind") == "of another kind"
    assert texts.phrase("en", "edge.browse", "browse press") == "browse press"


@pytest.mark.parametrize("phrases", texts.catalogue("zh", "phrases").values())
def test_a_phrase_takes_over_every_fact(phrases):
    places = re.compile(r"\{\w+\}")
    for phrase, text in phrases.items():
        assert set(places.findall(phrase)) == set(places.findall(text)), phrase


def test_a_check_of_an_error_tells_it_in_the_readers_language():
    trouble = Unavailable("bus.unreachable", "no bus at nats://x", "Start it.", address="nats://x", reason="refused")
    check = Check.of("bus", trouble)
    assert not check.ok
    assert check.told("en").detail == trouble.message
    assert (check.told("zh").detail, check.told("zh").hint) == trouble.text("zh")
    assert check.told("zh").title == "总线"
    assert Check.of("bus", None).ok
    assert CHINESE.search(Check(name="sealing", ok=False, hint="It goes on by itself.").told("zh").hint)
