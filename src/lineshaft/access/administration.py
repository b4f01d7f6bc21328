"""Changes to principals, roles, tokens and credentials: decided, done and recorded in one place.

Each change is asked on somebody's behalf and decided here once more, whatever the asking service decided before.
The change, its audit entry and its event commit together.
"""

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row

from lineshaft.access import audit, credentials, invitations, principals, sessions, tokens
from lineshaft.access.access import Access
from lineshaft.access.audit import Act
from lineshaft.access.authority import Authority
from lineshaft.access.est import invitations as enrolments
from lineshaft.access.grants import ESSENTIAL, GRANTS
from lineshaft.access.messages import (
    CreatedPrincipal,
    CreatePrincipal,
    CreateToken,
    Credentials,
    OfPrincipal,
    RevokeToken,
    SetClearance,
    SetRoles,
)
from lineshaft.access.model import SCOPES, TEMPLATE, Actor, Member, NewInvitation, NewToken
from lineshaft.access.pki import certificates
from lineshaft.access.roles import actions_of, check_roles, check_scopes
from lineshaft.access.settings import AccessSettings
from lineshaft.bus.envelopes import event_headers
from lineshaft.bus.subjects import Subjects
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, PreconditionFailed, Unauthenticated
from lineshaft.core.home import Identity
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Decision, Principal, Resource
from lineshaft.records import Database, outbox

MANAGE: Final = "access:manage"
SELF: Final = "access:self"
HIGHEST_GRADE: Final = 3
_HOLDERS: Final = frozenset({"person", "app"})
"""Kinds of principals that may hold API tokens."""


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """Event `access.revoked`."""

    principal: str
    name: str


