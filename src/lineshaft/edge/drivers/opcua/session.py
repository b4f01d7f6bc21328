"""A secured session with one server (IEC 62541-4, 5.5 to 5.7), which can be taken up again after the connection broke.

Opening asks the server for its endpoints, takes the wanted security, checks the server's certificate against what we
trust, opens a channel, and activates the session it had before, or a new one. Nothing is sent to a server whose
certificate is not trusted, and no password goes where it could be read.
"""

import asyncio
import contextlib
import logging
from typing import Any, Final

import msgspec
from asyncua import Client, ua
from asyncua.client.ua_client import UaClientState
from asyncua.common.utils import Buffer
from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties
from asyncua.ua.ua_binary import struct_from_binary
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.edge.certificates import fingerprint
from lineshaft.edge.driver import Plan, Tools
from lineshaft.edge.drivers.opcua import faults
from lineshaft.edge.drivers.opcua.options import STRONGEST_FIRST, OpcUaOptions
from lineshaft.edge.secrets import Secret
from lineshaft.edge.tasks import end

_POLICIES: Final = {
    "None": security_policies.SecurityPolicyNone,
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128Sha256RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256Sha256RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
_TOKENS: Final = {
    "password": ua.UserTokenType.UserName,
    "certificate": ua.UserTokenType.Certificate,
    "anonymous": ua.UserTokenType.Anonymous,
}
_RENEW_AT: Final = 0.75
"""Part of a security token's life after which the next one is asked for (IEC 62541-4, 5.5.2.1)."""
_CLOSE_SECONDS: Final = 3.0
_DEFAULT_LIMIT: Final = 1000
_LIMIT_NODES: Final = (
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
)

# Everything that goes wrong becomes an error of ours, logged once; the library's own lines would repeat it many times.
logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)


class Limits(msgspec.Struct, frozen=True):
    """How much one call may carry, as the server says."""

    nodes_per_read: int = _DEFAULT_LIMIT
    nodes_per_browse: int = _DEFAULT_LIMIT
    items_per_call: int = _DEFAULT_LIMIT


