"""The API token by which the command line on the machine itself is let in: `run/local.token`, readable by its owner.

Whoever can read the home already holds its keys; the token only gives that person's commands a name, `local`, in the
audit trail. It lives a day and is renewed while the access service runs; each start voids those before.
"""

from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select

from lineshaft.access import principals, tokens
from lineshaft.access.files import write_secret
from lineshaft.access.model import LOCAL
from lineshaft.access.store import TOKEN
from lineshaft.core import clock
from lineshaft.core.home import Home, Identity
from lineshaft.core.ids import HandleMinter
from lineshaft.records import Database

FILE: Final = "local.token"
LIFE_US: Final = tokens.DAY_US
_LABEL: Final = "the command line on the machine itself"


def ensure_local(connection: Connection, minter: HandleMinter, tenant: str) -> Row[Any]:
    """The principal `local`, made where missing, in the caller's transaction."""
    row = principals.find_row(connection, tenant, LOCAL)
    if row is None:
        principals.create(connection, minter, tenant, LOCAL, kind="service", roles=frozenset({"administrator"}))
        row = principals.get_row(connection, tenant, LOCAL)
    return row


def renew(database: Database, home: Home, identity: Identity, *, alone: bool) -> int:
    """Write a new token; returns when it expires.

    Args:
        alone: void all earlier ones; else they live out their day, so that a running command goes on.
    """
    made = database.transact(_make, identity, alone)
    write_secret(home.folder("run") / FILE, made.text)
    return made.token.expires


def _make(connection: Connection, identity: Identity, alone: bool) -> Any:  # noqa: FBT001  # Database.transact passes it
    local = ensure_local(connection, HandleMinter(identity.prefix), identity.tenant)
    now = clock.now_us()
    earlier = delete(TOKEN).where(TOKEN.c.principal == local.id)
    connection.execute(earlier if alone else earlier.where(TOKEN.c.expires < now))
    return tokens.create(connection, local.id, _LABEL, [tokens.EVERYTHING], now + LIFE_US)


def remaining_us(database: Database, identity: Identity) -> int:
    """For how long the newest token is still good; negative or zero where none is."""
    with database.read() as connection:
        row = principals.find_row(connection, identity.tenant, LOCAL)
        expires = [] if row is None else list(
            connection.scalars(select(TOKEN.c.expires).where(TOKEN.c.principal == row.id))
        )  # fmt: skip
    return max(expires, default=0) - clock.now_us()
