"""The installation's signing keys for the bus: operator, account, system account; and what is signed with them.

    keys/operator.nk   signs the accounts
    keys/account.nk    signs every principal's credentials; the stored messages of the bus belong to its public key
    keys/system.nk     signs the one connection that may push accounts to the server
    keys/account.jwt   the account as last signed, revocations included

Keys are made where missing; each file is written whole, so a killed start leaves a shorter folder, never a broken one.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from lineshaft.access.files import write_secret
from lineshaft.access.grants import bus_permissions
from lineshaft.access.zones.model import DEFAULT, ZonePlan
from lineshaft.bus import permissions
from lineshaft.bus.claims import (
    FOR_EVER,
    Key,
    KeyKind,
    account_jwt,
    credentials,
    new_key,
    operator_jwt,
    read_claims,
    user_jwt,
)
from lineshaft.bus.server import BusAuth
from lineshaft.bus.subjects import Subjects
from lineshaft.core.errors import Corrupt, LineshaftError, Unavailable
from lineshaft.core.home import Home, Identity
from lineshaft.core.principals import Principal

SYSTEM: Final = "system"
"""Name of the connection that pushes accounts."""


class Authority:
    """Signs for one installation. `Authority(home, identity)` reads the keys, making those that are missing.

    Raises:
        Corrupt: the account's key is gone while the bus holds messages that belong to it.
    """

    def __init__(self, home: Home, identity: Identity) -> None:
        self._folder = home.folder("keys")
        self._subjects = Subjects(identity.tenant, identity.site)
        self._name = identity.tenant
        self.plan: ZonePlan = DEFAULT
        """The zone plan in force, which credentials keep to; whoever reads or changes it says so here."""
        self._operator = self._key("operator", "operator")
        self._account = self._key("account", "account", guarded=home.folder("bus"))
        self._system = self._key("system", "account")

    @property
    def account(self) -> str:
        """Public key of the account that all principals belong to."""
        return self._account.public

    def credentials_for(self, principal: Principal) -> tuple[str, str]:
        """(public key, text) of fresh credentials with what the principal's grants allow: a `.creds` file, or for a device
        the password of its MQTT connections.
        """
        key = new_key("user")
        token = self._token(key.public, principal)
        return key.public, token if principal.kind == "device" else credentials(token, key.seed)

    def system_credentials(self) -> str:
        """Fresh credentials for the connection that pushes accounts."""
        key = new_key("user")
        allowed = permissions.inbox(SYSTEM) | permissions.push_accounts()
        return credentials(user_jwt(self._system, key.public, SYSTEM, allowed), key.seed)

    def still_good(self, text: str, principal: Principal) -> str | None:
        """Public key in credentials that today's keys and grants would make again; None where they would not."""
        try:
            claims = read_claims(_token_in(text))
        except LineshaftError:
            return None
        wanted = self._token(claims["sub"], principal)
        same = all(claims.get(field) == read_claims(wanted)[field] for field in ("iss", "sub", "name", "nats"))
        return str(claims["sub"]) if same else None

    def account_token(self, revoked: Iterable[str]) -> str:
        """The account as it is to be, signed; the one signed last where nothing changed."""
        revocations = dict.fromkeys(sorted(revoked), FOR_EVER)  # who comes back gets a new key
        file = self._folder / "account.jwt"
        last = self._last_account()
        if last is not None and last.get("nats", {}).get("revocations", {}) == revocations:
            return file.read_text("ascii")
        previous = None if last is None else file.read_text("ascii")
        token = account_jwt(self._operator, self.account, self._name, revoked=revocations, previous=previous)
        write_secret(file, token)
        return token

    def bus_auth(self, revoked: Iterable[str]) -> BusAuth:
        """What the embedded server must know at its start."""
        system = account_jwt(self._operator, self._system.public, "system", streams=False)
        return BusAuth(
            operator_jwt=operator_jwt(self._operator, self._name, system_account=self._system.public),
            system_account=self._system.public,
            preload={self.account: self.account_token(revoked), self._system.public: system},
        )

    def _token(self, key: str, principal: Principal) -> str:
        allowed = bus_permissions(principal, self._subjects, self.plan)
        return user_jwt(self._account, key, principal.name, allowed, bearer=principal.kind == "device")

    def _last_account(self) -> dict[str, Any] | None:
        """Claims of the account as last signed; None where these keys have not signed it."""
        try:
            claims = read_claims((self._folder / "account.jwt").read_text("ascii"))
        except (OSError, ValueError, LineshaftError):
            return None
        ours = claims.get("iss") == self._operator.public and claims.get("sub") == self.account
        return claims if ours else None

    def _key(self, name: str, kind: KeyKind, *, guarded: Path | None = None) -> Key:
        """The key in `keys/<name>.nk`, made where missing or unreadable, unless `guarded` holds what belongs to it."""
        file = self._folder / f"{name}.nk"
        try:
            key = Key(file.read_text("ascii").strip())
            file.chmod(0o600)  # a copy or a restore may have widened it
        except PermissionError as error:
            raise Unavailable(
                "access.keys_unreadable", f"{file} belongs to somebody else", "Run Lineshaft as the owner of its home.",
                path=str(file),
            ) from error  # fmt: skip
        except (FileNotFoundError, ValueError, Corrupt) as error:
            if guarded is not None and any(guarded.glob("jetstream/A*/streams/*")):
                raise Corrupt(
                    "access.account_key_missing", f"{file} is missing or damaged, and the bus holds messages that only it opens",
                    "Restore the keys folder of the home from a backup; nothing was changed.", path=str(file),
                ) from error  # fmt: skip
            key = new_key(kind)
            write_secret(file, key.seed)
        return key


def _token_in(text: str) -> str:
    """The token in the text of a `.creds` file, or the text itself: a device has nothing but its token."""
    lines = text.split("\n")
    begin = next((number for number, line in enumerate(lines) if "BEGIN NATS USER JWT" in line), None)
    if begin is None:
        return text.strip()
    return next((line.strip() for line in lines[begin + 1 :] if line.strip()), "")