class Administration:
    """The changes. Where one makes bus keys void, the caller must push the account afterwards."""

    def __init__(self, database: Database, identity: Identity, settings: AccessSettings, authority: Authority) -> None:
        self._database = database
        self._tenant = identity.tenant
        self._subjects = Subjects(identity.tenant, identity.site)
        self._minter = HandleMinter(identity.prefix)
        self._settings = settings
        self._authority = authority
        self._access = Access(database, identity, settings)

    # -- principals -------------------------------------------------------------------------------------------------

    async def create_principal(self, asked: CreatePrincipal) -> CreatedPrincipal:
        """A new principal; for a person with the one-time link to sign in with.

        Raises:
            Forbidden, InvalidInput. Conflict: the name is taken.
        """
        decision = await self.decide(asked.actor, MANAGE, asked.name)
        return await self._database.write(self._create_principal, asked, decision)

    def _create_principal(self, connection: Connection, asked: CreatePrincipal, decision: Decision) -> CreatedPrincipal:
        if asked.kind in _HOLDERS:
            roles, attributes = check_roles(asked.roles), {}
        else:
            roles, attributes = frozenset(), _template_of(asked)
        made = principals.create(
            connection, self._minter, self._tenant, asked.name, kind=asked.kind, roles=roles, attributes=attributes
        )
        row = principals.get_row(connection, self._tenant, made.id)
        invitation = self._new_invitation(connection, row) if asked.kind == "person" else None
        facts = {"name": made.name, "kind": made.kind, "roles": sorted(roles), **attributes}
        self._note(connection, asked.actor, "access:create_principal", made.id, decision, facts)
        return CreatedPrincipal(member=principals.get_member(connection, self._tenant, made.id), invitation=invitation)

    async def invite(self, asked: OfPrincipal) -> NewInvitation:
        """A new one-time link for a person, who sets a new password with it. The old password works until then.

        Raises:
            Forbidden. NotFound. Conflict: revoked, or no person.
        """
        decision = await self.decide(asked.actor, MANAGE, asked.name)
        return await self._database.write(self._invite, asked, decision)

    def _invite(self, connection: Connection, asked: OfPrincipal, decision: Decision) -> NewInvitation:
        row = self._active(connection, asked.name)
        if row.kind != "person":
            raise Conflict(
                "access.link_not_for_person", f"{row.name!r} is of kind {row.kind}: only people sign in by a link",
                "Name a person; an app has API tokens: `lineshaft access token create`.", name=row.name, kind=row.kind,
            )  # fmt: skip
        self._note(connection, asked.actor, "access:invite", row.id, decision, {"name": row.name})
        return self._new_invitation(connection, row)

    async def set_roles(self, asked: SetRoles) -> Member:
        """Replace a person's or app's roles; felt within seconds.

        Raises:
            Forbidden. NotFound. InvalidInput. Conflict: oneself, the last administrator, a service.
        """
        decision = await self.decide(asked.actor, MANAGE, asked.name)
        return await self._database.write(self._set_roles, asked, decision)

    def _set_roles(self, connection: Connection, asked: SetRoles, decision: Decision) -> Member:
        roles = check_roles(asked.roles)
        row = self._active(connection, asked.name)
        if row.kind not in _HOLDERS:
            raise _not_a_person(row)
        if row.id == asked.actor.id and "administrator" not in roles:
            raise Conflict(
                "access.demote_self", "you cannot take the administrator's role from yourself",
                "Another administrator can do it.", name=row.name,
            )  # fmt: skip
        if asked.expected is not None and sorted(asked.expected) != sorted(row.roles):
            raise PreconditionFailed(
                "access.roles_changed_meanwhile", f"the roles of {row.name!r} changed since you read them",
                "Read them again and repeat your change.", name=row.name,
            )  # fmt: skip
        principals.set_roles(connection, self._tenant, row.id, roles)
        sessions.make_due(connection, row.id)
        facts = {"name": row.name, "before": row.roles, "roles": sorted(roles)}
        self._note(connection, asked.actor, "access:set_roles", row.id, decision, facts)
        return principals.get_member(connection, self._tenant, row.id)

    async def set_clearance(self, asked: SetClearance) -> Member:
        """Replace the highest grade of data that a principal may see; felt within seconds.

        Raises:
            Forbidden. NotFound. InvalidInput: no grade. Conflict: revoked.
        """
        decision = await self.decide(asked.actor, MANAGE, asked.name)
        return await self._database.write(self._set_clearance, asked, decision)

    def _set_clearance(self, connection: Connection, asked: SetClearance, decision: Decision) -> Member:
        if not 1 <= asked.clearance <= HIGHEST_GRADE:
            raise InvalidInput(
                "access.clearance_unknown", f"clearance is {asked.clearance}, which is no grade",
                f"Grades are 1 to {HIGHEST_GRADE}, the highest last.", field="clearance", value=asked.clearance,
                highest=HIGHEST_GRADE,
            )  # fmt: skip
        row = self._active(connection, asked.name)
        principals.set_clearance(connection, row.id, asked.clearance)
        facts = {"name": row.name, "before": row.clearance, "clearance": asked.clearance}
        self._note(connection, asked.actor, "access:set_clearance", row.id, decision, facts)
        return principals.get_member(connection, self._tenant, row.id)

    async def revoke(self, asked: OfPrincipal) -> Member:
        """End a principal's sessions, tokens, links and bus connections; it cannot come back by itself.

        Raises:
            Forbidden. NotFound. Conflict: oneself, the last administrator, a service nothing works without.
        """
        decision = await self.decide(asked.actor, MANAGE, asked.name)
        return await self._database.write(self._revoke, asked, decision)

    def _revoke(self, connection: Connection, asked: OfPrincipal, decision: Decision) -> Member:
        row = principals.get_row(connection, self._tenant, asked.name)
        if row.id == asked.actor.id:
            raise Conflict(
                "access.revoke_self", "you cannot revoke yourself", "Another administrator can do it.", name=row.name
            )
        if row.kind == "service" and row.name in ESSENTIAL:
            raise Conflict(
                "access.revoke_essential", f"the service {row.name} cannot be revoked: nobody could bring it back",
                "Stop the box instead.", name=row.name,
            )  # fmt: skip
        void = principals.revoke(connection, self._tenant, row.id)
        ended = certificates.revoke_all(connection, row.id)
        enrolments.withdraw(connection, row.id)
        event = Revoked(principal=row.id, name=row.name)
        headers = event_headers(source=f"/{self._subjects.tenant}/{self._subjects.site}/access", type_="access.revoked")
        outbox.add(connection, self._subjects.event("access", "revoked"), msgspec.json.encode(event), headers)
        facts = {"name": row.name, "void_keys": void, "certificates": ended}
        self._note(connection, asked.actor, "access:revoke", row.id, decision, facts)
        return principals.get_member(connection, self._tenant, row.id)

    async def reinstate(self, asked: OfPrincipal) -> Member:
        """Let a revoked principal come back: a person with the old password, others with new tokens and credentials.

        Raises:
            Forbidden. NotFound.
        """
        decision = await self.decide(asked.actor, MANAGE, asked.name)
        return await self._database.write(self._reinstate, asked, decision)

    def _reinstate(self, connection: Connection, asked: OfPrincipal, decision: Decision) -> Member:
        row = principals.get_row(connection, self._tenant, asked.name)
        principals.reinstate(connection, row.id)
        self._note(connection, asked.actor, "access:reinstate", row.id, decision, {"name": row.name})
        return principals.get_member(connection, self._tenant, row.id)

    # -- API tokens -------------------------------------------------------------------------------------------------

    async def create_token(self, asked: CreateToken) -> NewToken:
        """A new API token for oneself, or for somebody else by an administrator.

        Raises:
            Forbidden: not allowed, or asked with a token: what is stolen must not renew itself.
            InvalidInput: scopes beyond the owner's roles, or a life too long. NotFound.
            Conflict: the principal is revoked, or of a kind that holds no tokens.
        """
        action = MANAGE if asked.name else SELF
        decision = await self.decide(asked.actor, action, asked.name or asked.actor.id)
        if asked.actor.scopes not in (None, [tokens.EVERYTHING]):
            raise Forbidden(
                "access.token_cannot_mint", "an API token cannot make API tokens",
                "Sign in and make it there, or use `lineshaft access token create` on the machine itself.",
            )  # fmt: skip
        return await self._database.write(self._create_token, asked, decision)

    def _create_token(self, connection: Connection, asked: CreateToken, decision: Decision) -> NewToken:
        row = self._active(connection, asked.name or asked.actor.id)
        if row.kind not in _HOLDERS:
            raise _not_a_person(row)
        scopes = check_scopes(asked.scopes, actions_of(frozenset(row.roles)))
        expires = clock.now_us() + self._days(asked.days) * tokens.DAY_US
        made = tokens.create(connection, row.id, asked.label, sorted(scopes), expires)
        facts = {"name": row.name, "id": made.token.id, "label": made.token.label, "scopes": made.token.scopes,
                 "expires": clock.rfc3339(expires)}  # fmt: skip
        self._note(connection, asked.actor, "access:create_token", row.id, decision, facts)
        return made

    def _days(self, asked: int | None) -> int:
        days = self._settings.token_days if asked is None else asked
        if not 1 <= days <= self._settings.token_maximum_days:
            raise InvalidInput(
                "access.token_days", f"days is {days}, outside 1 to {self._settings.token_maximum_days}",
                "Every token expires; make a new one in time.",
                field="days", value=days, maximum=self._settings.token_maximum_days,
            )  # fmt: skip
        return days

    async def revoke_token(self, asked: RevokeToken) -> None:
        """End an API token: one's own, or anybody's by an administrator; felt within seconds.

        Raises:
            Forbidden. NotFound: there is no such token that the actor may know of.
        """
        owner = await self._database.query(tokens.owner, self._tenant, asked.token)
        decision = await self.decide(asked.actor, SELF if owner == asked.actor.id else MANAGE, asked.token)
        await self._database.write(self._revoke_token, asked, owner, decision)

    def _revoke_token(self, connection: Connection, asked: RevokeToken, owner: str, decision: Decision) -> None:
        tokens.remove(connection, asked.token)
        self._note(connection, asked.actor, "access:revoke_token", owner, decision, {"id": asked.token})

    # -- bus credentials --------------------------------------------------------------------------------------------

    async def issue_credentials(self, asked: OfPrincipal) -> Credentials:
        """New bus credentials for a service; those it had before are void, and what uses them is cut off.

        Raises:
            Forbidden. NotFound. Conflict: revoked, or nothing that connects to the bus.
        """
        decision = await self.decide(asked.actor, MANAGE, asked.name)
        return Credentials(text=await self._database.write(self._issue, asked, decision))

    def _issue(self, connection: Connection, asked: OfPrincipal, decision: Decision) -> str:
        row = self._active(connection, asked.name)
        if row.kind in _HOLDERS or row.name in ESSENTIAL:
            raise Conflict(
                "access.no_bus_credentials", f"{row.name!r} does not get bus credentials this way",
                "People and apps use the web interface; the box's own services get theirs at its start.", name=row.name,
            )  # fmt: skip
        key, text = self._authority.credentials_for(principals.from_row(row))
        void = credentials.replace(connection, row.id, key)
        facts = {"name": row.name, "key": key, "void_keys": void}
        self._note(connection, asked.actor, "access:issue_credentials", row.id, decision, facts)
        return text

    # -- inside -----------------------------------------------------------------------------------------------------

    async def acting(self, actor: Actor) -> Principal:
        """Whoever asks, as of now.

        Raises:
            Unauthenticated: not known any more, or revoked.
        """
        return await self._database.query(self._acting, actor)

    async def decide(self, actor: Actor, action: str, resource: str | Resource) -> Decision:
        """The decision that the actor may; a denial is recorded and raised."""
        acting = await self.acting(actor)
        # The web server, which asks on the actor's behalf, has seen to a second person.
        return await self._access.require(acting, action, resource, approval=False)

    def _acting(self, connection: Connection, actor: Actor) -> Principal:
        row = principals.find_row(connection, self._tenant, actor.id)
        if row is None or row.revoked is not None:
            raise Unauthenticated(
                "access.actor_unknown", "whoever asks for this is not known any more", "Sign in again."
            )
        return principals.from_row(row, **({} if actor.scopes is None else {SCOPES: " ".join(actor.scopes)}))

    def _active(self, connection: Connection, target: str) -> Row[Any]:
        row = principals.get_row(connection, self._tenant, target)
        if row.revoked is not None:
            raise Conflict(
                "access.principal_revoked", f"{row.name!r} is revoked", "`lineshaft access reinstate` brings it back.",
                name=row.name,
            )  # fmt: skip
        return row

    def _new_invitation(self, connection: Connection, row: Row[Any]) -> NewInvitation:
        return invitations.create(connection, self._tenant, self._settings.invitation_minutes, person=row)

    def _note(
        self, connection: Connection, actor: Actor, action: str, resource: str, decision: Decision,
        facts: dict[str, Any],
    ) -> None:  # fmt: skip
        act = Act(
            principal=actor.id, action=action, resource=resource, outcome="done", decision=decision.id, facts=facts
        )
        audit.write(connection, self._tenant, act)


def _template_of(asked: CreatePrincipal) -> dict[str, str]:
    """Attributes of a new service, device or node."""
    if asked.roles:
        raise InvalidInput(
            "access.roles_not_for_kind", f"roles are for people and apps, not for a {asked.kind}",
            "A service gets its grants from a template.", field="roles", value=asked.roles, kind=asked.kind,
        )  # fmt: skip
    if asked.template and (asked.kind != "service" or asked.template not in GRANTS or asked.template in ESSENTIAL):
        raise InvalidInput(
            "access.template_unknown", f"template is {asked.template!r}, which no {asked.kind} can have",
            "Services can have the template gateway, history or resolution.", field="template", value=asked.template,
            kind=asked.kind,
        )  # fmt: skip
    return {TEMPLATE: asked.template} if asked.template else {}


def _not_a_person(row: Row[Any]) -> Conflict:
    return Conflict(
        "access.not_a_person", f"{row.name!r} is of kind {row.kind}: only people and apps have roles and tokens",
        "Name a person or an app.", name=row.name, kind=row.kind,
    )  # fmt: skip
