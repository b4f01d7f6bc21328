"""A real bus server for tests: keys, an account, its streams, and principals with the permissions a test names.

async with embedded_bus(tmp_path) as box:
    reader = await box.connect("history")                              # may do everything as `history`
    gateway = await box.connect("gateway", publish(box.subjects.data_of("gateway")))
    await box.kill()
    await box.start()
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from lineshaft.bus import claims, permissions, streams
from lineshaft.bus.client import Bus, credentials_file, ensure_streams
from lineshaft.bus.permissions import Permissions
from lineshaft.bus.server import BusAuth, BusServer
from lineshaft.bus.settings import MIB, BusSettings
from lineshaft.bus.subjects import Subjects
from lineshaft.bus.system import BusAdministration
from lineshaft.core.errors import DeadlineExceeded, Unavailable
from lineshaft.core.home import Home, write_file
from lineshaft.core.supervisor import die_with_parent

START_SECONDS = 60
_ADMIN = "streams-admin"
_SYSTEM = "system-admin"


class TestBus:
    """One home with a running server. `embedded_bus` makes it."""

    __test__ = False  # not a test class, whatever its name says

    def __init__(self, home: Home, settings: BusSettings) -> None:
        identity = home.prepare()
        self.home = home
        self.settings = settings
        self.subjects = Subjects(identity.tenant, identity.site)
        self._operator = claims.new_key("operator")
        self._account = claims.new_key("account")
        self._system = claims.new_key("account")
        self._users: dict[str, claims.Key] = {}
        self._revoked: dict[str, int] = {}
        self._token: str | None = None
        self._buses: list[Bus] = []
        self._process: asyncio.subprocess.Process | None = None
        self.server = BusServer(settings, home, self.auth)
        self.server.prepare()

    @property
    def auth(self) -> BusAuth:
        """What a server of these keys must know, revocations up to now included."""
        return BusAuth(
            operator_jwt=claims.operator_jwt(self._operator, "test", system_account=self._system.public),
            system_account=self._system.public,
            preload={
                self._account.public: self._account_jwt(),
                self._system.public: claims.account_jwt(self._operator, self._system.public, "SYS", streams=False),
            },
        )

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start the server, or start it again with the files it left, and wait until it answers."""
        with (self.home.logs / "nats.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *die_with_parent(self.server.argv), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        async with asyncio.timeout(START_SECONDS):
            while not await self.server.probe():
                if self._process.returncode is not None:
                    raise RuntimeError((self.home.logs / "nats.log").read_text()[-2000:])
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """SIGKILL the server."""
        await self._end(hard=True)

    async def stop(self) -> None:
        """Stop the server in good order."""
        await self._end(hard=False)

    async def connect(self, name: str, *may: Permissions, wait: float = 30.0) -> Bus:
        """A connection as `name`, with an inbox and what `may` allows; with everything where nothing is named."""
        self.issue(name, *may)
        bus = await Bus.connect(self.settings, self.home, name, wait=wait)
        self._buses.append(bus)
        return bus

    def issue(self, name: str, *may: Permissions) -> None:
        """Write credentials for `name`, of a new key."""
        allowed = permissions.join(permissions.inbox(name), *may) if may else everything(self.subjects, name)
        self._write(credentials_file(self.home, name), self._account, name, allowed)

    def device(self, name: str, *may: Permissions) -> str:
        """The MQTT password of a device, of a new key."""
        key = self._users[name] = claims.new_key("user")
        return claims.user_jwt(self._account, key.public, name, permissions.join(*may), bearer=True)

    async def revoke(self, name: str) -> None:
        """Make the tokens of `name` void and push that to the running server."""
        self._revoked[self._users[name].public] = claims.FOR_EVER
        administration = await self.administer()
        try:
            await administration.push_account(self._account_jwt())
        finally:
            await administration.close()

    async def administer(self) -> BusAdministration:
        """A connection to the system account, as the access service has one; the caller closes it."""
        path = self.home.keys / f"{_SYSTEM}.creds"
        self._write(path, self._system, _SYSTEM, permissions.inbox(_SYSTEM) | permissions.push_accounts())
        return await BusAdministration.connect(self.settings, self.home, _SYSTEM, path, wait=START_SECONDS)

    async def ended(self) -> None:
        """Return when the server's process has ended by itself."""
        assert self._process is not None
        await self._process.wait()

    async def make_streams(self) -> None:
        """What the access service does at its start."""
        self.issue(_ADMIN, permissions.manage_streams("*"))
        bus = await Bus.connect(self.settings, self.home, _ADMIN, wait=START_SECONDS)
        try:
            async with asyncio.timeout(START_SECONDS):
                while True:
                    try:
                        await ensure_streams(bus, self.subjects, self.settings)
                    except (Unavailable, DeadlineExceeded):  # that service tries again, too
                        await asyncio.sleep(0.1)
                    else:
                        return
        finally:
            await bus.close()

    async def close(self) -> None:
        for bus in self._buses:
            await bus.close()
        await self._end(hard=False)

    def _account_jwt(self) -> str:
        self._token = claims.account_jwt(
            self._operator, self._account.public, "LS", revoked=self._revoked, previous=self._token
        )
        return self._token

    def _write(self, path: Path, account: claims.Key, name: str, allowed: Permissions) -> None:
        key = self._users[name] = claims.new_key("user")
        token = claims.user_jwt(account, key.public, name, allowed)
        write_file(path, claims.credentials(token, key.seed).encode())

    async def _end(self, *, hard: bool) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill() if hard else process.terminate()
            await process.wait()


def everything(subjects: Subjects, name: str) -> Permissions:
    """All that a test may need; only the inbox and the name in requests stay the principal's own."""
    root = subjects.all_data().removesuffix("data.>")
    kinds = ("data", "event", "config", "cmd", "dead", "log")
    flows = (f"{root}flow.*.{name}.*", subjects.gateway_flows_from(name))
    return permissions.inbox(name) | Permissions(
        publish=[*(f"{root}{kind}.>" for kind in kinds), f"{root}*.*.*.{name}", *flows, "$JS.>"],
        subscribe=[f"{root}>"], respond=True,
    )  # fmt: skip


@contextlib.asynccontextmanager
async def embedded_bus(
    tmp_path: Path, settings: BusSettings | None = None, *, streams: bool = True
) -> AsyncIterator[TestBus]:
    """A running server in a home of its own under `tmp_path`, with the site's streams unless told otherwise."""
    settings = settings or BusSettings(port=0, store_max_bytes=256 * MIB)
    box = TestBus(Home(tmp_path / "home"), settings)
    try:
        await box.start()
        if streams:
            await box.make_streams()
        yield box
    finally:
        await box.close()


def wait_patiently(patch: Any) -> None:
    """A call that says no time of its own waits as long as a loaded machine may need for the answer.

    Args:
        patch: pytest's `monkeypatch`, which undoes it.
    """
    for call in (Bus.request, Bus.request_stream, Bus.publish_stored):
        patch.setitem(call.__kwdefaults__, "timeout", START_SECONDS)
    patch.setattr(streams, "API_SECONDS", START_SECONDS)
