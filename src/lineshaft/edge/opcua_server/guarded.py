"""asyncua's server, closed where the library leaves it open: nothing but discovery outside an encrypted channel.

The library checks a client's certificate only when a session names one, lets a session be named on an unencrypted
channel, and binds a guessed session to a new channel before it checks who asks. Here a channel opens only to a trusted
certificate, and an unencrypted one answers nothing but discovery (OPC 10000-4, 5.5), so that none of this is reached.
"""

import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import SimpleRoleRuleset, User, UserRole
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256, SecurityPolicyFactory
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.uaprocessor import UaProcessor
from asyncua.server.user_managers import UserManager
from asyncua.ua.ua_binary import uatcp_to_binary

from lineshaft.core import logs

Trusted = Callable[[bytes], bool]
"""Whether a certificate (DER) may open a channel."""

_ENCRYPTED: Final = ua.MessageSecurityMode.SignAndEncrypt
_DISCOVERY: Final = frozenset(
    ua.NodeId(number)
    for number in (
        ua.ObjectIds.GetEndpointsRequest_Encoding_DefaultBinary,
        ua.ObjectIds.FindServersRequest_Encoding_DefaultBinary,
        ua.ObjectIds.CloseSecureChannelRequest_Encoding_DefaultBinary,
    )
)


class NamedUsers(UserManager):
    """Admits people and programs by name and password, never as administrators of the server.

    Args:
        passwords: by name; an empty one admits nobody.
    """

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = {name.encode(): password.encode() for name, password in passwords.items() if password}
        self._log = logs.get("opcua.server")

    def get_user(self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None) -> Any:
        """The user, or None: the library then answers BadUserAccessDenied."""
        given_name, given = str(username or "").encode(), str(password or "").encode()
        # Every account is compared, so that the time taken does not tell which names there are.
        right = [
            hmac.compare_digest(name, given_name) & hmac.compare_digest(known, given)
            for name, known in self._passwords.items()
        ]
        if any(right):
            return User(role=UserRole.User, name=str(username))
        self._log.warning("client_refused", reason="wrong user name or password")
        return None


class GuardedServer(Server):
    """A server with one endpoint: Basic256Sha256, Sign & Encrypt, user name and password, trusted certificates.

    Args:
        users: who may sign in.
        trusted: asked for every channel.
    """

    def __init__(self, users: NamedUsers, trusted: Trusted) -> None:
        super().__init__(user_manager=users)
        self.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        self.set_identity_tokens([ua.UserNameIdentityToken])
        self.allow_remote_admin(allow=False)
        self.iserver.max_connections = 50
        self.iserver.max_subscriptions = 100
        self._trusted = trusted

    async def start(self) -> None:
        """Listen on the endpoint's host and port."""
        await self._setup_server_nodes()
        self._policies = [_TrustingFactory(self._trusted, self.iserver.certificate, self.iserver.private_key)]
        await self.iserver.start()
        try:
            self.bserver = _GuardedListener(self.iserver, self.endpoint.hostname, self.endpoint.port, self.limits)
            self.bserver.set_policies(self._policies)
            await self.bserver.start()
        except OSError:
            await self.iserver.stop()
            raise

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.bserver.port)

    @property
    def sessions(self) -> int:
        """Clients signed in."""
        processors = [client.processor for client in self.bserver.clients] if self.bserver else []
        return sum(1 for each in processors if each and each.session and each.session.is_activated())


class _TrustingFactory(SecurityPolicyFactory):
    """Makes the encrypted side of a channel, for trusted certificates only."""

    def __init__(self, trusted: Trusted, certificate: Any, key: Any) -> None:
        super().__init__(SecurityPolicyBasic256Sha256, _ENCRYPTED, certificate, key, SimpleRoleRuleset())
        self._trusted = trusted

    def create(self, peer_certificate: bytes | None) -> Any:
        if not peer_certificate or not self._trusted(peer_certificate):
            # The standard has the server keep the reason to itself (OPC 10000-4, 6.1.3).
            raise ua.UaStatusCodeError(ua.StatusCodes.BadSecurityChecksFailed)
        return super().create(peer_certificate)


class _GuardedProcessor(UaProcessor):
    """One client's requests."""

    async def process(self, header: Any, body: Any) -> bool:
        try:
            return bool(await super().process(header, body))
        except ua.UaError as error:
            # A channel that cannot be: say so and hang up. The library would leave the client waiting.
            code = getattr(error, "code", ua.StatusCodes.BadSecurityChecksFailed)
            message = ua.ErrorMessage(ua.StatusCode(code), "refused")
            self._transport.write(uatcp_to_binary(ua.MessageType.Error, message))
            return False

    def get_publish_request(self, subscription_id: Any) -> Any:
        # The library would answer into a lost connection. Under uvloop that is an error, which ends the subscription's
        # task for good: a client that came back to its session would wait in vain. So nothing is sent, and all is kept.
        return None if self._transport.is_closing() else super().get_publish_request(subscription_id)

    async def _process_message(self, typeid: Any, requesthdr: Any, seqhdr: Any, body: Any) -> Any:
        if self._connection.security_policy.Mode != _ENCRYPTED and typeid not in _DISCOVERY:
            raise ServiceError(ua.StatusCodes.BadSecurityModeInsufficient)
        if self.session is not None:  # the channel's, which is proven; what a session says of itself is not
            self.session.certificate = self._connection.security_policy.peer_certificate or b""
        return await super()._process_message(typeid, requesthdr, seqhdr, body)


class _GuardedProtocol(OPCUAProtocol):
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if self.transport is not None:  # None where the library refused one connection too many
            processor = _GuardedProcessor(self.iserver, self.transport, self.limits)
            processor.set_policies(self.policies)
            self.processor = processor


class _GuardedListener(BinaryServer):
    def _make_protocol(self) -> OPCUAProtocol:
        return _GuardedProtocol(
            iserver=self.iserver, policies=self._policies, clients=self.clients,
            closing_tasks=self.closing_tasks, limits=self.limits,
        )  # fmt: skip
