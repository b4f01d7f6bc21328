"""Enrolment in the access service: the verbs `enrol`, `invite_machine` and `join`."""

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from lineshaft.access import audit, credentials, principals
from lineshaft.access.audit import Act
from lineshaft.access.est import invitations
from lineshaft.access.est.desk import PROFILES, EnrolmentDesk
from lineshaft.access.est.makers import Makers
from lineshaft.access.est.messages import Enrol, Invite, Invited, Join, Joined
from lineshaft.access.est.settings import EstSettings
from lineshaft.access.grants import GRANTS, grant_of
from lineshaft.access.lockout import Lockout
from lineshaft.access.model import TEMPLATE
from lineshaft.access.names import RESERVED
from lineshaft.access.parts import Surroundings, Verb
from lineshaft.access.pki import certificates
from lineshaft.access.settings import AccessSettings
from lineshaft.bus.address import find_address
from lineshaft.bus.settings import BusSettings
from lineshaft.core.errors import Conflict, InvalidInput, LineshaftError
from lineshaft.core.health import Check
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Decision, Principal

MANAGE: Final = "access:manage"
_SWEEP_SECONDS: Final = 3600.0


class EnrolmentPart:
    """See the module."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self._identity = surroundings.context.identity
        self._settings = surroundings.context.settings.of(EstSettings)
        self._minter = HandleMinter(self._identity.prefix)

    async def start(self) -> None:
        from lineshaft.access.pki.part import authority_of

        around = self._around
        self._desk = EnrolmentDesk(
            around.database, self._identity.tenant, around.access,
            await asyncio.to_thread(authority_of, around), Makers(self._settings.idevid_roots),
            Lockout(around.context.settings.of(AccessSettings)),
        )  # fmt: skip

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "enrol": Verb(Enrol, self._desk.enrol),
            "invite_machine": Verb(Invite, self.invite),
            "join": Verb(Join, self.join),
        }

    def tasks(self) -> Sequence[Coroutine[Any, Any, None]]:
        return [self._keep_tidy()]

    def checks(self) -> list[Check]:
        return []

    # -- the right to enrol -------------------------------------------------------------------------------------------

    async def invite(self, asked: Invite) -> Invited:
        """Let a machine enrol; its principal is made where there is none. The earlier unused right ends.

        Raises:
            Forbidden. InvalidInput. Conflict: the name is another kind's, of a service of this box, or revoked.
        """
        decision = await self._around.administration.decide(asked.actor, MANAGE, asked.name)
        return await self._around.database.write(self._invite, asked, decision)

    def _invite(self, connection: Connection, asked: Invite, decision: Decision) -> Invited:
        minutes = self._settings.token_minutes if asked.minutes is None else asked.minutes
        if not 1 <= minutes <= 43200:
            raise InvalidInput(
                "access.enrolment_minutes", f"minutes is {minutes}, outside 1 to 43200", "A month is 43200 minutes.",
                field="minutes", value=minutes,
            )  # fmt: skip
        principal = self._machine(connection, asked)
        secret, expires = invitations.create(connection, principal, minutes, asked.serial)
        facts = {"name": principal.name, "kind": principal.kind, "serial": asked.serial}
        self._note(connection, asked.actor.id, "access:invite_machine", principal.id, decision.id, facts)
        return Invited(name=principal.name, kind=principal.kind, secret=secret, expires=expires)

    def _machine(self, connection: Connection, asked: Invite) -> Principal:
        _check_machine(asked)
        row = principals.find_row(connection, self._identity.tenant, asked.name)
        if row is None:
            attributes = {TEMPLATE: asked.template} if asked.template else {}
            return principals.create(
                connection, self._minter, self._identity.tenant, asked.name, kind=asked.kind, attributes=attributes
            )
        if row.kind != asked.kind or row.attributes.get(TEMPLATE, "") != asked.template:
            raise Conflict(
                "access.machine_is_other", f"there is already a {row.kind} named {row.name!r}, of another sort",
                "Choose another name.", field="name", value=row.name, kind=row.kind,
            )  # fmt: skip
        if row.revoked is not None:
            raise Conflict(
                "access.principal_revoked", f"{row.name!r} is revoked", "`lineshaft access reinstate` brings it back.",
                name=row.name,
            )  # fmt: skip
        return principals.from_row(row)

    # -- what an enrolled machine needs ---------------------------------------------------------------------------------

    async def join(self, asked: Join) -> Joined:
        """Where the machine belongs, and new credentials for the bus; those it had are void.

        Raises:
            Unauthenticated: its certificate is not in force. Conflict: it is nothing that uses the bus.
            Unavailable: the bus is not running.
        """
        principal = await self._around.access.principal_of_certificate(asked.peer)
        settings = self._around.context.settings.of(BusSettings)
        address = find_address(settings, self._around.context.home)
        authorities = await asyncio.to_thread(_text, settings.tls_ca) if address.tls else ""
        text, void = await self._around.database.write(self._credentials, principal, asked)
        if void:
            await self._around.cut_off(principal.name)
        identity = self._identity
        return Joined(
            name=principal.name, template=principal.attributes.get(TEMPLATE, ""), tenant=identity.tenant,
            site=identity.site, prefix=identity.prefix, created=identity.created, bus_url=address.url,
            bus_ca=authorities, credentials=text,
        )  # fmt: skip

    def _credentials(self, connection: Connection, known: Principal, asked: Join) -> tuple[str, list[str]]:
        row = principals.get_row(connection, self._identity.tenant, known.id)
        principal = principals.from_row(row)
        standing = row.revoked is None and all(
            certificates.stands(connection, self._identity.tenant, key) for key in known.keys
        )
        if not standing or principal.name in GRANTS or grant_of(principal) is None:
            raise Conflict(
                "access.machine_without_bus", f"{principal.name!r} does not get credentials for the bus",
                "A gateway does: `lineshaft edge invite NAME`.", name=principal.name,
            )  # fmt: skip
        key, text = self._around.authority.credentials_for(principal)
        void = credentials.replace(connection, principal.id, key)
        facts = {"name": principal.name, "key": key, "void_keys": void, "address": asked.address}
        self._note(connection, principal.id, "access:join", principal.id, "", facts)
        return text, void

    # -- inside -----------------------------------------------------------------------------------------------------

    def _note(
        self, connection: Connection, who: str, action: str, resource: str, decision: str, facts: dict[str, Any]
    ) -> None:  # fmt: skip
        act = Act(principal=who, action=action, resource=resource, outcome="done", decision=decision, facts=facts)
        audit.write(connection, self._identity.tenant, act)

    async def _keep_tidy(self) -> None:
        while True:
            with contextlib.suppress(LineshaftError):  # the records do not answer: what is old can wait
                await self._around.database.write(invitations.sweep)
            await asyncio.sleep(_SWEEP_SECONDS)


def _check_machine(asked: Invite) -> None:
    if asked.kind not in PROFILES:
        raise InvalidInput(
            "access.machine_kind", f"kind is {asked.kind!r}, which is no machine", "Machines are device, service and node.",
            field="kind", value=asked.kind,
        )  # fmt: skip
    if asked.name in RESERVED:  # its credentials are those of a service of this box
        raise InvalidInput(
            "access.machine_name_reserved", f"name is {asked.name!r}, which is kept for a service of the box itself",
            "Choose another name, for example gateway-east.", field="name", value=asked.name,
        )  # fmt: skip
    if asked.template and (asked.kind != "service" or asked.template != "gateway"):
        raise InvalidInput(
            "access.machine_template", f"template is {asked.template!r}, which no enrolled {asked.kind} can have",
            "Services can have the template gateway.", field="template", value=asked.template, kind=asked.kind,
        )  # fmt: skip
    if len(asked.serial) > 64 or not asked.serial.isprintable():
        raise InvalidInput(
            "access.machine_serial", "serial is longer than 64 characters, or holds some that cannot be printed",
            "Give the serialNumber in the subject of the maker's certificate.", field="serial",
        )  # fmt: skip


def _text(file: str) -> str:
    return Path(file).read_text("utf-8") if file else ""
