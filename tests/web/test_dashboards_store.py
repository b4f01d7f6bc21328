"""Dashboards in the records: versions, who finds which, and that nobody's change is lost."""

import msgspec
import pytest

from lineshaft.access.projects import store as projects
from lineshaft.core.errors import Conflict, NotFound, PreconditionFailed, Unprocessable
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Principal
from lineshaft.records.testing import assert_migrations_match
from lineshaft.web.dashboards import store as module
from lineshaft.web.dashboards.model import SCHEMA, Dashboard, Place, Widget
from lineshaft.web.dashboards.store import Dashboards, restored

ANN = Principal(id="99.1/person.1", name="ann", kind="person", tenant="main", projects=("main", "north"))
BEN = Principal(id="99.1/person.2", name="ben", kind="person", tenant="main")
ADA = Principal(id="99.1/person.3", name="ada", kind="person", tenant="main", projects=None)
VALUE = Widget(id="w1", kind="value", place=Place(x=0, y=0, w=4, h=2), tags=("a/b/c/d/e/f/g",))


@pytest.fixture
def dashboards(database):
    minter = HandleMinter("99.1")
    database.transact(projects.create, minter, "main", "north", "")
    return Dashboards(database, "main", minter)


def board(name="line", **fields):
    return Dashboard(**{"schema": SCHEMA, "name": name, "title": name, "project": "main", **fields})


def test_the_tables_are_those_of_the_migrations(database):
    assert_migrations_match("web", module.METADATA, database)


async def test_each_change_is_a_version_with_its_author_and_why(dashboards):
    made = await dashboards.create(ANN, board(), "first")
    assert (made.version, made.owner_name, made.handle.startswith("99.1/dashboard.")) == (1, "ann", True)
    saved = await dashboards.save(ANN, board(title="Line", shared=True, widgets=(VALUE,)), "a value")
    assert (saved.version, saved.title, saved.widgets) == (2, "Line", 1)
    assert (await dashboards.save(BEN, board(title="Line", shared=True, widgets=(VALUE,)), "again")).version == 2
    await dashboards.save(BEN, board(title="Line 2", shared=True, widgets=(VALUE,)), "renamed")
    seen = await dashboards.versions(ANN, "line", before=99, limit=10)
    assert [(one.version, one.author_name, one.comment) for one in seen] == [
        (3, "ben", "renamed"), (2, "ann", "a value"), (1, "ann", "first"),
    ]  # fmt: skip
    assert [one.version for one in await dashboards.versions(ANN, "line", before=3, limit=1)] == [2]
    assert (await dashboards.version(ANN, "line", 1)).text == board().text


async def test_differences_name_widget_and_field(dashboards):
    await dashboards.create(ANN, board(widgets=(VALUE,)), "")
    moved = msgspec.structs.replace(VALUE, place=Place(x=4, y=0, w=4, h=2))
    added = msgspec.structs.replace(VALUE, id="w2")
    await dashboards.save(ANN, board(widgets=(moved, added)), "")
    against, found = await dashboards.diff(ANN, "line", None, 2)
    said = [(each.change, each.where) for each in found]
    assert against == 1
    assert said == [("changed", "widgets/w1/place/x"), ("added", "widgets/w2")]
    assert await dashboards.diff(ANN, "line", None, 1) == await dashboards.diff(ANN, "line", 0, 1)
    first = [each.where for each in (await dashboards.diff(ANN, "line", 0, 1))[1]]
    assert first == ["name", "project", "schema", "title", "widgets"]
    with pytest.raises(NotFound, match="version 9"):
        await dashboards.diff(ANN, "line", 1, 9)


async def test_a_change_upon_another_one_is_noticed(dashboards):
    read = await dashboards.create(ANN, board(), "")
    await dashboards.save(ANN, board(title="mine"), "", read.etag)
    with pytest.raises(PreconditionFailed):
        await dashboards.save(ANN, board(title="yours"), "", read.etag)
    assert (await dashboards.get(ANN, "line"))[0].title == "mine"


async def test_ones_own_and_shared_ones_of_ones_projects_are_found_and_no_others(dashboards):
    await dashboards.create(ANN, board("own"), "")
    await dashboards.create(ANN, board("shared", shared=True), "")
    await dashboards.create(ANN, board("north", shared=True, project="north"), "")
    names = {who.name: [one.name for one in await dashboards.list(who)] for who in (ANN, BEN, ADA)}
    assert names == {"ann": ["north", "own", "shared"], "ben": ["shared"], "ada": ["north", "shared"]}
    for hidden in ("own", "north"):
        for asked in (
            dashboards.get(BEN, hidden), dashboards.versions(BEN, hidden, before=9, limit=9),
            dashboards.version(BEN, hidden, 1), dashboards.diff(BEN, hidden, 0, 1), dashboards.remove(BEN, hidden),
            dashboards.save(BEN, board(hidden), ""),
        ):  # fmt: skip
            with pytest.raises(NotFound):
                await asked
    assert [one.name for one in await dashboards.list(ANN, after="north", limit=1)] == ["own"]


