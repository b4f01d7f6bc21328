"""Keys and signed tokens of the bus's operator mode: operator signs accounts, an account signs its users.

Nothing here knows principals or where keys are kept: `access` decides who gets a token and holds the seeds.
A token is a JWT with header `{"typ": "JWT", "alg": "ed25519-nkey"}`, signed over `header.payload`.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import nkeys

from lineshaft.bus.permissions import RESPOND_SECONDS, Permissions
from lineshaft.core import clock
from lineshaft.core.errors import Corrupt, Unavailable

KeyKind = Literal["operator", "account", "user"]
_PREFIXES = {
    "operator": nkeys.PREFIX_BYTE_OPERATOR,
    "account": nkeys.PREFIX_BYTE_ACCOUNT,
    "user": nkeys.PREFIX_BYTE_USER,
}
_HEADER = base64.urlsafe_b64encode(b'{"typ":"JWT","alg":"ed25519-nkey"}').rstrip(b"=").decode()
_UNLIMITED = -1
_CREDENTIALS = re.compile(
    r"-----BEGIN NATS USER JWT-----\n(?P<token>\S+)\n------END NATS USER JWT------\s+"
    r"-----BEGIN USER NKEY SEED-----\n(?P<seed>\S+)\n------END USER NKEY SEED------\s*"
)
EVERYBODY = "*"
"""In an account's revocations: every user of the account."""
FOR_EVER = 253_402_300_799
"""In an account's revocations: whatever date a token of that key bears, even one from before a clock was set back."""


class Key:
    """An nkey pair. `seed` is the secret; `public` names the operator, account or user."""

    def __init__(self, seed: str) -> None:
        try:
            self._pair = nkeys.from_seed(seed.encode())
            self.public: str = self._pair.public_key.decode()
        except (nkeys.NkeysError, ValueError) as error:
            raise Corrupt(
                "bus.key_unreadable", "a bus key is not a valid seed",
                "Restore the keys folder of the home from a backup.",
            ) from error  # fmt: skip
        self.seed = seed

    def sign(self, data: bytes) -> bytes:
        return bytes(self._pair.sign(data))

    def __repr__(self) -> str:
        return f"Key({self.public})"


def new_key(kind: KeyKind) -> Key:
    """A fresh random key."""
    return Key(nkeys.encode_seed(secrets.token_bytes(32), _PREFIXES[kind]).decode())


def operator_jwt(operator: Key, name: str, *, system_account: str) -> str:
    """The operator's self-signed token; names the account that may administer the server."""
    return _sign(operator, operator.public, name, {"type": "operator", "version": 2, "system_account": system_account})


def account_jwt(
    operator: Key,
    account: str,
    name: str,
    *,
    streams: bool = True,
    revoked: Mapping[str, int] | None = None,
    previous: str | None = None,
) -> str:
    """An account's token.

    Args:
        account: the account's public key.
        streams: whether the account may store messages.
        revoked: users' public keys (or `EVERYBODY`) and the time, in seconds since 1970, up to which their tokens
            are void; `FOR_EVER` where the key is never used again. Pushed to the server it cuts their connections.
        previous: the account's last token. The server keeps the one with the later date and, of two with the same,
            the one in its configuration: the new token is dated at least a second after this one.
    """
    storage = _UNLIMITED if streams else 0
    limits = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), _UNLIMITED)
    limits |= dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), storage)
    claims: dict[str, Any] = {
        "type": "account", "version": 2, "limits": {**limits, "wildcards": True},
        "default_permissions": {"pub": {}, "sub": {}},
    }  # fmt: skip
    if revoked:
        claims["revocations"] = dict(revoked)
    after = int(read_claims(previous)["iat"]) if previous else 0
    return _sign(operator, account, name, claims, after=after)


def user_jwt(account: Key, user: str, name: str, permissions: Permissions, *, bearer: bool = False) -> str:
    """A user's token; it has no expiry: revocation in the account's token ends it.

    Args:
        user: the user's public key.
        name: the principal's name, as the server's logs and connection lists show it.
        bearer: the token alone proves its holder, as the password of an MQTT connection and nothing else.
    """
    claims: dict[str, Any] = {
        "type": "user", "version": 2, "subs": _UNLIMITED, "data": _UNLIMITED, "payload": _UNLIMITED,
        "pub": _allow(permissions.publish), "sub": _allow(permissions.subscribe),
        "allowed_connection_types": ["MQTT" if bearer else "STANDARD"],
    }  # fmt: skip
    if bearer:
        claims["bearer_token"] = True
    if permissions.respond:
        claims["resp"] = {"max": _UNLIMITED, "ttl": RESPOND_SECONDS * 1_000_000_000}
    return _sign(account, user, name, claims)


def credentials(token: str, seed: str) -> str:
    """The text of a `.creds` file: a user's token and its key's seed."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )


def read_credentials(path: Path) -> str:
    """The text of a `.creds` file, checked: the client underneath loops for ever over one without a token.

    Raises:
        Unavailable: there is none.
        Corrupt: it holds no token, or no valid seed.
    """
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        raise Unavailable(
            "bus.credentials_missing", f"there are no bus credentials {path}",
            "`lineshaft up` makes those of the box's services at its start.", path=str(path),
        ) from None  # fmt: skip
    except (OSError, UnicodeDecodeError) as error:
        raise _credentials_unreadable(path) from error
    found = _CREDENTIALS.fullmatch(text)
    if found is None:
        raise _credentials_unreadable(path)
    read_claims(found["token"])
    Key(found["seed"])
    return text


def read_claims(token: str) -> dict[str, Any]:
    """What a token says (`sub`, `name`, `iat`, `nats` …), without checking who signed it.

    Raises:
        Corrupt: not a token.
    """
    try:
        payload = token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError) as error:
        raise _unreadable() from error
    if not isinstance(claims, dict):
        raise _unreadable()
    return claims


def _allow(subjects: list[str]) -> dict[str, list[str]]:
    # An empty `allow` means "everything" to the server: say "nothing" in so many words.
    return {"allow": subjects} if subjects else {"deny": [">"]}


def _sign(issuer: Key, subject: str, name: str, claims: dict[str, Any], *, after: int = 0) -> str:
    issued = max(clock.now_us() // clock.MICROSECONDS, after + 1)
    body: dict[str, Any] = {"iss": issuer.public, "sub": subject, "name": name, "iat": issued}
    body["jti"] = hashlib.sha256(msgspec.json.encode([body, claims])).hexdigest()[:52]
    text = f"{_HEADER}.{_base64(msgspec.json.encode({**body, 'nats': claims}))}"
    return f"{text}.{_base64(issuer.sign(text.encode()))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _credentials_unreadable(path: Path) -> Corrupt:
    return Corrupt(
        "bus.credentials_unreadable", f"the bus credentials {path} cannot be read",
        "Delete the file if it is a service's: `lineshaft up` makes new ones.", path=str(path),
    )  # fmt: skip


def _unreadable() -> Corrupt:
    return Corrupt(
        "bus.token_unreadable", "a bus token cannot be read", "Restore the keys folder of the home from a backup."
    )
