"""Options of an OPC UA device, and what of them can be judged without asking the server."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from lineshaft.edge.certificates import normal_fingerprint
from lineshaft.edge.driver import Faults

Policy = Literal["auto", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss", "None"]
STRONGEST_FIRST: Final = ("Aes256Sha256RsaPss", "Aes128Sha256RsaOaep", "Basic256Sha256")
_FINGERPRINT_LENGTH: Final = 64


class OpcUaOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to connect to an OPC UA server."""

    security: Policy = "auto"
    """Security policy; `auto` takes the strongest the server has. `None` must be said in so many words."""
    mode: Literal["SignAndEncrypt", "Sign"] = "SignAndEncrypt"
    identity: Literal["password", "certificate", "anonymous"] = "password"
    """Who we are to the server; `anonymous` must be said in so many words."""
    secret: str = ""
    """Name of the secret with user and password, or with the user certificate."""
    server_fingerprint: str = ""
    """SHA-256 of the only server certificate to accept; empty: any that was trusted."""
    keep_alive_seconds: Annotated[float, Meta(ge=0.5, le=600)] = 5.0
    """How often a silent subscription says that it lives; after three misses the connection counts as lost."""
    lifetime_seconds: Annotated[float, Meta(ge=10, le=86_400)] = 120.0
    """How long the server keeps session and subscriptions while we are away."""
    queue_seconds: Annotated[float, Meta(ge=0, le=3600)] = 10.0
    """How much time the server's queue of each value shall bridge."""
    queue_size: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """Length of the server's queue of each value; 0: as long as `queue_seconds` needs."""
    items_per_subscription: Annotated[int, Meta(ge=1, le=10_000)] = 5000
    timeout_seconds: Annotated[float, Meta(ge=0.5, le=120)] = 10.0
    """How long to wait for an answer of the server."""

    def judge(self, endpoint: str, faults: Faults) -> None:
        """Note what cannot be."""
        if not endpoint.startswith("opc.tcp://") or len(endpoint) <= len("opc.tcp://"):
            faults.add("endpoint", endpoint, "an OPC UA endpoint is opc.tcp://host:port/path")
        elif "@" in endpoint:
            faults.add(
                "endpoint", endpoint.rpartition("@")[2], "user and password belong into a secret, not into the endpoint"
            )
        if self.identity == "anonymous" and self.secret:
            faults.add("options.secret", self.secret, "an anonymous device has no secret")
        if self.identity != "anonymous" and not self.secret:
            faults.add(
                "options.secret", self.secret,
                "name the secret with the device's credentials (nobody connects anonymously by default)",
            )  # fmt: skip
        pinned = normal_fingerprint(self.server_fingerprint)
        if pinned and (len(pinned) != _FINGERPRINT_LENGTH or not set(pinned) <= set("0123456789abcdef")):
            faults.add(
                "options.server_fingerprint",
                self.server_fingerprint,
                "it is the SHA-256 of a certificate: 64 hexadecimal digits",
            )
