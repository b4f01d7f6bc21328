"""Route of imports."""

from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from lineshaft.access import Access
from lineshaft.core.principals import Principal
from lineshaft.history.transfer.lane import Imports, act_of


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch."""

    rows: int


@post("/api/v1/history/import", opt={"action": "history:write", "tenant": "own"}, tags=["history"], status_code=200)
async def import_batch(
    request: Request[Any, Any, Any],
    imports: NamedDependency[Imports],
    access: NamedDependency[Access],
    principal: NamedDependency[Principal],
    file: Annotated[str, QueryParameter(description="32 hexadecimal digits made of the file's content and mapping")],
    seq: Annotated[int, QueryParameter(description="Number of the batch in the file, from 1", ge=1)],
    last: Annotated[bool, QueryParameter(description="No batch follows")] = False,  # noqa: FBT002
    name: Annotated[str, QueryParameter(description="The file's name, for the audit trail")] = "",
) -> Taken:
    """Store one batch of a file: an Arrow stream of the telemetry batch's form, on disk when this answers.

    The same batch may be sent again, another one in its place may not; the first goes first. Rows get their place by time; one that is there already is replaced.
    """
    if seq == 1:
        await access.note(act_of(principal, file, name[:200], "asked", {}))
    rows = await imports.take(principal, file, seq, await request.body(), last=last)
    if last:
        await access.note(act_of(principal, file, name[:200], "done", {"batches": seq}))
    return Taken(rows=rows)


ROUTES = [import_batch]
