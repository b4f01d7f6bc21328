"""Requests to one agent and their answers: pysnmp's engine with one target, one user or community."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdgen
from pysnmp.error import PySnmpError
from pysnmp.hlapi.v3arch.asyncio import (
    USM_AUTH_HMAC96_SHA,
    USM_AUTH_HMAC128_SHA224,
    USM_AUTH_HMAC192_SHA256,
    USM_AUTH_HMAC256_SHA384,
    USM_AUTH_HMAC384_SHA512,
    USM_PRIV_CFB128_AES,
    USM_PRIV_CFB256_AES,
    CommunityData,
    Udp6TransportTarget,
    UdpTransportTarget,
    UsmUserData,
)  # fmt: skip
from pysnmp.hlapi.v3arch.asyncio.lcd import CommandGeneratorLcdConfigurator
from pysnmp.proto import errind
from pysnmp.proto.rfc1902 import Null

from lineshaft.edge.drivers.snmp.options import Address, SnmpOptions
from lineshaft.edge.secrets import Secret

Oid = tuple[int, ...]
Binding = tuple[Oid, Any]

TOO_BIG: Final = 1
_AUTHENTICATION: Final = {
    "SHA": USM_AUTH_HMAC96_SHA, "SHA-224": USM_AUTH_HMAC128_SHA224, "SHA-256": USM_AUTH_HMAC192_SHA256,
    "SHA-384": USM_AUTH_HMAC256_SHA384, "SHA-512": USM_AUTH_HMAC384_SHA512,
}  # fmt: skip
_PRIVACY: Final = {"AES-128": USM_PRIV_CFB128_AES, "AES-256": USM_PRIV_CFB256_AES}
_REFUSING: Final = (
    errind.UnknownUserName, errind.WrongDigest, errind.AuthenticationError, errind.AuthenticationFailure,
    errind.UnsupportedSecurityLevel, errind.DecryptionError, errind.UnknownSecurityName,
)  # fmt: skip
_SLACK_SECONDS: Final = 2.0
"""Beyond the engine's own time-outs, which it checks twice a second."""


class Silent(Exception):
    """No answer came."""


class UserRefused(Exception):
    """The agent does not know the user, or the password is another."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent answers."""

    error: int
    """error-status (RFC 3416, 3); 0: none."""
    index: int
    """Which binding the error is about, from 1; 0: the request as a whole."""
    bindings: list[Binding]


class Manager:
    """One agent as we talk to it. Make it with `Manager.open`, and close it."""

    def __init__(self, options: SnmpOptions, credentials: Any, reading: Any, writing: Any) -> None:
        self._options = options
        self._engine = SnmpEngine()
        targets = CommandGeneratorLcdConfigurator()
        context = options.context.encode()
        self._context = context
        self._reading, _ = targets.configure(self._engine, credentials, reading, context)
        self._writing, _ = targets.configure(self._engine, credentials, writing, context)
        self._places = asyncio.Semaphore(options.at_once)

    @classmethod
    async def open(cls, address: Address, options: SnmpOptions, secret: Secret, privacy: Secret) -> "Manager":
        """Find the agent's address; nothing is sent yet.

        Raises:
            OSError: the name has no address.
        """
        kind: Any = Udp6TransportTarget if address.ipv6 else UdpTransportTarget
        place = (address.host, address.port)
        try:
            reading = await kind.create(place, timeout=options.timeout_seconds, retries=options.retries)
            writing = await kind.create(place, timeout=options.timeout_seconds, retries=0)
        except PySnmpError as error:
            raise OSError(str(error)) from error
        return cls(options, _credentials(options, secret, privacy), reading, writing)

    def close(self) -> None:
        """Close the socket and forget what is on the way."""
        self._engine.close_dispatcher()

    async def get(self, oids: Sequence[Oid]) -> Response:
        """The present values of objects. Raises Silent, UserRefused."""
        return await self._ask(cmdgen.GetCommandGenerator(), self._reading, [(oid, Null("")) for oid in oids])

    async def next(self, oid: Oid, most: int) -> Response:
        """Up to `most` objects behind one (GETBULK). Raises Silent, UserRefused."""
        return await self._ask(cmdgen.BulkCommandGenerator(), self._reading, [(oid, Null(""))], 0, most)

    async def set(self, oid: Oid, value: Any) -> Response:
        """Write an object; asked once. Raises Silent, UserRefused."""
        return await self._ask(cmdgen.SetCommandGenerator(), self._writing, [(oid, value)])

    async def _ask(self, generator: Any, target: str, bindings: list[Binding], *more: int) -> Response:
        answer: asyncio.Future[tuple[Any, int, int, Any]] = asyncio.get_running_loop().create_future()

        def take(_engine: Any, _handle: Any, failure: Any, error: Any, index: Any, found: Any, _context: Any) -> None:
            if not answer.done():
                answer.set_result((failure, int(error), int(index), found))

        async with self._places:
            generator.send_varbinds(self._engine, target, None, self._context, *more, bindings, take)
            longest = (self._options.retries + 1) * self._options.timeout_seconds * 2 + _SLACK_SECONDS
            try:
                failure, error, index, found = await asyncio.wait_for(answer, longest)
            except TimeoutError:
                raise Silent("no answer in time") from None
        if failure is not None:
            if isinstance(failure, _REFUSING):
                raise UserRefused(str(failure))
            raise Silent(str(failure))
        return Response(error=error, index=index, bindings=[(tuple(name), value) for name, value in found or ()])


def _credentials(options: SnmpOptions, secret: Secret, privacy: Secret) -> Any:
    if options.version == "2c":
        return CommunityData(secret.password, mpModel=1)  # noqa: S508  # the device's options say so in so many words
    return UsmUserData(
        secret.user, secret.password, privacy.password,
        authProtocol=_AUTHENTICATION[options.authentication], privProtocol=_PRIVACY[options.privacy],
    )  # fmt: skip
