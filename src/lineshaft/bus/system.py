"""The server's administration: giving it a newer account token while it runs, and asking how it fares.

Uses a user of the system account, whose credentials only the access service holds.
"""

from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from lineshaft.bus import faults
from lineshaft.bus.address import find_address
from lineshaft.bus.connection import Connection
from lineshaft.bus.settings import BusSettings
from lineshaft.core.errors import Unavailable
from lineshaft.core.home import Home

_SUBJECT = "$SYS.REQ.CLAIMS.UPDATE"
_HEALTH = "$SYS.REQ.SERVER.PING.HEALTHZ"
_SECONDS = 5.0


class StreamFault(msgspec.Struct, frozen=True):
    """A stream that cannot write, and why."""

    stream: str
    reason: str


class _HealthError(msgspec.Struct):
    stream: str = ""
    error: str = ""


class _HealthStatus(msgspec.Struct):
    errors: list[_HealthError] = []


class _Health(msgspec.Struct):
    data: _HealthStatus


class BusAdministration:
    """A connection to the system account; make it with `connect`, end it with `close`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    async def connect(
        cls, settings: BusSettings, home: Home, name: str, credentials: Path, *, wait: float = 10.0
    ) -> "BusAdministration":
        """Connect as the system user `name`; returns once connected, or after `wait` seconds still trying."""
        connection = Connection(name, credentials, partial(find_address, settings, home))
        await connection.open(wait)
        return cls(connection)

    async def close(self) -> None:
        await self._connection.close()

    async def push_account(self, token: str) -> None:
        """Give the server an account's newer token; revocations in it take effect at once and survive its restarts.

        The server stores a token before it looks at who signed it: push only what the box's own operator signed, and
        date it after the last one (`claims.account_jwt(previous=…)`).

        Raises:
            Unavailable: the server is not reached, or cannot read the token.
        """
        answer = await self._connection.ask(_SUBJECT, token.encode(), timeout=_SECONDS)
        if answer is None:
            raise faults.no_stream(_SUBJECT)
        try:
            document = msgspec.json.decode(answer.data, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise faults.answer_unreadable(_SUBJECT, str(error)) from error
        if "error" in document:
            reason = str(document["error"].get("description", "unknown"))
            raise Unavailable(
                "bus.account_refused", f"the bus server refuses an account's token: {reason}",
                "See the bus's log.", reason=reason,
            )  # fmt: skip

    async def stream_faults(self) -> list[StreamFault]:
        """Streams that cannot write.

        Raises:
            Unavailable: the server is not reached.
        """
        answer = await self._connection.ask(_HEALTH, b'{"details": true}', timeout=_SECONDS)
        if answer is None:
            raise faults.no_stream(_HEALTH)
        try:
            errors = msgspec.json.decode(answer.data, type=_Health).data.errors
        except msgspec.MsgspecError as error:
            raise faults.answer_unreadable(_HEALTH, str(error)) from error
        return [StreamFault(each.stream, each.error) for each in errors if each.stream and "write error" in each.error]
