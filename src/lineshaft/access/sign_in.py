"""Signing in: by name and password, by one-time link; and changing the password.

Whoever may not sign in learns only that: a wrong name, a wrong password and a revoked person take the same steps, the
same time and the same words.
"""

from typing import Any, Final

import msgspec
from prometheus_client import Counter
from sqlalchemy import Connection, Row, delete, insert, select, update

from lineshaft.access import audit, invitations, principals, sessions
from lineshaft.access.audit import Act
from lineshaft.access.lockout import Limit, Lockout, normal_address
from lineshaft.access.messages import ChangePassword, Redeem, SignIn
from lineshaft.access.model import Outcome, SignedIn
from lineshaft.access.names import check_name, normal_name, searched_name
from lineshaft.access.password_rules import check_password
from lineshaft.access.passwords import PasswordHasher
from lineshaft.access.people.admission import admit
from lineshaft.access.projects.tenants import split
from lineshaft.access.settings import AccessSettings
from lineshaft.access.store import ADDRESS, PASSWORD, PRINCIPAL
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, TooMany, Unauthenticated
from lineshaft.core.home import Identity
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Principal
from lineshaft.records import Database

SIGN_INS: Final = Counter("lineshaft_access_sign_ins", "Attempts to sign in.", ["outcome"])


