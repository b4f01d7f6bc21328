"""Options of a CoAP server, and what of them can be judged without asking it."""

import ipaddress
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from lineshaft.edge.driver import Faults

PORT: Final = 5683
Format = Literal["", "text", "json", "cbor", "senml+json", "senml+cbor"]


class CoapOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to talk to a CoAP server."""

    security: Literal["auto", "none"] = "auto"
    """`none` sends in the clear, readable and forgeable on the way, and must be said in so many words for every server
    but one on this machine."""
    format: Format = ""
    """What payloads are, whatever the server says of them; empty: what it says, and text where it says nothing."""
    at_once: Annotated[int, Meta(ge=1, le=64)] = 4
    """Requests on the way at a time: NSTART of RFC 7252, 4.8, which has 1 where nothing is known of the network."""
    timeout_seconds: Annotated[float, Meta(ge=0.5, le=120)] = 10.0
    """How long to wait for an answer, retransmissions included."""
    slack_seconds: Annotated[float, Meta(ge=0, le=3600)] = 5.0
    """How long beyond its Max-Age an observed value may stay without news before it is asked for anew."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server is."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        """As it stands in a URI."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_endpoint(endpoint: str, options: CoapOptions, faults: Faults) -> Address | None:
    """The server that `coap://host:5683` names; faults are noted."""
    shown = endpoint.rpartition("@")[2]
    try:
        parts = urlsplit(endpoint)
        port = parts.port or PORT
    except ValueError as error:
        faults.add("endpoint", shown, f"a CoAP endpoint is coap://host:5683 ({error})")
        return None
    if parts.scheme == "coaps":
        faults.add("endpoint", shown, "coaps needs DTLS, which this release does not have (the package DTLSSocket)")
        return None
    if "@" in parts.netloc:
        faults.add("endpoint", shown, "CoAP has no user and password")
    if parts.scheme != "coap" or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        faults.add("endpoint", shown, "a CoAP endpoint is coap://host:5683, the path stands in the points' addresses")
        return None
    if options.security == "auto" and not _is_loopback(parts.hostname):
        faults.add(
            "options.security", options.security,
            "there is no DTLS here to reach another machine with: say security = none to send in the clear",
        )  # fmt: skip
    return Address(host=parts.hostname, port=port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
