"""Keys for an object store, by reference: settings and addresses never hold them.

They are taken from the installation's own secret file, readable by its owner only, else from the environment
(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN).
"""

import os
from pathlib import Path

import msgspec

from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.core.home import Home, write_file

_FILE = "history-store.json"


class Credentials(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Access key, secret key, and the session token that temporary ones have."""

    access_key: str
    secret_key: str
    session_token: str = ""

    def __repr__(self) -> str:
        return "Credentials(…)"


def credentials_file(home: Home) -> Path:
    """Where an installation keeps its keys for the object store of its history."""
    return home.keys / _FILE


def keep(home: Home, credentials: Credentials) -> None:
    """Store keys in place of any that are there.

    Raises:
        InvalidInput: one of the two is empty.
    """
    for name in ("access_key", "secret_key"):
        if not getattr(credentials, name).strip():
            raise InvalidInput(
                "history.credentials_empty", f"the {name} is empty", "Give both keys.", field=name, value=""
            )
    home.folder("keys")
    write_file(credentials_file(home), msgspec.json.encode(credentials))


def forget(home: Home) -> bool:
    """Remove the keys; whether there were any."""
    file = credentials_file(home)
    found = file.exists()
    file.unlink(missing_ok=True)
    return found


def load(file: str) -> Credentials:
    """The keys in a file, else those in the environment.

    Raises:
        Unavailable: there are none, the file cannot be read, or others than its owner may read it too.
    """
    path = Path(file)
    if file and path.exists():
        return _read(path)
    access, secret = os.environ.get("AWS_ACCESS_KEY_ID", ""), os.environ.get("AWS_SECRET_ACCESS_KEY", "")
    if not access or not secret:
        raise Unavailable(
            "history.credentials_missing", "there are no keys for the object store of the history",
            "`lineshaft history credentials` asks for them and keeps them; or set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY.",
        )  # fmt: skip
    return Credentials(
        access_key=access, secret_key=secret, session_token=os.environ.get("AWS_SESSION_TOKEN", "")
    )  # fmt: skip


def _read(path: Path) -> Credentials:
    if path.stat().st_mode & 0o077:
        raise Unavailable(
            "history.credentials_exposed", f"others than its owner may read {path}", f"chmod 600 {path}, and change the keys.",
            path=str(path),
        )  # fmt: skip
    try:
        return msgspec.json.decode(path.read_bytes(), type=Credentials)
    except msgspec.MsgspecError as error:
        raise Unavailable(
            "history.credentials_unreadable", f"{path} cannot be read: {error}",
            "Give the keys anew: `lineshaft history credentials`.", path=str(path), reason=str(error),
        ) from error  # fmt: skip
