"""Options of an SNMP agent, and what of them can be judged without asking it."""

from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from lineshaft.edge.driver import Faults

PORT: Final = 161


class SnmpOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to talk to an agent."""

    version: Literal["3", "2c"] = "3"
    """3 signs and encrypts. 2c sends its community in the clear to whoever listens, and must be said in so many words."""
    secret: str = ""
    """Name of the secret: user and authentication password of version 3; of 2c its password is the community."""
    privacy_secret: str = ""
    """Name of the secret whose password encrypts; empty: the password of `secret` does."""
    authentication: Literal["SHA-512", "SHA-384", "SHA-256", "SHA-224", "SHA"] = "SHA-256"
    """RFC 7860; `SHA` is SHA-1 (RFC 3414) for agents that have no other."""
    privacy: Literal["AES-128", "AES-256"] = "AES-128"
    """RFC 3826; AES-256 with the key extension of Reeder, as Cisco and Net-SNMP have it."""
    context: Annotated[str, Meta(max_length=32)] = ""
    """Name of the context on the agent (RFC 3411)."""
    varbinds: Annotated[int, Meta(ge=1, le=200)] = 40
    """Objects in one request; halved by itself where the agent answers that it would be too big."""
    at_once: Annotated[int, Meta(ge=1, le=32)] = 4
    """Requests on the way at a time."""
    timeout_seconds: Annotated[float, Meta(ge=0.5, le=60)] = 2.0
    """How long to wait for an answer before it is asked again."""
    retries: Annotated[int, Meta(ge=0, le=10)] = 2
    """How often a reading is asked again; a write never is."""

    def judge(self, faults: Faults) -> None:
        """Note what cannot be."""
        if not self.secret:
            what = "with user and password" if self.version == "3" else "whose password is the community"
            faults.add("options.secret", self.secret, f"name the secret {what}")
        if self.version == "2c":
            for name in ("privacy_secret", "context"):
                if getattr(self, name):
                    faults.add(f"options.{name}", getattr(self, name), "version 2c has none")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where an agent is."""

    host: str
    port: int

    @property
    def ipv6(self) -> bool:
        return ":" in self.host


def read_endpoint(endpoint: str, faults: Faults) -> Address | None:
    """The agent that `snmp://host:161` names; faults are noted."""
    shown = endpoint.rpartition("@")[2]
    try:
        parts = urlsplit(endpoint)
        port = parts.port or PORT
    except ValueError as error:
        faults.add("endpoint", shown, f"an SNMP endpoint is snmp://host:161 ({error})")
        return None
    if "@" in parts.netloc:
        faults.add("endpoint", shown, "user, password and community belong into a secret, not into the endpoint")
    if parts.scheme != "snmp" or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        faults.add("endpoint", shown, "an SNMP endpoint is snmp://host:161")
        return None
    return Address(host=parts.hostname, port=port)
