"""No route without a declared action, no call without a decision."""

import pytest
from litestar import Litestar, MediaType, WebSocket, asgi, delete, get, post, websocket
from litestar.di import NamedDependency, Provide
from litestar.types import Receive, Scope, Send

from lineshaft.core.principals import Principal
from lineshaft.web import gate
from lineshaft.web.app import PARTS, package_routes


@get("/read", opt={"action": "history:read"})
async def read(principal: NamedDependency[Principal]) -> str:
    return principal.name


@post("/change", opt={"action": "history:write"}, media_type=MediaType.TEXT)
async def change(principal: NamedDependency[Principal]) -> str:
    return principal.name


@post("/open", opt={"public": "a test"}, media_type=MediaType.TEXT)
async def opened() -> str:
    return "open"


ROUTES = (read, change, opened)


def declared(*routes):
    given = {name: Provide(lambda: None, sync_to_thread=False) for name in (*PARTS, "principal", "caller", "language")}
    gate.check_declared(Litestar(list(routes), openapi_config=None, dependencies=given).routes)


def test_every_route_that_declares_an_action_or_a_public_reason_passes():
    declared(*ROUTES)


def test_a_route_without_a_declaration_ends_the_assembly():
    @get("/forgotten")
    async def forgotten() -> None: ...

    with pytest.raises(gate.UndeclaredRoute, match="/forgotten"):
        declared(read, forgotten)


def test_a_forgotten_method_beside_a_declared_one_ends_the_assembly():
    @delete("/read")
    async def forgotten() -> None: ...

    with pytest.raises(gate.UndeclaredRoute, match="forgotten"):
        declared(read, forgotten)


@pytest.mark.parametrize(
    "opt",
    [
        {"action": "history:raed"},
        {"action": "history:read", "public": "both"},
        {"public": ""},
        {"public": True},
        {"actoin": "history:read"},
    ],
)
def test_a_declaration_that_makes_no_sense_ends_the_assembly(opt):
    @get("/odd", opt=opt)
    async def odd() -> None: ...

    with pytest.raises(gate.UndeclaredRoute):
        declared(odd)


def test_what_would_not_pass_the_gate_cannot_be_assembled():
    @websocket("/socket", opt={"action": "history:read"})
    async def live(socket: WebSocket) -> None: ...

    @asgi("/raw", opt={"action": "history:read"}, copy_scope=True)
    async def raw(scope: Scope, receive: Receive, send: Send) -> None: ...

    for route in (live, raw):
        with pytest.raises(gate.UndeclaredRoute):
            declared(route)


def test_every_route_of_every_package_is_declared():
    declared(*package_routes())


async def test_nobody_is_let_in_without_a_credential(serve):
    async with serve(*ROUTES) as server, server.client() as client:
        answer = await client.get("/read")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["code"] == "web.sign_in_required"


async def test_a_token_and_a_session_name_their_principal(serve):
    async with serve(*ROUTES) as server:
        anna = server.people.add("anna", "viewer")
        async with server.client(anna) as program, server.browser(server.people.sign_in(anna)) as browser:
            assert (await program.get("/read")).text == "anna"
            assert (await browser.get("/read")).text == "anna"


@pytest.mark.parametrize("authorization", ["Bearer nonsense", "Bearer ls_01JZ8M3Q6W4T5R2Y7K9B0C1D2E_abc", "bearer  x"])
async def test_a_token_that_is_none_is_refused_even_beside_a_good_cookie(serve, authorization):
    async with serve(*ROUTES) as server:
        anna = server.people.add("anna", "viewer")
        async with server.browser(server.people.sign_in(anna)) as browser:
            answer = await browser.get("/read", headers={"authorization": authorization})
            assert answer.status_code == 401


@pytest.mark.parametrize("authorization", ["Basic YTpi", "Bearer", "Bearer " + "x" * 600, ""])
async def test_an_authorization_that_is_no_bearer_token_is_refused(serve, authorization):
    async with serve(*ROUTES) as server, server.client() as client:
        answer = await client.get("/read", headers={"authorization": authorization})
        assert (answer.status_code, answer.json()["code"]) == (400, "web.authorization_invalid")


