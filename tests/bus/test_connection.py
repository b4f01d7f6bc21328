"""A connection comes back by itself with everything on it; refusals are errors of the call that they are about."""

import asyncio
import os
import subprocess
import sys

import msgspec
import pytest
import structlog.testing

from lineshaft.bus import Bus, BusSettings, Subjects, connection, permissions
from lineshaft.core import clock
from lineshaft.core.errors import Corrupt, DeadlineExceeded, Forbidden, InvalidInput, TooLarge, Unavailable
from lineshaft.core.home import Home

TELEMETRY = "TELEMETRY"


async def test_an_idle_connection_notices_the_loss_and_the_return_once_each(box, eventually):
    bus = await box.connect("web")
    changes: list[bool] = []
    end = bus.on_connection(changes.append)
    with structlog.testing.capture_logs() as lines:
        await box.kill()
        await eventually(lambda: not bus.connected)
        assert not bus.check().ok
        assert bus.check().hint
        await asyncio.sleep(0.5)  # several attempts, which must not be logged again
        await box.start()
        await bus.wait_connected(30)
    assert bus.check().ok
    assert changes == [False, True]
    assert [line["event"] for line in lines] == ["bus_connection_missing", "bus_connection_recovered"]
    end()
    await box.kill()
    await eventually(lambda: not bus.connected)
    assert changes == [False, True]


async def test_everything_listened_to_is_listened_to_again(box, eventually):
    service, caller = await box.connect("history"), await box.connect("web")
    heard = []

    async def note(message):
        heard.append(message.data)

    async def echo(_caller, body):
        return body

    await service.subscribe(service.subjects.all_events(), note)
    await service.serve("history", "echo", echo)
    for round_ in range(3):
        await box.kill()
        await box.start()
        await service.wait_connected(30)
        await caller.wait_connected(30)
        assert await caller.request("history", "echo", b"%d" % round_) == b"%d" % round_
        await caller.publish(caller.subjects.event("a", "b"), b"event %d" % round_)
        await eventually(lambda expected=round_ + 1: len(heard) == expected)
    assert heard == [b"event 0", b"event 1", b"event 2"]


async def test_what_begins_to_listen_during_an_outage_is_heard_after_it(box, eventually):
    bus, other = await box.connect("history"), await box.connect("web")
    await box.kill()
    await eventually(lambda: not bus.connected)
    heard = []

    async def note(message):
        heard.append(message.data)

    await bus.subscribe(bus.subjects.all_events(), note)
    await box.start()
    await bus.wait_connected(30)
    await other.wait_connected(30)
    await other.publish(other.subjects.event("a", "b"), b"x")
    await eventually(lambda: heard == [b"x"])


async def test_a_program_may_start_before_the_bus(box):
    box.issue("gateway")
    await box.kill()
    bus = await Bus.connect(box.settings, box.home, "gateway", wait=0.2)
    try:
        assert not bus.connected
        with pytest.raises(Unavailable) as refused:
            await bus.request("history", "echo", timeout=0.1)
        assert refused.value.code == "bus.unreachable"
        await box.start()
        await bus.wait_connected(30)
        assert (await bus.publish_stored(bus.subjects.data("gateway", "g"), b"x")).sequence == 1
    finally:
        await bus.close()


async def test_a_principal_without_credentials_is_told_so(box):
    with pytest.raises(Unavailable, match="nobody") as refused:
        await Bus.connect(box.settings, box.home, "nobody")
    assert refused.value.code == "bus.credentials_missing"


@pytest.mark.parametrize("damage", [b"", b"\xff", b"-----BEGIN NATS USER JWT-----\n", "seed", "token"])
async def test_damaged_credentials_are_told_and_whole_ones_taken_later(box, eventually, damage):
    bus = await box.connect("gateway")
    path = box.home.keys / "gateway.creds"
    whole = path.read_bytes()
    if isinstance(damage, str):  # one character of the part
        marker = b"SEED-----\n" if damage == "seed" else b"JWT-----\n"
        at = whole.index(marker) + len(marker) + 5
        damage = whole[:at] + b"." + whole[at + 1 :]
    path.write_bytes(damage)
    with pytest.raises(Corrupt):
        await Bus.connect(box.settings, box.home, "gateway")
    await box.kill()
    await box.start()
    with pytest.raises(Unavailable):
        await bus.wait_connected(2)
    path.write_bytes(whole)
    await bus.wait_connected(30)


