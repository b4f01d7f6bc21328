"""Route under /api/v1/edge/gateways/{gateway}/guard: the policy in force, and what learning would add to it.

A policy is changed by the gateway's part `guard`: see `edge.parts.api`.
"""

import asyncio
from collections.abc import Mapping

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from lineshaft.access import Access
from lineshaft.bus import Bus
from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.core.principals import MAIN_PROJECT
from lineshaft.edge.gateways import check_gateway
from lineshaft.edge.messages import AskStatus
from lineshaft.edge.parts.store import PartDocuments, StoredPart


class LearnedRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule for something that was done while the guard looked on, and that its policy does not permit."""

    id: str
    text: str


class GuardState(msgspec.Struct, frozen=True, kw_only=True):
    """How the guard stands at its gateway."""

    mode: str
    judged: int
    denied: int
    learned: int
    """Places at which something was done."""
    not_learned: int
    """Operations that found no room."""
    presence: str
    """Who says that they stand at the gateway; empty: nobody."""
    proposed: Mapping[str, str] = {}


class GuardView(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway's guard: what it is configured with, how it stands, and what learning proposes."""

    mode: str
    policy: str
    reads: str
    time_zone: str
    plant_mode: str
    plant_mode_point: str
    changed: str
    """Empty: nothing was configured, this is the default."""
    state: GuardState | None
    """Null: the gateway does not answer."""
    away: str
    """Why it does not."""
    proposed: list[LearnedRule]


class _Parts(msgspec.Struct):
    guard: GuardState | None = None


class _Status(msgspec.Struct):
    """What of a gateway's status is about the guard."""

    parts: _Parts


@get(
    "/api/v1/edge/gateways/{gateway:str}/guard", opt={"action": "edge:read", "project": MAIN_PROJECT}, tags=["edge"]
)  # fmt: skip
async def get_guard(
    access: NamedDependency[Access],
    bus: NamedDependency[Bus],
    parts: NamedDependency[PartDocuments],
    language: NamedDependency[str],
    gateway: FromPath[str],
) -> Response[GuardView]:
    """The guard of a gateway; the ETag is that of its document, and absent where none is configured."""
    await check_gateway(access, gateway)
    stored = await parts.find(gateway, "guard")
    state, away = None, ""
    try:
        state = (await bus.request("edge", "status", AskStatus(devices=[]), _Status, gateway=gateway)).parts.guard
    except LineshaftError as error:
        away, _ = error.text(language)
    view = await asyncio.to_thread(_view, stored, state, away)
    return Response(view, headers={"etag": stored.etag} if stored else {})


def _view(stored: StoredPart | None, state: GuardState | None, away: str) -> GuardView:
    from lineshaft.edge.guard.part import read_document  # loads the guard, which web needs for little else

    document, _ = read_document(stored.document if stored else None, validate=False)
    proposed = [LearnedRule(id=name, text=text) for name, text in (state.proposed if state else {}).items()]
    return GuardView(
        **msgspec.structs.asdict(document), changed=clock.rfc3339(stored.changed) if stored else "", state=state, away=away,
        proposed=proposed,
    )  # fmt: skip


ROUTES = [get_guard]
