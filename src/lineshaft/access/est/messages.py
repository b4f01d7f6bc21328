"""What the access service is asked about enrolment. Only `web` may ask."""

from typing import Annotated

import msgspec
from msgspec import Meta

from lineshaft.access.model import Actor
from lineshaft.core.principals import PrincipalKind


class Enrol(msgspec.Struct, frozen=True, kw_only=True):
    """Verb `enrol`: a request for a certificate as it came, and what TLS and HTTP say about who sent it."""

    request: bytes
    """PKCS#10, DER."""
    renew: bool
    """`simplereenroll`: only the holder of a certificate of ours may."""
    peer: bytes = b""
    """The certificate that TLS has verified, DER; empty where there was none."""
    name: str = ""
    secret: str = ""
    """One-time token; empty where there was none."""
    address: str = ""


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """The new certificate, DER."""

    certificate: bytes


class Invite(msgspec.Struct, frozen=True, kw_only=True):
    """Verb `invite_machine`: let one machine enrol as a principal, which is made where there is none of that name."""

    actor: Actor
    name: str
    kind: PrincipalKind
    template: str = ""
    serial: str = ""
    """Serial number in its maker's certificate; empty: it gets a one-time token."""
    minutes: int | None = None


class Invited(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    kind: PrincipalKind
    secret: str
    """The one-time token, shown this once; empty where the maker's certificate is the proof."""
    expires: int


class Join(msgspec.Struct, frozen=True, kw_only=True):
    """Verb `join`: a machine with a certificate of ours asks for what its services need."""

    peer: bytes
    address: str = ""


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway needs to run: where it belongs, and its new credentials for the bus."""

    name: str
    template: str
    tenant: str
    site: str
    prefix: str
    created: str
    bus_url: Annotated[str, Meta(examples=["tls://plant.example:4222"])]
    bus_ca: Annotated[str, Meta(description="PEM; empty where the system's authorities are to be trusted")]
    credentials: Annotated[str, Meta(description="For the bus; in this answer and nowhere else")]
