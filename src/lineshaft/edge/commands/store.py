"""Commands and leases in the records. A command's transitions are only added, in one transaction with its audit entry."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from lineshaft.access.audit import Act, write
from lineshaft.access.projects.store import among
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, NotFound
from lineshaft.edge.commands.messages import Outcome
from lineshaft.edge.commands.model import Command, Lease, Step, Value
from lineshaft.edge.guard.model import GuardPrincipal
from lineshaft.edge.store import project_of
from lineshaft.edge.tables import METADATA

COMMAND = Table(
    "edge_command",
    METADATA,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("device", String, nullable=False),
    Column("point", String, nullable=False),
    Column("gateway", String, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
    Column("principal", String, nullable=False),
    Column("name", String, nullable=False),
    Column("asker", LargeBinary, nullable=False),
    Column("key", String),
    Column("decision", String, nullable=False),
    Column("classification", String, nullable=False),
    Column("approver", String, nullable=False),
    Column("approver_name", String, nullable=False),
    Column("state", String, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("expiry_seconds", Float, nullable=False),
    Column("result", LargeBinary, nullable=False),
    Column("project", String, nullable=False, server_default="main"),
    Column("stands", String, nullable=False, server_default=""),
    UniqueConstraint("tenant", "principal", "key", name="edge_command_key"),
    Index("edge_command_tenant_created", "tenant", "created"),
    Index("edge_command_settled", "settled"),
)
STEP = Table(
    "edge_command_step",
    METADATA,
    Column("command", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", String, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("by", String, nullable=False),
    Column("code", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("facts", Text, nullable=False, server_default="{}"),  # of an error, JSON
)
LEASE = Table(
    "edge_lease",
    METADATA,
    Column("tenant", String, primary_key=True),
    Column("device", String, primary_key=True),
    Column("principal", String, nullable=False),
    Column("name", String, nullable=False),
    Column("taken", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
)
_GOOD: Final = frozenset({"verified", "executed"})
_FIELDS: Final = (
    "id", "device", "point", "gateway", "reason", "principal", "name", "decision", "classification", "state", "settled",
    "created", "expires", "expiry_seconds",
)  # fmt: skip


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the gateway found, beside the steps."""

    before: Value | None = None
    read: Value | None = None
    q: int | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A command as it is kept."""

    command: Command
    asker: GuardPrincipal
    approver: str
    """Handle of the second person."""
    stands: str = ""
    """Digest of the point as it was when it was asked."""


def add(connection: Connection, tenant: str, stored: Stored, key: str | None) -> Stored:
    """Keep a new command with its first steps and its audit entry; the one of before where its key was used already."""
    command = stored.command
    if key is not None:
        query = select(COMMAND).where(
            COMMAND.c.tenant == tenant, COMMAND.c.principal == command.principal, COMMAND.c.key == key
        )
        known = connection.execute(query).first()
        if known is not None:
            return _same(_stored(connection, known), command, key)
    check_lease(connection, tenant, command.device, command.principal)
    connection.execute(
        insert(COMMAND).values(
            tenant=tenant, key=key, value=msgspec.json.encode(command.value), asker=msgspec.json.encode(stored.asker),
            approver="", approver_name="", result=msgspec.json.encode(Result()), stands=stored.stands,
            project=project_of(connection, tenant, command.device),
            **{field: getattr(command, field) for field in _FIELDS},
        )
    )  # fmt: skip
    for number, step in enumerate(command.steps):
        _add_step(connection, command.id, number, step)
    _note(connection, tenant, command, "asked", command.steps[-1], command.principal)
    return stored


def advance(
    connection: Connection, tenant: str, command: str, step: Step, *, principal: str, settled: bool = False,
    approver: tuple[str, str] | None = None, expires: int | None = None, only: str = "requested",
) -> Stored:  # fmt: skip
    """Add one step to a command that stands at `only`.

    Raises:
        NotFound: there is no such command. Conflict: it has gone on; approved: somebody else has the device to
            themselves by now.
    """
    found = get(connection, tenant, command, lock=True)
    if found.command.state != only or found.command.settled:
        raise Conflict(
            "edge.command_gone_on", f"the command {command} is {found.command.state} by now", "See what became of it.",
            command=command, state=found.command.state,
        )  # fmt: skip
    values: dict[str, Any] = {"state": step.state, "settled": settled}
    if approver is not None:
        check_lease(connection, tenant, found.command.device, found.command.principal)
        values |= {"approver": approver[0], "approver_name": approver[1]}
    if expires is not None:
        values["expires"] = expires
    connection.execute(update(COMMAND).where(COMMAND.c.id == command).values(**values))
    _add_step(connection, command, len(found.command.steps), step)
    _note(connection, tenant, found.command, "refused" if settled else "asked", step, principal)
    return get(connection, tenant, command)


def settle(connection: Connection, tenant: str, outcome: Outcome) -> Stored:
    """Add what the gateway says became of a command, once."""
    found = get(connection, tenant, outcome.command, lock=True)
    if found.command.settled:
        return found
    for number, step in enumerate(outcome.steps, start=len(found.command.steps)):
        _add_step(connection, outcome.command, number, step)
    result = Result(before=outcome.before, read=outcome.read, q=outcome.q)
    connection.execute(
        update(COMMAND)
        .where(COMMAND.c.id == outcome.command)
        .values(state=outcome.state, settled=True, result=msgspec.json.encode(result))
    )
    ended = "done" if outcome.state in _GOOD else "refused"
    _note(connection, tenant, found.command, ended, outcome.steps[-1], found.command.principal)
    return get(connection, tenant, outcome.command)


def get(
    connection: Connection, tenant: str, command: str, *, lock: bool = False, projects: Collection[str] | None = None
) -> Stored:
    """One command, of these projects or of any.

    Raises:
        NotFound: there is none.
    """
    query = select(COMMAND).where(
        COMMAND.c.tenant == tenant, COMMAND.c.id == command, among(COMMAND.c.project, projects)
    )
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFound(
            "edge.command_unknown", f"there is no command {command[:64]!r}",
            "`lineshaft command list` and GET /api/v1/edge/commands list them.", command=command[:64],
        )  # fmt: skip
    return _stored(connection, row)


def newest(
    connection: Connection, tenant: str, *, device: str, state: str, before: tuple[int, str] | None, limit: int,
    projects: Collection[str] | None = None,
) -> list[Command]:  # fmt: skip
    """Commands, of these projects or of any, newest first, with their last step only."""
    query = select(COMMAND).where(COMMAND.c.tenant == tenant, among(COMMAND.c.project, projects))
    if device:
        query = query.where(COMMAND.c.device == device)
    if state:
        query = query.where(COMMAND.c.state == state)
    if before is not None:
        time, last = before
        query = query.where(or_(COMMAND.c.created < time, and_(COMMAND.c.created == time, COMMAND.c.id < last)))
    rows = connection.execute(query.order_by(COMMAND.c.created.desc(), COMMAND.c.id.desc()).limit(limit)).all()
    steps = _steps(connection, [row.id for row in rows])
    return [_command(row, steps[row.id][-1:]) for row in rows]


def unsettled(connection: Connection, tenant: str) -> list[Stored]:
    """Commands of which more will come."""
    query = select(COMMAND).where(COMMAND.c.tenant == tenant, COMMAND.c.settled.is_(False))
    return [_stored(connection, row) for row in connection.execute(query.order_by(COMMAND.c.created)).all()]


def overdue(connection: Connection, tenant: str) -> tuple[list[Command], int | None]:
    """Commands that nobody approved in time, and when the next of those that still wait is overdue, microseconds UTC."""
    now = clock.now_us()
    waiting = (COMMAND.c.tenant == tenant, COMMAND.c.settled.is_(False), COMMAND.c.state == "requested")
    rows = connection.execute(select(COMMAND).where(*waiting, COMMAND.c.expires < now)).all()
    following = connection.scalar(select(func.min(COMMAND.c.expires)).where(*waiting, COMMAND.c.expires >= now))
    return [_command(row, ()) for row in rows], following


def note_cancel(connection: Connection, tenant: str, command: Command, principal: str, name: str) -> None:
    """Enter in the audit trail who wants to withdraw a command that the gateway may have."""
    _note(connection, tenant, command, "asked", Step(state="cancelled", time=clock.now_us(), by=name), principal)


def count_denied(connection: Connection, tenant: str, principal: str, since: int) -> int:
    """Commands of a principal since a time that ended as denied."""
    query = select(func.count()).where(
        COMMAND.c.tenant == tenant, COMMAND.c.created > since, COMMAND.c.principal == principal,
        COMMAND.c.state == "denied",
    )  # fmt: skip
    return connection.scalar(query) or 0


# -- leases ----------------------------------------------------------------------------------------------------------------


def check_lease(connection: Connection, tenant: str, device: str, principal: str) -> None:
    """Refuse to write where somebody else has the device to themselves.

    Raises:
        Conflict: names who, and until when.
    """
    held = lease_of(connection, tenant, device)
    if held is not None and held.principal != principal:
        raise Conflict(
            "edge.device_leased", f"{held.name} alone writes to {device!r} until {clock.rfc3339(held.until)}",
            "Ask them to give it back, or wait.", device=device, holder=held.name, until=clock.rfc3339(held.until),
        )  # fmt: skip


def lease_of(connection: Connection, tenant: str, device: str) -> Lease | None:
    """Who writes to a device alone now; None where nobody does."""
    row = connection.execute(
        select(LEASE).where(LEASE.c.tenant == tenant, LEASE.c.device == device, LEASE.c.until > clock.now_us())
    ).first()
    if row is None:
        return None
    return Lease(device=row.device, principal=row.principal, name=row.name, taken=row.taken, until=row.until)


def take_lease(connection: Connection, tenant: str, lease: Lease) -> Lease | None:
    """Give somebody a device to themselves, or for longer; what they had of it before.

    Raises:
        Conflict: somebody else has it.
    """
    check_lease(connection, tenant, lease.device, lease.principal)
    before = lease_of(connection, tenant, lease.device)
    _forget_lease(connection, tenant, lease.device)
    connection.execute(insert(LEASE).values(tenant=tenant, **msgspec.structs.asdict(lease)))
    facts = {"until": clock.rfc3339(lease.until)}
    act = Act(
        principal=lease.principal, action="edge:command", resource=f"{lease.device}/lease", outcome="done", facts=facts
    )
    write(connection, tenant, act)
    return before


def put_back(connection: Connection, tenant: str, lease: Lease, before: Lease | None) -> None:
    """Undo `take_lease`, unless it was taken anew since."""
    held = lease_of(connection, tenant, lease.device)
    if held is None or held.taken != lease.taken:
        return
    _forget_lease(connection, tenant, lease.device)
    if before is not None:
        connection.execute(insert(LEASE).values(tenant=tenant, **msgspec.structs.asdict(before)))
    facts = {"undone": True, "reason": "the gateway does not know of it"}
    act = Act(
        principal=lease.principal,
        action="edge:command",
        resource=f"{lease.device}/lease",
        outcome="refused",
        facts=facts,
    )
    write(connection, tenant, act)


def give_back(connection: Connection, tenant: str, device: str, principal: str, *, whoever: bool) -> None:
    """End a lease.

    Args:
        whoever: also somebody else's.

    Raises:
        Conflict: somebody else has it.
    """
    if not whoever:
        check_lease(connection, tenant, device, principal)
    _forget_lease(connection, tenant, device)
    act = Act(
        principal=principal, action="edge:command", resource=f"{device}/lease", outcome="done", facts={"ended": True}
    )
    write(connection, tenant, act)


def _forget_lease(connection: Connection, tenant: str, device: str) -> None:
    connection.execute(delete(LEASE).where(LEASE.c.tenant == tenant, LEASE.c.device == device))


# -- inside ----------------------------------------------------------------------------------------------------------------


def _same(known: Stored, command: Command, key: str) -> Stored:
    before = known.command
    wanted = (command.device, command.point, command.value, command.reason)
    if (before.device, before.point, before.value, before.reason) != wanted:
        raise Conflict(
            "edge.command_key_reused", f"Idempotency-Key {key!r} was used for another command, {before.id}",
            "Use a new key for each new command.", field="Idempotency-Key", value=key, command=before.id,
        )  # fmt: skip
    return known


def _add_step(connection: Connection, command: str, number: int, step: Step) -> None:
    values = {**msgspec.structs.asdict(step), "facts": msgspec.json.encode(step.facts).decode()}
    connection.execute(insert(STEP).values(command=command, number=number, **values))


def _note(connection: Connection, tenant: str, command: Command, outcome: Any, step: Step, principal: str) -> None:
    facts = {"command": command.id, "value": command.value, "state": step.state, "reason": command.reason}
    if step.code:
        facts["code"] = step.code
    act = Act(
        principal=principal, action="edge:command", resource=f"{command.device}/{command.point}", outcome=outcome,
        decision=command.decision, kind="command", facts=facts,
    )  # fmt: skip
    write(connection, tenant, act)


def _stored(connection: Connection, row: Row[Any]) -> Stored:
    taken = tuple(_steps(connection, [row.id])[row.id])
    asker = msgspec.json.decode(row.asker, type=GuardPrincipal)
    return Stored(command=_command(row, taken), asker=asker, approver=row.approver, stands=row.stands)


def _steps(connection: Connection, commands: Sequence[str]) -> Mapping[str, Sequence[Step]]:
    """The steps of each command, in their order."""
    found: dict[str, list[Step]] = {command: [] for command in commands}
    rows = connection.execute(select(STEP).where(STEP.c.command.in_(commands)).order_by(STEP.c.command, STEP.c.number))
    for row in rows:
        facts = msgspec.json.decode(row.facts)
        step = Step(state=row.state, time=row.time, by=row.by, code=row.code, detail=row.detail, facts=facts)
        found[row.command].append(step)
    return found


def _command(row: Row[Any], steps: Sequence[Step]) -> Command:
    result = msgspec.json.decode(row.result, type=Result)
    value: Value = msgspec.json.decode(row.value)
    return Command(
        value=value, approver=row.approver_name, before=result.before, read=result.read, q=result.q, steps=tuple(steps),
        **{field: getattr(row, field) for field in _FIELDS},
    )  # fmt: skip


def count_open(connection: Connection, tenant: str, principal: str) -> int:
    """Commands of a principal that wait for a second person."""
    query = select(func.count()).where(
        COMMAND.c.tenant == tenant, COMMAND.c.principal == principal, COMMAND.c.state == "requested"
    )
    return connection.scalar(query) or 0