async def test_a_name_is_there_once_and_a_project_must_be_there(dashboards):
    await dashboards.create(ANN, board(), "")
    with pytest.raises(Conflict):
        await dashboards.create(BEN, board(), "")
    with pytest.raises(NotFound):
        await dashboards.create(ADA, board("other", project="nowhere"), "")


async def test_going_back_keeps_who_sees_it(dashboards):
    await dashboards.create(ANN, board(title="then"), "")
    now = await dashboards.save(ANN, board(title="now", shared=True), "")
    then = await dashboards.version(ANN, "line", 1)
    saved = await dashboards.save(ANN, restored(then.text, now), "back to version 1")
    assert (saved.version, saved.title, saved.shared) == (3, "then", True)


async def test_deleted_it_is_gone_with_its_versions_and_the_name_is_free(dashboards):
    first = await dashboards.create(ANN, board(), "")
    await dashboards.save(ANN, board(title="more"), "")
    await dashboards.remove(ANN, "line")
    with pytest.raises(NotFound):
        await dashboards.get(ANN, "line")
    again = await dashboards.create(BEN, board(), "")
    assert (again.version, again.owner_name) == (1, "ben")
    assert again.etag != first.etag
    assert len(await dashboards.versions(BEN, "line", before=9, limit=9)) == 1


async def test_neither_dashboards_nor_versions_grow_without_end(dashboards, monkeypatch):
    monkeypatch.setattr(module, "MOST_DASHBOARDS", 1)
    monkeypatch.setattr(module, "KEPT_VERSIONS", 2)
    await dashboards.create(ANN, board(), "")
    with pytest.raises(Unprocessable):
        await dashboards.create(ANN, board("other"), "")
    for number in range(3):
        await dashboards.save(ANN, board(title=str(number)), "")
    assert [one.version for one in await dashboards.versions(ANN, "line", before=9, limit=9)] == [4, 3]


async def test_nobody_uses_up_what_there_is_for_everybody(dashboards, monkeypatch):
    monkeypatch.setattr(module, "MOST_OF_ONE", 1)
    await dashboards.create(ANN, board(), "")
    with pytest.raises(Unprocessable) as refused:
        await dashboards.create(ANN, board("other"), "")
    assert refused.value.code == "web.dashboards_own_too_many"
    await dashboards.create(BEN, board("other"), "")


async def test_versions_of_large_dashboards_have_a_bound_in_characters_and_the_newest_stays(dashboards, monkeypatch):
    monkeypatch.setattr(module, "KEPT_CHARACTERS", 1000)
    await dashboards.create(ANN, board(), "")
    for number in range(3):
        await dashboards.save(ANN, board(title=str(number), description="x" * 300), "")
    assert [one.version for one in await dashboards.versions(ANN, "line", before=9, limit=9)] == [4, 3]
    await dashboards.save(ANN, board(description="x" * 2000), "")
    assert [one.version for one in await dashboards.versions(ANN, "line", before=9, limit=9)] == [5]


async def test_others_see_no_version_from_before_it_was_shared_or_came_to_their_project(dashboards):
    await dashboards.create(ANN, board(title="mine"), "")
    await dashboards.save(ANN, board(title="north", shared=True, project="north"), "")
    await dashboards.save(ANN, board(title="here", shared=True), "")
    await dashboards.save(BEN, board(title="ours", shared=True), "")
    assert [one.version for one in await dashboards.versions(BEN, "line", before=9, limit=9)] == [4, 3]
    against, found = await dashboards.diff(BEN, "line", None, 3)
    assert against == 0
    assert {each.change for each in found} == {"added"}
    for version in (1, 2):
        with pytest.raises(NotFound, match=f"version {version}"):
            await dashboards.version(BEN, "line", version)
        with pytest.raises(NotFound, match=f"version {version}"):
            await dashboards.diff(BEN, "line", version, 4)
    assert len(await dashboards.versions(ANN, "line", before=9, limit=9)) == 4


async def test_what_was_judged_is_what_is_changed_or_removed(dashboards):
    read = await dashboards.create(ANN, board(shared=True), "")
    await dashboards.save(ANN, board(shared=True, project="north"), "")
    with pytest.raises(Conflict):
        await dashboards.save(ADA, board(shared=True, title="ours"), "", judged=read.etag)
    with pytest.raises(Conflict):
        await dashboards.remove(ADA, "line", judged=read.etag)
    now = (await dashboards.get(ANN, "line"))[0]
    assert (now.version, now.project) == (2, "north")
    await dashboards.remove(ADA, "line", judged=now.etag)
