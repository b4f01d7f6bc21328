"""Where a server is: an address given, or the one that a running installation left in its home."""

import ipaddress
import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from lineshaft import __version__
from lineshaft.core.errors import Forbidden, InvalidInput, Unauthenticated, Unavailable
from lineshaft.core.home import Home, read_json

USER_AGENT = f"lineshaft-python/{__version__}"


class Address:
    """Where a server is, how it is proved, and by what we are known there."""

    def __init__(
        self, url: str, token: str | None, *, ca: str | Path | None = None,
        pinned: str | None = None, server_name: str | None = None,
    ) -> None:  # fmt: skip
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(
                "client.url_invalid", f"{url!r} is not an address such as https://plant.example:8420",
                "Give scheme, host and port.", field="url", value=url,
            )  # fmt: skip
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise InvalidInput(
                "client.tls_required", f"{url!r} would carry the token without TLS", "Use https://.",
                field="url", value=url,
            )  # fmt: skip
        if not token:
            raise Unauthenticated(
                "client.token_missing", f"there is no API token for {url}",
                "Pass `token` or set LINESHAFT_TOKEN; `lineshaft access token create` makes one.", url=url,
            )  # fmt: skip
        self.url = f"{parts.scheme}://{parts.netloc}"
        self.token = token
        self.server_name = server_name
        self.tls = _tls(ca, pinned) if parts.scheme == "https" else None

    @property
    def live_url(self) -> str:
        return f"ws{self.url.removeprefix('http')}/api/v1/live"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _tls(ca: str | Path | None, pinned: str | None) -> ssl.SSLContext:
    """A verifying context that trusts the system, or a given file, or the one certificate of the local installation."""
    file = ca or pinned
    try:
        context = ssl.create_default_context(cafile=str(file) if file else None)
    except OSError as error:
        raise InvalidInput(
            "client.ca_unreadable", f"the file of certificates {str(file)!r} cannot be read: {error}",
            "`ca` or LINESHAFT_CA names a PEM file.", field="ca", value=str(file), reason=str(error),
        ) from error  # fmt: skip
    if pinned and not ca:
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return context


class Place:
    """An address that is fixed, or found in a home where it changes with every start."""

    def __init__(self, source: Home | Address, token: str | None, ca: str | Path | None) -> None:
        self._source = source
        self._token = token
        self._ca = ca

    def find(self) -> Address:
        """The address as of now."""
        if isinstance(self._source, Address):
            return self._source
        home = self._source
        listening = read_json(home.run / "web.json")
        if listening is None or not _runs(listening.get("pid")):
            home.identity()  # says where there is no installation at all
            raise Unavailable(
                "client.not_running", f"Lineshaft does not run on {home.path}", "`lineshaft up` starts it.",
                path=str(home.path),
            )  # fmt: skip
        token = self._token or self._local_token(home)
        return Address(
            str(listening["url"]), token, ca=self._ca,
            pinned=_text(listening.get("certificate")), server_name=_text(listening.get("server_name")),
        )  # fmt: skip

    @staticmethod
    def _local_token(home: Home) -> str | None:
        try:
            return (home.run / "local.token").read_text("ascii").strip()
        except PermissionError:
            raise Forbidden(
                "client.home_foreign", f"the home {home.path} belongs to another user of this machine",
                "Use that user's account, or an API token with LINESHAFT_URL and LINESHAFT_TOKEN.", path=str(home.path),
            ) from None  # fmt: skip
        except FileNotFoundError:
            return None


def _runs(pid: object) -> bool:
    """Whether the server that wrote the file still runs: else its port may be a stranger's by now, and the token ours."""
    try:
        os.kill(int(str(pid)), 0)
    except (OSError, ValueError):
        return False
    return True


def _text(value: object) -> str | None:
    return str(value) if value else None
