"""Uploaded policies in the records. Every function works in the caller's transaction.

A change makes a new version of one text and a new number of the whole set; nothing is overwritten. Database transactions
are serialisable: of two changes that began from the same version one is refused.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, insert, select, update

from lineshaft.access import principals
from lineshaft.access.policy import defaults, sources
from lineshaft.access.policy.engine import Engine
from lineshaft.access.policy.messages import PolicyText
from lineshaft.access.policy.policies import compile_text
from lineshaft.access.policy.store import POLICY, POLICY_SET
from lineshaft.access.store import PRINCIPAL
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from lineshaft.core.principals import Principal, Resource

ROOT: Final = "/api/v1/access/policies"
MANAGE: Final = "access:policy"
MOST: Final = 1000
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_NEEDED_BY_WEB: Final = ("access:sign_in", "access:set_policy", "access:withdraw_policy")
_APPROVE: Final = "access:approve"
_DATETIME: Final = re.compile(r'datetime\("([^"]*)"\)')
_SECOND: Final = timedelta(seconds=1)
_MOST_MOMENTS: Final = 300
_EARLIEST_YEAR, _LATEST_YEAR = 1, 9999


def texts(connection: Connection, tenant: str) -> list[tuple[str, str]]:
    """Name and text of everything in force beside the defaults."""
    uploaded = [(policy.name, policy.text) for policy in uploads(connection, tenant)]
    return uploaded + sources.texts(connection, tenant)


def uploads(connection: Connection, tenant: str) -> list[PolicyText]:
    """The uploaded policies in force, by name."""
    members = _members(connection, tenant)
    rows = connection.execute(select(POLICY).where(POLICY.c.tenant == tenant, POLICY.c.name.in_(members)))
    kept = [row for row in rows if members[row.name] == row.version]
    return [
        PolicyText(
            name=row.name, text=row.text, origin="uploaded", version=row.version, author=row.author, created=row.created
        )
        for row in sorted(kept, key=lambda row: row.name)
    ]


def everything(connection: Connection, tenant: str) -> list[PolicyText]:
    """All texts in force: the defaults, those made from what others keep, the uploaded ones."""
    built_in = [PolicyText(name=name, text=text, origin="default") for name, text in defaults.texts()]
    made = [PolicyText(name=name, text=text, origin="generated") for name, text in sources.texts(connection, tenant)]
    return [*built_in, *made, *uploads(connection, tenant)]


def find(connection: Connection, tenant: str, name: str) -> PolicyText | None:
    return next((policy for policy in everything(connection, tenant) if policy.name == name), None)


def get(connection: Connection, tenant: str, name: str) -> PolicyText:
    """One text in force.

    Raises:
        NotFound: there is none of this name.
    """
    found = find(connection, tenant, name)
    if found is None:
        raise NotFound(
            "access.policy_unknown", f"there is no policy {name[:80]!r}", "`lineshaft policy list` shows all.",
            name=name[:80],
        )  # fmt: skip
    return found


def put(connection: Connection, tenant: str, name: str, text: str, author: str, expected: int | None) -> PolicyText:
    """Put a text into force under a name.

    Args:
        expected: the version that the author saw, 0 for none; None: whatever it is.

    Raises:
        InvalidInput: the name cannot be one, or the text does not validate; says the line.
        Conflict: the name is a default's, there are too many, or nobody could change policies afterwards.
        PreconditionFailed: it changed meanwhile.
    """
    _check_name(name)
    compile_text(name, text)
    members = _members(connection, tenant)
    _check_version(members.get(name, 0), expected, name)
    if name not in members and len(members) >= MOST:
        raise Conflict(
            "access.policies_too_many", f"there are already {len(members)} policies", "Put several into one text.",
            maximum=MOST,
        )  # fmt: skip
    others = [entry for entry in texts(connection, tenant) if entry[0] != name]
    _check_set(connection, tenant, [*others, (name, text)])
    latest = connection.scalar(
        select(func.max(POLICY.c.version)).where(POLICY.c.tenant == tenant, POLICY.c.name == name)
    )
    row = {
        "tenant": tenant, "name": name, "version": (latest or 0) + 1, "text": text, "author": author,
        "created": clock.now_us(),
    }  # fmt: skip
    connection.execute(insert(POLICY).values(row))
    _put_in_force(connection, tenant, {**members, name: (latest or 0) + 1}, author)
    return get(connection, tenant, name)


def withdraw(connection: Connection, tenant: str, name: str, author: str, expected: int | None) -> None:
    """Take an uploaded text out of force.

    Raises:
        NotFound. Conflict: it is no uploaded one, or nobody could change policies afterwards.
        PreconditionFailed: it changed meanwhile.
    """
    found = get(connection, tenant, name)
    if found.origin != "uploaded":
        raise _reserved(name)
    members = _members(connection, tenant)
    _check_version(members[name], expected, name)
    _check_set(connection, tenant, [entry for entry in texts(connection, tenant) if entry[0] != name])
    _put_in_force(connection, tenant, {key: value for key, value in members.items() if key != name}, author)


def number_in_force(connection: Connection, tenant: str) -> int:
    """Number of the set of uploaded policies in force; 0 before the first upload."""
    query = select(POLICY_SET.c.number).where(POLICY_SET.c.tenant == tenant, POLICY_SET.c.in_force)
    return connection.scalar(query) or 0


def _members(connection: Connection, tenant: str) -> dict[str, int]:
    """Version in force of each uploaded text, by name."""
    query = select(POLICY_SET.c.members).where(POLICY_SET.c.tenant == tenant, POLICY_SET.c.in_force)
    found: Mapping[str, int] = connection.scalar(query) or {}
    return dict(found)


def _put_in_force(connection: Connection, tenant: str, members: dict[str, int], author: str) -> None:
    number = number_in_force(connection, tenant) + 1
    connection.execute(update(POLICY_SET).where(POLICY_SET.c.tenant == tenant).values(in_force=False))
    row: dict[str, Any] = {
        "tenant": tenant, "number": number, "digest": _digest(members), "members": members, "in_force": True,
        "author": author, "created": clock.now_us(),
    }  # fmt: skip
    connection.execute(insert(POLICY_SET).values(row))


def _digest(members: Mapping[str, int]) -> str:
    return hashlib.sha256(msgspec.json.encode(members, order="deterministic")).hexdigest()


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            "access.policy_name", f"name is {name[:80]!r}, which cannot name a policy",
            "Use a-z, 0-9, - and _, at most 63 characters, beginning with a letter or digit.", field="name",
            value=name[:80],
        )  # fmt: skip
    if name in defaults.NAMES or name in sources.SOURCES:
        raise _reserved(name)


def _reserved(name: str) -> Conflict:
    return Conflict(
        "access.policy_reserved", f"the policy {name!r} comes with the installation and stays as it is",
        "Upload a policy of another name: a permit adds to it, a forbid limits it.", name=name,
    )  # fmt: skip


def _check_version(present: int, expected: int | None, name: str) -> None:
    if expected is not None and expected != present:
        raise PreconditionFailed(
            "access.policy_changed_meanwhile", f"the policy {name!r} changed since you read it",
            "Read it again and repeat your change.", name=name, version=present,
        )  # fmt: skip


def _check_set(connection: Connection, tenant: str, candidate: list[tuple[str, str]]) -> None:
    """Refuse a set after which nobody could change policies or sign in."""
    engine = Engine(candidate, tenant=tenant, remember=False)
    if all(_can_be_changed(connection, tenant, engine, moment) for moment in _moments(candidate, engine)):
        return
    raise Conflict(
        "access.policy_lockout", "with this nobody could change policies any more",
        "What is in force stays as it was. Limit the policy to other principals or actions.",
    )  # fmt: skip


def _moments(candidate: list[tuple[str, str]], engine: Engine) -> list[datetime]:
    """When to try it: now, and where policies ask for the time, each hour of a week and about each time that they name."""
    now = clock.now()
    if not any("now" in policy.words for policy in engine.policies.values()):
        return [now]
    named = [found for _, text in candidate for literal in _DATETIME.findall(text) if (found := _time(literal))]
    about = [moment + step for moment in named for step in (-_SECOND, timedelta(), _SECOND)]
    return [*(now + timedelta(hours=hour) for hour in range(7 * 24)), *about[:_MOST_MOMENTS]]


def _time(literal: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(literal)
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found.astimezone(UTC) if _EARLIEST_YEAR < found.year < _LATEST_YEAR else None
    except ValueError:
        return None


def _can_be_changed(connection: Connection, tenant: str, engine: Engine, now: datetime) -> bool:
    web = principals.find_row(connection, tenant, "web")
    service = None if web is None else principals.from_row(web)
    if service is not None and not all(_allowed(engine, service, action, "access", now) for action in _NEEDED_BY_WEB):
        return False
    handles = principals.administrators(connection, tenant)
    query = select(PRINCIPAL).where(PRINCIPAL.c.id.in_(handles))
    people = [principals.from_row(row) for row in connection.execute(query)]
    if not people:  # nobody has signed in yet: the machine's own command line must be able to
        local = principals.find_row(connection, tenant, "local")
        people = [] if local is None else [principals.from_row(local)]
    asking: list[str] = []
    for person in people:
        session = {"method": "GET", "now": now}
        if not engine.decide(person, "access:self", _route("/api/v1/access/session"), session).allowed:
            continue
        rulings = [
            engine.decide(person, MANAGE, _route(f"{ROOT}/lockout"), {"method": "PUT", "now": now}),
            engine.decide(person, MANAGE, Resource(id="lockout"), {"now": now}),
        ]
        if not all(ruling.allowed for ruling in rulings):
            continue
        # What the web server sees to; the access service, which decides once more, does not.
        if not any(duty.kind == "approve" for duty in rulings[0].obligations):
            return True
        asking.append(person.id)
    if service is not None and not _allowed(engine, service, _APPROVE, "access", now):
        return False
    judging = {person.id for person in people if _may_approve(engine, person, now)}
    return any(judging - {handle} for handle in asking)


def _may_approve(engine: Engine, person: Principal, now: datetime) -> bool:
    """Whether somebody can be the second person; that takes a role, and who is looked at here has the highest."""
    route = _route("/api/v1/access/approvals/lockout/approve")
    ruling = engine.decide(person, _APPROVE, route, {"method": "POST", "now": now})
    demands = any(duty.kind == "approve" for duty in ruling.obligations)
    decided = ruling.allowed and _allowed(engine, person, _APPROVE, "lockout", now)
    return person.kind == "person" and decided and not demands


def _allowed(engine: Engine, principal: Principal, action: str, resource: str, now: datetime) -> bool:
    return engine.decide(principal, action, Resource(id=resource), {"now": now}).allowed


def _route(path: str) -> Resource:
    """A request over HTTP, as the gate decides on it."""
    return Resource(id=path, kind="route")
