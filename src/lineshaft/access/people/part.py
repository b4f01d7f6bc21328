"""The access service's part for people: passkeys, the external provider, the emergency code."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from lineshaft.access.parts import Surroundings, Verb
from lineshaft.access.people import ceremonies
from lineshaft.access.people.break_glass import BreakGlass
from lineshaft.access.people.messages import (
    BeginOidc,
    BeginPasskey,
    ChangePasskey,
    FinishOidc,
    OfBreakGlass,
    PasskeySignIn,
    RegisterPasskey,
    RemoveIdentity,
    UseBreakGlass,
)
from lineshaft.access.people.oidc import OidcDesk
from lineshaft.access.people.passkeys import PasskeyDesk
from lineshaft.access.people.settings import OidcSettings
from lineshaft.access.settings import AccessSettings
from lineshaft.bus.subjects import Subjects
from lineshaft.core import logs
from lineshaft.core.errors import LineshaftError
from lineshaft.core.health import Check
from lineshaft.core.ids import HandleMinter

TEND_SECONDS: Final = 5.0


class PeoplePart:
    """Ways in beside name and password."""

    def __init__(self, surroundings: Surroundings) -> None:
        identity, settings = surroundings.context.identity, surroundings.context.settings
        database, access = surroundings.database, settings.of(AccessSettings)
        subjects, minter = Subjects(identity.tenant, identity.site), HandleMinter(identity.prefix)
        self._database = database
        self._passkeys = PasskeyDesk(database, subjects, access)
        self._oidc = OidcDesk(database, identity.tenant, minter, access, settings.of(OidcSettings))
        self._glass = BreakGlass(database, subjects, minter, access, surroundings.administration)
        self._failing = False

    async def start(self) -> None:
        await self._glass.tend()

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "passkey_begin": Verb(BeginPasskey, self._passkeys.begin),
            "passkey_register": Verb(RegisterPasskey, self._passkeys.register),
            "passkey_sign_in": Verb(PasskeySignIn, self._passkeys.sign_in),
            "passkey_rename": Verb(ChangePasskey, self._passkeys.rename),
            "passkey_remove": Verb(ChangePasskey, self._passkeys.remove),
            "oidc_begin": Verb(BeginOidc, self._oidc.begin),
            "oidc_finish": Verb(FinishOidc, self._oidc.finish),
            "identity_remove": Verb(RemoveIdentity, self._oidc.remove),
            "break_glass_create": Verb(OfBreakGlass, self._glass.create),
            "break_glass_use": Verb(UseBreakGlass, self._glass.use),
            "break_glass_acknowledge": Verb(OfBreakGlass, self._glass.acknowledge),
        }

    def tasks(self) -> Sequence[Coroutine[Any, Any, None]]:
        return [self._tend()]

    def checks(self) -> list[Check]:
        return [self._glass.check()]

    async def _tend(self) -> None:
        """Disable the emergency account in time, and drop ceremonies that nobody finished."""
        while True:
            await asyncio.sleep(TEND_SECONDS)
            try:
                await self._glass.tend()
                if await self._database.query(ceremonies.any_over):
                    await self._database.write(_sweep)
            except LineshaftError as error:  # the records do not answer now
                if not self._failing:
                    logs.get("access").warning("people_not_tended", code=error.code, message=error.message)
                self._failing = True
            else:
                self._failing = False


def _sweep(connection: Connection) -> None:
    ceremonies.sweep(connection)
