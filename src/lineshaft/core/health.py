"""Each service's own small listener: `/healthz`, `/readyz`, `/metrics` on a Unix socket that only its owner opens.

The web service gathers them; `lineshaft status` and `doctor` read them directly.
"""

import asyncio
import contextlib
import http.client
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

import msgspec
from prometheus_client import REGISTRY, generate_latest

from lineshaft.core import texts
from lineshaft.core.errors import LineshaftError


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One condition of readiness: what, whether it holds, and what to do if not."""

    name: str
    ok: bool
    detail: str = ""
    hint: str = ""
    title: str = ""
    """The name for people, in their language; empty where it was not asked for."""
    code: str = ""
    """Of the error that the detail tells, where it tells one."""
    facts: dict[str, Any] = {}
    """That error's."""

    @classmethod
    def of(cls, name: str, trouble: LineshaftError | None, hint: str = "") -> Self:
        """A check that holds while there is no `trouble`; `hint` is for a trouble that has none of its own."""
        if trouble is None:
            return cls(name=name, ok=True)
        facts = msgspec.to_builtins(trouble.facts, enc_hook=str)
        return cls(
            name=name, ok=False, detail=trouble.message, hint=trouble.hint or hint, code=trouble.code, facts=facts
        )

    def told(self, language: str) -> Self:
        """The check in somebody's language."""
        title = texts.phrase(language, "checks", self.name)
        if self.code:
            detail, hint = texts.render(language, self.code, self.detail, self.hint, self.facts)
        else:
            detail = texts.phrase(language, "checks", self.detail)
            hint = texts.phrase(language, "checks", self.hint)
        return msgspec.structs.replace(self, title=title, detail=detail, hint=hint)


Checks = Callable[[], Awaitable[list[Check]]]


class HealthListener:
    """Serves one service's health until closed."""

    def __init__(self, path: Path, service: str, checks: Checks) -> None:
        self._path = path
        self._service = service
        self._checks = checks
        self._server: asyncio.Server | None = None
        self.started = False
        """Set by the owner once the service has started; until then it is alive but not ready."""

    async def start(self) -> None:
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._answer, str(self._path))
        self._path.chmod(0o600)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout=2)
            target = head.split(b" ", 2)[1].decode("ascii", "replace") if head.count(b" ") >= 2 else "/"
            status, kind, body = await self._respond(target)
            writer.write(
                f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
                f"connection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        writer.close()

    async def _respond(self, target: str) -> tuple[str, str, bytes]:
        if target == "/metrics":
            return "200 OK", "text/plain; version=0.0.4", generate_latest(REGISTRY)
        if target == "/healthz":
            body = msgspec.json.encode({"service": self._service, "ok": True, "started": self.started})
            return "200 OK", "application/json", body
        if target == "/readyz":
            checks = await self._checks() if self.started else [Check(name="started", ok=False, detail="starting")]
            ok = all(check.ok for check in checks)
            body = msgspec.json.encode({"service": self._service, "ok": ok, "checks": checks})
            return ("200 OK" if ok else "503 Service Unavailable"), "application/json", body
        return "404 Not Found", "text/plain", b"not found\n"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(path: Path, target: str, timeout: float = 2.0) -> bytes | None:
    """Body of one answer of a service's health socket (blocking); None where nobody answers."""
    connection = _UnixConnection(path, timeout)
    try:
        connection.request("GET", target)
        return connection.getresponse().read()
    except OSError:
        return None
    finally:
        connection.close()


async def started(path: Path) -> bool:
    """Whether a service answers and has started."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_unix_connection(str(path)), timeout=1)
    except (OSError, TimeoutError):
        return False
    try:
        writer.write(b"GET /healthz HTTP/1.1\r\n\r\n")
        return b'"started":true' in await asyncio.wait_for(reader.read(), timeout=1)
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()


def readiness(path: Path) -> dict[str, object] | None:
    """The `/readyz` document of a service; None where nobody answers."""
    body = ask(path, "/readyz")
    try:
        return dict(json.loads(body)) if body else None
    except ValueError:
        return None
