"""What follows from a new zone plan at the edge: every gateway gets the configuration with its new rules."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from lineshaft.access.zones import current, endpoint_rules
from lineshaft.bus.subjects import Subjects
from lineshaft.edge.store import Change, commit
from lineshaft.edge.tables import CONFIG


def follow(connection: Connection, subjects: Subjects, gateways: Sequence[str], author: str) -> None:
    """Commit configurations in the transaction that puts the plan in force.

    Args:
        gateways: names of all gateways' principals; one without devices yet learns its rules as well.
    """
    plan = current(connection, subjects.tenant)
    query = select(CONFIG.c.gateway).where(CONFIG.c.tenant == subjects.tenant).distinct()
    configured = set(connection.scalars(query))
    limited = {name for name in gateways if endpoint_rules(plan, name) is not None}
    for gateway in sorted(configured | limited):
        commit(connection, subjects, gateway, Change(author=author, comment="zone plan"))
