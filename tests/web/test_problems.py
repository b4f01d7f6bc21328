"""Every failure leaves as one problem document, and none of them tells what is inside."""

from typing import Annotated

import msgspec
import pytest
from litestar import Request, get, post
from litestar.exceptions import HTTPException, PermissionDeniedException
from litestar.params import FromPath, JSONBody, QueryParameter

from lineshaft.core.errors import Conflict, LineshaftError, NotFound, TooMany, Unavailable
from lineshaft.web import problems

PUBLIC = {"public": "a test"}


class Order(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=2)]
    count: int = 1


@get("/ours", opt=PUBLIC)
async def ours() -> None:
    raise NotFound("core.job_unknown", "there is no job 7", "Look again.", field="job", value="7", moment=object)


@get("/crash", opt=PUBLIC)
async def crash() -> None:
    raise RuntimeError("secret of the house: /etc/passwd")


@get("/group", opt=PUBLIC)
async def group() -> None:
    raise ExceptionGroup("several", [RuntimeError("secret of the house"), ValueError("x")])


@get("/framework", opt=PUBLIC)
async def framework() -> None:
    raise PermissionDeniedException("secret of the house")


@get("/later", opt=PUBLIC)
async def later() -> None:
    raise TooMany("web.live_clients_exceeded", "too many", retry_seconds=30)


@get("/number", opt=PUBLIC)
async def number(limit: Annotated[int, QueryParameter(ge=1, le=10)]) -> int:
    return limit


@get("/item/{code:int}", opt=PUBLIC)
async def item(code: FromPath[int]) -> int:
    return code


@post("/order", opt=PUBLIC)
async def order(data: JSONBody[Order]) -> Order:
    return data


ROUTES = (ours, crash, group, framework, later, number, item, order)


def is_problem(answer, status, code):
    document = answer.json()
    assert answer.status_code == document["status"] == status, answer.text
    assert document["code"] == code, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert document["type"] == f"urn:lineshaft:error:{code}"
    assert document["title"]
    assert document["instance"] == answer.url.path
    return document


@pytest.fixture
async def client(serve):
    async with serve(*ROUTES) as server, server.client() as connected:
        yield connected


async def test_our_errors_say_what_they_say(client):
    document = is_problem(await client.get("/ours"), 404, "core.job_unknown")
    assert (document["title"], document["hint"]) == ("there is no job 7", "Look again.")
    assert document["facts"]["field"] == "job"


@pytest.mark.parametrize("path", ["/crash", "/group"])
async def test_what_nobody_foresaw_is_a_number_that_the_log_knows(client, path, capsys):
    document = is_problem(await client.get(path), 500, "web.unexpected")
    incident = document["facts"]["incident"]
    said = capsys.readouterr()
    assert incident in said.out + said.err
    assert "secret of the house" in said.out + said.err
    assert "secret" not in str(document)
    assert "Traceback" not in str(document)


async def test_the_frameworks_own_words_do_not_leave(client):
    answer = await client.get("/framework")
    is_problem(answer, 400, "web.refused")
    assert "secret" not in answer.text


async def test_an_unknown_path_and_a_wrong_method_are_problems(client):
    is_problem(await client.get("/nowhere"), 404, "web.route_unknown")
    answer = await client.delete("/ours")
    document = is_problem(answer, 405, "web.method_not_allowed")
    assert "GET" in answer.headers["allow"]
    assert document["facts"]["method"] == "DELETE"


async def test_when_to_come_back_is_a_header(client):
    answer = await client.get("/later")
    is_problem(answer, 429, "web.live_clients_exceeded")
    assert answer.headers["retry-after"] == "30"


@pytest.mark.parametrize("given", ["0", "11", "x", None])
async def test_a_wrong_parameter_is_named_with_its_rule(client, given):
    answer = await client.get("/number", params={} if given is None else {"limit": given})
    document = is_problem(answer, 400, "web.input_invalid")
    assert document["facts"]["field"] == "limit"
    assert document["facts"]["rule"]
    assert "limit" in document["title"]


async def test_a_wrong_part_of_a_path_is_refused(client):
    assert (await client.get("/item/seven")).status_code in (400, 404)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"name": "x"}, "name"),
        ({"name": "xy", "count": "three"}, "count"),
        ({"name": "xy", "colour": 1}, "colour"),
        ({}, "name"),
    ],
)
async def test_a_wrong_field_of_a_body_is_named(client, body, word):
    document = is_problem(await client.post("/order", json=body), 400, "web.input_invalid")
    assert word in document["title"] + document["facts"]["rule"] + document["facts"]["field"]


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"", b"[" * 100_000])
async def test_a_body_that_is_no_json_is_refused(client, body):
    answer = await client.post("/order", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["code"] in ("web.body_unreadable", "web.input_invalid")


async def test_the_language_is_the_callers(client):
    answer = await client.get("/nowhere", headers={"accept-language": "zh-CN,zh;q=0.9"})
    english = await client.get("/nowhere", headers={"accept-language": "fr, en;q=0.5"})
    assert answer.json()["code"] == english.json()["code"]
    assert "there is nothing" in english.json()["title"]


def test_an_error_of_a_status_of_its_own_keeps_it():
    scope = {"path": "/", "headers": []}
    for error in (Conflict("a.b", "c"), Unavailable("a.b", "c"), LineshaftError("a.b", "c")):
        assert problems.translate(error, scope) is error
    assert problems.translate(HTTPException(status_code=418), scope).code == "web.refused"
    assert problems.translate(HTTPException(status_code=502), {**scope, "method": "GET"}).code == "web.unexpected"


def test_a_request_handled_outside_still_gets_a_document():
    request = Request({"type": "http", "path": "/x", "headers": [(b"accept-language", b"zh")], "method": "GET"})
    answer = problems.handle(request, NotFound("a.b", "c"))
    assert answer.status_code == 404
