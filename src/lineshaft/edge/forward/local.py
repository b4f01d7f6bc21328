"""The bus of a gateway's own machine: who may use it, and where it is.

A gateway's machine has no access service. At its first start it makes an operator and an account of its own, and one
connection for the gateway, whose key and signed permissions lie in `edge/forward/keys`, readable by the owner only.
The server listens on loopback and admits nobody without such a token. The connection's key is a new one at every start
and every thirty days; the account's token then names everything older as void, so that a copy of the file is soon none.
"""

import contextlib
from functools import partial
from pathlib import Path
from typing import Final

from lineshaft.bus import Bus, BusAdministration, BusAuth, BusServer, BusSettings, Subjects, permissions
from lineshaft.bus.address import find_address
from lineshaft.bus.claims import (
    EVERYBODY,
    FOR_EVER,
    Key,
    KeyKind,
    account_jwt,
    credentials,
    new_key,
    operator_jwt,
    read_claims,
    read_credentials,
    user_jwt,
)
from lineshaft.bus.connection import Connection
from lineshaft.bus.settings import MIB
from lineshaft.core import clock
from lineshaft.core.errors import Corrupt, Unavailable
from lineshaft.core.home import Home, write_file
from lineshaft.edge.settings import EdgeSettings

STREAM: Final = "EDGE"
READERS: Final = ("line", "live", "keeper")
"""The readers of the stream, see `forwarder` and `keeper`."""
FOLDER: Final = "edge/forward"
_SYSTEM: Final = "system"
_MARGIN_BYTES: Final = 16 * MIB


def settings_of(settings: EdgeSettings) -> BusSettings:
    """Settings of the own server: any free port of loopback, room for the store."""
    return BusSettings(host="127.0.0.1", port=0, store_max_bytes=hard_limit(settings))


def hard_limit(settings: EdgeSettings) -> int:
    """Bytes from which the server itself refuses; the keeper makes room before that."""
    return settings.store_bytes + settings.store_bytes // 4 + _MARGIN_BYTES


class LocalBus:
    """Keys and credentials in one home.

    Raises:
        Corrupt: a key cannot be read while the store holds batches that belong to it.
    """

    def __init__(self, home: Home, settings: EdgeSettings) -> None:
        identity = home.identity()
        self.subjects = Subjects(identity.tenant, identity.site)
        self._home = home
        self._settings = settings
        self._folder = home.folder(f"{FOLDER}/keys")

    def prepare(self) -> BusServer:
        """Make what is missing of keys and credentials; the server, its files written."""
        operator, account = self._key("operator", "operator"), self._key("account", "account")
        system = self._key(_SYSTEM, "account")
        void = self._void()
        name = self._settings.gateway
        self._write(self.credentials, account, name, self._allowed(name))
        self._write(
            self._folder / f"{_SYSTEM}.creds", system, _SYSTEM,
            permissions.inbox(_SYSTEM) | permissions.push_accounts(),
        )  # fmt: skip
        auth = BusAuth(
            operator_jwt=operator_jwt(operator, "edge", system_account=system.public), system_account=system.public,
            preload={
                account.public: account_jwt(operator, account.public, "edge", revoked=void),
                system.public: account_jwt(operator, system.public, "system", streams=False, revoked=void),
            },
        )  # fmt: skip
        server = BusServer(settings_of(self._settings), self._home, auth)
        server.prepare()
        return server

    async def rotate(self, administration: BusAdministration) -> None:
        """Give the gateway's connection a new key; what has the old one is cut off, and comes back with the new one.

        Raises:
            Unavailable: the own server does not take it; the old key holds on.
        """
        operator, account = self._key("operator", "operator"), self._key("account", "account")
        name, void = self._settings.gateway, self._void()
        before = self.credentials.read_bytes()
        self._write(self.credentials, account, name, self._allowed(name))
        try:
            await administration.push_account(account_jwt(operator, account.public, "edge", revoked=void))
        except BaseException:
            write_file(self.credentials, before)
            raise

    def _void(self) -> dict[str, int]:
        """Revocations of every token made before now; the last one's key for ever, should the clock be set back."""
        void = {EVERYBODY: clock.now_us() // clock.MICROSECONDS - 1}
        for file in (self.credentials, self._folder / f"{_SYSTEM}.creds"):
            with contextlib.suppress(Unavailable, Corrupt):
                token = read_credentials(file).split("\n")[1]
                void[str(read_claims(token)["sub"])] = FOR_EVER
        return void

    @property
    def credentials(self) -> Path:
        """Those of the gateway's connection."""
        return self._folder / "gateway.creds"

    async def connect(self, wait: float) -> Bus:
        """Connect to the own server; returns once connected, or after `wait` seconds still trying."""
        find = partial(find_address, settings_of(self._settings), self._home)
        connection = Connection(self._settings.gateway, self.credentials, find)
        await connection.open(wait)
        return Bus(connection, self.subjects)

    async def administer(self) -> BusAdministration:
        """A connection that may ask the own server how it fares."""
        path = self._folder / f"{_SYSTEM}.creds"
        return await BusAdministration.connect(settings_of(self._settings), self._home, _SYSTEM, path, wait=0)

    def _allowed(self, name: str) -> permissions.Permissions:
        return permissions.join(
            permissions.inbox(name), permissions.publish(self.subjects.data_of(name)),
            permissions.manage_streams(STREAM), permissions.trim_stream(STREAM),
            *(permissions.read_stream(STREAM, name, reader) for reader in READERS),
        )  # fmt: skip

    def _write(self, path: Path, account: Key, name: str, allowed: permissions.Permissions) -> None:
        key = new_key("user")
        write_file(path, credentials(user_jwt(account, key.public, name, allowed), key.seed).encode())

    def _key(self, name: str, kind: KeyKind) -> Key:
        file = self._folder / f"{name}.nk"
        try:
            return Key(file.read_text("ascii").strip())
        except (FileNotFoundError, ValueError, Corrupt) as error:
            if name == "account" and any(self._home.folder("bus").glob("jetstream/A*/streams/*")):
                raise Corrupt(
                    "edge.store_key_missing",
                    f"{file} is missing or damaged, and this machine's bus holds batches that only it opens",
                    "Restore the file from a backup; or, giving up what the history does not have yet, remove the "
                    "folder bus of the home.",
                    path=str(file),
                ) from error
            key = new_key(kind)
            write_file(file, key.seed.encode())
            return key
