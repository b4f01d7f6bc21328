"""`Client`: one call at a time, answered or raised."""

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import httpx
import msgspec

from lineshaft.client.address import USER_AGENT, Place
from lineshaft.client.failures import network_errors, raise_for, unexpected
from lineshaft.client.live import LiveValues
from lineshaft.client.views import Devices, History
from lineshaft.core.errors import Unavailable


class Client:
    """Calls on one server. Not for several threads at once, except `live`, which has a connection of its own."""

    def __init__(self, place: Place, language: str, timeout: float) -> None:
        self._place = place
        self._language = language
        self._timeout = timeout
        self._address = place.find()
        self._http = self._open()
        self.history = History(self)
        self.devices = Devices(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    @property
    def url(self) -> str:
        """Address of the server."""
        return self._address.url

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Any = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Any:
        """One call; returns the decoded JSON answer, None where there is none.

        Raises:
            LineshaftError: what the server raised; Unavailable, DeadlineExceeded where it does not answer.
        """
        with self.stream(method, path, params=params, json=json, headers=headers, content=content) as response:
            body = response.read()
        try:
            return msgspec.json.decode(body) if body else None
        except msgspec.DecodeError:
            raise unexpected(response) from None

    @contextlib.contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        params: Any = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Iterator[httpx.Response]:
        """One call whose answer is read in parts: `with client.stream("GET", "/api/v1/…") as response: …`.

        Raises:
            LineshaftError: as `request`.
        """
        with network_errors(self._address.url), self._send(method, path, params, json, headers, content) as response:
            yield response

    @contextlib.contextmanager
    def _send(
        self,
        method: str,
        path: str,
        params: Any,
        json: Any,
        headers: Mapping[str, str] | None,
        content: bytes | None,
    ) -> Iterator[httpx.Response]:
        try:
            response = self._http.send(self._build(method, path, params, json, headers, content), stream=True)
            again = response.status_code == httpx.codes.UNAUTHORIZED and self._renew()
        except httpx.ConnectError:
            if not self._renew():
                raise
            again = True
        if again:  # the installation was started anew, under another address or token; nothing was carried out yet
            response = self._http.send(self._build(method, path, params, json, headers, content), stream=True)
        try:
            raise_for(response)
            yield response
        finally:
            response.close()

    def _build(
        self,
        method: str,
        path: str,
        params: Any,
        json: Any,
        headers: Mapping[str, str] | None,
        content: bytes | None,
    ) -> httpx.Request:
        given = dict(headers or {})
        if json is not None:
            content = msgspec.json.encode(json)
            given.setdefault("Content-Type", "application/json")
        # By this name the certificate is checked where the local installation is reached by its address.
        extensions = {"sni_hostname": self._address.server_name} if self._address.server_name else {}
        return self._http.build_request(
            method, path, params=params, content=content, headers=given, extensions=extensions
        )

    def _open(self) -> httpx.Client:
        fields = {
            "Authorization": f"Bearer {self._address.token}",
            "Accept-Language": self._language,
            "User-Agent": USER_AGENT,
        }
        if approval := os.environ.get("LINESHAFT_APPROVAL"):  # of a second person, for the request that needs it
            fields["X-Approval"] = approval
        # No proxy or netrc from the environment: the token goes to the address given and nowhere else.
        return httpx.Client(
            base_url=self._address.url, headers=fields, timeout=self._timeout, trust_env=False,
            verify=self._address.tls or True,
        )  # fmt: skip

    def _renew(self) -> bool:
        """Look the address up again; True where it or the token is another one now."""
        try:
            address = self._place.find()
        except Unavailable:
            return False
        if (address.url, address.token) == (self._address.url, self._address.token):
            return False
        self._http.close()
        self._address = address
        self._http = self._open()
        return True

    def pages(self, path: str, params: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Every item of a paged list."""
        cursor: dict[str, str] = {}
        while True:
            page = self.request("GET", path, params={**(params or {}), **cursor})
            yield from page["items"]
            if not page.get("next"):
                return
            cursor = {"cursor": page["next"]}

    def tags(self, prefixes: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """Tags whose path is, or is below, one of the given; all where none is given."""
        found: dict[str, dict[str, Any]] = {}
        for prefix in [""] if prefixes is None else prefixes:
            for tag in self.pages("/api/v1/history/tags", {"prefix": prefix, "limit": 1000}):
                if not prefix or tag["path"] == prefix or tag["path"].startswith(prefix.rstrip("/") + "/"):
                    found[tag["path"]] = tag
        return list(found.values())

    def live(self, paths: Sequence[str], *, until: threading.Event | None = None) -> Iterator[dict[str, Any]]:
        """Messages of the live socket for these tags, for ever or until the event is set.

        After a lost connection it connects again, with a growing pause; meanwhile, and while the server's own source of
        values is lost, messages carry a sentence for people under `notice`.

        Raises:
            LineshaftError: the first connection failed, or the token ended or was revoked.
        """
        return LiveValues(self._place, list(paths), until, self._language).messages()
