"""The Python client against the real web and history services, and against servers that misbehave."""

import asyncio
import contextlib
import http.server
import os
import ssl
import threading
import time

import msgspec
import pytest

import lineshaft
from lineshaft.access import local_token
from lineshaft.client import address, views
from lineshaft.core import clock
from lineshaft.core.errors import (
    DeadlineExceeded,
    Forbidden,
    InvalidInput,
    LineshaftError,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from lineshaft.core.home import Home
from lineshaft.core.service import Context
from lineshaft.web.service import WebService
from lineshaft.web.testing import PLANT, running_house
from lineshaft.web.testing import certificate as self_signed

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in ("LINESHAFT_URL", "LINESHAFT_TOKEN", "LINESHAFT_CA", "LINESHAFT_HOME", "LINESHAFT_LANGUAGE", "LANG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def house(tmp_path):
    async with running_house(tmp_path) as running:
        yield running


def in_thread(function, *args):
    return asyncio.to_thread(function, *args)


# -- what it gives ---------------------------------------------------------------------------------------------------


async def test_latest_and_raw_are_what_was_published(house):
    paths = house.tags("ONE", "TWO", "NEVER")
    now = clock.now_us()
    for step in range(3):
        await house.publish((paths[0], float(step), now + step), (paths[1], 10.0 + step, now + step))

    def use():
        with lineshaft.connect(house.url, house.token("viewer")) as client:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                latest = client.history.latest(paths)
                if [sample[2] for sample in latest] == [2.0, 12.0]:
                    break
                time.sleep(0.02)
            table = client.history.raw(paths, now, now + 10)
            limited, newest = client.history.raw(paths, now, now + 10, limit=2), client.history.latest_table(paths)
            return latest, table, limited, newest, client.history.status()

    latest, table, limited, newest, status = await in_thread(use)
    assert latest == [(paths[0], now + 2, 2.0, 0), (paths[1], now + 2, 12.0, 0)]
    assert sorted(zip(table["path"].to_pylist(), table["v"].to_pylist(), strict=True)) == sorted(
        [(paths[0], float(step)) for step in range(3)] + [(paths[1], 10.0 + step) for step in range(3)]
    )
    assert limited.num_rows == 2
    columns = (newest["path"], newest["ts"].cast("int64"), newest["v"], newest["q"])
    assert [*zip(*(column.to_pylist() for column in columns), strict=True)] == latest, (
        "one row for each tag that has one"
    )
    assert status["rows_total"] == 6


async def test_more_tags_than_one_address_holds_are_asked_for_in_parts(house, monkeypatch):
    monkeypatch.setattr(views, "_QUERY_BYTES", 100)
    paths = house.tags(*(f"T{number:02d}" for number in range(7)))
    now = clock.now_us()
    await house.publish(*((path, float(number), now + number) for number, path in enumerate(paths)))

    def use():
        with lineshaft.connect(house.url, house.token("viewer")) as client:
            deadline = time.monotonic() + 60
            while len(latest := client.history.latest(paths)) < 7 and time.monotonic() < deadline:
                time.sleep(0.02)
            return latest, client.history.raw(paths, now, now + 100), client.history.raw(paths, now, now + 100, limit=3)

    latest, table, limited = await in_thread(use)
    assert [sample[0] for sample in latest] == paths
    assert table["path"].to_pylist() == paths  # by time
    assert limited["path"].to_pylist() == paths[:3]


async def test_tags_are_found_by_path_and_by_branch(house):
    paths = house.tags("XMEAS_1", "XMEAS_10", "XMV_1")

    def use():
        with lineshaft.connect(house.url, house.token("viewer")) as client:
            found = [client.tags(), client.tags([PLANT]), client.tags([paths[0]]), client.tags([f"{PLANT}/XME"])]
            return [[tag["path"] for tag in each] for each in found]

    everything, branch, one, half_a_name = await in_thread(use)
    assert everything == branch == sorted(paths)
    assert one == [paths[0]]
    assert half_a_name == []


async def test_lists_are_read_to_their_end(house):
    paths = house.tags(*(f"T{number:03d}" for number in range(25)))

    def use():
        with lineshaft.connect(house.url, house.token("viewer")) as client:
            return [tag["path"] for tag in client.pages("/api/v1/history/tags", {"limit": 10})]

    assert await in_thread(use) == paths


async def test_errors_are_raised_as_the_server_raised_them(house):
    def use():
        with lineshaft.connect(house.url, house.token("viewer"), language="zh") as client:
            with pytest.raises(NotFound) as unknown:
                client.history.latest(["no/such/tag"])
            with pytest.raises(Forbidden) as forbidden:
                client.request("POST", "/api/v1/history/seal")
            with pytest.raises(InvalidInput) as wrong:
                client.request("GET", "/api/v1/history/tags", params={"limit": 0})
            with pytest.raises(NotFound):
                client.devices.get("no/such device")
            assert client.devices.list() == []
        with lineshaft.connect(house.url, "ls_x_y") as client, pytest.raises(Unauthenticated):
            client.tags()
        return unknown.value, forbidden.value, wrong.value

    unknown, forbidden, wrong = await in_thread(use)
    assert (unknown.code, unknown.facts["value"]) == ("history.tag_unknown", "no/such/tag")
    assert forbidden.code == "access.denied"
    assert forbidden.facts["action"] == "history:manage"
    assert wrong.facts["maximum"] == 1000


# -- where it connects -----------------------------------------------------------------------------------------------


async def test_the_installation_on_this_machine_needs_no_address_and_no_token(house, monkeypatch):
    def use(**how):
        with lineshaft.connect(**how) as client:
            return client.request("GET", "/api/v1/access/session")["name"]

    assert await in_thread(lambda: use(home=house.home.path)) == "local"
    monkeypatch.setenv("LINESHAFT_HOME", str(house.home.path))
    assert await in_thread(use) == "local"
    monkeypatch.setenv("LINESHAFT_URL", "http://127.0.0.1:1")
    with pytest.raises(Unauthenticated, match="no API token"):
        lineshaft.connect()
    assert await in_thread(lambda: use(home=house.home.path)) == "local"


async def test_address_and_token_come_from_the_environment(house, monkeypatch):
    monkeypatch.setenv("LINESHAFT_URL", house.url)
    monkeypatch.setenv("LINESHAFT_TOKEN", house.token("viewer"))

    def use():
        with lineshaft.connect() as client:
            return client.request("GET", "/api/v1/access/session")["roles"]

    assert await in_thread(use) == ["viewer"]


async def test_a_new_token_after_a_restart_is_found(house):
    client = await in_thread(lambda: lineshaft.connect(home=house.home.path))
    with client:
        await in_thread(client.tags)
        await in_thread(lambda: local_token.renew(house.database, house.home, house.identity, alone=True))
        await house.web.stop()
        house.web = WebService(Context(house.home, house.settings))
        await house.web.start()
        assert await in_thread(client.tags) == []  # at another port, too


def test_a_home_where_nothing_runs_says_so(tmp_path):
    with pytest.raises(Unavailable) as missing:
        lineshaft.connect(home=tmp_path / "none")
    assert missing.value.code == "core.home_missing"
    home = Home(tmp_path / "home")
    home.prepare()
    with pytest.raises(Unavailable) as stopped:
        lineshaft.connect(home=home.path)
    assert stopped.value.code == "client.not_running"


def test_the_local_token_is_not_sent_to_whoever_took_the_port_of_a_dead_server(tmp_path):
    home = Home(tmp_path / "home")
    home.prepare()
    (home.run / "local.token").write_text("ls_a_b")
    with Server(status=200) as server:
        ended = os.fork()
        if ended == 0:
            os._exit(0)
        os.waitpid(ended, 0)
        (home.run / "web.json").write_bytes(msgspec.json.encode({"url": server.url, "pid": ended}))
        with pytest.raises(Unavailable) as refused:
            lineshaft.connect(home=home.path)
    assert refused.value.code == "client.not_running"
    assert server.asked == []


@pytest.mark.parametrize("url", ["http://192.0.2.1:8420", "http://plant.example"])
def test_a_token_never_travels_without_tls(url):
    with pytest.raises(InvalidInput) as refused:
        lineshaft.connect(url, "ls_a_b")
    assert refused.value.code == "client.tls_required"


@pytest.mark.parametrize("url", ["plant.example", "ftp://plant.example", "http://", "https:///x", "http://[::1"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(InvalidInput) as refused:
        lineshaft.connect(url, "ls_a_b")
    assert refused.value.code == "client.url_invalid"


# -- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path):
    return self_signed(tmp_path / "tls", "plant.example")


async def test_certificates_are_always_verified(tmp_path, certificate, monkeypatch):
    async with running_house(tmp_path, **certificate) as house:
        token = house.token("viewer")

        def use(**how):
            with lineshaft.connect(**how) as client:
                tags = client.tags()
                ended = threading.Event()
                for message in client.live(["x"], until=ended):
                    if "subscribed" in message:
                        ended.set()
                return tags

        # On this machine the server's own certificate is trusted, and no other.
        assert await in_thread(lambda: use(home=house.home.path)) == []
        with pytest.raises(Unavailable) as unknown:
            await in_thread(lambda: use(url=house.url, token=token))
        assert unknown.value.code == "client.certificate_refused"
        with pytest.raises(Unavailable) as wrong_name:
            await in_thread(lambda: use(url=house.url, token=token, ca=certificate["tls_certificate"]))
        assert wrong_name.value.code == "client.certificate_refused"
        monkeypatch.setenv("LINESHAFT_CA", str(tmp_path / "none.pem"))
        with pytest.raises(InvalidInput) as no_file:
            await in_thread(lambda: use(url=house.url, token=token))
        assert no_file.value.code == "client.ca_unreadable"


async def test_a_certificate_of_ones_own_authority_is_trusted_by_its_file(tmp_path, monkeypatch):
    files = self_signed(tmp_path / "tls", "127.0.0.1")
    monkeypatch.setattr(address, "_tls", trusting_one_certificate)
    async with running_house(tmp_path, **files) as house:
        token = house.token("viewer")

        def use():
            with lineshaft.connect(house.url, token, ca=files["tls_certificate"]) as client:
                return client.tags()

        assert await in_thread(use) == []


def trusting_one_certificate(ca, _pinned):
    """As the client's own, but a self-signed certificate counts as an authority."""
    context = ssl.create_default_context(cafile=str(ca))
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return context


# -- servers that misbehave ------------------------------------------------------------------------------------------


class Server:
    """A server in a thread that answers everything alike."""

    def __init__(self, status=200, kind="application/json", body=b"{}", delay=0.0, location=""):
        outer = self
        self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append((self.path, self.headers.get("authorization")))
                outer.stopped.wait(delay)
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                if location:
                    self.send_header("location", location)
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_args):
                pass

        self.stopped = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def refused_by(server, **how):
    with lineshaft.connect(server.url, "ls_a_b", **how) as client, pytest.raises(LineshaftError) as refused:
        client.request("GET", "/x")
    return refused.value


def test_an_answer_that_is_not_ours_is_said_to_be_none():
    with Server(502, "text/html", b"<h1>proxy</h1>") as server:
        assert refused_by(server).code == "client.answer_unexpected"
    with Server(500, "application/problem+json", b"not json") as server:
        assert refused_by(server).code == "client.answer_unexpected"
    with Server(500, "application/problem+json", b"[1]") as server:
        assert refused_by(server).code == "client.answer_unexpected"
    with Server(200, "text/html", b"<h1>hello</h1>") as server:
        assert refused_by(server).code == "client.answer_unexpected"


def test_a_redirect_is_not_followed_with_the_token():
    with Server() as other, Server(302, location=other.url) as server:
        assert refused_by(server).code == "client.answer_unexpected"
        assert other.asked == []


def test_a_server_that_does_not_answer_in_time():
    with Server(delay=60) as server:
        error = refused_by(server, timeout=0.2)
    assert isinstance(error, DeadlineExceeded)
    assert error.code == "client.timeout"


def test_a_server_that_is_not_there():
    with Server() as server:
        pass
    assert refused_by(server).code == "client.unreachable"


def test_proxies_of_the_environment_never_see_the_token(monkeypatch):
    with Server() as proxy, Server() as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        with lineshaft.connect(server.url, "ls_a_b") as client:
            client.request("GET", "/x")
        assert proxy.asked == []
        assert server.asked == [("/x", "Bearer ls_a_b")]


# -- live ------------------------------------------------------------------------------------------------------------


class Watcher:
    """Collects what `live` gives, in a thread."""

    def __init__(self, client, paths):
        self.messages = []
        self.error = None
        self.until = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(client, paths))
        self._thread.start()

    def _watch(self, client, paths):
        try:
            for message in client.live(paths, until=self.until):
                self.messages.append(message)
        except LineshaftError as error:
            self.error = error

    async def seen(self, condition, seconds=60):
        async with asyncio.timeout(seconds):
            while not any(condition(message) for message in self.messages):
                assert self._thread.is_alive() or self.error is not None
                await asyncio.sleep(0.02)

    async def ended(self, seconds=60):
        await asyncio.to_thread(self._thread.join, seconds)
        assert not self._thread.is_alive()

    async def stop(self):
        self.until.set()
        await self.ended()


async def test_live_gives_values_and_ends_when_told(house):
    (one,) = house.tags("ONE")
    with lineshaft.connect(house.url, house.token("viewer")) as client:
        watcher = Watcher(client, [one, "no/such"])
        await watcher.seen(lambda message: "subscribed" in message)
        await house.publish((one, 5.0))
        await watcher.seen(lambda message: any(row[:1] + row[2:3] == [one, 5.0] for row in message.get("values", ())))
        await watcher.stop()
    refused = next(message["refused"] for message in watcher.messages if "refused" in message)
    assert [each["path"] for each in refused] == ["no/such"]
    assert watcher.error is None


async def test_live_survives_a_restart_of_the_server_and_says_what_happened(house):
    (one,) = house.tags("ONE")
    client = await in_thread(lambda: lineshaft.connect(home=house.home.path))
    with client:
        watcher = Watcher(client, [one])
        await watcher.seen(lambda message: "subscribed" in message)
        await house.web.stop()
        await watcher.seen(lambda message: "trying again" in message.get("notice", ""))
        house.web = WebService(Context(house.home, house.settings))
        await house.web.start()
        await house.publish((one, 6.0))
        await watcher.seen(lambda message: any(row[2] == 6.0 for row in message.get("values", ())))
        await watcher.stop()
    assert watcher.error is None


async def test_live_says_while_the_server_has_no_values_to_give(house):
    (one,) = house.tags("ONE")
    with lineshaft.connect(house.url, house.token("viewer"), language="en") as client:
        watcher = Watcher(client, [one])
        await watcher.seen(lambda message: message.get("stale") is False)
        await house.box.kill()
        await watcher.seen(lambda message: message.get("stale") and "lost its bus" in message["notice"])
        await house.box.start()
        await watcher.stop()


async def test_live_ends_with_the_revocation_of_its_token(house):
    from lineshaft.access import principals

    (one,) = house.tags("ONE")
    anna = house.principal("anna", "viewer")
    from lineshaft.access import tokens

    token = house.database.transact(tokens.create, anna.id, "t", ["*"], clock.now_us() + 10**9).text
    with lineshaft.connect(house.url, token) as client:
        watcher = Watcher(client, [one])
        await watcher.seen(lambda message: "subscribed" in message)
        house.database.transact(principals.revoke, house.identity.tenant, anna.id)
        started = time.monotonic()
        await watcher.ended()
    assert time.monotonic() - started < 30  # five seconds on a machine that nobody shares
    assert isinstance(watcher.error, Unauthenticated)
    assert watcher.error.code == "client.live_ended"


def test_a_first_live_connection_that_fails_is_an_error():
    with Server() as server:
        pass
    with lineshaft.connect(server.url, "ls_a_b") as client, pytest.raises(Unavailable):
        next(client.live(["x"]))


async def test_a_live_connection_that_is_refused_says_why(house):
    with lineshaft.connect(house.url, "ls_x_y") as client:
        watcher = Watcher(client, ["x"])
        await watcher.ended()
    assert isinstance(watcher.error, Unauthenticated)
    assert watcher.error.code.startswith("access.")
