"""Routes of the audit trail: search, one entry with its proof, all bodies for a copy, pruning, erasing a person."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream

from lineshaft.access.access import Access
from lineshaft.access.audit import Act
from lineshaft.access.model import Actor, Kind, Outcome
from lineshaft.access.requests import ask_to_change
from lineshaft.access.trail.messages import (
    Bodies,
    Body,
    Erased,
    ErasePerson,
    FoundEntries,
    Pruned,
    PruneTrail,
    ReadBodies,
    ReadEntry,
    SearchTrail,
)
from lineshaft.access.trail.queries import Filter
from lineshaft.access.trail.views import (
    AuditPage,
    ErasedView,
    ProofView,
    PruneBody,
    PrunedView,
    audit_view,
    body_line,
    erased_view,
    pruned_view,
)
from lineshaft.bus.client import Bus
from lineshaft.core import clock
from lineshaft.core.home import Home
from lineshaft.core.http import check_limit, decode_cursor, encode_cursor
from lineshaft.core.principals import Principal
from lineshaft.ledger import checkpoints
from lineshaft.ledger.places import reader
from lineshaft.ledger.reader import LogReader

KIND = "audit"
_ROOT = "/api/v1/access"
_TAGS = ["access"]
_AUDIT = {"action": "access:audit"}
_PRUNE = {"action": "access:audit_prune"}
_ERASE = {"action": "access:erase_person"}
_PAGE = 1000

Text = Annotated[str | None, QueryParameter(description="Only entries with this value")]


@get(f"{_ROOT}/audit", opt=_AUDIT, tags=_TAGS)
async def list_audit(
    access: NamedDependency[Access],
    bus: NamedDependency[Bus],
    principal: NamedDependency[Principal],
    cursor: Annotated[str | None, QueryParameter(description="`next` of the page before")] = None,
    limit: Annotated[int, QueryParameter(description="Items on one page")] = 100,
    name: Annotated[str | None, QueryParameter(description="Only what this principal did")] = None,
    action: Annotated[str | None, QueryParameter(description="Whole, or its beginning and a *")] = None,
    resource: Text = None,
    outcome: Annotated[Outcome | None, QueryParameter(description="Only this outcome")] = None,
    kind: Annotated[Kind | None, QueryParameter(description="Only this kind of act")] = None,
    trace: Text = None,
    start: Annotated[str | None, QueryParameter(name="from", description="RFC 3339, or an offset such as -2h")] = None,
    end: Annotated[str | None, QueryParameter(name="to", description="RFC 3339, or an offset such as -2h")] = None,
) -> AuditPage:
    """Sign-ins, denials, changes, commands, exports and deletions, newest first."""
    wanted = Filter(
        principal=None if name is None else (await access.member(name)).id,
        action=action, resource=resource, outcome=outcome, kind=kind, trace=trace,
        start=None if start is None else clock.parse_time(start, field="from"),
        end=None if end is None else clock.parse_time(end, field="to"),
    )  # fmt: skip
    before = None if cursor is None else tuple(decode_cursor(cursor, int, str))
    asked = SearchTrail(actor=Actor.of(principal), wanted=wanted, before=before, limit=check_limit(limit))
    entries = (await ask_to_change(bus, "audit_search", asked, FoundEntries)).entries
    more = encode_cursor(entries[-1].time, entries[-1].id) if len(entries) == limit else None
    return AuditPage(items=[audit_view(entry) for entry in entries], next=more)


@get(f"{_ROOT}/audit/bodies", opt=_AUDIT, tags=_TAGS)
async def read_bodies(
    access: NamedDependency[Access],
    bus: NamedDependency[Bus],
    principal: NamedDependency[Principal],
    place: Annotated[int, QueryParameter(description="From this place in the ledger on")] = 0,
) -> Stream:
    """Every body that is kept, as NDJSON in the ledger's order: with the log's tiles, a copy to verify anywhere."""
    decision = access.authorize(principal, "access:audit", "audit")
    await access.note(
        Act(
            principal=principal.id, action="access:audit_export", resource="audit", outcome="done",
            decision=decision.id, facts={"from_place": place},
        )
    )  # fmt: skip
    return Stream(_lines(bus, Actor.of(principal), place), media_type="application/x-ndjson")


async def _lines(bus: Bus, actor: Actor, place: int) -> AsyncIterator[bytes]:
    following: int | None = place
    while following is not None:
        asked = ReadBodies(actor=actor, place=following, limit=_PAGE)
        page = await ask_to_change(bus, "audit_bodies", asked, Bodies)
        yield b"".join(map(body_line, page.items))
        following = page.next


@get(f"{_ROOT}/audit/{{entry:str}}", opt=_AUDIT, tags=_TAGS)
async def prove_entry(
    bus: NamedDependency[Bus], home: NamedDependency[Home], principal: NamedDependency[Principal], entry: FromPath[str]
) -> ProofView:
    """One entry, by its id or its place, with the proof that it is in the signed log."""
    body = await ask_to_change(bus, "audit_entry", ReadEntry(actor=Actor.of(principal), entry=entry), Body)
    return await asyncio.to_thread(_proof, reader(home, KIND), body)


def _proof(log: LogReader, body: Body) -> ProofView:
    checkpoint = log.checkpoint()  # read once: the next one may come at any moment, with another size
    size = checkpoints.read(checkpoint)[1].size
    return ProofView(
        seq=body.place, salt=body.salt.hex(), body=msgspec.Raw(body.body), size=size,
        proof=[base64.b64encode(step).decode() for step in log.inclusion(body.place, size)],
        checkpoint=checkpoint.decode(), key=log.key(),
    )  # fmt: skip


@post(f"{_ROOT}/audit:prune", opt=_PRUNE, tags=_TAGS, status_code=200)
async def prune_audit(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], data: JSONBody[PruneBody]
) -> PrunedView:
    """Delete the bodies of entries past their retention, never less than 180 days. Their leaves stay in the ledger."""
    before = None if data.before is None else clock.parse_time(data.before, field="before")
    asked = PruneTrail(actor=Actor.of(principal), before=before)
    return pruned_view(await ask_to_change(bus, "audit_prune", asked, Pruned))


@post(f"{_ROOT}/principals/{{name:str}}/erase", opt=_ERASE, tags=_TAGS, status_code=200)
async def erase_person(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], name: FromPath[str]
) -> ErasedView:
    """Destroy the keys of a revoked person's own data, in the audit trail too. It cannot be undone."""
    return erased_view(
        await ask_to_change(bus, "erase_person", ErasePerson(actor=Actor.of(principal), name=name), Erased)
    )


ROUTES = [list_audit, read_bodies, prove_entry, prune_audit, erase_person]
