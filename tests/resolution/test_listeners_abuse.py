"""Attacks on a server on loopback, each with what they are to gain: nothing."""

import asyncio
import time

from lineshaft.core import clock
from lineshaft.resolution import codes, wire
from lineshaft.resolution.auth.challenges import answer_with_secret
from lineshaft.resolution.fields import counted, u32
from lineshaft.resolution.listeners import Budgets, Limits
from lineshaft.resolution.listeners.budget import AMPLIFICATION
from lineshaft.resolution.messages import AnswerChallenge, ChangeValues, ExchangeKey, OfHandle, Resolve, SetUpSession
from lineshaft.resolution.messages.sessions import SERVER_KEY
from lineshaft.resolution.networks import network_of
from lineshaft.resolution.service import new_key
from lineshaft.resolution.testing import ADMIN, SECRET, Udp, admin, connected, request, serving, until, value

OK = codes.RC_SUCCESS
DEADLINE = 60


def resolve(handle=b"88.1/ITEM", flags=codes.PUBLIC_ONLY, **options):
    return request(codes.OC_RESOLUTION, Resolve(handle), flags=flags, **options)


async def code_of(client, data):
    return (await client.ask(data)).header.response_code


async def test_beyond_its_budget_a_source_gets_three_bytes_for_one():
    limits = Limits(bytes_per_second=0.01, burst=1_000_000)
    async with serving(limits=limits) as server:
        asked, sent, received, cut = resolve(b"88.1/LONG"), 0, 0, 0
        with Udp(server.port) as client:
            whole = await client.ask(asked)
            assert whole.header.response_code == OK
            size = len(wire.encode(whole))
            for _ in range(200):
                await client.send(asked)
                packet = await client.receive()
                sent, received = sent + len(asked), received + len(packet)
                if server.counts.over_budget:
                    assert packet[2] & codes.TRUNCATED_ENVELOPE
                    assert len(packet) <= AMPLIFICATION * len(asked)
                    cut += 1
                else:  # the rest of an answer within the budget
                    for _ in range(wire.encode(whole)[16:20] and -(-(size - 20) // 492) - 1):
                        received += len(await client.receive())
        assert cut > 150
        assert received <= 10_000 + AMPLIFICATION * sent
        async with connected(server.port) as client:
            assert len(await client.ask_bytes(asked)) == size  # who connects has shown where it is


async def test_signed_answers_and_keys_of_sessions_cannot_take_the_processor():
    limits = Limits(signatures_per_second=0.0001, burst=50_000)  # five, then none for long
    async with serving(limits=limits, key=new_key("rsa")) as server, connected(server.port) as client:
        signed = resolve(flags=codes.PUBLIC_ONLY | codes.CERTIFIED)
        found = [await code_of(client, signed) for _ in range(3)]
        with Udp(server.port) as datagrams:
            found += [await code_of(datagrams, signed) for _ in range(20)]
        assert found == [OK] * 5 + [codes.RC_SERVER_BUSY] * 18
        set_up = request(codes.OC_SESSION_SETUP, SetUpSession(mode=SERVER_KEY))
        assert await code_of(client, set_up) == codes.RC_SERVER_BUSY
        exchange = request(codes.OC_SESSION_EXCHANGE_KEY, ExchangeKey(b"x" * 256))
        assert await code_of(client, exchange) == codes.RC_SERVER_BUSY
        assert await code_of(client, resolve()) == OK
        assert server.counts.over_budget == 20


async def test_an_answer_that_costs_too_much_to_check_is_not_checked():
    async with serving() as server, connected(server.port) as client:
        challenge = await client.ask(request(codes.OC_CREATE_HANDLE, ChangeValues(b"88.1/X", (value(1),))))
        costly = counted(b"salt") + u32(0xFFFFFFFF) + u32(160) + counted(b"x" * 20)
        answer = AnswerChallenge(b"HS_SECKEY", ADMIN, 300, bytes((codes.PBKDF2_HMAC_SHA1,)) + costly)
        began = time.process_time()
        code = await code_of(client, request(codes.OC_CHALLENGE_ANSWER, answer, session=challenge.envelope.session))
        assert code == codes.RC_AUTHENTICATION_FAILED
        assert time.process_time() - began < 1


async def test_trying_out_numbers_is_noticed_and_slowed(capsys):
    limits = Limits(missing_per_second=0.001, burst=50_000)  # fifty
    async with serving(limits=limits) as server, connected(server.port) as client:
        with Udp(server.port) as datagrams:
            found = []
            for number in range(100):
                ask = client if number % 2 else datagrams
                found.append(await code_of(ask, resolve(b"88.1/SN%06d" % number)))
        assert found == [codes.RC_HANDLE_NOT_FOUND] * 50 + [codes.RC_SERVER_BUSY] * 50
        assert (server.counts.missing, server.counts.enumerating, server.counts.alarms) == (50, 50, 1)
        assert await code_of(client, resolve()) == OK
    assert "resolution_enumeration" in capsys.readouterr().out


async def test_what_was_said_once_cannot_be_said_again():
    """The answer to a challenge is good once, and for the request that was challenged."""
    async with serving() as server, connected(server.port) as client, connected(server.port) as thief:
        asked = request(codes.OC_CREATE_HANDLE, ChangeValues(b"88.1/ONCE", (value(1), admin())))
        challenge = await client.ask(asked)
        made = answer_with_secret(
            ADMIN, 300, SECRET, challenge.body.nonce + challenge.digest.value, codes.HMAC_SHA256
        )  # fmt: skip
        answer = request(codes.OC_CHALLENGE_ANSWER, made, session=challenge.envelope.session)
        assert await code_of(client, answer) == OK
        assert await code_of(thief, answer) == codes.RC_AUTHENTICATION_TIMEOUT
        other = await thief.ask(request(codes.OC_DELETE_HANDLE, OfHandle(b"88.1/ONCE")))
        assert other.header.response_code == codes.RC_AUTHENTICATION_NEEDED
        again = request(codes.OC_CHALLENGE_ANSWER, made, session=other.envelope.session)
        assert await code_of(thief, again) == codes.RC_AUTHENTICATION_FAILED
        assert await code_of(client, resolve(b"88.1/ONCE")) == OK


async def test_guessing_a_secret_leads_nowhere(monkeypatch):
    now = clock.monotonic()
    async with serving() as server, connected(server.port) as client:
        monkeypatch.setattr(server.node.identities, "_now", lambda: now)  # who waits long enough may try again
        asked = request(codes.OC_CREATE_HANDLE, ChangeValues(b"88.1/GUESSED", (value(1), admin())))
        for number in range(6):
            guess = await client.prove(asked, secret=b"guess %d" % number)
            assert guess.header.response_code == codes.RC_AUTHENTICATION_FAILED
        right = await client.prove(asked)
        assert right.header.response_code == codes.RC_AUTHENTICATION_FAILED
        assert "try again in" in right.body.message
        assert await code_of(client, resolve(b"88.1/GUESSED")) == codes.RC_HANDLE_NOT_FOUND


async def test_nobody_learns_whether_an_identity_is_there():
    async with serving() as server, connected(server.port) as client:
        asked = request(codes.OC_CREATE_HANDLE, ChangeValues(b"88.1/X", (value(1), admin())))
        answers = [await client.prove(asked, who=who, secret=b"wrong") for who in (ADMIN, b"88.1/NOBODY")]
        assert answers[0].header.response_code == answers[1].header.response_code
        assert answers[0].body == answers[1].body


async def drip(client):
    """A message, a byte at a time."""
    for byte in resolve():
        await client.send(bytes((byte,)))
        await asyncio.sleep(0.03)


async def test_a_message_that_takes_too_long_ends_its_connection():
    limits = Limits(message_seconds=0.4, idle_seconds=60)
    async with serving(limits=limits) as server, connected(server.port) as slow, connected(server.port) as idle:
        assert await code_of(slow, resolve()) == OK
        dripping = asyncio.create_task(drip(slow))
        assert await slow.receive_bytes() == b""
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        assert await code_of(idle, resolve()) == OK
        await until(lambda: server.counts.connections == 1)


async def test_a_connection_that_says_nothing_is_ended():
    async with serving(limits=Limits(message_seconds=0.4, idle_seconds=0.3)) as server:
        async with connected(server.port) as idle:
            assert await idle.receive_bytes() == b""
        await until(lambda: server.counts.connections == 0)


async def test_a_message_longer_than_any_may_be_is_refused_at_its_first_bytes():
    head = resolve()[:16] + (codes.MAX_MESSAGE_BYTES + 1).to_bytes(4)
    async with serving() as server, connected(server.port) as client:
        assert await code_of(client, head) == codes.RC_PROTOCOL_ERROR
        assert await client.receive_bytes() == b""


async def test_halves_of_messages_cannot_fill_the_memory():
    head = resolve()[:16] + codes.MAX_MESSAGE_BYTES.to_bytes(4)
    limits = Limits(waiting_bytes=1_000_000, connections=50)
    async with serving(limits=limits) as server:
        opened = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(40)]
        for _, writer in opened:
            writer.write(head + bytes(100_000))
        await until(lambda: server.counts.dropped > 20)
        assert sum(listener.waiting_bytes for listener in server._tcp) <= 1_000_000
        async with connected(server.port) as client:
            assert await code_of(client, resolve()) == OK
        for _, writer in opened:
            writer.transport.abort()
        await until(lambda: server.counts.connections == 0)
        assert sum(listener.waiting_bytes for listener in server._tcp) == 0


async def test_a_long_message_in_many_pieces_costs_no_more_than_in_one():
    values = tuple(value(number, b"x" * 1000) for number in range(1, 200))
    long = request(codes.OC_CREATE_HANDLE, ChangeValues(b"88.1/LARGE", values))
    async with serving() as server, connected(server.port) as client:
        for size in (1, 7, 19, 20, 21):
            await client.send(long[:size])
            await asyncio.sleep(0)
            for start in range(size, len(long), 5000):
                await client.send(long[start : start + 5000])
            answer = wire.decode(await client.receive_bytes())
            assert answer.header.response_code == codes.RC_AUTHENTICATION_NEEDED
        for part in (resolve(number=1)[:30], resolve(number=1)[30:] + resolve(number=2) + resolve(number=3)[:5]):
            await client.send(part)
        await client.send(resolve(number=3)[5:])
        got = [wire.decode(await client.receive_bytes()).envelope.request for _ in range(3)]
        assert got == [1, 2, 3]


async def test_one_network_has_so_many_connections_and_no_more():
    async with serving(limits=Limits(connections=5)) as server:
        opened = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(12)]
        await until(lambda: server.counts.refused_connections == 7)
        assert server.counts.connections == 5
        for _, writer in opened:
            writer.close()
        await until(lambda: server.counts.connections == 0)
        async with connected(server.port) as client:
            assert await code_of(client, resolve()) == OK


