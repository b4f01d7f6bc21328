"""One connection to an MQTT broker on aiomqtt: TLS beyond loopback, credentials by reference, errors in words.

Messages are handed on while they are read from the socket, so nothing queues here: a gateway that is busy reads slower,
and the broker holds or drops by its own rules. aiomqtt is loaded when the connection is made.
"""

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from lineshaft.bus.settings import is_loopback
from lineshaft.core import logs
from lineshaft.core.errors import Conflict, InvalidInput, LineshaftError, Unavailable
from lineshaft.edge.driver import Faults
from lineshaft.edge.drivers.mqtt.bounded import bound_packets
from lineshaft.edge.secrets import Secret, Secrets
from lineshaft.edge.tasks import end

if TYPE_CHECKING:
    import aiomqtt

Version = Literal["3.1.1", "5"]
DEFAULT_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_MOST_UNSENT: Final = 10_000
_MOST_AROUND: Final = 1 << 17
"""Bytes of a packet beside its payload: topic and properties."""
_REFUSED_USER: Final = ("bad user name or password", "not authorized", "bad username or password", "not authorised")


class BrokerOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to connect to a broker."""

    identity: Literal["password", "certificate", "anonymous"] = "password"
    """Who we are to the broker; `anonymous` must be said in so many words."""
    secret: str = ""
    """Name of the secret with user and password, or with the client certificate."""
    authority: str = ""
    """PEM certificates of the authority that signed the broker's; empty: those that this machine trusts."""
    keep_alive_seconds: Annotated[int, Meta(ge=2, le=3600)] = 15
    timeout_seconds: Annotated[float, Meta(ge=0.5, le=120)] = 10.0
    """How long to wait for an answer of the broker."""
    payload_bytes: Annotated[int, Meta(ge=1024, le=256 << 20)] = 4 << 20
    """Longest message that is taken; a longer one is dropped, counted and told as a gap."""

    def judge(self, endpoint: str, faults: Faults) -> None:
        """Note what cannot be."""
        fault = endpoint_fault(endpoint)
        if fault:
            faults.add("endpoint", endpoint.rpartition("@")[2], fault)
        if self.identity == "anonymous" and self.secret:
            faults.add("options.secret", self.secret, "an anonymous device has no secret")
        if self.identity != "anonymous" and not self.secret:
            faults.add(
                "options.secret", self.secret,
                "name the secret with the credentials for the broker (nobody connects anonymously by default)",
            )  # fmt: skip
        if self.identity == "certificate" and not endpoint.startswith("mqtts://"):
            faults.add("options.identity", self.identity, "a client certificate needs mqtts://")


def endpoint_fault(endpoint: str) -> str:
    """Which rule an endpoint breaks; empty where it breaks none."""
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return f"it cannot be read: {error}"
    if parts.scheme not in DEFAULT_PORTS or not host:
        return "an MQTT endpoint is mqtts://host:port, or mqtt://host:port on this machine"
    if "@" in parts.netloc:
        return "user and password belong into a secret, not into the endpoint"
    if parts.path.strip("/") or parts.query or parts.fragment or port == 0:
        return "an MQTT endpoint ends with the port"
    if parts.scheme == "mqtt" and not is_loopback(host):
        return "beyond this machine MQTT needs TLS: write mqtts://"
    return ""


