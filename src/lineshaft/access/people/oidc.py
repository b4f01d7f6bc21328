"""Signing in by an external OpenID provider, and linking its identity to a person there is.

Who somebody is there is (issuer, subject): an e-mail address or a name never links two people. Who comes for the first
time becomes a person here only where the settings give one of their groups a role; from then on the provider's groups
decide that person's roles, at each sign-in.
"""

from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from lineshaft.access import audit, principals, sessions
from lineshaft.access.audit import Act
from lineshaft.access.browser import local_path
from lineshaft.access.lockout import Lockout, normal_address
from lineshaft.access.messages import Done
from lineshaft.access.names import check_name, normal_name, searched_name
from lineshaft.access.people import ceremonies
from lineshaft.access.people.admission import admit
from lineshaft.access.people.ceremonies import Ceremony
from lineshaft.access.people.messages import (
    BeginOidc,
    Begun,
    FinishOidc,
    IdentityLink,
    OidcDone,
    Place,
    RemoveIdentity,
)
from lineshaft.access.people.provider import Provider
from lineshaft.access.people.settings import OidcSettings
from lineshaft.access.people.store import IDENTITY
from lineshaft.access.roles import check_roles
from lineshaft.access.settings import AccessSettings
from lineshaft.access.sign_in import SIGN_INS
from lineshaft.core import clock, ids
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, LineshaftError, NotFound, Unauthenticated
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Principal, Role
from lineshaft.records import Database

CALLBACK: Final = "/api/v1/access/oidc/callback"
_SIGN_IN: Final = "oidc"
_LINK: Final = "oidc-link"
_LONGEST: Final = 255
_TRIES: Final = 100


