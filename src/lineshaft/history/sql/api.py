"""Route of SQL, `POST /api/v1/history/sql`."""

from typing import Any

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Stream

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
    description, kind, device, project. The dialect is DuckDB's; times are UTC.
    """
    kind = data.format or _accepted(request.headers.get("accept", ""))
    return Stream(await sql.answer(principal, data, kind), media_type=MEDIA_TYPES[kind])


def _accepted(accept: str) -> SqlFormat:
    for part in accept.split(","):
        for name, media_type in MEDIA_TYPES.items():
            if part.split(";")[0].strip().lower() == media_type:
                return name
    return "json"


ROUTES = [run_sql]
