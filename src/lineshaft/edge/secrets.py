"""Credentials of devices, by reference: a configuration names a secret, only the gateway's own disk holds it.

One JSON file per secret in `home/edge/secrets`, readable by the owner only.
"""

import re
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lineshaft.core.errors import Conflict, Corrupt, Forbidden, InvalidInput, NotFound
from lineshaft.core.home import write_file

_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")


class Secret(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A user name and password, or a user certificate and its key (PEM, the key not encrypted)."""

    user: str = ""
    password: str = ""
    certificate: str = ""
    private_key: str = ""

    def check(self) -> None:
        """Refuse what is neither the one nor the other.

        Raises:
            InvalidInput: says what is missing or unreadable.
        """
        problem = self._problem()
        if problem:
            raise InvalidInput(
                "edge.secret_invalid", f"the secret is not usable: {problem}",
                "Give user and password, or certificate and private_key in PEM.", field="secret", reason=problem,
            )  # fmt: skip

    def _problem(self) -> str:
        if self.certificate or self.private_key:
            if self.user or self.password:
                return "it is a password and a certificate at once"
            try:
                certificate = x509.load_pem_x509_certificate(self.certificate.encode())
                key = serialization.load_pem_private_key(self.private_key.encode(), password=None)
            except (ValueError, TypeError) as error:
                return f"certificate or key cannot be read: {error}"
            return "" if key.public_key() == certificate.public_key() else "the key is not the certificate's"
        if not self.user:
            return "the user name is empty"
        return "" if self.password else "the password is empty"


class Secrets:
    """The secrets in one folder, which is made at first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> Secret:
        """A secret.

        Raises:
            NotFound: none of that name. Corrupt: unreadable. Forbidden: others than the owner may read its file.
        """
        file = self._file(name)
        try:
            data, mode = file.read_bytes(), file.stat().st_mode
        except FileNotFoundError:
            raise NotFound(
                "edge.secret_missing", f"this gateway has no secret {name!r}",
                f"`lineshaft device secret {name}` asks for it and keeps it.", secret=name,
            ) from None  # fmt: skip
        if mode & 0o077:
            raise Forbidden(
                "edge.secret_exposed", f"others than its owner may read {file}", f"chmod 600 {file}, and change the password.",
                path=str(file),
            )  # fmt: skip
        try:
            return msgspec.json.decode(data, type=Secret)
        except msgspec.MsgspecError as error:
            raise Corrupt(
                "edge.secret_unreadable", f"{file} cannot be read: {error}", f"Give it anew: `lineshaft device secret {name}`.",
                path=str(file), reason=str(error),
            ) from error  # fmt: skip

    def password(self, name: str) -> Secret:
        """A secret by which others prove to us who they are.

        Raises:
            As `get`. Conflict: it is a certificate: the empty password that it has would admit everybody.
        """
        secret = self.get(name)
        if not secret.password:
            raise Conflict(
                "edge.secret_without_password", f"the secret {name!r} has no password, so it proves nobody",
                "Keep one with user and password.", secret=name,
            )  # fmt: skip
        return secret

    def keep(self, name: str, secret: Secret) -> None:
        """Store a secret in place of any of that name."""
        secret.check()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(self._file(name), msgspec.json.encode(secret))

    def forget(self, name: str) -> None:
        """Delete a secret, if it is there."""
        self._file(name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """The names of all secrets."""
        return sorted(file.stem for file in self._folder.glob("*.json"))

    def _file(self, name: str) -> Path:
        if not _NAME.match(name):
            raise InvalidInput(
                "edge.secret_name_invalid", f"{name!r} is not a name of a secret",
                "Use lower-case letters, digits, _ and -, at most 63.", field="secret", value=name,
            )  # fmt: skip
        return self._folder / f"{name}.json"
