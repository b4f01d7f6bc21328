"""Routes under /api/v1/edge/commands, and the lease of a device."""

from typing import Annotated, Any

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from lineshaft.access import Access
from lineshaft.core import clock, texts
from lineshaft.core.errors import Conflict, InvalidInput, NotFound
from lineshaft.core.http import check_limit, decode_cursor, encode_cursor
from lineshaft.core.principals import Decision, Principal
from lineshaft.edge.commands.checks import find_point, limits, rules_of
from lineshaft.edge.commands.messages import Outcome
from lineshaft.edge.commands.model import Command, Lease, Step, Value
from lineshaft.edge.commands.service import LONGEST_WAIT_SECONDS, Commands, Wanted
from lineshaft.edge.store import Devices, StoredDevice
from lineshaft.edge.units import shown
from lineshaft.history import Tags

_ROOT = "/api/v1/edge"
_TAGS = ["edge"]
_READ = {"action": "edge:read"}
_COMMAND = {"action": "edge:command"}
_APPROVE = {"action": "edge:approve_command"}
_LONGEST_KEY = 200

Cursor = Annotated[str | None, QueryParameter(description="`next` of the page before")]
Limit = Annotated[int, QueryParameter(description="Items on one page")]
Wait = Annotated[float, QueryParameter(description="Seconds to wait until nothing more will come, at most 60")]
OfDevice = Annotated[str, QueryParameter(name="device", description="Only of this device")]
InState = Annotated[str, QueryParameter(name="state", description="Only in this state")]
Key = Annotated[str | None, HeaderParameter(name="Idempotency-Key", description="The same for a repetition")]


class CommandBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to write where."""

    device: str = ""
    point: str = ""
    """Name of a device and of its point; or:"""
    tag: str = ""
    """path or handle of the tag."""
    value: Value
    reason: str = ""
    expiry_seconds: float | None = None
    dry_run: bool = False
    """Only say what would become of it."""


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """One transition."""

    state: str
    time: str
    by: str
    code: str
    detail: str


class CommandView(msgspec.Struct, frozen=True, kw_only=True):
    """A command and what became of it."""

    id: str
    device: str
    point: str
    gateway: str
    value: Value
    state: str
    settled: bool
    """Nothing more will come."""
    reason: str
    by: str
    approver: str
    classification: str
    decision: str
    created: str
    expires: str
    before: Value | None
    """The value that was there."""
    read: Value | None
    """The value read back."""
    q: int | None
    """OPC UA StatusCode of the machine's answer."""
    detail: str
    """Of the last step."""
    code: str
    """The same: of the error that made it, where one did."""
    steps: list[StepView]
    path: str = ""
    """Of the tag; this and what follows are given while a second person has to decide, who must know what they decide."""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    """What bounds a number that is written there; null where nothing does."""


class CommandPage(msgspec.Struct, frozen=True, kw_only=True):
    """Commands, newest first."""

    items: list[CommandView]
    next: str | None


class LeaseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how long."""

    seconds: int = 600


class LeaseView(msgspec.Struct, frozen=True, kw_only=True):
    """Who writes to a device alone."""

    device: str
    holder: str
    until: str


class RefuseBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why not."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


def _reason(text: str) -> str:
    """Somebody's words, as they are kept and shown.

    Raises:
        InvalidInput: characters in it would steer what shows them.
    """
    if not text.replace("\n", " ").isprintable():
        raise InvalidInput(
            "edge.command_reason_invalid", "reason has characters that cannot be printed", "Leave them out.",
            field="reason",
        )  # fmt: skip
    return text.strip()


def _detail(step: Step, language: str) -> str:
    """What a step says, in the language of whoever asks, where it says why."""
    return texts.render(language, step.code, step.detail, "", dict(step.facts))[0]


def _step(step: Step, language: str) -> StepView:
    time = clock.rfc3339(step.time)
    return StepView(state=step.state, time=time, by=step.by, code=step.code, detail=_detail(step, language))


def _view(command: Command, language: str) -> CommandView:
    return CommandView(
        id=command.id, device=command.device, point=command.point, gateway=command.gateway, value=command.value,
        state=command.state, settled=command.settled, reason=command.reason, by=command.name, approver=command.approver,
        classification=command.classification, decision=command.decision, created=clock.rfc3339(command.created),
        expires=clock.rfc3339(command.expires), before=command.before, read=command.read, q=command.q,
        detail=_detail(command.steps[-1], language) if command.steps else "",
        code=command.steps[-1].code if command.steps else "",
        steps=[_step(step, language) for step in command.steps],
    )  # fmt: skip


class _Shown:
    """Commands as one caller sees them."""

    def __init__(self, devices: Devices, principal: Principal, language: str) -> None:
        self._devices = devices
        self._principal = principal
        self._language = language
        self._known: dict[str, StoredDevice | None] = {}

    async def view(self, command: Command) -> CommandView:
        """A command; one that waits for a second person with what its value means."""
        view = _view(command, self._language)
        waits = command.state == "requested" and not command.settled
        stored = await self._device(command.device) if waits else None
        point = next((point for point in stored.device.points if point.name == command.point), None) if stored else None
        if stored is None or point is None:
            return view
        bounds = {limit.lower: limit.value for limit in limits(point)}
        return msgspec.structs.replace(
            view, path=f"{stored.device.path}/{point.name}", unit=shown(point.unit, point.unit_text),
            minimum=bounds.get(True), maximum=bounds.get(False),
        )  # fmt: skip

    async def _device(self, name: str) -> StoredDevice | None:
        if name not in self._known:
            try:
                self._known[name] = await self._devices.get(name, self._principal.projects)
            except NotFound:  # it was taken out since
                self._known[name] = None
        return self._known[name]


def _would(
    principal: Principal, wanted: Wanted, decision: Decision, outcome: Outcome, language: str
) -> CommandView:  # fmt: skip
    """What a dry run shows: a command that is nowhere."""
    now = clock.rfc3339(clock.now_us())
    classification = rules_of(find_point(wanted.device, wanted.point)[1]).classification
    return CommandView(
        id="", device=wanted.device.name, point=wanted.point, gateway=wanted.gateway, value=wanted.value,
        state=outcome.state, settled=True, reason=wanted.reason, by=principal.name, approver="",
        classification=classification, decision=decision.id, created=now, expires=now, before=outcome.before, read=None, q=None,
        detail=_detail(outcome.steps[-1], language), code=outcome.steps[-1].code,
        steps=[_step(step, language) for step in outcome.steps],
    )  # fmt: skip


async def _wanted(devices: Devices, tags: Tags, principal: Principal, body: CommandBody) -> Wanted:
    device, point = body.device, body.point
    if bool(body.tag) == bool(device or point) or bool(device) != bool(point):
        raise InvalidInput(
            "edge.command_target_unclear", "give either device and point, or tag", "Say once where to write.", field="tag",
            value=body.tag,
        )  # fmt: skip
    if body.tag:
        stored, point = await _place_of(devices, tags, principal, body.tag)
    else:
        stored = await devices.get(device, principal.projects)
    return Wanted(
        device=stored.device, gateway=stored.gateway, point=point, value=body.value, reason=_reason(body.reason),
        expiry_seconds=body.expiry_seconds,
    )  # fmt: skip


async def _place_of(devices: Devices, tags: Tags, principal: Principal, name: str) -> tuple[StoredDevice, str]:
    """The device and the point that have a tag now.

    Raises:
        NotFound: there is no such tag. Conflict: it was left behind: its device may be another machine by now.
    """
    tag = await tags.of_handle(principal.tenant, name)
    if tag is None or not principal.sees(tag.project):
        (tag,) = await tags.require(principal.tenant, [name], principal.projects)
    stored, point = await devices.get(tag.device, principal.projects), tag.path.rpartition("/")[2]
    if tag.removed is not None or f"{stored.device.path}/{point}" != tag.path:
        raise Conflict(
            "edge.command_tag_gone", f"the tag {tag.path!r} is none of the device {tag.device!r} any more",
            "Name the device and its point.", field="tag", value=tag.path, device=tag.device,
        )  # fmt: skip
    return stored, point


async def _decide(access: Access, devices: Devices, principal: Principal, wanted: Wanted) -> Decision:
    """Whether the principal may write to this device, wherever it stands."""
    concerned = await devices.resource(wanted.device.name, wanted.gateway)
    return await access.require(principal, _COMMAND["action"], concerned, {"point": wanted.point})


@post(f"{_ROOT}/commands", opt=_COMMAND, tags=_TAGS, status_code=201)
async def write_value(
    access: NamedDependency[Access],
    commands: NamedDependency[Commands],
    devices: NamedDependency[Devices],
    tags: NamedDependency[Tags],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    data: JSONBody[CommandBody],
    wait: Wait = 10.0,
    key: Key = None,
) -> CommandView:
    """Write a value to a machine. The answer says what became of it; where that takes longer, what is known so far."""
    if key is not None and len(key) > _LONGEST_KEY:
        raise InvalidInput(
            "edge.command_key_long", f"the Idempotency-Key has {len(key)} characters", f"At most {_LONGEST_KEY}.",
            field="Idempotency-Key", value=key[:64], maximum=_LONGEST_KEY,
        )  # fmt: skip
    wanted = await _wanted(devices, tags, principal, data)
    decision = await _decide(access, devices, principal, wanted)
    if data.dry_run:
        return _would(principal, wanted, decision, await commands.check(principal, wanted), language)
    command = await commands.submit(principal, wanted, decision, key)
    if command.state == "requested":  # it waits for somebody
        return _view(command, language)
    return _view(await commands.get(command.id, wait=min(wait, LONGEST_WAIT_SECONDS)), language)


@get(f"{_ROOT}/commands", opt=_READ, tags=_TAGS)
async def list_commands(
    commands: NamedDependency[Commands],
    devices: NamedDependency[Devices],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    device: OfDevice = "",
    standing: InState = "",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> CommandPage:
    """Commands, newest first, without their steps; `detail` and `code` are the last one's."""
    before: Any = tuple(decode_cursor(cursor)) if cursor else None
    found = await commands.list(
        device=device, state=standing, before=before, limit=check_limit(limit), projects=principal.projects
    )
    more = encode_cursor(found[-1].created, found[-1].id) if len(found) == limit else None
    seen = _Shown(devices, principal, language)
    items = [msgspec.structs.replace(await seen.view(command), steps=[]) for command in found]
    return CommandPage(items=items, next=more)


