"""Bus credentials in the records: which key each principal holds, and which are void.

A principal holds one key at a time. A new one voids the one before; a void key never becomes good again.
"""

from sqlalchemy import Connection, insert, select

from lineshaft.access import principals
from lineshaft.access.authority import Authority
from lineshaft.access.files import write_secret
from lineshaft.access.store import CREDENTIAL, PRINCIPAL
from lineshaft.access.zones.store import current
from lineshaft.bus.client import credentials_file
from lineshaft.core import clock
from lineshaft.core.home import Home
from lineshaft.core.principals import Principal
from lineshaft.records import Database


def replace(connection: Connection, principal: str, key: str) -> list[str]:
    """Note a principal's new key in the caller's transaction; returns those that are void now."""
    void = principals.revoke_credentials(connection, principal)
    connection.execute(insert(CREDENTIAL).values(key=key, principal=principal, issued=clock.now_us(), revoked=None))
    return void


def holds(connection: Connection, principal: str, key: str) -> bool:
    """Whether this key is the principal's and not void."""
    found = select(CREDENTIAL.c.key).where(
        CREDENTIAL.c.key == key, CREDENTIAL.c.principal == principal, CREDENTIAL.c.revoked.is_(None)
    )
    return connection.scalar(found) is not None


def void_keys(connection: Connection, tenant: str) -> list[str]:
    """Every void key of the tenant: what the account's token must name as revoked."""
    query = (
        select(CREDENTIAL.c.key)
        .join(PRINCIPAL, PRINCIPAL.c.id == CREDENTIAL.c.principal)
        .where(PRINCIPAL.c.tenant == tenant, CREDENTIAL.c.revoked.is_not(None))
    )
    return sorted(connection.scalars(query))


def keep_file(database: Database, home: Home, authority: Authority, principal: Principal) -> bool:
    """See that a service of this home has good credentials in its file; returns whether new ones were made.

    The records learn of a key before the file holds it: a start killed in between makes another one next time.
    """
    file = credentials_file(home, principal.name)
    present = file.read_text("ascii", errors="replace") if file.exists() else ""
    text = keep(database, authority, principal, present)
    if text == present:
        file.chmod(0o600)
        return False
    write_secret(file, text)
    return True


def keep(database: Database, authority: Authority, principal: Principal, present: str) -> str:
    """The credentials that a principal has, where they are still good; else new ones, which the records know by now."""
    with database.read() as connection:
        authority.plan = current(connection, principal.tenant)
        key = authority.still_good(present, principal)
        if key is not None and holds(connection, principal.id, key):
            return present
    key, text = authority.credentials_for(principal)
    database.transact(replace, principal.id, key)
    return text