async def test_credentials_that_vanish_are_told_and_taken_again_later(box):
    bus = await box.connect("gateway")
    path = box.home.keys / "gateway.creds"
    path.rename(path.with_suffix(".away"))
    await box.kill()
    await box.start()
    with pytest.raises(Unavailable) as told:
        await bus.wait_connected(2)
    assert told.value.code == "bus.credentials_missing"
    path.with_suffix(".away").rename(path)
    await bus.wait_connected(30)


async def test_a_fault_of_the_client_underneath_does_not_end_the_attempts(box, eventually, monkeypatch):
    bus = await box.connect("gateway")
    await box.kill()
    await eventually(lambda: not bus.connected)

    async def fail(_client):
        raise ZeroDivisionError

    with monkeypatch.context() as patch, structlog.testing.capture_logs() as lines:
        patch.setattr(bus.connection, "_connect", fail)
        await eventually(lambda: "bus_connect_failed" in [line["event"] for line in lines])
    await box.start()
    await bus.wait_connected(30)


async def test_a_call_under_way_ends_when_the_connection_breaks(box, eventually):
    service, caller = await box.connect("history"), await box.connect("web")
    asked = asyncio.Event()

    async def never(_caller, _body):
        asked.set()
        await asyncio.Event().wait()

    await service.serve("history", "wait", never)
    call = asyncio.create_task(caller.request("history", "wait", timeout=60))
    await asked.wait()
    await box.kill()
    with pytest.raises(Unavailable) as refused:
        async with asyncio.timeout(30):
            await call
    assert refused.value.code == "bus.connection_lost"


async def test_a_call_made_during_a_short_outage_waits_for_its_end(box, eventually, monkeypatch):
    monkeypatch.setattr(connection, "GRACE_SECONDS", 60)  # the outage is as long as the server needs to start
    bus = await box.connect("web")
    await box.kill()
    await eventually(lambda: not bus.connected)
    call = asyncio.create_task(bus.stream_info(TELEMETRY))
    await asyncio.sleep(0.05)
    await box.start()
    assert (await call).last == 0


async def test_closing_ends_whoever_waits(box, eventually):
    bus = await box.connect("web")
    await box.kill()
    await eventually(lambda: not bus.connected)
    waiting = asyncio.create_task(bus.wait_connected())
    reading = asyncio.create_task(anext(bus.read_stream(TELEMETRY, 1)))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(30):
        await bus.close()
        for task in (waiting, reading):
            with pytest.raises(Unavailable, match="closed"):
                await task
    with pytest.raises(Unavailable, match="closed"):
        await bus.publish("ls.main.box.event.a.b", b"")


async def test_closing_ends_although_the_client_underneath_swallows_a_cancellation(box, eventually, monkeypatch):
    bus = await box.connect("web")
    disposing, swallowed = asyncio.Event(), []

    async def dispose(_client):
        disposing.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.append(True)

    await box.kill()
    await eventually(lambda: not bus.connected)
    monkeypatch.setattr(bus.connection, "_dispose", dispose)
    async with asyncio.timeout(30):  # it tries to connect again, fails, and disposes of the client
        await disposing.wait()
    async with asyncio.timeout(30):
        await bus.close()
    assert swallowed
    assert bus.connection._keeper.done()


# -- permissions ------------------------------------------------------------------------------------------------------


async def test_a_forbidden_publish_is_an_error_at_once_and_not_a_time_out(box):
    bus = await box.connect("gateway", permissions.publish(box.subjects.data_of("gateway")))
    assert (await bus.publish_stored(bus.subjects.data("gateway", "g"), b"x")).sequence == 1
    with pytest.raises(Forbidden) as refused:
        async with asyncio.timeout(30):
            await bus.publish_stored(bus.subjects.data("OtherGateway", "g"), b"x", timeout=60)
    assert refused.value.code == "bus.forbidden"
    assert refused.value.facts["subject"] == "ls.main.box.data.OtherGateway.g"
    assert refused.value.facts["name"] == "gateway"