class Will(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker publishes when the connection breaks; always with QoS 1."""

    topic: str
    payload: bytes
    retain: bool = False


class Broker:
    """A connection; see the module.

    Args:
        device: whose errors they are.
        receive: called with (topic, payload, retained) for each message, in order; short, and never waits.
    """

    def __init__(
        self, device: str, endpoint: str, options: BrokerOptions, secrets: Secrets,
        receive: Callable[[str, bytes, bool], None], *, version: Version = "3.1.1", client_id: str = "", clean: bool = True,
    ) -> None:  # fmt: skip
        self._device, self._endpoint, self._options, self._secrets = device, endpoint, options, secrets
        self._receive = receive
        self._version, self._client_id, self._clean = version, client_id, clean
        self._stack = contextlib.AsyncExitStack()
        self._client: aiomqtt.Client | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._gone: asyncio.Future[LineshaftError] | None = None
        self._log = logs.get("edge")
        self.oversized = 0
        """Messages that were longer than the options allow."""
        self.on_oversized: Callable[[str], None] = lambda _topic: None
        """Called with the topic of each."""

    @property
    def connected(self) -> bool:
        return self._gone is not None and not self._gone.done()

    async def connect(self, will: Will | None = None) -> None:
        """Connect and sign in.

        Raises:
            Unavailable: nobody answers. InvalidInput, Conflict, NotFound: credentials or certificates must be put right.
        """
        import aiomqtt

        await self.close()
        secret = self._secrets.get(self._options.secret) if self._options.secret else None
        tls = await asyncio.to_thread(self._tls, secret) if self._endpoint.startswith("mqtts:") else None
        client = self._client_of(secret, tls, will)
        try:
            await self._stack.enter_async_context(client)
        except aiomqtt.MqttError as error:
            raise self._explain(str(error)) from error
        except (OSError, ValueError) as error:
            raise self._explain(str(error) or type(error).__name__) from error
        self._client = client
        self._gone = asyncio.get_running_loop().create_future()
        self._watcher = asyncio.create_task(self._watch(client), name=f"mqtt {self._device}")

    async def subscribe(self, topics: Sequence[tuple[str, int]]) -> None:
        """Subscribe to (filter, QoS) pairs.

        Raises:
            Unavailable: the connection broke. InvalidInput: the broker does not let us.
        """
        if not topics:
            return
        from paho.mqtt.subscribeoptions import SubscribeOptions

        wanted: Any = list(topics)
        if self._version == "5":
            wanted = [(topic, SubscribeOptions(qos=qos)) for topic, qos in topics]
        granted = await self._call(lambda client: client.subscribe(wanted))
        for (topic, _), code in zip(topics, granted, strict=False):
            if getattr(code, "value", code) >= 0x80:
                raise InvalidInput(
                    "edge.subscription_refused", f"the broker of device {self._device!r} refuses the subscription to {topic!r}",
                    "Have the broker's access rules let this user read the topic.", device=self._device, topic=topic,
                )  # fmt: skip

    async def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Publish; returns when the message is written (QoS 0) or acknowledged (QoS 1).

        Raises:
            Unavailable: it is not.
        """
        await self._call(lambda client: client.publish(topic, payload, qos=qos, retain=retain))

    async def lost(self) -> LineshaftError:
        """Wait until the connection is gone; why it is."""
        if self._gone is None:
            return self._lost("it was not there")
        return await asyncio.shield(self._gone)

    async def close(self) -> None:
        """Disconnect; never raises."""
        await end(self._watcher)
        self._watcher = self._client = None
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(self._lost("it was closed"))
        stack, self._stack = self._stack, contextlib.AsyncExitStack()
        try:
            await stack.aclose()
        except Exception as error:  # noqa: BLE001  # the library's ways to fail at parting are many; none matters
            self._log.debug("mqtt_not_parted", device=self._device, error=str(error))

    # -- making ---------------------------------------------------------------------------------------------------------

    def _tls(self, secret: Secret | None) -> ssl.SSLContext:
        """TLS 1.2 or later, the broker's certificate and name checked. Reads files: runs in a thread."""
        context = _ClientContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and name
        try:
            if self._options.authority:
                context.load_verify_locations(cadata=self._options.authority)
            else:
                context.load_default_certs()
        except ssl.SSLError as error:
            raise InvalidInput(
                "edge.authority_invalid", f"device {self._device!r}: options.authority cannot be read: {error}",
                "Give certificates in PEM.", device=self._device, reason=str(error),
            ) from error  # fmt: skip
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if secret is not None and secret.certificate:
            with tempfile.TemporaryDirectory() as folder:  # readable by the owner only
                chain = Path(folder) / "own.pem"
                chain.write_text(f"{secret.certificate}\n{secret.private_key}")
                context.load_cert_chain(chain)
        return context

    def _client_of(self, secret: Secret | None, tls: ssl.SSLContext | None, will: Will | None) -> "aiomqtt.Client":
        import aiomqtt

        parts = urlsplit(self._endpoint)
        five = self._version == "5"
        options: dict[str, Any] = {"clean_session": self._clean}
        if five:
            options = {"clean_start": self._clean, "properties": _session_expiry(clean=self._clean)}
        client = aiomqtt.Client(
            str(parts.hostname), parts.port or DEFAULT_PORTS[parts.scheme],
            username=secret.user if secret and secret.user else None, password=secret.password if secret else None,
            identifier=self._client_id or None, queue_type=_passing_to(self._take),
            protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
            will=aiomqtt.Will(will.topic, will.payload, 1, will.retain) if will else None,
            timeout=self._options.timeout_seconds, keepalive=self._options.keep_alive_seconds,
            max_queued_outgoing_messages=_MOST_UNSENT, tls_context=tls, **options,
        )  # fmt: skip
        bound_packets(client._client, self._options.payload_bytes + _MOST_AROUND)  # noqa: SLF001  # the same as theirs
        return client

    def _take(self, message: Any) -> None:
        try:
            if len(message.payload) > self._options.payload_bytes:
                self._refuse(message.topic.value)
                return
            self._receive(message.topic.value, message.payload, bool(message.retain))
        except Exception:  # noqa: BLE001  # one strange message must not end the connection
            self._log.exception("mqtt_message_failed", device=self._device, topic=message.topic.value)

    def _refuse(self, topic: str) -> None:
        self.oversized += 1
        if self.oversized == 1:
            self._log.warning(
                "mqtt_message_too_long", device=self._device, topic=topic, most=self._options.payload_bytes
            )
        self.on_oversized(topic)

    async def _watch(self, client: "aiomqtt.Client") -> None:
        """Nothing ever comes out of the queue; the iteration ends with the connection."""
        import aiomqtt

        reason = "the broker hung up"
        try:
            async for _ in client.messages:
                pass
        except aiomqtt.MqttError as error:
            reason = str(error.__cause__ or error)
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(self._lost(reason))

    async def _call(self, make: Callable[["aiomqtt.Client"], Any]) -> Any:
        import aiomqtt

        if self._client is None or not self.connected:
            raise self._lost("it is not connected")
        try:
            return await make(self._client)
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            raise self._lost(str(error)) from error

    # -- errors ---------------------------------------------------------------------------------------------------------

    def _lost(self, reason: str) -> Unavailable:
        return Unavailable(
            "edge.device_lost", f"the connection to device {self._device!r} was lost: {reason}",
            "It is tried again until it works.", device=self._device, reason=reason,
        )  # fmt: skip

    def _explain(self, reason: str) -> LineshaftError:
        lowered = reason.lower()
        if any(words in lowered for words in _REFUSED_USER):
            who = f"the secret {self._options.secret!r}" if self._options.secret else "anonymous access"
            return InvalidInput(
                "edge.user_refused", f"the broker of device {self._device!r} refused {who} ({reason})",
                "Check user name and password: `lineshaft device secret` replaces them.",
                device=self._device, secret=self._options.secret, status=reason,
            )  # fmt: skip
        if "certificate" in lowered:
            return Conflict(
                "edge.broker_untrusted", f"the TLS connection to device {self._device!r} was refused: {reason}",
                "Give the PEM certificate of the broker's authority in options.authority, or check the client certificate.",
                device=self._device, endpoint=self._endpoint, reason=reason,
            )  # fmt: skip
        return Unavailable(
            "edge.device_unreachable", f"device {self._device!r} does not answer at {self._endpoint}: {reason}",
            "Check that the device runs, and address, port and firewall.",
            device=self._device, endpoint=self._endpoint, reason=reason,
        )  # fmt: skip


class _ClientContext(ssl.SSLContext):
    """Shakes hands at once and closes what fails; paho would leave such a socket open."""

    def wrap_socket(self, sock: Any, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        wrapped = super().wrap_socket(sock, *arguments, **options)
        try:
            wrapped.do_handshake()
        except OSError:
            wrapped.close()
            raise
        return wrapped


def _passing_to(take: Callable[[Any], None]) -> Any:
    """A queue class that keeps nothing: what is put into it is taken at once."""

    class Passing(asyncio.Queue[Any]):
        def put_nowait(self, item: Any) -> None:
            take(item)

    return Passing


def _session_expiry(*, clean: bool) -> Any:
    """MQTT 5: how long the broker keeps our session after a loss."""
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 0 if clean else 86_400
    return properties
