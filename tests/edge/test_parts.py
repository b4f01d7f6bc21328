"""Documents of gateway parts: checked, kept, shipped; and the keeper that runs the parts in a gateway."""

import pytest
from sqlalchemy import select

from lineshaft.bus.subjects import Subjects
from lineshaft.core.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from lineshaft.core.health import Check
from lineshaft.edge.model import GatewayConfig, decode_config
from lineshaft.edge.parts import keeper, model
from lineshaft.edge.parts.store import PartDocuments
from lineshaft.edge.store import Change
from lineshaft.records.store import OUTBOX

CHANGE = Change(author="99/alice")


def check(document):
    if "speed" not in document:
        raise InvalidInput("edge.part_failed", "speed is missing", part="motor", reason="speed")


MADE = []


class Motor:
    """A part that remembers what it was told."""

    def __init__(self, here):
        self.here, self.told, self.closed = here, [], False
        MADE.append(self)

    async def apply(self, document, config):
        if document == {"speed": 13}:
            raise Conflict("edge.part_failed", "no", part="motor", reason="13")
        if document == {"speed": 99}:
            raise RuntimeError("a bug")
        self.told.append((document, config.version))

    def checks(self):
        return [Check(name="motor", ok=True)]

    def status(self):
        return {"told": len(self.told)}

    async def close(self):
        self.closed = True


@pytest.fixture(autouse=True)
def parts(monkeypatch):
    MADE.clear()
    monkeypatch.setattr(model, "CHECKS", {"motor": f"{__name__}:check"})
    monkeypatch.setattr(keeper, "PARTS", {"motor": ""})
    monkeypatch.setattr(keeper, "load_part", lambda _name: Motor)


@pytest.fixture
def documents(database):
    return PartDocuments(database, Subjects("main", "box"))


async def sent(database):
    """Configurations that were handed to the bus, in their order."""
    rows = await database.query(
        lambda connection: connection.execute(
            select(OUTBOX.c.payload).where(OUTBOX.c.subject.like("%.config.press")).order_by(OUTBOX.c.number)
        ).all()
    )
    return [decode_config(row.payload) for row in rows]


async def test_a_document_is_shipped_with_the_configuration(database, documents):
    stored = await documents.put("press", "motor", {"speed": 3}, CHANGE)
    assert (await documents.get("press", "motor")).etag == stored.etag
    (config,) = await sent(database)
    assert config.parts == {"motor": {"speed": 3}}
    await documents.remove("press", "motor", CHANGE, if_match=stored.etag)
    assert (await sent(database))[-1].parts == {}
    with pytest.raises(NotFound, match="not configured"):
        await documents.get("press", "motor")


async def test_what_cannot_be_is_refused_and_nothing_is_sent(database, documents):
    with pytest.raises(InvalidInput, match="speed"):
        await documents.put("press", "motor", {}, CHANGE)
    with pytest.raises(NotFound, match="no part 'wings'"):
        await documents.put("press", "wings", {}, CHANGE)
    assert await sent(database) == []


async def test_a_change_since_it_was_read_is_noticed(documents):
    first = await documents.put("press", "motor", {"speed": 3}, CHANGE)
    await documents.put("press", "motor", {"speed": 4}, CHANGE, if_match=first.etag)
    with pytest.raises(PreconditionFailed):
        await documents.put("press", "motor", {"speed": 5}, CHANGE, if_match=first.etag)
    assert (await documents.get("press", "motor")).document == {"speed": 4}


async def test_the_same_part_of_two_gateways_is_two(documents):
    await documents.put("press", "motor", {"speed": 3}, CHANGE)
    await documents.put("oven", "motor", {"speed": 4}, CHANGE)
    assert [stored.document for stored in await documents.list("press")] == [{"speed": 3}]


def config(**parts):
    return GatewayConfig(gateway="press", version=1, created="", parts=parts)


async def test_a_part_that_cannot_leaves_the_others_and_says_so():
    running = keeper.PartsKeeper()
    running.make(None)
    (motor,) = MADE
    await running.apply(config(motor={"speed": 13}))
    assert [check.ok for check in running.checks()] == [False, True]
    await running.apply(config(motor={"speed": 99}))
    assert "a bug" in running.checks()[0].detail
    await running.apply(config())
    assert motor.told == [(None, 1)]
    assert [check.ok for check in running.checks()] == [True]
    assert running.status() == {"motor": {"told": 1}}
    await running.close()
    assert motor.closed