async def test_a_refused_publish_that_nobody_waits_for_is_logged(box, eventually):
    bus = await box.connect("gateway", permissions.publish(box.subjects.data_of("gateway")))
    with structlog.testing.capture_logs() as lines:
        await bus.publish(bus.subjects.event("a", "b"), b"x")
        await eventually(lambda: bool(lines))
    assert lines[0]["event"] == "bus_permission_missing"
    assert lines[0]["subject"] == bus.subjects.event("a", "b")


async def test_a_refusal_ends_no_other_call(box):
    bus = await box.connect("gateway", permissions.publish(box.subjects.data_of("gateway")))
    good = [bus.publish_stored(bus.subjects.data("gateway", f"g{n}"), b"x") for n in range(20)]
    bad = [bus.publish_stored(bus.subjects.data("other", f"g{n}"), b"x") for n in range(20)]
    results = await asyncio.gather(*good, *bad, return_exceptions=True)
    assert sorted(each.sequence for each in results[:20]) == list(range(1, 21))
    assert all(isinstance(each, Forbidden) for each in results[20:])


async def test_a_forbidden_subscription_is_an_error(box):
    bus = await box.connect("web", permissions.subscribe(box.subjects.all_data()))

    async def ignore(_message):
        pass

    await bus.subscribe(bus.subjects.all_data(), ignore)
    with pytest.raises(Forbidden, match=r"listen on ls\.main\.box\.event") as refused:
        await bus.subscribe(bus.subjects.all_events(), ignore)
    assert refused.value.code == "bus.forbidden"
    with pytest.raises(Forbidden):
        await bus.serve("history", "latest", ignore)


async def test_nobody_hears_the_answers_of_another(box):
    spy = await box.connect("spy", permissions.subscribe(box.subjects.all_data()))
    for prefix in ("_INBOX_web.>", "_INBOX.>", "*.>", ">", "*.*", "$JS.>"):
        with pytest.raises(Forbidden):
            await spy.connection.listen(prefix, lambda _message: None)
    await spy.connection.listen("_INBOX_spy.>", lambda _message: None)


async def test_nobody_asks_in_the_name_of_another(box):
    service = await box.connect("history")

    async def who(caller, _body):
        return caller.encode()

    await service.serve("history", "who", who)
    web = await box.connect("web", permissions.request(box.subjects, "web", "history", "who"))
    assert await web.request("history", "who") == b"web"
    with pytest.raises(Forbidden):
        await web.connection.ask(box.subjects.service("history", "who", "administrator"), b"", timeout=30)
    with pytest.raises(Forbidden):
        await web.request("history", "seal")


async def test_who_only_serves_may_answer_who_asked_and_nobody_else(box, eventually):
    service = await box.connect("history", permissions.serve(box.subjects, "history", "who"))
    web = await box.connect("web")
    inboxes = []

    def take(message):
        inboxes.append(message.reply)

    await service.connection.listen(box.subjects.service_of_all("history", "who"), take)
    with pytest.raises(DeadlineExceeded):
        await web.request("history", "who", timeout=0.3)
    await eventually(lambda: inboxes)
    heard = asyncio.Queue()
    await web.connection.listen("_INBOX_web.>", heard.put_nowait)
    await service.connection.publish("_INBOX_web.guessed", b"forged")
    await service.connection.publish(inboxes[0], b"answer")
    assert (await heard.get()).data == b"answer"


CAPABILITIES = {
    "read": lambda _subjects: permissions.read_stream(TELEMETRY, "one"),
    "trim": lambda _subjects: permissions.trim_stream(TELEMETRY),
    "info": lambda _subjects: permissions.stream_info(TELEMETRY),
    "last": lambda subjects: permissions.last_message("CONFIG", subjects.config("gateway")),
    "publish": lambda subjects: permissions.publish(subjects.data_of("gateway")),
    "manage": lambda _subjects: permissions.manage_streams(TELEMETRY),
}
USES = {
    "read": lambda bus: anext(bus.read_stream(TELEMETRY, 1)),
    "trim": lambda bus: bus.trim(TELEMETRY, 0),
    "info": lambda bus: bus.stream_info(TELEMETRY),
    "last": lambda bus: bus.last_message("CONFIG", bus.subjects.config("gateway")),
    "publish": lambda bus: bus.publish_stored(bus.subjects.data("gateway", "g"), b"x"),
    "manage": lambda bus: bus.connection.ask(f"$JS.API.STREAM.CREATE.{TELEMETRY}", b"{}", timeout=30),
}
ALSO = {"read": {"info"}, "manage": {"info"}}