class Session:
    """The session of one device."""

    def __init__(self, plan: Plan, tools: Tools) -> None:
        self.device = plan.device.name
        self.namespaces: list[str] = []
        self.limits = Limits()
        self.resumed = False
        """The last `open` took up the session that there was before."""
        self.security = ""
        self.server_fingerprint = ""
        self._endpoint = plan.device.endpoint
        self._options: OpcUaOptions = plan.options
        self._tools = tools
        self._client: Any = None
        self._protocol: Any = None
        self._tasks: list[asyncio.Task[None]] = []
        self._lost: asyncio.Future[LineshaftError] | None = None

    # -- opening --------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect and sign in.

        Raises:
            Unavailable: nobody answers, or the server has no place.
            InvalidInput, Conflict, NotFound: security, certificate, user or secret are not right; says which and why.
        """
        await self._hang_up()
        self._lost = asyncio.get_running_loop().create_future()
        own = await asyncio.to_thread(self._tools.certificates.own)
        try:
            endpoint = await self._choose_endpoint()
            secret = self._secret()
            client = self._client = self._client or self._new_client(own.application_uri)
            await self._secure(client, endpoint, own)
            await client.connect_socket()
            self._protocol = client.uaclient.protocol
            await client.send_hello()
            await _open_channel(client)
            await self._sign_in(client, secret)
            self._watch()
            await self._learn()
        except (ua.UaError, OSError, TimeoutError, ValueError) as error:
            await self._hang_up()
            raise faults.explain(
                error,
                device=self.device,
                endpoint=self._endpoint,
                identity=self._options.identity,
                secret=self._options.secret,
                fingerprint=own.fingerprint,
            ) from error
        except BaseException:
            await self._hang_up()
            raise

    def _new_client(self, application_uri: str) -> Any:
        client = Client(self._endpoint, timeout=self._options.timeout_seconds)
        client.name = client.description = "Lineshaft gateway"
        client.application_uri = application_uri
        client.product_uri = "urn:lineshaft"
        client.session_timeout = int(self._options.lifetime_seconds * 1000)
        return client

    async def _choose_endpoint(self) -> Any:
        """The server's endpoint with the wanted security; its certificate has been checked."""
        offered = [each for each in await self._ask_for_endpoints() if each.EndpointUrl.startswith("opc.tcp")]
        options = self._options
        wanted = STRONGEST_FIRST if options.security == "auto" else (options.security,)
        mode = ua.MessageSecurityMode.None_ if options.security == "None" else ua.MessageSecurityMode[options.mode]
        for name in wanted:
            for endpoint in offered:
                if endpoint.SecurityPolicyUri == _POLICIES[name].URI and endpoint.SecurityMode == mode:
                    self._check(endpoint)
                    self.security = f"{name} {mode.name.rstrip('_')}"
                    return endpoint
        have = ", ".join(sorted({_describe(each) for each in offered})) or "nothing"
        raise InvalidInput(
            "edge.security_unavailable",
            f"the server of device {self.device!r} has no endpoint with {' or '.join(wanted)}, {mode.name.rstrip('_')}; it has: {have}",
            "Turn that security on at the server, or name another in the device's options.",
            device=self.device, wanted=" ".join(wanted), offered=have,
        )  # fmt: skip

    async def _ask_for_endpoints(self) -> list[Any]:
        """What the server offers, over an open channel: nothing in the answer is believed before it has been checked."""
        asker = Client(self._endpoint, timeout=self._options.timeout_seconds)
        await asker.connect_socket()
        protocol = asker.uaclient.protocol
        try:
            await asker.send_hello()
            await _open_channel(asker)
            return list(await asker.get_endpoints())
        finally:
            with contextlib.suppress(ua.UaError, OSError, TimeoutError):
                await asker.close_secure_channel()
            await _close_socket(protocol)

    def _check(self, endpoint: Any) -> None:
        """Refuse a server that is not trusted, or that does not admit such as we are to be."""
        certificate = endpoint.ServerCertificate or b""
        if certificate:
            leaf = _first_certificate(certificate)
            self._tools.certificates.check_server(leaf, pinned=self._options.server_fingerprint, device=self.device)
            self.server_fingerprint = fingerprint(leaf)
        admitted = {token.TokenType for token in endpoint.UserIdentityTokens or []}
        if _TOKENS[self._options.identity] not in admitted:
            names = ", ".join(name for name, token in _TOKENS.items() if token in admitted) or "nobody"
            raise InvalidInput(
                "edge.identity_unavailable",
                f"the server of device {self.device!r} does not admit identity {self._options.identity!r}; it admits: {names}",
                "Choose another identity in the device's options, or change the server's settings.",
                device=self.device, identity=self._options.identity, admitted=names,
            )  # fmt: skip

    async def _secure(self, client: Any, endpoint: Any, own: Any) -> None:
        policy = next(each for each in _POLICIES.values() if endpoint.SecurityPolicyUri == each.URI)
        if policy is security_policies.SecurityPolicyNone:
            client.security_policy = policy()
            client.uaclient.set_security(client.security_policy)
            return
        await client.set_security(  # contents, not paths: the library would leave files open when it is cancelled
            policy, CertProperties(own.certificate.read_bytes(), "der"), CertProperties(own.private_key.read_bytes(), "pem"),
            mode=endpoint.SecurityMode, server_certificate=CertProperties(_first_certificate(endpoint.ServerCertificate), "der"),
        )  # fmt: skip

    async def _sign_in(self, client: Any, secret: Secret | None) -> None:
        """Activate the session that the server may still have, else a new one."""
        session = client.uaclient.session
        self.resumed = False
        if session.has_session:
            session.rebind_authentication_token()
            with contextlib.suppress(ua.UaStatusCodeError):
                await self._activate(client, secret)
                self.resumed = True
                return
            session.reset_authentication_token()
        await client.create_session()
        try:
            await self._activate(client, secret)
        except BaseException:  # the server must not keep a session that nobody will use
            with contextlib.suppress(ua.UaError, OSError, TimeoutError):
                await asyncio.wait_for(client.uaclient.close_session(True), _CLOSE_SECONDS)  # noqa: FBT003
            session.reset_authentication_token()
            raise

    async def _activate(self, client: Any, secret: Secret | None) -> None:
        if secret is None:
            await client.activate_session()
        elif secret.user:
            self._protect_password(client)
            await client.activate_session(username=secret.user, password=secret.password)
        else:
            client.user_private_key = serialization.load_pem_private_key(secret.private_key.encode(), password=None)
            await client.activate_session(certificate=x509.load_pem_x509_certificate(secret.certificate.encode()))

    def _protect_password(self, client: Any) -> None:
        """Refuse to send a password that anybody but the trusted server could read.

        Raises:
            InvalidInput: neither the channel nor its token would encrypt it, or the token would for another certificate.
        """
        if client.security_policy.Mode == ua.MessageSecurityMode.SignAndEncrypt:
            return
        token_policy = client.server_policy(ua.UserTokenType.UserName).SecurityPolicyUri
        reason = ""
        if token_policy in (None, "", security_policies.SecurityPolicyNone.URI):
            reason = "neither channel nor token is encrypted"
        elif fingerprint(client.security_policy.peer_certificate or b"") != self.server_fingerprint:
            reason = "the session came with another certificate than the one that was checked"
        if reason:
            raise InvalidInput(
                "edge.password_unprotected", f"the password of device {self.device!r} was not sent: {reason}",
                "Use mode SignAndEncrypt, or have the server ask for encrypted passwords.", device=self.device, reason=reason,
            )  # fmt: skip

    def _secret(self) -> Secret | None:
        if self._options.identity == "anonymous":
            return None
        secret = self._tools.secrets.get(self._options.secret)
        if (self._options.identity == "password") != bool(secret.user):
            raise InvalidInput(
                "edge.secret_of_other_kind",
                f"device {self.device!r} wants a {self._options.identity}, the secret {self._options.secret!r} holds the other kind",
                "Name another secret, or change the device's identity.", device=self.device, secret=self._options.secret,
            )  # fmt: skip
        return secret

    async def _learn(self) -> None:
        """Ask for the server's namespaces and limits; limits that it does not state are ours."""
        nodes = [ua.NodeId(number) for number in (ua.ObjectIds.Server_NamespaceArray, *_LIMIT_NODES)]
        answers = await self.read_attributes([(node, ua.AttributeIds.Value) for node in nodes])
        self.namespaces = [str(uri) for uri in (answers[0].Value.Value if answers[0].Value else None) or []]
        given = [each.Value.Value if each.StatusCode.is_good() and each.Value else 0 for each in answers[1:]]
        self.limits = Limits(*(min(value or _DEFAULT_LIMIT, 10_000) for value in given))

    # -- calls ----------------------------------------------------------------------------------------------------------

    async def ask(self, request: Any, *, patient: bool = False) -> Buffer:
        """Send a request; the bytes of its answer, whose result has not been checked.

        Args:
            patient: wait for the answer as long as it takes (publish requests).

        Raises:
            ua.UaStatusCodeError: the server answered with a fault. OSError, TimeoutError: it did not answer.
        """
        protocol = self._client.uaclient.protocol if self._client is not None else None
        if protocol is None:
            raise ConnectionError("not connected")
        return await protocol.send_request(request, timeout=0 if patient else None)

    async def call(self, request: Any, kind: Any) -> Any:
        """Send a request; its answer as the library's object. Raises as `ask`, also for a bad result."""
        response = struct_from_binary(kind, await self.ask(request))
        response.ResponseHeader.ServiceResult.check()
        return response

    async def read_attributes(self, wanted: list[tuple[Any, Any]]) -> list[Any]:
        """(node, attribute) pairs as the library's data values, in portions that the server takes."""
        results: list[Any] = []
        portion = self.limits.nodes_per_read
        for start in range(0, len(wanted), portion):
            request = ua.ReadRequest()
            request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
            request.Parameters.NodesToRead = [
                ua.ReadValueId(NodeId=node, AttributeId=attribute)
                for node, attribute in wanted[start : start + portion]
            ]
            results += (await self.call(request, ua.ReadResponse)).Results
        return results

    # -- losing and closing -----------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.state is UaClientState.CONNECTED

    async def lost(self) -> LineshaftError:
        """Wait until the connection is gone; why."""
        assert self._lost is not None
        return await asyncio.shield(self._lost)

    def lose(self, reason: str) -> None:
        """The connection is of no more use: hang up, so that everybody who waits learns it."""
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(faults.lost(self.device, reason))
        if self._client is not None:
            self._client.disconnect_socket()

    async def close(self) -> None:
        """Sign out, so that the server frees session and subscriptions, and hang up."""
        client = self._client
        if client is not None and self.connected:
            with contextlib.suppress(ua.UaError, OSError, TimeoutError):
                await asyncio.wait_for(client.uaclient.close_session(True), _CLOSE_SECONDS)  # noqa: FBT003
            with contextlib.suppress(ua.UaError, OSError, TimeoutError):
                await asyncio.wait_for(client.close_secure_channel(), _CLOSE_SECONDS)
        await self._hang_up()

    async def _hang_up(self) -> None:
        await end(*self._tasks)
        self._tasks.clear()
        if self._client is not None:
            self._client.disconnect_socket()
        if self._protocol is not None:
            await _close_socket(self._protocol)

    def _watch(self) -> None:
        self._start(self._watch_transport())
        self._start(self._renew())

    def _start(self, work: Any) -> None:
        self._tasks.append(asyncio.create_task(work, name=f"opcua {self.device}"))

    async def _watch_transport(self) -> None:
        async with self._client.subscribe_state() as states:
            await states.wait_for_state(UaClientState.DISCONNECTED)
        self.lose("the server closed the connection")

    async def _renew(self) -> None:
        """Ask for the next security token before the present one ends."""
        while True:
            await asyncio.sleep(self._client.secure_channel_timeout * _RENEW_AT / 1000)
            try:
                await self._client.open_secure_channel(renew=True)
                self._client.uaclient.revolve_security_token()
            except (ua.UaError, OSError, TimeoutError, ValueError) as error:
                self.lose(f"the channel could not be renewed: {faults.describe(error)}")
                return


async def _close_socket(protocol: Any) -> None:
    """Close a connection's socket and wait until it is closed; a half-closed one would be left to the next caller."""
    deadline = clock.monotonic() + _CLOSE_SECONDS
    while protocol.transport is not None and clock.monotonic() < deadline:
        protocol.transport.close()
        await asyncio.sleep(0.001)


async def _open_channel(client: Any) -> None:
    """Open the secure channel.

    The library drops the fault of a server that answers the request with one, and trips over an assertion instead.
    """
    try:
        await client.open_secure_channel()
    except AssertionError as error:
        raise ua.UaStatusCodeError(ua.StatusCodes.BadSecurityChecksFailed) from error


def _describe(endpoint: Any) -> str:
    policy = endpoint.SecurityPolicyUri.rpartition("#")[2]
    return f"{policy} {endpoint.SecurityMode.name.rstrip('_')}"


def _first_certificate(chain: bytes) -> bytes:
    """The leaf of a chain of DER certificates: the outer sequence's own length says where it ends."""
    if chain[:2] != b"\x30\x82":
        return chain
    return chain[: 4 + int.from_bytes(chain[2:4], "big")]
