"""The first start, and every one after: what must exist before the services run, made where it is missing.

Each step looks before it acts and leaves something whole behind, so a start that is killed anywhere is completed by the
next: signing keys, the services' principals, their credential files, the machine's own token, a one-time link where
nobody can sign in as administrator.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from lineshaft.access import audit, credentials, invitations, local_token, principals
from lineshaft.access.audit import Act
from lineshaft.access.authority import Authority
from lineshaft.access.model import NewInvitation
from lineshaft.access.settings import AccessSettings
from lineshaft.bus.server import BusAuth
from lineshaft.core.errors import Conflict
from lineshaft.core.home import Home, Identity
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Principal
from lineshaft.records import Database

_DEFAULTS: Final = AccessSettings()


class Bootstrap(msgspec.Struct, frozen=True, kw_only=True):
    """What a start needs to go on."""

    bus_auth: BusAuth
    """For the embedded bus server's configuration."""
    invitation: str | None
    """Secret of the one-time link for the first administrator; None where somebody can sign in."""


def bootstrap(
    home: Home, identity: Identity, database: Database, services: Sequence[str], settings: AccessSettings = _DEFAULTS
) -> Bootstrap:
    """Make whatever is missing; the tables must be there, the home must be locked by the caller.

    Args:
        services: names of the services that run on this home.

    Raises:
        Corrupt: the account's key is gone while the bus holds messages that belong to it.
        Conflict: a person has the name of a service.
    """
    authority = Authority(home, identity)
    for principal in database.transact(_ensure_services, identity, list(services)):
        credentials.keep_file(database, home, authority, principal)
    local_token.renew(database, home, identity, alone=True)
    invitation = database.transact(_ensure_administrator, identity, settings)
    with database.read() as connection:
        void = credentials.void_keys(connection, identity.tenant)
    return Bootstrap(bus_auth=authority.bus_auth(void), invitation=None if invitation is None else invitation.text)


def _ensure_services(connection: Connection, identity: Identity, services: list[str]) -> list[Principal]:
    """The principals of the services, made where missing; those that are revoked are left out."""
    minter = HandleMinter(identity.prefix)
    local_token.ensure_local(connection, minter, identity.tenant)
    found = []
    for name in services:
        row = principals.find_row(connection, identity.tenant, name)
        if row is None:
            found.append(
                principals.create(
                    connection, minter, identity.tenant, name, kind="service", roles=frozenset({"service"})
                )
            )
        elif row.kind != "service":
            raise Conflict(
                "access.service_name_taken", f"{name!r} is the name of a service, and a {row.kind} has it",
                "Rename that principal with the release before this one.", name=name, kind=row.kind,
            )  # fmt: skip
        elif row.revoked is None:
            found.append(principals.from_row(row))
    return found


def _ensure_administrator(connection: Connection, identity: Identity, settings: AccessSettings) -> NewInvitation | None:
    if principals.administrators(connection, identity.tenant):
        return None
    return _open_link(connection, identity, settings, None, "access:first_administrator", {})


def recover(
    identity: Identity, database: Database, settings: AccessSettings = _DEFAULTS, *,
    name: str | None = None, by: str = "",
) -> NewInvitation:  # fmt: skip
    """A one-time link for whoever works on the machine itself; needs no running service, and is recorded.

    Args:
        name: the administrator who gets a new password; None lets the holder choose a new or an existing name.
        by: the operating system's user, for the record.

    Raises:
        NotFound: nobody has that name. Conflict: it is not a person, or revoked.
    """
    return database.transact(_recover, identity, settings, name, by)


def _recover(
    connection: Connection, identity: Identity, settings: AccessSettings, name: str | None, by: str
) -> NewInvitation:
    return _open_link(connection, identity, settings, name, "access:recover", {"user": by, "name": name or ""})


def _open_link(
    connection: Connection, identity: Identity, settings: AccessSettings, name: str | None, action: str,
    facts: dict[str, str],
) -> NewInvitation:  # fmt: skip
    local = local_token.ensure_local(connection, HandleMinter(identity.prefix), identity.tenant)
    row = None if name is None else principals.get_row(connection, identity.tenant, name)
    if row is not None and (row.kind != "person" or row.revoked is not None):
        raise Conflict(
            "access.recover_not_possible", f"{row.name!r} is {'revoked' if row.revoked is not None else 'no person'}",
            "Leave the name out: the link then makes an administrator under a name of your choice.", name=row.name,
        )  # fmt: skip
    act = Act(principal=local.id, action=action, resource="*" if row is None else row.id, outcome="done", facts=facts)
    audit.write(connection, identity.tenant, act)
    return invitations.create(connection, identity.tenant, settings.invitation_minutes, person=row)
