"""Route of SQL, `POST /api/v1/history/sql`."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream

from lineshaft.core.errors import RequestTimeout
from lineshaft.core.principals import Principal
from lineshaft.history.sql.frames import SqlFormat
from lineshaft.history.sql.queries import MEDIA_TYPES, SqlQueries, SqlRequest


@post("/api/v1/history/sql", opt={"action": "history:read", "tenant": "own"}, tags=["history"], status_code=200)
async def run_sql(
    request: Request[Any, Any, Any],
    sql: NamedDependency[SqlQueries],
    principal: NamedDependency[Principal],
    data: JSONBody[SqlRequest],
) -> Stream:
    """One SELECT over `samples`, `tags` and `rollup_1h`: the samples of the tags and the time given, and no others.

    Columns of `samples`: tag, ts, arrival, value, integer, text, boolean, quality, good; of `tags`: tag, handle, unit,
    description, kind, device, project. The dialect is DuckDB's; times are UTC. Who hangs up ends the statement.
    """
    kind = data.format or _accepted(request.headers.get("accept", ""))
    return Stream(await answer_for(request, sql, principal, data, kind), media_type=MEDIA_TYPES[kind])


async def answer_for(
    request: Request[Any, Any, Any], sql: SqlQueries, principal: Principal, asked: SqlRequest, kind: SqlFormat
) -> AsyncGenerator[bytes, None]:
    """The answer once it begins. A caller who leaves before that frees the place of the statement at once.

    Raises:
        RequestTimeout: that has happened; nobody hears of it, and it is recorded that nothing was given.
    """
    asking = asyncio.create_task(sql.answer(principal, asked, kind))
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if asking.done():
            return asking.result()
        raise RequestTimeout(
            "history.sql_caller_left",
            "the caller left before the answer began",
            "Stay until it begins, or ask for less.",
        )
    finally:
        for task in (asking, leaving):
            task.cancel()
        await asyncio.gather(asking, leaving, return_exceptions=True)


async def _left(request: Request[Any, Any, Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _accepted(accept: str) -> SqlFormat:
    for part in accept.split(","):
        for name, media_type in MEDIA_TYPES.items():
            if part.split(";")[0].strip().lower() == media_type:
                return name
    return "json"


ROUTES = [run_sql]