class _Charged(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt after it was counted and before the password is looked at."""

    limits: list[Limit]
    locks: bool
    tenant: str
    principal: str
    """Handle; empty for a name that nobody has."""
    hash: str | None


class SignInDesk:
    """Where people come in."""

    def __init__(
        self, database: Database, identity: Identity, settings: AccessSettings, hasher: PasswordHasher
    ) -> None:
        self._database = database
        self._tenant = identity.tenant
        self._minter = HandleMinter(identity.prefix)
        self._settings = settings
        self._hasher = hasher
        self._lockout = Lockout(settings)

    # -- by password ------------------------------------------------------------------------------------------------

    async def sign_in(self, asked: SignIn) -> SignedIn:
        """A new session for the right name and password; somebody of another tenant says `name@tenant`.

        Raises:
            Unauthenticated: not the right ones, whichever is wrong.
            TooMany: the name or the address is locked, or too many sign in at this moment.
        """
        name, address = normal_name(asked.name), normal_address(asked.address)
        with self._hasher.slot(address):
            try:
                charged = await self._database.write(self._charge, name, address)
            except TooMany:
                SIGN_INS.labels("locked").inc()
                raise
            right = await self._hasher.verify(charged.hash, asked.password)
            renewed = None
            if right and charged.hash is not None and self._hasher.outdated(charged.hash):
                renewed = await self._hasher.hash(asked.password)
        signed_in = await self._database.write(
            self._finish, charged, address, asked.previous, right=right, renewed=renewed
        )
        SIGN_INS.labels("done" if signed_in else "refused").inc()
        if signed_in is None:
            raise _wrong()
        return signed_in

    def _charge(self, connection: Connection, name: str, address: str) -> _Charged:
        plain, tenant = split(name, self._tenant)
        row = connection.execute(
            select(PRINCIPAL.c.id, PASSWORD.c.hash, ADDRESS.c.address)
            .join(PASSWORD, PASSWORD.c.principal == PRINCIPAL.c.id)
            .outerjoin(ADDRESS, (ADDRESS.c.principal == PRINCIPAL.c.id) & (ADDRESS.c.address == address))
            .where(PRINCIPAL.c.tenant == tenant, PRINCIPAL.c.name == searched_name(plain))
        ).one_or_none()
        known = row is not None and row.address is not None
        limits = self._lockout.limits(name, address, known=known)
        locks = self._lockout.charge(connection, limits)
        if row is None:
            return _Charged(limits=limits, locks=locks, tenant=tenant, principal="", hash=None)
        return _Charged(limits=limits, locks=locks, tenant=tenant, principal=row.id, hash=row.hash)

    def _finish(
        self, connection: Connection, charged: _Charged, address: str, previous: str, *, right: bool, renewed: str | None
    ) -> SignedIn | None:  # fmt: skip
        """The outcome of an attempt and its audit entry, in one transaction; None where it was refused."""
        row = self._still_welcome(connection, charged) if right else None
        if row is None:
            outcome: Outcome = "locked" if charged.locks else "refused"
            act = Act(
                principal=charged.principal, action="access:sign_in", resource=charged.principal, outcome=outcome,
                facts={"address": address, "known_name": bool(charged.principal)},
            )  # fmt: skip
            audit.write(connection, self._tenant, act)
            return None
        self._lockout.forgive(connection, charged.limits)
        if renewed is not None:
            connection.execute(update(PASSWORD).where(PASSWORD.c.principal == row.id).values(hash=renewed))
        person = principals.from_row(row)
        return admit(
            connection, person, address, self._settings, "access:sign_in", previous=previous, trail=self._tenant
        )

    def _still_welcome(self, connection: Connection, charged: _Charged) -> Row[Any] | None:
        """The person, unless revoked or given another password while this one was being verified."""
        row = principals.find_row(connection, charged.tenant, charged.principal)
        now = connection.scalar(select(PASSWORD.c.hash).where(PASSWORD.c.principal == charged.principal))
        return row if row is not None and row.revoked is None and now == charged.hash else None

    # -- by one-time link -------------------------------------------------------------------------------------------

    async def redeem(self, asked: Redeem) -> SignedIn:
        """Use a one-time link: set the password of the person it is for, or become administrator, and sign in.

        Raises:
            Unauthenticated: the link is not valid, or somebody used it first.
            InvalidInput: the name or password breaks a rule; the link stays valid.
            Conflict: the name belongs to somebody who is not administrator.
            TooMany: too many wrong links from this address.
        """
        address = normal_address(asked.address)
        limits = [self._lockout.address_limit(address)]
        with self._hasher.slot(address):
            await self._database.write(self._lockout.charge, limits)
            invited = await self._find_invitation(asked.invitation, address)
            await self._database.write(self._lockout.forgive, limits)
            name = _chosen_name(asked.name, invited.name)
            password = check_password(asked.password, name, self._settings.password_minimum)
            hashed = await self._hasher.hash(password)
        signed_in = await self._database.write(self._redeem, asked.invitation, name, hashed, address)
        SIGN_INS.labels("done").inc()
        return signed_in

    async def _find_invitation(self, text: str, address: str) -> Row[Any]:
        try:
            return await self._database.query(invitations.find, text)
        except Unauthenticated:
            SIGN_INS.labels("refused").inc()
            act = Act(principal="", action="access:redeem", resource="", outcome="refused", facts={"address": address})
            await self._database.write(audit.write, self._tenant, act)
            raise

    def _redeem(self, connection: Connection, text: str, name: str, hashed: str, address: str) -> SignedIn:
        invited = invitations.use(connection, text)
        person = self._new_administrator(connection, invited.tenant, name) if invited.principal is None else None
        if person is None:
            person = principals.from_row(principals.get_row(connection, invited.tenant, invited.principal))
        self._set_password(connection, person.id, hashed)
        for known in (True, False):
            self._lockout.forgive(connection, self._lockout.limits(person.name, address, known=known)[:1])
        return admit(connection, person, address, self._settings, "access:redeem", trail=self._tenant)

    def _new_administrator(self, connection: Connection, tenant: str, name: str) -> Principal:
        """Who redeems a link that names nobody: a new administrator, or one there is."""
        invitations.withdraw_free(connection, tenant)
        row = principals.find_row(connection, tenant, name)
        if row is None:
            return principals.create(connection, self._minter, tenant, name, roles=frozenset({"administrator"}))
        if row.revoked is not None or row.kind != "person" or "administrator" not in row.roles:
            raise Conflict(
                "access.name_not_administrator", f"{name!r} is somebody who is not administrator",
                "Choose another name; the link stays valid.", field="name", value=name,
            )  # fmt: skip
        return principals.from_row(row)

    # -- changing the password --------------------------------------------------------------------------------------

    async def change_password(self, asked: ChangePassword) -> SignedIn:
        """Replace one's password and begin a new session; all others end.

        Raises:
            Forbidden: asked with an API token, or the old password is wrong.
            InvalidInput: the new one breaks a rule.
            TooMany: too many wrong tries.
        """
        address = normal_address(asked.address)
        with self._hasher.slot(address):
            person, stored = await self._database.query(self._holder, asked)
            limits = [self._lockout.holder_limit(person.id)]
            await self._database.write(self._lockout.charge, limits)
            if not await self._hasher.verify(stored, asked.old):
                await self._database.write(audit.write, self._tenant, _password_act(person, address, done=False))
                raise Forbidden(
                    "access.old_password_wrong", "the old password is wrong", "Type the password you sign in with.",
                    field="old",
                )  # fmt: skip
            await self._database.write(self._lockout.forgive, limits)
            password = check_password(asked.new, person.name, self._settings.password_minimum, field="new")
            if await self._hasher.verify(stored, password):
                raise InvalidInput(
                    "access.password_same", "new is the old password", "Choose another one.", field="new"
                )
            hashed = await self._hasher.hash(password)
        return await self._database.write(self._replace_password, person, stored, hashed, address)

    def _holder(self, connection: Connection, asked: ChangePassword) -> tuple[Principal, str]:
        row = principals.find_row(connection, self._tenant, asked.actor.id)
        stored = connection.scalar(select(PASSWORD.c.hash).where(PASSWORD.c.principal == asked.actor.id))
        if asked.actor.scopes is not None or row is None or row.revoked is not None or stored is None:
            raise Forbidden(
                "access.password_not_yours", "only a signed-in person can change a password",
                "Sign in first; an API token is not enough.",
            )  # fmt: skip
        return principals.from_row(row), stored

    def _replace_password(
        self, connection: Connection, person: Principal, stored: str, hashed: str, address: str
    ) -> SignedIn:
        row = self._still_welcome(
            connection, _Charged(limits=[], locks=False, tenant=person.tenant, principal=person.id, hash=stored)
        )
        if row is None:
            raise _wrong()
        self._set_password(connection, person.id, hashed)
        audit.write(connection, self._tenant, _password_act(person, address, done=True))
        return admit(connection, principals.from_row(row), address, self._settings, "access:sign_in")

    # -- in the caller's transaction --------------------------------------------------------------------------------

    def _set_password(self, connection: Connection, person: str, hashed: str) -> None:
        """Store a password; whoever was signed in with the old one is signed out."""
        connection.execute(delete(PASSWORD).where(PASSWORD.c.principal == person))
        connection.execute(insert(PASSWORD).values(principal=person, hash=hashed, changed=clock.now_us()))
        sessions.end_all(connection, person)


def _chosen_name(asked: str, invited: str | None) -> str:
    if invited is None:
        return check_name(asked)
    if asked and normal_name(asked) != invited:
        raise InvalidInput(
            "access.invitation_for_another", f"the link is for {invited!r}, not for {normal_name(asked)[:80]!r}",
            f"Leave the name out, or give {invited}.", field="name", value=normal_name(asked)[:80], name=invited,
        )  # fmt: skip
    return invited


def _password_act(person: Principal, address: str, *, done: bool) -> Act:
    return Act(
        principal=person.id, action="access:change_password", resource=person.id,
        outcome="done" if done else "refused", facts={"address": address},
    )  # fmt: skip


def _wrong() -> Unauthenticated:
    return Unauthenticated(
        "access.sign_in_refused", "name or password is wrong",
        "Try again; after several failures sign-in is locked for a while. An administrator can send a one-time link.",
    )  # fmt: skip