@get(f"{_ROOT}/commands/{{command:str}}", opt=_READ, tags=_TAGS)
async def get_command(
    commands: NamedDependency[Commands],
    devices: NamedDependency[Devices],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    command: FromPath[str],
    wait: Wait = 0.0,
) -> CommandView:
    """One command with its steps; waits until nothing more will come, if asked to."""
    found = await commands.get(command, wait=wait, projects=principal.projects)
    return await _Shown(devices, principal, language).view(found)


@post(f"{_ROOT}/commands/{{command:str}}/approve", opt=_APPROVE, tags=_TAGS, status_code=200)
async def approve_command(
    access: NamedDependency[Access],
    commands: NamedDependency[Commands],
    devices: NamedDependency[Devices],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    command: FromPath[str],
    wait: Wait = 10.0,
) -> CommandView:
    """As the second person, let a command be executed."""
    found = await commands.get(command, projects=principal.projects)
    await access.require(principal, _APPROVE["action"], await devices.resource(found.device, found.gateway))
    asker = await access.member(found.principal)
    await commands.approve(principal, command, asker, await devices.get(found.device, principal.projects))
    return _view(await commands.get(command, wait=wait), language)


@post(f"{_ROOT}/commands/{{command:str}}/refuse", opt=_APPROVE, tags=_TAGS, status_code=200)
async def refuse_command(
    access: NamedDependency[Access],
    commands: NamedDependency[Commands],
    devices: NamedDependency[Devices],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    command: FromPath[str],
    data: JSONBody[RefuseBody],
) -> CommandView:
    """As the second person, refuse a command that waits; it is never executed."""
    found = await commands.get(command, projects=principal.projects)
    await access.require(principal, _APPROVE["action"], await devices.resource(found.device, found.gateway))
    if not data.reason.strip():
        raise InvalidInput(
            "edge.command_reason_missing", "reason says nothing", "Say in a few words why not: whoever asked reads it.",
            field="reason",
        )  # fmt: skip
    return _view(await commands.refuse(principal, command, _reason(data.reason)), language)


@post(f"{_ROOT}/commands/{{command:str}}/cancel", opt=_COMMAND, tags=_TAGS, status_code=200)
async def cancel_command(
    access: NamedDependency[Access],
    commands: NamedDependency[Commands],
    devices: NamedDependency[Devices],
    principal: NamedDependency[Principal],
    language: NamedDependency[str],
    command: FromPath[str],
) -> CommandView:
    """Withdraw a command before it is executed: one that waits, is on its way, or waits at the gateway."""
    found = await commands.get(command, projects=principal.projects)
    await access.require(principal, _COMMAND["action"], await devices.resource(found.device, found.gateway))
    return _view(await commands.cancel(principal, command), language)


def _lease(lease: Lease) -> LeaseView:
    return LeaseView(device=lease.device, holder=lease.name, until=clock.rfc3339(lease.until))


@post(f"{_ROOT}/devices/{{name:str}}/lease", opt=_COMMAND, tags=_TAGS, status_code=200)
async def take_lease(
    access: NamedDependency[Access],
    commands: NamedDependency[Commands],
    devices: NamedDependency[Devices],
    principal: NamedDependency[Principal],
    name: FromPath[str],
    data: JSONBody[LeaseBody],
) -> LeaseView:
    """Have a device to oneself: nobody else's commands to it are taken meanwhile."""
    stored = await devices.get(name, principal.projects)
    await access.require(principal, _COMMAND["action"], await devices.resource(name, stored.gateway))
    return _lease(await commands.lease(principal, name, stored.gateway, data.seconds))


@delete(f"{_ROOT}/devices/{{name:str}}/lease", opt=_COMMAND, tags=_TAGS, status_code=204)
async def give_lease_back(
    commands: NamedDependency[Commands],
    devices: NamedDependency[Devices],
    principal: NamedDependency[Principal],
    name: FromPath[str],
) -> None:
    """Give a device back; an administrator also ends another's lease."""
    stored = await devices.get(name, principal.projects)
    await commands.give_back(principal, name, stored.gateway)


ROUTES = [
    write_value, list_commands, get_command, approve_command, refuse_command, cancel_command, take_lease, give_lease_back
]  # fmt: skip