async def test_who_may_read_may_not_change(serve):
    async with serve(*ROUTES) as server:
        async with server.client(server.people.add("anna", "viewer")) as client:
            answer = await client.post("/change")
            assert (answer.status_code, answer.json()["code"]) == (403, "access.denied")
            assert answer.json()["facts"]["decision"]
        async with server.client(server.people.add("eva", "engineer")) as client:
            assert (await client.post("/change")).text == "eva"


async def test_a_token_may_do_less_than_its_owner(serve):
    async with serve(*ROUTES) as server, server.client(server.people.add("eva", "engineer"), "history:read") as client:
        assert (await client.get("/read")).status_code == 200
        assert (await client.post("/change")).status_code == 403


async def test_a_revoked_principal_is_refused_within_five_seconds(serve, eventually):
    async with serve(*ROUTES) as server:
        anna = server.people.add("anna", "viewer")
        server.people.add("boss", "administrator")
        async with server.client(anna) as client:
            assert (await client.get("/read")).status_code == 200
            server.people.revoke(anna)

            async def refused():
                return (await client.get("/read")).status_code == 401

            await eventually(refused)


async def test_options_is_answered_to_nobody_without_a_right(serve):
    async with serve(*ROUTES) as server:
        async with server.client() as stranger:
            assert (await stranger.options("/read")).status_code == 401
        async with server.client(server.people.add("boss", "administrator")) as client:
            assert (await client.options("/read")).status_code == 403


class TestBrowsers:
    """What a foreign page could make a signed-in browser send."""

    async def test_our_own_page_may_change(self, serve):
        async with serve(*ROUTES) as server:
            eva = server.people.sign_in(server.people.add("eva", "engineer"))
            async with server.browser(eva) as browser:
                assert (await browser.post("/change")).status_code == 201

    @pytest.mark.parametrize(
        ("header", "value", "code"),
        [
            ("x-csrf-token", "", "access.csrf_refused"),
            ("x-csrf-token", "wrong", "access.csrf_refused"),
            ("origin", "https://evil.example", "access.origin_foreign"),
            ("origin", "null", "access.origin_foreign"),
        ],
    )
    async def test_a_foreign_page_may_not(self, serve, header, value, code):
        async with serve(*ROUTES) as server:
            eva = server.people.sign_in(server.people.add("eva", "engineer"))
            async with server.browser(eva) as browser:
                answer = await browser.post("/change", headers={header: value})
                assert (answer.status_code, answer.json()["code"]) == (403, code)

    async def test_another_sessions_csrf_token_is_worth_nothing(self, serve):
        async with serve(*ROUTES) as server:
            eva = server.people.add("eva", "engineer")
            other = server.people.sign_in(eva)
            async with server.browser(server.people.sign_in(eva)) as browser:
                answer = await browser.post("/change", headers={"x-csrf-token": other.session.csrf})
                assert answer.json()["code"] == "access.csrf_refused"

    async def test_a_public_route_is_closed_to_foreign_pages_too(self, serve):
        async with serve(*ROUTES) as server, server.browser() as browser:
            assert (await browser.post("/open")).status_code == 201
            assert (await browser.post("/open", headers={"origin": "https://evil.example"})).status_code == 403

    async def test_an_ended_session_keeps_nobody_from_a_public_route(self, serve):
        async with serve(*ROUTES) as server, server.browser() as browser:
            answer = await browser.post("/open", headers={"cookie": "lineshaft_session=gone"})
            assert answer.status_code == 201

    async def test_the_pages_of_the_proxy_before_us_are_our_own(self, serve):
        async with serve(*ROUTES, public_url="https://plant.example/") as server, server.browser() as browser:
            assert (await browser.post("/open", headers={"origin": "https://plant.example"})).status_code == 201
            assert (await browser.post("/open", headers={"origin": "http://plant.example"})).status_code == 403
