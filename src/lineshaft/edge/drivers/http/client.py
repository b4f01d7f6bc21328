"""A client of one device's HTTP server: credentials, bounded answers, no way to another host.

It reads no proxy from the environment, takes no compressed answers (a few bytes could become gigabytes), and follows
redirects on the same host only, so that credentials go nowhere else.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from lineshaft.edge.drivers.http import faults
from lineshaft.edge.drivers.http.access import HttpAccess
from lineshaft.edge.model import Device
from lineshaft.edge.secrets import Secrets

_REDIRECTS: Final = (301, 302, 303, 307, 308)
_MOST_REDIRECTS: Final = 3
_MOST_CONNECTIONS: Final = 64


class Answer(msgspec.Struct, frozen=True):
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Client:
    """Talks to one device.

    Raises:
        NotFound, Corrupt, Forbidden: the device's secret.
        Conflict: the certificate in its options cannot be read.
    """

    def __init__(self, device: Device, access: HttpAccess, secrets: Secrets) -> None:
        self._device = device
        self._access = access
        headers = {"User-Agent": "lineshaft", "Accept-Encoding": "identity"}
        user: tuple[str, str] | None = None
        if access.secret:
            secret = secrets.get(access.secret)
            if not (
                secret.password.isascii() and secret.password.isprintable()
            ):  # the library would show it in its error
                raise faults.unusable(device, f"the password of the secret {access.secret!r} cannot stand in a header")
            if access.authentication == "basic":
                user = (secret.user, secret.password)
            elif access.authentication == "bearer":
                headers["Authorization"] = f"Bearer {secret.password}"
            else:
                headers[access.header] = secret.password
        self._http = httpx.AsyncClient(
            headers=headers, auth=user, verify=self._verification(), trust_env=False, follow_redirects=False,
            timeout=httpx.Timeout(access.timeout_seconds),
            limits=httpx.Limits(max_connections=_MOST_CONNECTIONS, max_keepalive_connections=_MOST_CONNECTIONS),
        )  # fmt: skip

    def _verification(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cadata=self._access.certificate or None)
        except ssl.SSLError as error:
            raise faults.unusable(self._device, f"options.certificate cannot be read: {error}") from error
        if self._access.certificate:  # a server's own certificate is an end of its chain
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context

    async def ask(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """One request and its whole answer, whatever its status.

        Raises:
            Unavailable: no answer in time, or none at all. Conflict: the answer is too large, compressed, or leads elsewhere.
        """
        try:
            async with asyncio.timeout(self._access.timeout_seconds):
                for _ in range(_MOST_REDIRECTS + 1):
                    answer = await self._ask_once(method, url, headers, body)
                    if answer.status not in _REDIRECTS:
                        return answer
                    url = self._follow(method, url, answer)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise faults.unreachable(self._device, faults.describe(error)) from error
        raise faults.unusable(self._device, f"more than {_MOST_REDIRECTS} redirects")

    async def _ask_once(self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None) -> Answer:
        async with self._http.stream(method, url, headers=headers, content=body) as response:
            self._check_encoding(response)
            parts = bytearray()
            async for part in response.aiter_raw():
                parts += part
                if len(parts) > self._access.largest_bytes:
                    raise faults.unusable(self._device, f"the answer is larger than {self._access.largest_bytes} bytes")
            return Answer(response.status_code, dict(response.headers), bytes(parts))

    def _check_encoding(self, response: Any) -> None:
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":
            raise faults.unusable(self._device, f"the answer is compressed ({encoding}), which we said we do not read")

    def _follow(self, method: str, url: str, answer: Answer) -> str:
        target = urljoin(url, answer.headers.get("location", ""))
        here, there = urlsplit(url), urlsplit(target)
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise faults.unusable(self._device, f"it redirects to another host, {there.scheme}://{there.hostname}")
        if method not in ("GET", "HEAD"):
            raise faults.unusable(self._device, f"it redirects a {method} to {there.path}")
        return target

    @asynccontextmanager
    async def stream(self, url: str, silence_seconds: float) -> AsyncIterator[Any]:
        """An answer that does not end, as the library gives it; more than `silence_seconds` without a byte is a timeout."""
        times = httpx.Timeout(self._access.timeout_seconds, read=silence_seconds)
        async with self._http.stream("GET", url, timeout=times) as response:
            self._check_encoding(response)
            yield response

    async def close(self) -> None:
        """Hang up."""
        await self._http.aclose()
