"""Leak notices: opened → assessed → reported → closed, with a clock that runs until the report."""

from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, insert, select, update

from lineshaft.access.labels.store import LEAK
from lineshaft.core import clock, ids
from lineshaft.core.errors import Conflict, NotFound

LeakState = Literal["opened", "assessed", "reported", "closed"]
_NEXT: Final[dict[LeakState, tuple[LeakState, ...]]] = {
    "opened": ("assessed",), "assessed": ("reported", "closed"), "reported": ("closed",), "closed": (),
}  # fmt: skip
"""An assessed notice may be closed without a report where the assessment found no leak."""
_HOUR_US: Final = 3_600 * clock.MICROSECONDS


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a notice."""

    state: LeakState
    time: int
    by: str
    text: str


class Leak(msgspec.Struct, frozen=True, kw_only=True):
    """A notice that data may have got into wrong hands."""

    id: str
    title: str
    state: LeakState
    opened: int
    due: int
    """Until when it must be reported, or closed as no leak."""
    reported: int | None
    steps: list[Step]

    def overdue(self, now: int) -> bool:
        """Whether the clock has run out."""
        return self.state in ("opened", "assessed") and now > self.due


def open_notice(connection: Connection, tenant: str, *, title: str, text: str, by: str, hours: int) -> Leak:
    """A new notice; its clock starts now."""
    now = clock.now_us()
    leak = Leak(
        id=ids.new_id(), title=title, state="opened", opened=now, due=now + hours * _HOUR_US, reported=None,
        steps=[Step(state="opened", time=now, by=by, text=text)],
    )  # fmt: skip
    connection.execute(insert(LEAK).values(tenant=tenant, **msgspec.to_builtins(leak)))
    return leak


def move(connection: Connection, tenant: str, leak_id: str, state: LeakState, *, text: str, by: str) -> Leak:
    """Take a notice one step further.

    Raises:
        NotFound: there is none of this id. Conflict: that step does not follow its present state.
    """
    leak = get(connection, tenant, leak_id)
    if state not in _NEXT[leak.state]:
        possible = ", ".join(_NEXT[leak.state]) or "nothing"
        raise Conflict(
            "access.leak_step_wrong", f"a notice that is {leak.state} cannot be {state} next",
            f"What can follow is: {possible}.", id=leak_id, state=leak.state, next=state, possible=possible,
        )  # fmt: skip
    now = clock.now_us()
    values: dict[str, Any] = {
        "state": state, "reported": now if state == "reported" else leak.reported,
        "steps": [*leak.steps, Step(state=state, time=now, by=by, text=text)],
    }  # fmt: skip
    moved = msgspec.structs.replace(leak, **values)
    connection.execute(update(LEAK).where(LEAK.c.id == leak_id).values(msgspec.to_builtins(moved)))
    return moved


def get(connection: Connection, tenant: str, leak_id: str) -> Leak:
    """One notice.

    Raises:
        NotFound: there is none of this id.
    """
    found = next((leak for leak in every(connection, tenant) if leak.id == leak_id), None)
    if found is None:
        raise NotFound(
            "access.leak_unknown", f"there is no leak notice {leak_id[:26]!r}", "`lineshaft labels leak list` shows them.",
            id=leak_id[:26],
        )  # fmt: skip
    return found


def every(connection: Connection, tenant: str) -> list[Leak]:
    """All notices, newest first."""
    query = select(LEAK).where(LEAK.c.tenant == tenant).order_by(LEAK.c.opened.desc(), LEAK.c.id)
    names = Leak.__struct_fields__
    rows = connection.execute(query).mappings()
    return [msgspec.convert({name: row[name] for name in names}, Leak) for row in rows]
