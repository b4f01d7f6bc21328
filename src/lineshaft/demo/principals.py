"""Who the plant's edge node and the gateway's Sparkplug host are on the bus: two devices, each with a token of its own."""

from typing import TYPE_CHECKING

from lineshaft.core.errors import Conflict
from lineshaft.core.home import Home, Identity
from lineshaft.core.ids import HandleMinter
from lineshaft.demo.installation import GROUP, NODE, PLANT_HOST, PLANT_NODE, SPARKPLUG_HOST, own_secrets, secrets_of
from lineshaft.edge import Secret, Secrets

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lineshaft.access.authority import Authority
    from lineshaft.core.principals import Principal
    from lineshaft.records import Database


def keep_tokens(home: Home, identity: Identity, database: "Database") -> None:
    """See that both have a good token: the node's with the plant, the host's with the gateway's secrets.

    Raises:
        Conflict: somebody else has the name of one of them.
    """
    from lineshaft.access import sparkplug
    from lineshaft.access.authority import Authority

    authority = Authority(home, identity)
    for secrets, name, attribute in (
        (own_secrets(home), PLANT_NODE, sparkplug.node(GROUP, NODE)),
        (secrets_of(home), PLANT_HOST, sparkplug.host(GROUP, SPARKPLUG_HOST)),
    ):
        principal = database.transact(_ensure, identity, name, {sparkplug.ATTRIBUTE: attribute})
        if principal is not None:
            _keep(secrets, database, authority, principal)


def _ensure(connection: "Connection", identity: Identity, name: str, attributes: dict[str, str]) -> "Principal | None":
    """The principal, made where missing; None where it is revoked: who did that wants it out."""
    from lineshaft.access import principals

    row = principals.find_row(connection, identity.tenant, name)
    if row is None:
        minter = HandleMinter(identity.prefix)
        return principals.create(connection, minter, identity.tenant, name, kind="device", attributes=attributes)
    if row.kind != "device" or row.attributes != attributes:
        raise Conflict(
            "demo.principal_name_taken", f"the principal {name!r} is not the demonstration plant's",
            "Start without the plant: `lineshaft up --no-demo`.", name=name,
        )  # fmt: skip
    return None if row.revoked is not None else principals.from_row(row)


def _keep(secrets: Secrets, database: "Database", authority: "Authority", principal: "Principal") -> None:
    from lineshaft.access import credentials

    present = secrets.get(principal.name).password if principal.name in secrets.names() else ""
    token = credentials.keep(database, authority, principal, present)
    if token != present:
        # The bus looks at the token alone, and refuses nobody's name: MQTT wants one beside a password.
        secrets.keep(principal.name, Secret(user=principal.name, password=token))