class OidcDesk:
    """Lets people in whom the provider knows."""

    def __init__(
        self, database: Database, tenant: str, minter: HandleMinter, settings: AccessSettings, oidc: OidcSettings
    ) -> None:
        self._database = database
        self._tenant = tenant
        self._minter = minter
        self._settings = settings
        self._oidc = oidc
        self._mapping = _mapping(oidc.roles)
        self._provider = Provider(oidc)
        self._lockout = Lockout(settings)

    async def begin(self, asked: BeginOidc) -> Begun:
        """Where the browser goes to sign in there, and the secret for its cookie.

        Raises:
            NotFound: no provider is set. Unavailable: it does not answer. Forbidden: linking with an API token.
        """
        if not self._oidc.issuer or not self._oidc.client_id:
            raise NotFound(
                "access.oidc_off",
                "no external provider is set up here",
                "See the settings oidc.issuer and oidc.client_id.",
            )
        actor = asked.actor
        if actor is not None and actor.scopes is not None:
            raise _not_yours()
        metadata = await self._provider.metadata()
        begun = await self._database.write(self._begin, asked, normal_address(asked.place.address))
        url = self._provider.sign_in_address(
            metadata, _callback(asked.place), begun.derive("state"), begun.derive("nonce"), begun.derive("verifier")
        )
        return Begun(secret=begun.secret, url=url)

    def _begin(self, connection: Connection, asked: BeginOidc, address: str) -> Ceremony:
        kind, person = (_SIGN_IN, None) if asked.actor is None else (_LINK, asked.actor.id)
        target = local_path(asked.target)
        target = target if len(target) <= 512 else "/"
        return ceremonies.begin(connection, self._tenant, kind, address, principal=person, target=target)

    async def finish(self, asked: FinishOidc) -> OidcDone:
        """Sign in, or link, by what the provider sent the browser back with.

        Raises:
            Unauthenticated: not begun in this browser, used already, refused by the provider, or not its answer.
            Forbidden: nobody here, and no group of theirs has a role. Conflict: the identity is somebody else's.
            TooMany: too many refused from this address. Unavailable: the provider does not answer.
        """
        address = normal_address(asked.place.address)
        limits = [self._lockout.address_limit(address)]
        await self._database.write(self._lockout.charge, limits)
        try:
            begun = await self._database.write(ceremonies.take, self._tenant, asked.secret, _SIGN_IN, _LINK)
            claims = await self._claims(asked, begun)
            done = await self._database.write(self._finish, begun, claims, asked, address)
        except LineshaftError as error:
            SIGN_INS.labels("refused").inc()
            facts = {"address": address, "reason": error.code, "detail": error.message}
            act = Act(principal="", action="access:oidc_sign_in", resource="", outcome="refused", facts=facts)
            await self._database.write(audit.write, self._tenant, act)
            raise
        await self._database.write(self._lockout.forgive, limits)
        SIGN_INS.labels("done").inc()
        return done

    async def _claims(self, asked: FinishOidc, begun: Ceremony) -> dict[str, Any]:
        if asked.state != begun.derive("state"):
            raise ceremonies.over()
        metadata = await self._provider.metadata()
        # RFC 9207: an answer of another provider, which the browser was made to bring here.
        if asked.issuer != metadata.issuer and (
            asked.issuer is not None or metadata.authorization_response_iss_parameter_supported
        ):
            raise ceremonies.over()
        if asked.error or not asked.code:
            raise Unauthenticated(
                "access.oidc_denied", f"the external provider did not sign you in: {asked.error[:60] or 'no code'}",
                "Begin again, or sign in with your password.", reason=asked.error[:60],
            )  # fmt: skip
        claims = await self._provider.claims(
            asked.code, _callback(asked.place), begun.derive("verifier"), begun.derive("nonce")
        )
        if not 0 < len(str(claims["sub"])) <= _LONGEST:
            raise ceremonies.over()
        self._check_domain(claims)
        return claims

    def _check_domain(self, claims: dict[str, Any]) -> None:
        domains = {domain.lower() for domain in self._oidc.allowed_domains}
        email = str(claims.get("email", ""))
        if domains and (claims.get("email_verified") is not True or email.rpartition("@")[2].lower() not in domains):
            raise Forbidden(
                "access.oidc_domain", "the external account has no verified e-mail address in a domain admitted here",
                "The setting oidc.allowed_domains lists them.",
            )  # fmt: skip

    # -- in one transaction -----------------------------------------------------------------------------------------

    def _finish(
        self, connection: Connection, begun: Ceremony, claims: dict[str, Any], asked: FinishOidc, address: str
    ) -> OidcDone:
        row = connection.execute(
            select(IDENTITY).where(
                IDENTITY.c.tenant == self._tenant, IDENTITY.c.issuer == self._oidc.issuer,
                IDENTITY.c.subject == str(claims["sub"]),
            )
        ).one_or_none()  # fmt: skip
        if begun.principal is not None:
            self._link(connection, row, begun.principal, claims)
            return OidcDone(target=begun.target, signed_in=None)
        roles = self._roles_of(claims)
        person = self._newcomer(connection, claims, roles) if row is None else self._known(connection, row, roles)
        signed_in = admit(
            connection, person, address, self._settings, "access:oidc_sign_in", previous=asked.previous,
            facts={"issuer": self._oidc.issuer},
        )  # fmt: skip
        return OidcDone(target=begun.target, signed_in=signed_in)

    def _link(self, connection: Connection, row: Row[Any] | None, principal: str, claims: dict[str, Any]) -> None:
        person = principals.get_row(connection, self._tenant, principal)
        if person.revoked is not None or person.kind != "person":
            raise _not_yours()
        if row is not None and row.principal != principal:
            raise Conflict(
                "access.identity_taken", "this external account belongs to somebody else here",
                "Sign out there and use your own, or let its owner unlink it.",
            )  # fmt: skip
        if row is None:
            self._keep(connection, principal, claims, managed=False)

    def _known(self, connection: Connection, row: Row[Any], roles: frozenset[Role]) -> Principal:
        """The person of an identity there is, with the roles that the provider gives now."""
        person = principals.get_row(connection, self._tenant, row.principal)
        if person.revoked is not None or (row.managed and not roles):
            raise _no_role()
        if row.managed and frozenset(person.roles) != roles:
            principals.set_roles(connection, self._tenant, person.id, roles)
            sessions.make_due(connection, person.id)
            facts = {"name": person.name, "before": person.roles, "roles": sorted(roles), "issuer": row.issuer}
            self._note(connection, person.id, "access:set_roles", facts)
            person = principals.get_row(connection, self._tenant, row.principal)
        connection.execute(update(IDENTITY).where(IDENTITY.c.id == row.id).values(used=clock.now_us()))
        return principals.from_row(person)

    def _newcomer(self, connection: Connection, claims: dict[str, Any], roles: frozenset[Role]) -> Principal:
        if not roles:
            raise _no_role()
        name = self._free_name(connection, claims)
        person = principals.create(connection, self._minter, self._tenant, name, roles=roles)
        facts = {"name": person.name, "kind": "person", "roles": sorted(roles), "issuer": self._oidc.issuer}
        self._note(connection, person.id, "access:create_principal", facts)
        self._keep(connection, person.id, claims, managed=True)
        return person

    def _free_name(self, connection: Connection, claims: dict[str, Any]) -> str:
        """A name nobody has, like the one there."""
        email = str(claims.get("email", "")).partition("@")[0]
        wanted = [str(claims.get("preferred_username", "")), email, "person"]
        plain = [normal_name(name).partition("@")[0].replace(".", "-")[:50] for name in wanted]
        base = next(name for name in plain if searched_name(name))
        for number in range(1, _TRIES):
            name = base if number == 1 else f"{base}-{number}"
            try:
                if principals.find_row(connection, self._tenant, check_name(name)) is None:
                    return name
            except InvalidInput:  # kept for a service
                continue
        return f"{base}-{ids.new_id()[-8:].lower()}"

    def _keep(self, connection: Connection, principal: str, claims: dict[str, Any], *, managed: bool) -> None:
        now = clock.now_us()
        connection.execute(
            insert(IDENTITY).values(
                id=ids.new_id(), tenant=self._tenant, principal=principal, issuer=self._oidc.issuer,
                subject=str(claims["sub"]), managed=managed, created=now, used=now,
            )
        )  # fmt: skip
        facts = {"issuer": self._oidc.issuer, "subject": str(claims["sub"])}
        self._note(connection, principal, "access:oidc_link", facts)

    def _roles_of(self, claims: dict[str, Any]) -> frozenset[Role]:
        """Roles that the settings give somebody's groups."""
        groups = claims.get(self._oidc.role_claim, [])
        named = {groups} if isinstance(groups, str) else {str(each) for each in groups if isinstance(each, str)}
        return frozenset(role for group, role in self._mapping if group in named)

    # -- keeping ----------------------------------------------------------------------------------------------------

    async def remove(self, asked: RemoveIdentity) -> Done:
        """Unlink one's external identity.

        Raises:
            NotFound. Forbidden: asked with an API token. Conflict: it is the person's only way in.
        """
        if asked.actor.scopes is not None:
            raise _not_yours()
        await self._database.write(self._remove, asked)
        return Done()

    def _remove(self, connection: Connection, asked: RemoveIdentity) -> None:
        own = (IDENTITY.c.id == asked.id, IDENTITY.c.principal == asked.actor.id)
        row = connection.execute(select(IDENTITY).where(*own)).one_or_none()
        if row is None:
            raise NotFound(
                "access.identity_unknown", f"you have no external identity {asked.id[:40]!r}",
                "The list shows those you have.", value=asked.id[:40],
            )  # fmt: skip
        if row.managed:
            raise Conflict(
                "access.identity_managed", "this account was made by the external provider, and is managed there",
                "An administrator can revoke it here.",
            )  # fmt: skip
        connection.execute(delete(IDENTITY).where(*own))
        self._note(connection, asked.actor.id, "access:oidc_unlink", {"issuer": row.issuer, "subject": row.subject})

    def _note(self, connection: Connection, principal: str, action: str, facts: dict[str, Any]) -> None:
        act = Act(principal=principal, action=action, resource=principal, outcome="done", facts=facts)
        audit.write(connection, self._tenant, act)


