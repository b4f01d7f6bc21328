"""`Idempotency-Key`: the same POST of the same principal is carried out once."""

import asyncio

import pytest
from litestar import Request, Response, post

from lineshaft.core.errors import Conflict

DONE = []
GOES_ON = []
"""What `slow` waits for."""


@pytest.fixture(autouse=True)
def nothing_done():
    DONE.clear()


@post("/make", opt={"action": "history:read"})
async def make(request: Request) -> Response[dict[str, int]]:
    DONE.append(await request.body())
    return Response({"number": len(DONE)}, status_code=201, headers={"location": f"/made/{len(DONE)}"})


@post("/fail", opt={"action": "history:read"})
async def fail() -> None:
    DONE.append(b"")
    raise Conflict("a.b", "not now")


@post("/crash", opt={"action": "history:read"})
async def crash() -> None:
    DONE.append(b"")
    raise RuntimeError("boom")


@post("/slow", opt={"action": "history:read"})
async def slow() -> str:
    DONE.append(b"")
    await GOES_ON[0].wait()
    return "done"


@post("/big", opt={"action": "history:read"})
async def big() -> bytes:
    DONE.append(b"")
    return b"x" * 2_000_000


@post("/api/v1/access/tokens", opt={"action": "access:self"})
async def secret() -> dict[str, str]:
    DONE.append(b"")
    return {"text": "ls_secret"}


@pytest.fixture
async def server(serve):
    async with serve(make, fail, crash, slow, big, secret) as served:
        yield served


def key(value="k1"):
    return {"idempotency-key": value}


async def test_a_repeated_request_gets_the_first_answer(server):
    async with server.client(server.people.add("anna", "viewer")) as client:
        first = await client.post("/make", json={"a": 1}, headers=key())
        again = await client.post("/make", json={"a": 1}, headers=key())
        other = await client.post("/make", json={"a": 1}, headers=key("k2"))
    assert (first.json(), again.json(), other.json()) == ({"number": 1}, {"number": 1}, {"number": 2})
    assert again.status_code == 201
    assert again.headers["location"] == "/made/1"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert DONE == [b'{"a":1}', b'{"a":1}']


async def test_without_a_key_every_request_counts(server):
    async with server.client(server.people.add("anna", "viewer")) as client:
        assert [(await client.post("/make")).json()["number"] for _ in range(2)] == [1, 2]


@pytest.mark.parametrize("change", [{"url": "/make?x=1"}, {"json": {"a": 2}}])
async def test_a_key_belongs_to_one_request(server, change):
    async with server.client(server.people.add("anna", "viewer")) as client:
        await client.post("/make", json={"a": 1}, headers=key())
        answer = await client.post(**{"url": "/make", "json": {"a": 1}, **change}, headers=key())
    assert (answer.status_code, answer.json()["code"]) == (409, "records.key_reused")
    assert len(DONE) == 1


async def test_a_key_belongs_to_one_principal(server):
    async with server.client(server.people.add("anna", "viewer")) as anna:
        await anna.post("/make", headers=key())
    async with server.client(server.people.add("otto", "viewer")) as otto:
        assert (await otto.post("/make", headers=key())).json() == {"number": 2}


@pytest.mark.parametrize("path", ["/fail", "/crash"])
async def test_a_refused_request_may_be_tried_again_with_its_key(server, path):
    async with server.client(server.people.add("anna", "viewer")) as client:
        statuses = [(await client.post(path, headers=key())).status_code for _ in range(2)]
    assert statuses[0] == statuses[1] >= 400
    assert len(DONE) == 2


async def test_two_at_once_are_carried_out_once(server):
    async with server.client(server.people.add("anna", "viewer")) as client:
        GOES_ON[:] = [asyncio.Event()]
        calls = [asyncio.ensure_future(client.post("/slow", headers=key())) for _ in range(2)]
        try:
            # The one that is not carried out has its answer first.
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED, timeout=30)
        finally:
            GOES_ON[0].set()
        answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len(DONE) == 1


async def test_an_answer_too_large_to_keep_is_given_whole(server):
    async with server.client(server.people.add("anna", "viewer")) as client:
        assert len((await client.post("/big", headers=key())).content) == 2_000_000


async def test_an_answer_with_a_secret_is_not_kept(server, records):
    from sqlalchemy import text

    async with server.client(server.people.add("anna", "viewer")) as client:
        first = await client.post("/api/v1/access/tokens", headers=key())
        again = await client.post("/api/v1/access/tokens", headers=key())
    assert first.json() == {"text": "ls_secret"}
    assert (again.status_code, again.json()["code"]) == (409, "web.answer_not_kept")
    assert len(DONE) == 1
    with records.read() as connection:
        kept = str(connection.execute(text("SELECT * FROM records_idempotency")).all())
    assert "k1" in kept
    assert "ls_secret" not in kept


@pytest.mark.parametrize("bad", ["", "x" * 256])
async def test_a_key_that_is_none_is_refused(server, bad):
    async with server.client(server.people.add("anna", "viewer")) as client:
        assert (await client.post("/make", headers=key(bad))).status_code == 400
    assert not DONE


async def test_nothing_is_kept_that_a_password_could_be_guessed_from(server, records):
    from sqlalchemy import text

    async with server.client(server.people.add("anna", "viewer")) as client:
        first = await client.post("/api/v1/access/tokens", json={"password": "one"}, headers=key())
        other = await client.post("/api/v1/access/tokens", json={"password": "two"}, headers=key())
        await client.post("/api/v1/access/tokens", json={"password": "three"}, headers=key("k2"))
    assert first.status_code == 201
    assert other.json()["code"] == "web.answer_not_kept"
    with records.read() as connection:
        assert len(set(connection.execute(text("SELECT digest FROM records_idempotency")).scalars())) == 1
