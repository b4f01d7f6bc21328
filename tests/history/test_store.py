"""Tags: dense numbers given once, handles that never change, on both databases."""

import asyncio

import pytest

from lineshaft.core.errors import InvalidInput, NotFound, TooLarge
from lineshaft.core.ids import HandleMinter
from lineshaft.history.model import TagSpec
from lineshaft.history.store import METADATA, Tags
from lineshaft.records.testing import assert_migrations_match

PLANT = "eastman/tennessee/process/te/main/plant"


@pytest.fixture
def tags(database) -> Tags:
    return Tags(database, HandleMinter("99.1234567890"))


def spec(name: str, **how) -> TagSpec:
    return TagSpec(path=f"{PLANT}/{name}", **how)


async def test_migrations_and_definitions_agree(database):
    assert_migrations_match("history", METADATA, database)


async def test_numbers_are_dense_and_handles_unique(database, tags):
    made = await database.write(tags.allocate, "main", [spec("A", unit="kPa", device="plant"), spec("B")])
    assert [tag.number for tag in made] == [1, 2]
    assert (made[0].unit, made[0].device, made[0].kind, made[0].tenant) == ("kPa", "plant", "number", "main")
    assert made[0].handle.startswith("99.1234567890/tag.")
    assert made[0].handle != made[1].handle
    assert [tag.number for tag in await database.write(tags.allocate, "main", [spec("C")])] == [3]


async def test_allocating_again_keeps_number_and_handle_and_takes_the_new_description(database, tags):
    (before,) = await database.write(tags.allocate, "main", [spec("A", unit="kPa")])
    again = await database.write(tags.allocate, "main", [spec("B"), spec("A", unit="bar", kind="integer")])
    assert [tag.number for tag in again] == [2, 1], "in the order asked for"
    found = (await tags.find("main", [before.path]))[before.path]
    assert found == again[1]
    assert (found.handle, found.created, found.unit, found.kind) == (before.handle, before.created, "bar", "integer")


async def test_a_removed_tag_keeps_its_samples_name_and_comes_back_with_its_number(database, tags):
    made = await database.write(tags.allocate, "main", [spec("A"), spec("B")])
    await database.write(tags.remove, "main", [made[0].path])
    assert [tag.path for tag in await tags.list("main")] == [made[1].path]
    assert len(await tags.list("main", removed=True)) == 2
    assert (await tags.find("main", [made[0].path]))[made[0].path].removed is not None
    (again,) = await database.write(tags.allocate, "main", [spec("A")])
    assert (again.number, again.removed) == (made[0].number, None)
    assert len(await tags.list("main")) == 2


async def test_nothing_is_allocated_where_one_path_is_wrong(database, tags):
    for wrong in (spec("A/B"), TagSpec(path="plant/A"), spec("A+"), spec("")):
        with pytest.raises(InvalidInput):
            await database.write(tags.allocate, "main", [spec("ok"), wrong])
    with pytest.raises(InvalidInput) as refused:
        await database.write(tags.allocate, "main", [spec("A"), spec("B"), spec("A")])
    assert refused.value.code == "history.tag_repeated"
    assert await tags.list("main") == []


async def test_the_numbers_end_where_the_writer_stops_taking_them(database):
    few = Tags(database, HandleMinter("99.1"), maximum=2)
    with pytest.raises(TooLarge) as refused:
        await database.write(few.allocate, "main", [spec(str(n)) for n in range(3)])
    assert refused.value.code == "history.tags_exhausted"
    assert len(await database.write(few.allocate, "main", [spec("A"), spec("B")])) == 2


async def test_another_tenants_tags_are_not_there(database, tags):
    (mine,) = await database.write(tags.allocate, "main", [spec("A")])
    (other,) = await database.write(tags.allocate, "other", [spec("A")])
    assert mine.number != other.number, "numbers are unique in the whole history"
    assert await tags.find("other", [mine.path]) == {other.path: other}
    assert await tags.by_number("main", [mine.number, other.number]) == {mine.number: mine}
    with pytest.raises(NotFound) as refused:
        await tags.require("main", [mine.path, f"{PLANT}/Z"])
    assert refused.value.facts["value"] == f"{PLANT}/Z"


async def test_every_word_of_a_search_is_in_path_description_or_handle(database, tags):
    first, second, *_ = await database.write(tags.allocate, "main", [spec("XMEAS_01"), spec("XMEAS_02"), spec("X%")])

    async def found(search, **narrower):
        return [tag.path for tag in await tags.list("main", search=search, **narrower)]

    assert await found("xmeas") == [first.path, second.path]
    assert await found("02 Meas") == [second.path]
    assert await found(second.handle.upper()) == [second.path]
    assert await found("%") == [f"{PLANT}/X%"]
    assert await found("xmeas", after=first.path) == [second.path]
    await database.write(tags.allocate, "main", [spec("Ofen", description="ÖL Tank Straße [1]"), spec("Печь")])
    for search in ("ÖL", "öl tank", "STRAßE", "[1]", "Öl"):
        assert await found(search) == [f"{PLANT}/Ofen"], search
    assert await found("печь") == await found("ПЕЧЬ") == [f"{PLANT}/Печь"]
    assert await found("[o]fen") == await found("of.n") == await found("[z]") == []
    assert await found("nothing") == []


async def test_pages_by_prefix_are_exact_to_the_letter(database, tags):
    names = ["XMEAS_01", "XMEAS_02", "xmeas_03", "XMV_01", "X%", "温度"]
    await database.write(tags.allocate, "main", [spec(name) for name in names])
    assert len(await tags.list("main", prefix=f"{PLANT}/XMEAS")) == 2
    assert [tag.path for tag in await tags.list("main", prefix=f"{PLANT}/X%")] == [f"{PLANT}/X%"]
    assert [tag.path for tag in await tags.list("main", prefix=f"{PLANT}/温")] == [f"{PLANT}/温度"]
    found, after = [], ""
    while page := await tags.list("main", after=after, limit=4):
        found += [tag.path for tag in page]
        after = page[-1].path
    assert sorted(found) == sorted(f"{PLANT}/{name}" for name in names)
    assert len(found) == len(set(found))


async def test_many_tags_at_once_and_at_the_same_time(database, tags):
    paths = [spec(f"T{n}") for n in range(1200)]
    made = await asyncio.gather(
        database.write(tags.allocate, "main", paths), database.write(tags.allocate, "main", paths[:50])
    )
    assert [tag.number for tag in made[0]][:50] == [tag.number for tag in made[1]]
    assert sorted(tag.number for tag in made[0]) == list(range(1, 1201))
    assert len(await tags.find("main", [each.path for each in paths])) == 1200