@pytest.mark.parametrize("given", CAPABILITIES)
async def test_a_capability_allows_its_use_and_no_other(box, given):
    writer = await box.connect("gateway")
    await writer.publish_stored(writer.subjects.data("gateway", "g"), b"x")
    bus = await box.connect("one", CAPABILITIES[given](box.subjects))
    for name, use in USES.items():
        if name == given or name in ALSO.get(given, ()):
            await use(bus)
        else:
            with pytest.raises(Forbidden):
                await use(bus)


async def test_the_last_message_of_another_subject_is_not_given(box):
    bus = await box.connect("one", permissions.last_message("CONFIG", box.subjects.config("gateway")))
    assert await bus.last_message("CONFIG", box.subjects.config("gateway")) is None
    with pytest.raises(Forbidden):
        await bus.last_message("CONFIG", box.subjects.config("other"))


async def test_nobody_reads_with_the_consumer_of_another(box):
    victim = await box.connect("history")
    reader = victim.read_stream(TELEMETRY, 1)
    pending = asyncio.ensure_future(anext(reader))
    thief = await box.connect("thief", permissions.read_stream(TELEMETRY, "thief"))
    with pytest.raises(Forbidden):
        await thief.connection.ask(f"$JS.API.CONSUMER.DELETE.{TELEMETRY}.history", b"", timeout=30)
    with pytest.raises(Forbidden):
        await thief.connection.ask(f"$JS.API.CONSUMER.MSG.NEXT.{TELEMETRY}.history", b"", timeout=30)
    await victim.publish_stored(victim.subjects.data("gateway", "g"), b"x")
    assert (await pending)[0].data == b"x"
    await reader.aclose()


def test_permissions_join_without_repeating():
    joined = permissions.join(
        permissions.Permissions(publish=["b", "a"], respond=True),
        permissions.Permissions(publish=["a"], subscribe=["c"]),
    )
    assert joined == permissions.Permissions(publish=["a", "b"], subscribe=["c"], respond=True)


@pytest.mark.parametrize(("name", "reader"), [("a.b", ""), ("a", "*"), ("a", "b c"), ("", "")])
def test_a_consumer_is_named_by_tokens_only(name, reader):
    with pytest.raises(Exception, match="cannot be part of a bus subject"):
        permissions.consumer_name(name, reader)


# -- revocation -------------------------------------------------------------------------------------------------------


async def test_a_revoked_principal_is_cut_off_at_once_and_stays_out(box, eventually):
    revoked, other = await box.connect("gateway"), await box.connect("web")
    with structlog.testing.capture_logs() as lines:
        await box.revoke("gateway")
        async with asyncio.timeout(30):
            await eventually(lambda: not revoked.connected)
        assert other.connected
        with pytest.raises(Unavailable) as refused:
            await revoked.publish_stored(revoked.subjects.data("gateway", "g"), b"x")
        assert refused.value.code == "bus.refused"
        await asyncio.sleep(1)
        assert not revoked.connected
    missing = [line for line in lines if line["event"] == "bus_connection_missing"]
    assert [line["code"] for line in missing] == ["bus.refused"]


async def test_a_revocation_survives_the_servers_restart_although_its_configuration_is_older(box, eventually):
    bus, other = await box.connect("gateway"), await box.connect("web")
    before = (box.home.path / "bus" / "server.conf").read_bytes()
    await box.revoke("gateway")
    await eventually(lambda: not bus.connected)
    await box.kill()
    await box.start()
    assert (box.home.path / "bus" / "server.conf").read_bytes() == before
    await other.wait_connected(30)
    with pytest.raises(Unavailable):
        await bus.wait_connected(2)


async def test_a_second_revocation_in_the_same_second_is_taken_too(box, eventually):
    buses = [await box.connect(f"gateway{n}") for n in range(4)]
    for bus in buses:
        await box.revoke(bus.name)
    await eventually(lambda: not any(bus.connected for bus in buses))


