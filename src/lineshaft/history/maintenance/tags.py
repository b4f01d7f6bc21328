"""All tags as retention sees them: their paths, the days their labels give, and whether a legal hold covers them.

And whose they are.
"""

import msgspec
from sqlalchemy import Connection, select

from lineshaft.access.labels import Labels, Subject, held
from lineshaft.core.ids import HandleMinter
from lineshaft.history.maintenance.retention import Kept
from lineshaft.history.model import Tag
from lineshaft.history.owners import Ranges
from lineshaft.history.store import OWNER, Tags
from lineshaft.records import Database

_PAGE = 1000


async def kept_tags(database: Database, tenant: str, prefix: str) -> list[Kept]:
    """Every tag of the installation, removed ones too.

    Raises:
        Unavailable: the records do not answer; nothing may be removed then.
    """
    tags, labels = await _all(Tags(database, HandleMinter(prefix)), tenant), Labels(database, tenant)
    await labels.refresh(now=True)
    subjects = {tag.number: Subject("tag", tag.path, tag.handle, tag.project) for tag in tags}

    def covered(connection: Connection) -> set[Subject]:
        return held(connection, tenant, subjects.values())

    under = await database.query(covered)
    found = []
    for tag in tags:
        label = labels.label(subjects[tag.number])
        found.append(Kept(
            tag=tag.number, path=tag.path, label_days=None if label is None else label.retention_days,
            is_held=subjects[tag.number] in under,
        ))  # fmt: skip
    return found


async def owners_of(database: Database, tenant: str) -> dict[str, list[tuple[int, int]]]:
    """The tags that gateways have, as ranges of numbers, both ends included.

    Raises:
        Unavailable: the records do not answer.
    """

    def read(connection: Connection) -> dict[str, list[tuple[int, int]]]:
        rows = connection.execute(select(OWNER.c.gateway, OWNER.c.numbers).where(OWNER.c.tenant == tenant))
        return {row.gateway: [*msgspec.json.decode(row.numbers, type=Ranges)] for row in rows}

    return await database.query(read)


async def _all(tags: Tags, tenant: str) -> list[Tag]:
    found: list[Tag] = []
    while page := await tags.list(tenant, after=found[-1].path if found else "", limit=_PAGE, removed=True):
        found += page
    return found
