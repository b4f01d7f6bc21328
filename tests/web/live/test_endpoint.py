"""The live socket on a real server, with real access: who gets in, what is understood, and when it ends."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
import websockets

from lineshaft.core import clock
from lineshaft.history import LatestTable
from lineshaft.history.testing import rows_of
from lineshaft.web.live import endpoint
from lineshaft.web.live.board import Board
from lineshaft.web.live.hub import VERIFY_SECONDS, LiveHub

PATHS = {"a/b/c/d/e/f/one": 1, "a/b/c/d/e/f/two": 2}
ONE, TWO = PATHS
FOREIGN = "x/b/c/d/e/f/secret"


class Live:
    """A server with a live hub whose feed is the test."""

    def __init__(self, server, hub, board, table):
        self.server = server
        self.hub = hub
        self._board = board
        self._table = table
        self._time = 0

    def value(self, path, value):
        self._time += 1
        self._board.mark(self._table.update(rows_of([(PATHS[path], self._time, float(value), 0)])))

    @asynccontextmanager
    async def socket(self, principal=None, *, cookie=None, origin=None, query="", **headers):
        fields = dict(headers)
        if principal is not None:
            fields["Authorization"] = f"Bearer {self.server.people.token(principal)}"
        if cookie is not None:
            fields["Cookie"] = f"lineshaft_session={cookie}"
        url = f"ws://127.0.0.1:{self.server.port}/api/v1/live{query}"
        async with websockets.connect(
            url, additional_headers=fields, origin=origin, proxy=None, open_timeout=60
        ) as client:
            yield client

    async def heard(self, client, key, seconds=30):
        """The next message that has `key`."""
        async with asyncio.timeout(seconds):
            while True:
                message = json.loads(await client.recv())
                if key in message:
                    return message

    async def subscribed(self, client, *paths):
        await client.send(json.dumps({"subscribe": paths}))
        return await self.heard(client, "subscribed")


@pytest.fixture
def live(serve):
    @asynccontextmanager
    async def running(*, clients=50, tags=100, hertz=10.0, verify_seconds=0.3):
        table = LatestTable()
        board = Board(table)
        failures = []
        hubs = []

        async def find(principal, paths):
            return {path: PATHS[path] for path in paths if principal.tenant == "main" and path in PATHS}

        def make(callers, access):
            prove = endpoint.prover(callers, access)
            hub = LiveHub(
                board, hertz=hertz, clients=clients, prove=prove, fail=failures.append, verify_seconds=verify_seconds
            )
            hubs.append(hub)
            return endpoint.LiveEndpoint(callers, access, find, hub, tags=tags)

        async with serve(live=make) as server:
            (hub,) = hubs
            hub.start()
            try:
                yield Live(server, hub, board, table)
            finally:
                await hub.stop()
        assert failures == []

    return running


async def test_a_subscriber_gets_the_present_value_and_every_change(live):
    async with live() as stage:
        stage.value(ONE, 1)
        async with stage.socket(stage.server.people.add("anna", "viewer")) as client:
            await client.send(json.dumps({"subscribe": [ONE, TWO]}))
            assert await stage.heard(client, "values") == {"values": [[ONE, 1, 1.0, 0]]}
            assert await stage.heard(client, "subscribed") == {"subscribed": 2, "refused": []}
            stage.value(TWO, 2)
            while [TWO, 2, 2.0, 0] not in (await stage.heard(client, "values"))["values"]:
                pass


async def test_values_come_conflated_at_most_ten_times_a_second(live):
    async with live() as stage, stage.socket(stage.server.people.add("anna", "viewer")) as client:
        await stage.subscribed(client, ONE)
        messages, last = 0, None
        started = clock.monotonic()
        value = 0
        while value <= 50 or messages < 3:
            value += 1
            stage.value(ONE, value)
            try:
                async with asyncio.timeout(0.005):
                    last = json.loads(await client.recv())
                    messages += "values" in last
            except TimeoutError:
                pass
        assert messages <= 10 * (clock.monotonic() - started) + 2  # one at once, and one that was due before
        assert len(last.get("values", [0])) == 1


async def test_the_first_thing_heard_is_whether_values_are_coming(live):
    async with live() as stage, stage.socket(stage.server.people.add("anna", "viewer")) as client:
        first = json.loads(await client.recv())
        assert first["stale"] is True
        assert abs(first["now"] - clock.now_us()) < 60 * clock.MICROSECONDS
        stage.hub.set_stale(False)
        assert (await stage.heard(client, "stale"))["stale"] is False
        stage.hub.set_stale(True)
        assert (await stage.heard(client, "stale"))["stale"] is True


async def test_unknown_paths_are_refused_by_name_and_the_rest_goes_on(live):
    async with live() as stage, stage.socket(stage.server.people.add("anna", "viewer")) as client:
        answer = await stage.subscribed(client, ONE, "no/such/tag", FOREIGN)
        assert answer["subscribed"] == 1
        assert [(each["path"], each["code"]) for each in answer["refused"]] == [
            ("no/such/tag", "web.live_tag_unknown"),
            (FOREIGN, "web.live_tag_unknown"),
        ]
        stage.value(ONE, 5)
        assert (await stage.heard(client, "values"))["values"][0][0] == ONE


async def test_refusals_are_in_the_language_that_the_address_asks_for(live):
    async with live() as stage:
        anna = stage.server.people.add("anna", "viewer")
        browser = {"Accept-Language": "en"}
        for query, words in (("?language=zh", "没有"), ("?language=en", "there is no tag"), ("", "there is no tag")):
            async with stage.socket(anna, query=query, **browser) as client:
                (refused,) = (await stage.subscribed(client, "no/such/tag"))["refused"]
                assert words in refused["message"]


@pytest.mark.parametrize(
    "nonsense",
    ["", "{", "[]", '"x"', '{"subscribe": "a"}', '{"subscribe": [1]}', '{"subscrib": []}', b"\x00\xff", "[" * 5000],
)
async def test_what_is_not_understood_is_said_and_the_socket_stays(live, nonsense):
    async with live() as stage, stage.socket(stage.server.people.add("anna", "viewer")) as client:
        await client.send(nonsense)
        problem = (await stage.heard(client, "error"))["error"]
        assert problem["code"] == "web.live_message_invalid"
        assert (await stage.subscribed(client, ONE))["subscribed"] == 1


async def test_more_tags_than_a_connection_may_have_are_refused_and_the_socket_stays(live):
    async with live(tags=2) as stage, stage.socket(stage.server.people.add("anna", "viewer")) as client:
        await client.send(json.dumps({"subscribe": ["a", "b", "c"]}))
        assert (await stage.heard(client, "error"))["error"]["code"] == "web.live_tags_exceeded"
        assert (await stage.subscribed(client, ONE, TWO))["subscribed"] == 2


async def test_unsubscribing_makes_room(live):
    async with live(tags=1) as stage, stage.socket(stage.server.people.add("anna", "viewer")) as client:
        await stage.subscribed(client, ONE)
        await client.send(json.dumps({"unsubscribe": [ONE], "subscribe": [TWO]}))
        assert (await stage.heard(client, "subscribed"))["subscribed"] == 1


class TestWhoGetsIn:
    async def refusal(self, stage, *args, **kwargs):
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with stage.socket(*args, **kwargs):
                pass
        response = refused.value.response
        return response.status_code, json.loads(response.body)["code"]

    async def test_nobody_without_a_credential(self, live):
        async with live() as stage:
            assert await self.refusal(stage) == (401, "web.sign_in_required")
            assert (await self.refusal(stage, Authorization="Bearer ls_x_y"))[0] == 401

    async def test_nobody_without_the_right_to_read(self, live):
        async with live() as stage:
            assert await self.refusal(stage, stage.server.people.add("anna")) == (403, "access.denied")

    async def test_a_browser_from_our_own_page(self, live):
        async with live() as stage:
            session = stage.server.people.sign_in(stage.server.people.add("anna", "viewer"))
            async with stage.socket(cookie=session.cookie, origin=stage.server.url) as client:
                assert (await stage.subscribed(client, ONE))["subscribed"] == 1

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
    async def test_no_browser_from_a_foreign_page(self, live, origin):
        async with live() as stage:
            session = stage.server.people.sign_in(stage.server.people.add("anna", "viewer"))
            refused = await self.refusal(stage, cookie=session.cookie, origin=origin)
            assert refused == (403, "access.origin_foreign")

    async def test_no_more_than_the_settings_allow(self, live):
        async with live(clients=1) as stage:
            anna = stage.server.people.add("anna", "viewer")
            async with stage.socket(anna) as client:
                await client.recv()
                assert await self.refusal(stage, anna) == (429, "web.live_clients_exceeded")
            async with asyncio.timeout(30):
                while True:
                    try:
                        async with stage.socket(anna):
                            break
                    except websockets.InvalidStatus:
                        await asyncio.sleep(0.02)

    async def test_there_is_no_other_socket(self, live):
        async with live() as stage:
            url = f"ws://127.0.0.1:{stage.server.port}/api/v1/other"
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with websockets.connect(url, proxy=None, open_timeout=60):
                    pass
            assert refused.value.response.status_code == 404


class TestEnds:
    @pytest.mark.parametrize("by", ["token", "session"])
    async def test_a_revoked_principal_is_cut_off_within_five_seconds(self, live, by):
        async with live(verify_seconds=VERIFY_SECONDS) as stage:
            people = stage.server.people
            people.sign_in(people.add("boss", "administrator"))
            anna = people.add("anna", "viewer")
            how = (
                {"principal": anna}
                if by == "token"
                else {"cookie": people.sign_in(anna).cookie, "origin": stage.server.url}
            )
            async with stage.socket(**how) as client, stage.socket(people.add("otto", "viewer")) as other:
                await stage.subscribed(client, ONE)
                await asyncio.sleep(0)
                people.revoke(anna)
                started = clock.monotonic()
                await asyncio.wait_for(client.wait_closed(), 60)
                assert clock.monotonic() - started < 30  # five seconds on a machine that nobody shares
                assert client.close_code == 4401
                assert client.close_reason.startswith("access.")
                assert (await stage.subscribed(other, ONE))["subscribed"] == 1

    async def test_a_role_that_is_taken_away_ends_it_too(self, live, records):
        from lineshaft.access import principals

        async with live() as stage:
            people = stage.server.people
            anna = people.add("anna", "viewer")
            async with stage.socket(anna) as client:
                records.transact(principals.set_roles, "main", anna.id, frozenset())
                await asyncio.wait_for(client.wait_closed(), 30)
                assert client.close_code == 4403

    async def test_records_that_do_not_answer_end_nothing(self, live):
        from lineshaft.core.errors import Unavailable

        async with live() as stage, stage.socket(stage.server.people.add("anna", "viewer")) as client:
            asked = asyncio.Event()

            async def gone(*_args, **_kwargs):
                asked.set()
                raise Unavailable("records.gone", "no records")

            stage.server.access.principal_of_token = gone
            await asyncio.wait_for(asked.wait(), 30)
            assert (await stage.subscribed(client, ONE))["subscribed"] == 1

    async def test_a_client_that_leaves_is_forgotten(self, live, eventually):
        async with live() as stage:
            async with stage.socket(stage.server.people.add("anna", "viewer")) as client:
                await stage.subscribed(client, ONE)
                assert len(stage.hub._connections) == 1
            await eventually(lambda: not stage.hub._connections)
            assert not stage.hub._board._watchers


async def test_what_nobody_foresaw_ends_the_socket_and_is_in_the_log(live, capsys, eventually):
    async with live() as stage, stage.socket(stage.server.people.add("anna", "viewer")) as client:
        await client.recv()

        def broken(*_args):
            raise RuntimeError("secret of the house")

        stage.hub._board.watch = broken
        await client.send(json.dumps({"subscribe": [ONE]}))
        await asyncio.wait_for(client.wait_closed(), 30)
        await eventually(lambda: not stage.hub._connections)
    said = "".join(capsys.readouterr())
    assert "request_failed" in said
    assert "secret of the house" in said