def list_of(connection: Connection, principal: str) -> list[IdentityLink]:
    """A person's external identities."""
    own = select(IDENTITY).where(IDENTITY.c.principal == principal).order_by(IDENTITY.c.created, IDENTITY.c.id)
    return [
        IdentityLink(
            id=row.id, issuer=row.issuer, subject=row.subject, managed=row.managed, created=row.created, used=row.used
        )
        for row in connection.execute(own)
    ]


def _mapping(entries: tuple[str, ...]) -> list[tuple[str, Role]]:
    """Groups and their roles, as the settings give them.

    Raises:
        InvalidInput: an entry that is not group=role, or a role there is not.
    """
    mapping: list[tuple[str, Role]] = []
    for entry in entries:
        group, _, role = entry.rpartition("=")
        if not group:
            raise InvalidInput(
                "access.oidc_mapping", f"oidc.roles holds {entry!r}, which is not group=role",
                "For example plant-engineers=engineer.", field="oidc.roles", value=entry,
            )  # fmt: skip
        mapping.extend((group, each) for each in check_roles([role.strip()], field="oidc.roles"))
    return mapping


def _callback(place: Place) -> str:
    return f"{place.origin}{CALLBACK}"


def _no_role() -> Forbidden:
    return Forbidden(
        "access.oidc_no_role", "your external account has no role here",
        "An administrator can map one of your groups by the setting oidc.roles, or make you an account to link.",
    )  # fmt: skip


def _not_yours() -> Forbidden:
    return Forbidden(
        "access.identity_not_yours", "only a signed-in person can link or unlink an external account",
        "Sign in first; an API token is not enough.",
    )  # fmt: skip
