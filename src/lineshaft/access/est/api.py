"""Routes of enrolment beside EST: who may enrol, and what an enrolled machine asks for."""

import asyncio
import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from lineshaft.access.est import invitations
from lineshaft.access.est.encoding import certificates_in
from lineshaft.access.est.endpoint import PEER
from lineshaft.access.est.messages import Invite, Invited, Join, Joined
from lineshaft.access.model import TEMPLATE, Actor
from lineshaft.access.names import RESERVED
from lineshaft.access.requests import ask_to_change
from lineshaft.bus.client import Bus
from lineshaft.core import clock
from lineshaft.core.errors import Unauthenticated, Unavailable
from lineshaft.core.home import Home, read_json
from lineshaft.core.principals import Principal
from lineshaft.records import Database

_ROOT = "/api/v1/access/enrolment"
_TAGS = ["access"]
AUTHORITIES = "run/certs/ca.crt"
"""In the home: the certificates of our own authority."""


class InviteBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(description="The machine's name, its principal's", examples=["gateway-east"])]
    kind: Annotated[
        Literal["device", "service", "node"], Meta(description="A gateway is a service with the template gateway")
    ] = "device"
    template: Annotated[str, Meta(description="For a service: whose grants it gets", examples=["gateway"])] = ""
    serial: Annotated[
        str, Meta(description="Serial number in its maker's certificate; then it needs no token", examples=["SN-0042"])
    ] = ""
    minutes: Annotated[int | None, Meta(description="For how long; the setting est.token_minutes where absent")] = None


class InvitedView(msgspec.Struct, frozen=True, kw_only=True):
    """A right to enrol."""

    name: str
    kind: str
    secret: Annotated[str, Meta(description="One-time token, in this answer and nowhere else; empty with a serial")]
    expires: Annotated[str, Meta(examples=["2026-11-23T18:00:00Z"])]
    url: Annotated[str, Meta(description="Address of the device listener", examples=["https://plant.example:8422"])]
    authority: Annotated[str, Meta(description="SHA-256 of our root certificate, by which the machine knows us")]


class MachineView(msgspec.Struct, frozen=True, kw_only=True):
    """A machine that was let in: invited, enrolled, or both. Times are RFC 3339, empty where there are none."""

    name: str
    kind: str
    template: str
    invited: str
    expires: str
    """Of its newest right to enrol."""
    used: str
    """When it last enrolled with a right that is still on record."""
    certified: str
    """When its newest certificate was issued."""
    until: str
    """When that ends; a running gateway renews it."""
    revoked: str


class MachineList(msgspec.Struct, frozen=True, kw_only=True):
    """Machines by name."""

    items: list[MachineView]


@get(f"{_ROOT}/machines", opt={"action": "access:manage"}, tags=_TAGS)
async def list_machines(database: NamedDependency[Database], principal: NamedDependency[Principal]) -> MachineList:
    """Machines that may enrol, and those that have."""
    rows = await database.query(invitations.machines, principal.tenant)
    return MachineList(
        items=[
            MachineView(
                name=row.name, kind=row.kind, template=row.attributes.get(TEMPLATE, ""), invited=_time(row.invited),
                expires=_time(row.expires), used=_time(row.used), certified=_time(row.issued), until=_time(row.not_after),
                revoked=_time(row.revoked),
            )
            for row in rows
            if row.name not in RESERVED  # services of the box itself
        ]
    )  # fmt: skip


def _time(given: int | None) -> str:
    return clock.rfc3339(given) if given else ""


@post(f"{_ROOT}/invitations", opt={"action": "access:manage"}, tags=_TAGS)
async def invite_machine(
    bus: NamedDependency[Bus],
    home: NamedDependency[Home],
    principal: NamedDependency[Principal],
    data: JSONBody[InviteBody],
) -> InvitedView:
    """Let a machine enrol once: with the token in the answer, or with its maker's certificate."""
    url, authority = await asyncio.to_thread(_whereabouts, home)
    asked = Invite(
        actor=Actor.of(principal), name=data.name, kind=data.kind, template=data.template, serial=data.serial,
        minutes=data.minutes,
    )  # fmt: skip
    made = await ask_to_change(bus, "invite_machine", asked, Invited)
    return InvitedView(
        name=made.name, kind=made.kind, secret=made.secret, expires=clock.rfc3339(made.expires), url=url,
        authority=authority,
    )  # fmt: skip


@post(f"{_ROOT}/join", opt={"public": "the certificate shown in the TLS handshake is the proof"}, tags=_TAGS)
async def join(request: Request[Any, Any, Any], bus: NamedDependency[Bus]) -> Joined:
    """For an enrolled gateway, on the device listener: where it belongs, and new credentials for the bus."""
    peer = request.scope.get(PEER)
    if not isinstance(peer, bytes) or not peer:
        raise Unauthenticated(
            "access.certificate_needed", "this needs a certificate of ours, shown in the TLS handshake",
            "Call it on the device listener; `lineshaft edge enrol` does.",
        )  # fmt: skip
    address = request.client.host if request.client is not None else ""
    return await ask_to_change(bus, "join", Join(peer=peer, address=address), Joined)


ROUTES = [invite_machine, list_machines, join]


def _whereabouts(home: Home) -> tuple[str, str]:
    """(address of the device listener, SHA-256 of our root certificate).

    Raises:
        Unavailable: there is no device listener.
    """
    url = (read_json(home.run / "web.json") or {}).get("device_url")
    if not url:
        raise Unavailable(
            "access.no_device_listener", "this server has no listener for devices",
            "It opens with the server's certificate, which `lineshaft up` makes.",
        )  # fmt: skip
    return str(url), root_fingerprint(home.path / AUTHORITIES)


def root_fingerprint(file: Path) -> str:
    """SHA-256 of the last certificate in a chain (PEM), in hexadecimal."""
    return hashlib.sha256(certificates_in(file.read_text("ascii"))[-1]).hexdigest()