async def test_a_principal_with_a_new_key_connects_again_by_itself(box, eventually):
    bus = await box.connect("gateway")
    await box.revoke("gateway")
    await eventually(lambda: not bus.connected)
    box.issue("gateway")
    await bus.wait_connected(30)
    assert (await bus.publish_stored(bus.subjects.data("gateway", "g"), b"x")).sequence == 1


async def test_a_revocation_holds_for_tokens_dated_after_it_because_a_clock_was_set_back(box, eventually):
    with clock.fixed(lambda: 2_000_000_000_000_000):
        bus = await box.connect("gateway")
    await box.revoke("gateway")
    await eventually(lambda: not bus.connected)


async def test_what_is_not_an_account_token_is_refused(box):
    administration = await box.administer()
    try:
        with pytest.raises(Unavailable) as refused:
            await administration.push_account("garbage")
        assert refused.value.code == "bus.account_refused"
    finally:
        await administration.close()


async def test_only_the_system_account_may_push_tokens(box):
    bus = await box.connect("web", permissions.push_accounts())
    # Another account's $SYS subjects lead nowhere.
    assert await bus.connection.ask("$SYS.REQ.CLAIMS.UPDATE", b"x", timeout=30) is None


# -- what is no subject or header ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["", "a..b", ".a", "a.", "a b", "a\r\nPUB x 0\r\n", "a.*", "a.>", "a\x00"])
async def test_a_message_is_not_published_on_what_is_no_subject(box, bad):
    bus = await box.connect("web")
    with pytest.raises(InvalidInput) as refused:
        await bus.publish(bad, b"x")
    assert refused.value.code == "bus.subject_invalid"
    assert bus.connected


async def test_nobody_listens_on_what_is_no_subject_and_the_connection_comes_back_after_the_attempt(box):
    bus = await box.connect("web")
    for bad in ("", "a..b", "a.>.b", "a.x*", "_INBOX_*.>", "a b"):
        with pytest.raises(InvalidInput):
            await bus.connection.listen(bad, lambda _message: None)
    await box.kill()
    await box.start()
    await bus.wait_connected(30)


async def test_a_header_cannot_carry_another_header_or_command(box):
    bus = await box.connect("web")
    subject = bus.subjects.data("gateway", "g")
    for bad in ("a b", "a:b", "a\r\nb", "轴"):
        with pytest.raises(InvalidInput) as refused:
            await bus.publish_stored(subject, b"x", {bad: "1"})
        assert refused.value.code == "bus.header_name_invalid"
    await bus.publish_stored(subject, b"x", {"A": "1\r\nB: 2"})
    assert [message.headers async for message in _first(bus)] == [{"A": "1  B: 2"}]


# -- limits -----------------------------------------------------------------------------------------------------------


async def test_a_message_over_the_limit_is_refused_and_the_connection_stays(box):
    bus = await box.connect("gateway")
    subject = bus.subjects.data("gateway", "g")
    limit = bus.max_payload
    assert limit == box.settings.max_payload
    for payload, headers in ((b"x" * (limit + 1), None), (b"x" * limit, {"A": "b"}), (b"", {"A": "b" * limit})):
        with pytest.raises(TooLarge) as refused:
            await bus.publish_stored(subject, payload, headers)
        assert refused.value.code == "bus.message_too_large"
        assert refused.value.facts["maximum"] == limit
    assert bus.connected
    assert (await bus.publish_stored(subject, b"x" * (limit - 100), {"A": "b"})).sequence == 1


async def test_a_message_just_under_the_limit_with_headers_in_chinese_does_not_cut_the_connection(box):
    bus = await box.connect("gateway")
    headers = {"Ls-Detail": "轴" * 1000}
    size = len(headers["Ls-Detail"].encode())
    for spare in range(0, 64, 8):
        try:
            await bus.publish_stored(
                bus.subjects.data("gateway", "g"), b"x" * (bus.max_payload - size - spare), headers
            )
        except TooLarge:
            continue
        break
    assert bus.connected
    stored = [message async for message in _first(bus)]
    assert stored[0].headers["Ls-Detail"] == headers["Ls-Detail"]


