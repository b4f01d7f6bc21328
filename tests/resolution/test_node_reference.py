"""A server on loopback is asked what the reference server was asked, and answers the same but for what must differ."""

import msgspec
import pytest

from lineshaft.resolution import codes, packets, wire
from lineshaft.resolution.auth.challenges import answer_with_secret
from lineshaft.resolution.messages import Raw
from lineshaft.resolution.site import Site, decode_site
from lineshaft.resolution.testing import Udp, connected, serving, without_times
from lineshaft.resolution.values.json_form import value_from_json

MASKED = ("create no auth udp", "unknown opcode 9999 udp")
"""Its answer has another version, no request number, and words of its own program; code 5 where it says 2."""
DROPPED = "truncated envelope udp"


def whole(texts):
    together, found = packets.Reassembly(), []
    for text in texts:
        packet = bytes.fromhex(text)
        part = together.add("server", packet, 0.0) if packet[2] & codes.TRUNCATED_ENVELOPE else packet
        found += [part] if part else []
    return found


@pytest.fixture
def description(wire_exchanges):
    """The site as the reference server described itself."""
    (answer,) = whole(wire_exchanges["get site info udp"]["responses"])
    return wire.decode(answer).body.data


@pytest.fixture
def reference_server(fixture_records, fixture_values, description):
    # The recording's own server never signed: any key will do.
    prefix = {b"0.NA/88.1000.1": [value_from_json(one) for one in fixture_values.get("0.NA/88.1000.1", [])]}
    records = {handle: values for handle, values in (fixture_records | prefix).items() if values}
    return serving(
        records, prefixes=["88.1000.1"], site=description, operators=["300:88.1000.1/ADMIN"],
    )  # fmt: skip


def masked(message):
    message = without_times(message)
    envelope = msgspec.structs.replace(message.envelope, session=0, length=0)
    body = message.body
    if message.header.response_code == codes.RC_AUTHENTICATION_NEEDED:
        body = msgspec.structs.replace(body, nonce=b"")
    return msgspec.structs.replace(message, envelope=envelope, body=body)


async def test_datagrams_are_answered_alike(reference_server, wire_exchanges):
    async with reference_server as server:
        compared = 0
        with Udp(server.port) as client:
            for name, entry in wire_exchanges.items():
                if entry["transport"] != "udp" or name == DROPPED:
                    continue
                found = await client.ask(bytes.fromhex(entry["request"]))
                if name in MASKED:
                    assert found.header.response_code == (5 if "9999" in name else 4)
                    continue
                (expected,) = map(wire.decode, whole(entry["responses"]))
                assert masked(found) == masked(expected), name
                compared += 1
        assert compared == 15
        assert server.counts.malformed == 0


async def test_packets_come_as_the_reference_server_sends_them(reference_server, wire_exchanges):
    async with reference_server as server:
        entry = wire_exchanges["big multi packet udp"]
        with Udp(server.port) as client:
            await client.send(bytes.fromhex(entry["request"]))
            found = [await client.receive() for _ in entry["responses"]]
        assert [len(packet) for packet in found] == [len(text) // 2 for text in entry["responses"]]
        assert [packet[:20].hex() for packet in found] == [text[:40] for text in entry["responses"]]


async def test_a_cut_datagram_is_dropped_and_counted(reference_server, wire_exchanges):
    async with reference_server as server:
        good = bytes.fromhex(wire_exchanges["resolve public udp"]["request"])
        with Udp(server.port) as client:
            for cut in (bytes.fromhex(wire_exchanges[DROPPED]["request"]), good[:-1], good[:40], good + b"\0", b""):
                await client.send(cut)
            assert (await client.ask(good)).header.response_code == codes.RC_SUCCESS
        assert server.counts.malformed >= 4


async def test_connections_stay_open_where_the_reference_server_hangs_up(reference_server, wire_exchanges):
    async with reference_server as server, connected(server.port) as client:
        for name in ("resolve KPAL x2 tcp", "create no auth tcp"):
            entry = wire_exchanges[name]
            for text, expected in zip(entry["request"], entry["responses"], strict=False):
                found = await client.ask(bytes.fromhex(text))
                assert masked(found) == masked(wire.decode(bytes.fromhex(expected))), name
        second = bytes.fromhex(wire_exchanges["resolve KPAL x2 tcp"]["request"][1])
        assert (await client.ask(second)).envelope.request == 1001


async def test_challenges_are_answered_in_every_recorded_form(reference_server, wire_exchanges):
    """The recorded answers belong to recorded nonces; ours are made anew in the same form for the same requests."""
    async with reference_server as server, connected(server.port) as client:
        compared = 0
        for name, entry in wire_exchanges.items():
            if "transcript" not in entry:
                continue
            asked, challenge, answer, result = (bytes.fromhex(text) for text in entry["transcript"])
            found = await client.ask(asked)
            assert masked(found) == masked(wire.decode(challenge)), name
            theirs, expected = wire.decode(answer), wire.decode(result)
            right = expected.header.response_code == codes.RC_SUCCESS
            made = answer_with_secret(
                theirs.body.handle, theirs.body.index, b"secret" if right else b"wrong",
                found.body.nonce + found.digest.value, theirs.body.answer[0],
            )  # fmt: skip
            envelope = msgspec.structs.replace(theirs.envelope, session=found.envelope.session)
            reply = await client.ask(wire.encode(msgspec.structs.replace(theirs, envelope=envelope, body=made)))
            assert masked(reply) == masked(expected), name
            compared += 1
        assert compared == 4


async def test_the_site_describes_its_own_ports_and_key_where_nothing_else_is_given(wire_exchanges):
    async with serving(prefixes=["88.1"]) as server, connected(server.port) as client:
        asked = bytes.fromhex(wire_exchanges["get site info udp"]["request"])
        body = (await client.ask(asked)).body
        assert isinstance(body, Raw)
        site = decode_site(body.data)
        assert isinstance(site, Site)
        (described,) = site.servers
        assert {one.port for one in described.interfaces} == {server.port}


async def test_what_was_recorded_survives_another_version(reference_server, wire_exchanges):
    """The same request in every minor version has the same values."""
    async with reference_server as server:
        request = bytearray.fromhex(wire_exchanges["resolve public udp"]["request"])
        seen = set()
        with Udp(server.port) as client:
            for minor in range(12):
                request[1] = request[3] = minor
                answer = await client.ask(bytes(request))
                assert (answer.envelope.major, answer.envelope.minor) == (2, minor)
                seen.add(answer.body)
        assert len(seen) == 1


async def test_answers_are_alike_over_tcp_and_udp(reference_server, wire_exchanges):
    async with reference_server as server, connected(server.port) as client:
        with Udp(server.port) as datagrams:
            for name, entry in wire_exchanges.items():
                if entry["transport"] != "udp" or name in {DROPPED, *MASKED}:
                    continue
                request = bytes.fromhex(entry["request"])
                assert masked(await client.ask(request)) == masked(await datagrams.ask(request)), name