async def test_answers_that_nobody_fetches_stop_the_reading():
    async with serving() as server, connected(server.port) as greedy, connected(server.port) as client:
        asked = resolve(b"88.1/LONG") * 200
        for _ in range(100):
            greedy.writer.write(asked)
        assert await code_of(client, resolve()) == OK
        before = 0
        async with asyncio.timeout(DEADLINE):
            while server.counts.tcp != before:
                before = server.counts.tcp
                await asyncio.sleep(0.2)
        assert before < 15_000
        assert await code_of(client, resolve()) == OK
        greedy.writer.transport.abort()


async def test_packets_of_messages_that_never_end_are_given_up():
    good = resolve()
    part = bytearray(good[:20] + bytes(492))
    part[2] |= codes.TRUNCATED_ENVELOPE
    part[16:20] = (100_000).to_bytes(4)
    async with serving() as server:
        with Udp(server.port) as client:
            for number in range(3000):
                part[8:12] = number.to_bytes(4)
                await client.send(bytes(part))
                if not number % 32:
                    await asyncio.sleep(0)  # the server takes what came: it need not have room for all of it
            assert await code_of(client, good) == OK
        (listener,) = server._udp
        assert len(listener._parts._waiting) <= 1024
        assert listener._parts._bytes <= 4 * 1024 * 1024


async def test_pipelined_requests_have_all_their_answers():
    async with serving() as server, connected(server.port) as client:
        many = b"".join(
            resolve(b"88.1/ITEM" if number % 3 else b"88.1/NONE", number=number) for number in range(1, 501)
        )
        await client.send(many)
        found = [wire.decode(await client.receive_bytes()) for _ in range(500)]
        assert [one.envelope.request for one in found] == list(range(1, 501))
        assert {one.header.response_code for one in found} == {OK, codes.RC_HANDLE_NOT_FOUND}


def test_a_network_is_one_source():
    budgets = Budgets(10, 1)
    assert budgets.take("192.0.2.1", 10, 0.0)
    assert not budgets.take("192.0.2.200", 1, 0.0)
    assert budgets.take("192.0.3.1", 10, 0.0)
    assert budgets.take("192.0.2.9", 5, 0.5)
    assert network_of("2001:db8::1") == network_of("2001:db8:0:0:ffff::2") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:192.0.2.7") == network_of("192.0.2.9")