async def _first(bus):
    reader = bus.read_stream(TELEMETRY, 1)
    for message in await anext(reader):
        yield message
    await reader.aclose()


async def test_it_runs_on_uvloop(tmp_path):
    program = (
        "import uvloop, pathlib, sys\n"
        "from lineshaft.bus.testing import embedded_bus\n"
        "async def main():\n"
        "    async with embedded_bus(pathlib.Path(sys.argv[1])) as box:\n"
        "        bus = await box.connect('web')\n"
        "        async def echo(caller, body): return body\n"
        "        await bus.serve('web', 'echo', echo)\n"
        "        await box.kill(); await box.start(); await bus.wait_connected(30)\n"
        "        print((await bus.request('web', 'echo', b'hello')).decode())\n"
        "uvloop.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", program, str(tmp_path), stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert (process.returncode, output.splitlines()[-1]) == (0, b"hello")


def test_the_package_stays_small_without_telemetry():
    program = (
        "import sys; from lineshaft.bus import *; import lineshaft.bus as b\n"
        "[getattr(b, name) for name in b.__all__]\n"
        "heavy = {'pyarrow', 'numpy', 'sqlalchemy', 'cryptography', 'litestar'} & set(sys.modules)\n"
        "print(sorted(heavy), int(open('/proc/self/statm').read().split()[1]) * 4096 // 1_000_000)\n"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    heavy, megabytes = output.rsplit(" ", 1)
    assert heavy == "[]"
    assert int(megabytes) < 60


async def test_an_answer_that_comes_after_its_deadline_harms_nobody(box):
    service, caller = await box.connect("history"), await box.connect("web")
    release = asyncio.Event()

    async def slow(_caller, body):
        await release.wait()
        return body

    async def echo(_caller, body):
        return body

    await service.serve("history", "slow", slow)
    await service.serve("history", "echo", echo)
    with pytest.raises(DeadlineExceeded) as late:
        await caller.request("history", "slow", b"late", timeout=0.1)
    assert late.value.code == "bus.unanswered"
    release.set()
    assert [await caller.request("history", "echo", b"%d" % n) for n in range(5)] == [b"%d" % n for n in range(5)]


def test_every_exported_name_is_there_and_no_other():
    import lineshaft.bus

    assert all(getattr(lineshaft.bus, name) is not None for name in lineshaft.bus.__all__)
    for name in lineshaft.bus.__all__:
        assert getattr(lineshaft.bus, name) is not None
    with pytest.raises(AttributeError):
        _ = lineshaft.bus.nothing


async def test_a_hanging_server_is_noticed_and_left(box, eventually, monkeypatch):
    monkeypatch.setattr(connection, "_PING_SECONDS", 0.2)
    bus = await box.connect("web")
    os.kill(box.pid, 19)  # SIGSTOP
    try:
        await eventually(lambda: not bus.connected)
    finally:
        os.kill(box.pid, 18)  # SIGCONT
    await bus.wait_connected(30)


def test_an_unreadable_address_file_is_as_if_there_were_none(tmp_path):
    from lineshaft.bus import find_address

    home = Home(tmp_path)
    home.folder("run")
    for text in (b"", b"{", msgspec.json.encode({"host": 1})):
        (home.run / "bus.json").write_bytes(text)
        with pytest.raises(Unavailable, match="not running"):
            find_address(BusSettings(), home)
    assert Subjects("main", "box").tenant == "main"


INFO = b'INFO {"server_id":"x","version":"2.15.1","proto":1,"headers":true,"max_payload":1048576,"nonce":"abc"}\r\n'


@pytest.mark.parametrize("greeting", [b"", INFO])
async def test_closing_in_the_middle_of_an_attempt_leaves_no_socket_open(box, greeting):
    """A server that takes connections and then says nothing, or nothing more, hears the end of each."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang(reader, writer):
        writer.write(greeting)
        begun.set()
        await reader.read(-1)
        writer.close()
        ended.set()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        box.issue("web")
        bus = await Bus.connect(BusSettings(url=f"nats://127.0.0.1:{port}"), box.home, "web", wait=0)
        await asyncio.wait_for(begun.wait(), 60)
        await asyncio.sleep(0)
        await bus.close()
        await asyncio.wait_for(ended.wait(), 60)
