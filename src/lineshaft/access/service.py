"""The access service: signs people in, changes principals, and keeps the bus's idea of who is revoked up to date.

Nothing that already runs needs it: sessions, tokens and credentials are checked without it. While it is down nobody
new signs in and nothing about principals changes.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from lineshaft.access import credentials, invitations, local_token, principals, sessions
from lineshaft.access.access import Access
from lineshaft.access.administration import Administration
from lineshaft.access.authority import SYSTEM, Authority
from lineshaft.access.files import write_secret
from lineshaft.access.grants import ACCESS_VERBS
from lineshaft.access.lockout import Lockout
from lineshaft.access.messages import (
    ChangePassword,
    CreatePrincipal,
    CreateToken,
    Credentials,
    Done,
    OfPrincipal,
    Redeem,
    RevokeToken,
    SetClearance,
    SetRoles,
    SignIn,
)
from lineshaft.access.model import Member
from lineshaft.access.parts import Part, Surroundings, load_parts
from lineshaft.access.passwords import PasswordHasher
from lineshaft.access.settings import AccessSettings
from lineshaft.access.sign_in import SignInDesk
from lineshaft.bus.care import ServerCare
from lineshaft.bus.client import Bus, credentials_file, ensure_streams
from lineshaft.bus.envelopes import decode_body
from lineshaft.bus.settings import BusSettings
from lineshaft.bus.system import BusAdministration
from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError, Unauthenticated, Unavailable
from lineshaft.core.health import Check
from lineshaft.core.principals import Principal
from lineshaft.core.service import Context, Service
from lineshaft.records import Database, RecordsSettings

_RETRY_SECONDS: Final = 1.0
_CONNECT_SECONDS: Final = 2.0
"""What a start waits for the bus; it goes on trying afterwards."""
_CHORES_SECONDS: Final = 60.0

B = TypeVar("B")


class AccessService(Service):
    NAME = "access"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._identity = context.identity
        self._settings = context.settings.of(AccessSettings)
        self._stack = contextlib.AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self._to_push = asyncio.Event()
        self._pushing = asyncio.Lock()
        self._pushed = False
        self._bus: Bus | None = None
        self._noted: dict[str, str] = {}
        self._care: ServerCare | None = None
        self._parts: list[Part] = []

    async def start(self) -> None:
        self._database = Database.open(self.context.settings.of(RecordsSettings), self.context.home)
        self._stack.callback(self._database.close)
        self._authority = await asyncio.to_thread(Authority, self.context.home, self._identity)
        self._access = Access(self._database, self._identity, self._settings)
        hasher = PasswordHasher()
        self._stack.callback(hasher.close)
        self._desk = SignInDesk(self._database, self._identity, self._settings, hasher)
        self._administration = Administration(self._database, self._identity, self._settings, self._authority)
        bus = await self._connect()
        self._care = ServerCare(self._server, self.context.home)
        self._parts = await self._start_parts(bus)
        await self._serve(bus)
        self._to_push.set()
        own = [self._keep_pushed(), self._keep_streams(bus), self._keep_tidy(), self._care.run()]
        for work in (*own, *(task for part in self._parts for task in part.tasks())):
            task = asyncio.create_task(work)
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    async def checks(self) -> list[Check]:
        storage = [self._care.check()] if self._care is not None else []
        return [
            self._bus.check() if self._bus is not None else Check(name="bus", ok=False, detail="starting"),
            Check(
                name="revocations", ok=self._pushed, detail="" if self._pushed else "not given to the bus yet",
                hint="" if self._pushed else "They are as soon as the bus answers.",
            ),
            *storage,
            *(check for part in self._parts for check in part.checks()),
        ]  # fmt: skip

    async def _start_parts(self, bus: Bus) -> list[Part]:
        surroundings = Surroundings(
            context=self.context, database=self._database, access=self._access, administration=self._administration,
            authority=self._authority, bus=bus, stack=self._stack, cut_off=self._push_now,
        )  # fmt: skip
        parts = load_parts(surroundings)
        for part in parts:
            await part.start()
        return parts

    # -- the bus ----------------------------------------------------------------------------------------------------

    async def _connect(self) -> Bus:
        settings, home = self.context.settings.of(BusSettings), self.context.home
        file = credentials_file(home, SYSTEM)
        write_secret(file, self._authority.system_credentials())
        self._bus = bus = await Bus.connect(settings, home, self.NAME, wait=_CONNECT_SECONDS)
        self._stack.push_async_callback(bus.close)
        self._server = await BusAdministration.connect(settings, home, SYSTEM, file, wait=_CONNECT_SECONDS)
        self._stack.push_async_callback(self._server.close)
        # A server that comes back may have an older account than we last gave it.
        bus.on_connection(lambda connected: self._to_push.set() if connected else None)
        return bus

    async def _serve(self, bus: Bus) -> None:
        handlers: dict[str, Callable[[str, bytes], Awaitable[Any]]] = {
            "sign_in": self._answer("sign_in", SignIn, self._desk.sign_in),
            "redeem": self._answer("redeem", Redeem, self._desk.redeem),
            "change_password": self._answer("change_password", ChangePassword, self._desk.change_password),
            "create_principal": self._answer(
                "create_principal", CreatePrincipal, self._administration.create_principal
            ),
            "invite": self._answer("invite", OfPrincipal, self._administration.invite),
            "set_clearance": self._answer("set_clearance", SetClearance, self._administration.set_clearance),
            "set_roles": self._answer("set_roles", SetRoles, self._administration.set_roles),
            "revoke": self._answer("revoke", OfPrincipal, self._revoke),
            "reinstate": self._answer("reinstate", OfPrincipal, self._reinstate),
            "create_token": self._answer("create_token", CreateToken, self._administration.create_token),
            "revoke_token": self._answer("revoke_token", RevokeToken, self._revoke_token),
            "issue_credentials": self._answer("issue_credentials", OfPrincipal, self._issue_credentials),
        }
        for part in self._parts:
            for verb, answered in part.verbs().items():
                handlers[verb] = self._answer(verb, answered.body, answered.work)
        assert handlers.keys() == set(ACCESS_VERBS)
        for verb, handler in handlers.items():
            await bus.serve("access", verb, handler)

    def _answer(
        self, verb: str, kind: type[B], work: Callable[[B], Awaitable[Any]]
    ) -> Callable[[str, bytes], Awaitable[Any]]:
        """A handler of one verb: may this service ask it, what does it ask, do it."""

        async def handler(caller: str, body: bytes) -> Any:
            service = await self._database.query(self._service, caller)
            await self._access.require(service, f"access:{verb}", "access")
            return await work(decode_body(body, kind))

        return handler

    def _service(self, connection: Connection, caller: str) -> Principal:
        row = principals.find_row(connection, self._identity.tenant, caller)
        if row is None or row.revoked is not None:
            raise Unauthenticated(
                "access.caller_unknown", f"the service {caller} is not known any more", "See `lineshaft access list`.",
                name=caller,
            )  # fmt: skip
        return principals.from_row(row)

    # -- what touches this home's files too ---------------------------------------------------------------------------

    async def _revoke(self, asked: OfPrincipal) -> Member:
        member = await self._administration.revoke(asked)
        await self._push_now(member.name)
        return member

    async def _reinstate(self, asked: OfPrincipal) -> Member:
        member = await self._administration.reinstate(asked)
        if credentials_file(self.context.home, member.name).exists():
            await asyncio.to_thread(self._restore_file, member)
        return member

    def _restore_file(self, member: Member) -> None:
        with self._database.read() as connection:
            principal = principals.from_row(principals.get_row(connection, self._identity.tenant, member.id))
        credentials.keep_file(self._database, self.context.home, self._authority, principal)

    async def _issue_credentials(self, asked: OfPrincipal) -> Credentials:
        made = await self._administration.issue_credentials(asked)
        name = (await self._access.member(asked.name)).name
        file = credentials_file(self.context.home, name)
        if file.exists():
            await asyncio.to_thread(write_secret, file, made.text)
        await self._push_now(name)
        return made

    async def _revoke_token(self, asked: RevokeToken) -> Done:
        await self._administration.revoke_token(asked)
        return Done()

    # -- kept in the background ---------------------------------------------------------------------------------------

    async def _push_now(self, name: str) -> None:
        """Tell the bus that `name` lost its keys. What fails is tried again in the background until it succeeds.

        Raises:
            Unavailable: the bus does not take it now.
        """
        try:
            await self._push()
        except LineshaftError as error:
            self._to_push.set()
            raise Unavailable(
                "access.cut_off_pending", f"the change is made, but {name} is not cut off the bus yet: {error.message}",
                "It is as soon as the bus answers; nothing needs to be repeated.", name=name, reason=error.message,
            ) from error  # fmt: skip

    async def _push(self) -> None:
        async with self._pushing:  # an older list of keys must not overtake a newer one
            void = await self._database.query(credentials.void_keys, self._identity.tenant)
            token = await asyncio.to_thread(self._authority.account_token, void)
            await self._server.push_account(token)
            self._pushed = True

    async def _keep_pushed(self) -> None:
        while True:
            await self._to_push.wait()
            self._to_push.clear()
            try:
                await self._push()
            except LineshaftError as error:
                self._note_once("account_push_failed", error)
                self._pushed = False
                self._to_push.set()
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self._noted.pop("account_push_failed", None)

    async def _keep_streams(self, bus: Bus) -> None:
        """Make the streams once the bus answers; the other services wait for them."""
        while True:
            try:
                changed = await ensure_streams(bus, bus.subjects, self.context.settings.of(BusSettings))
            except LineshaftError as error:
                self._note_once("streams_not_made", error)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self.log.info("streams_ready", changed=changed)
                return

    async def _keep_tidy(self) -> None:
        """Renew the machine's own token in time and drop what has ended, minute by minute."""
        while True:
            try:
                await asyncio.to_thread(self._renew_local_token)
                await self._database.write(self._sweep)
            except LineshaftError as error:
                self._note_once("chores_failed", error)
            else:
                self._noted.pop("chores_failed", None)
            await asyncio.sleep(_CHORES_SECONDS)

    def _renew_local_token(self) -> None:
        # By wall time, not by a timer: a clock that steps ahead may have ended the token.
        left = local_token.remaining_us(self._database, self._identity)
        if not local_token.LIFE_US // 2 < left <= local_token.LIFE_US:
            local_token.renew(self._database, self.context.home, self._identity, alone=False)

    def _sweep(self, connection: Connection) -> None:
        sessions.sweep(connection, self._settings.session_idle_minutes * 60 * clock.MICROSECONDS)
        invitations.sweep(connection)
        Lockout(self._settings).sweep(connection)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A background task failed for a reason that nobody foresaw: begin anew rather than go on without it."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    def _note_once(self, event: str, error: LineshaftError) -> None:
        """Log a failure that is tried again, once until its reason changes or it is over."""
        if self._noted.get(event) != error.code:
            self._noted[event] = error.code
            self.log.warning(event, code=error.code, message=error.message)
