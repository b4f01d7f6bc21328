"""What a server answers to whom it cannot serve: bad input, other places, templates, other servers' records."""

import time

import pytest

from lineshaft.resolution import codes, wire
from lineshaft.resolution.messages import OfHandle, Raw, Referral, Resolve, Resolved
from lineshaft.resolution.node.server import Node
from lineshaft.resolution.record import pack_record
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.site import Server, Site, encode_site, shard_of
from lineshaft.resolution.testing import RECORDS, Udp, admin, connected, request, serving, value

OK = codes.RC_SUCCESS
SITE = encode_site(Site(serial=1, servers=(Server(number=1, address="127.0.0.9"),)))
TEMPLATE = b"""<namespace><template delimiter="@"><foreach>
  <if value="type" test="equals" expression="URL">
    <if value="extension" test="matches" expression="[0-9]{6}"><value data="${data}?sn=${extension}"/></if>
    <else><notfound/></else>
  </if><else><value/></else>
</foreach></template></namespace>"""


def resolve(handle, flags=codes.PUBLIC_ONLY, types=(), **options):
    return request(codes.OC_RESOLUTION, Resolve(handle, types=tuple(types)), flags=flags, **options)


async def code_of(client, data):
    return (await client.ask(data)).header.response_code


async def test_each_kind_of_bad_request_has_its_code_and_the_connection_goes_on():
    cases = [
        (request(9999, Raw(b"whatever")), codes.RC_NOT_SUPPORTED),
        (resolve(b"88.1/" + b"x" * 2048), codes.RC_INVALID_HANDLE),
        (resolve(b"88.1/\xff\xfe"), codes.RC_INVALID_HANDLE),
        (resolve(b"no-slash"), codes.RC_INVALID_HANDLE),
        (resolve(b""), codes.RC_INVALID_HANDLE),
        (resolve(b"88.1/ITEM", recursion=11), codes.RC_RECURSION_TOO_DEEP),
        (resolve(b"88.1/ITEM", serial=7), codes.RC_OUT_OF_DATE_SITE),
        (resolve(b"88.1/ITEM", serial=codes.NO_SERIAL), OK),
        (resolve(b"88.1/ITEM", session=5), codes.RC_SESSION_TIMEOUT),
        (resolve(b"88.1/ITEM", types=[b"NOTHING"]), codes.RC_VALUES_NOT_FOUND),
        (resolve(b"88.1/NOTHING"), codes.RC_HANDLE_NOT_FOUND),
        (resolve(b"99.9/X"), codes.RC_NOT_RESPONSIBLE),
        (request(codes.OC_GET_SITE_INFO, OfHandle(b"0.NA/88.1"), serial=7), OK),
    ]
    async with serving() as server, connected(server.port) as client:
        with Udp(server.port) as datagrams:
            for asked, code in cases:
                assert await code_of(datagrams, asked) == code, asked
                assert await code_of(client, asked) == code, asked
        assert await code_of(client, resolve(b"88.1/ITEM")) == OK


async def test_a_request_that_expired_is_not_answered():
    now = int(time.time())
    async with serving() as server, connected(server.port) as client:
        with Udp(server.port) as datagrams:
            for ask in (client, datagrams):
                await ask.send(resolve(b"88.1/ITEM", expiration=now - 100, number=1))
                await ask.send(resolve(b"88.1/ITEM", 0, expiration=now - 100, number=2))
                answer = await ask.ask(resolve(b"88.1/ITEM", expiration=now + 100, number=3))
                assert answer.envelope.request == 3
        assert server.counts.malformed >= 1


async def test_what_is_no_message_ends_a_connection_with_code_4():
    good = resolve(b"88.1/ITEM")
    lying = bytearray(good)
    lying[44:48] = (2000).to_bytes(4)  # a handle longer than the message
    behind = good[:16] + (len(good) - 20 + 3).to_bytes(4) + good[20:] + b"abc"
    compressed = good[:2] + bytes((good[2] | codes.COMPRESSED_ENVELOPE,)) + good[3:]
    answer = wire.encode(wire.reply(wire.decode(good), OK, Resolved(b"88.1/ITEM", ()), serial=1, expiration=0))
    longest = good[:16] + (codes.MAX_MESSAGE_BYTES + 1).to_bytes(4) + good[20:]
    old = b"\x01\x00" + good[2:]
    async with serving() as server:
        for bad in (bytes(lying), behind, compressed, answer, longest, old):
            async with connected(server.port) as client:
                assert await code_of(client, good) == OK
                assert await code_of(client, bad) == codes.RC_PROTOCOL_ERROR
                assert await client.receive_bytes() == b""
        before = server.counts.malformed
        with Udp(server.port) as datagrams:
            for bad in (bytes(lying), behind, compressed, answer, longest, old):
                await datagrams.send(bad)
            assert await code_of(datagrams, good) == OK
        assert server.counts.malformed >= before + 6


async def test_a_template_answers_for_a_range_of_handles_that_nobody_registered():
    batch = [
        value(1, b"https://p.example/lot7"),
        value(2, b"lot 7", b"DESC"),
        value(3, b"secret", b"NOTE", 0b1100),
        admin(),
    ]
    records = {**RECORDS, b"0.NA/88.1": [admin(), value(5, TEMPLATE, b"HS_NAMESPACE")], b"88.1/LOT7": batch}
    async with serving(records) as server, connected(server.port) as client:
        with Udp(server.port) as datagrams:
            for number in (0, 1, 999_999):
                found = (await datagrams.ask(resolve(b"88.1/lot7@%06d" % number))).body
                assert isinstance(found, Resolved)
                assert {one.index: one.data for one in found.values if one.index < 100} == {
                    1: b"https://p.example/lot7?sn=%06d" % number, 2: b"lot 7",
                }  # fmt: skip
        chosen = (await client.ask(resolve(b"88.1/LOT7@000001", types=[b"DESC"]))).body.values
        assert [one.index for one in chosen] == [2]
        assert await code_of(client, resolve(b"88.1/LOT7@12345")) == codes.RC_HANDLE_NOT_FOUND
        assert await code_of(client, resolve(b"88.1/LOT8@000001")) == codes.RC_HANDLE_NOT_FOUND
        assert await code_of(client, resolve(b"88.1/LOT7@000001", 0)) == codes.RC_AUTHENTICATION_NEEDED
        everything = await client.prove(resolve(b"88.1/LOT7@000001", 0))
        assert [one.index for one in everything.body.values] == [1, 2, 3, 100]


async def test_a_base_record_with_a_template_of_its_own_answers_for_its_range():
    own = b'<namespace><template delimiter="@"><value index="9" type="SN" data="${extension}"/></template></namespace>'
    records = {
        **RECORDS, b"0.NA/88.1": [admin(), value(5, TEMPLATE, b"HS_NAMESPACE")],
        b"88.1/RANGE": [admin(), value(6, own, b"HS_NAMESPACE")],
    }  # fmt: skip
    async with serving(records) as server, connected(server.port) as client:
        found = (await client.ask(resolve(b"88.1/RANGE@A-17"))).body.values
        assert [(one.index, one.type, one.data) for one in found] == [(9, b"SN", b"A-17")]


async def test_who_serves_a_prefix_is_said_where_it_was_delegated():
    records = {
        b"0.NA/88.1": [value(1, SITE, b"HS_SITE"), admin()],
        b"0.NA/88.2": [value(1, SITE, b"HS_SITE"), value(2, SITE, b"HS_SITE.PREFIX"), admin()],
        b"0.NA/88.3": [value(2, b"88.3/SERVICE", b"HS_SERV"), admin()],
    }
    cases = [
        (b"88.1/X", codes.RC_SERVICE_REFERRAL, b"0.NA/88.1", [b"HS_SITE"]),
        (b"88.3/X", codes.RC_SERVICE_REFERRAL, b"0.NA/88.3", [b"HS_SERV"]),
        (b"88.2.7/X", codes.RC_PREFIX_REFERRAL, b"0.NA/88.2", [b"HS_SITE.PREFIX"]),
        (b"0.NA/88.2.7", codes.RC_PREFIX_REFERRAL, b"0.NA/88.2", [b"HS_SITE.PREFIX"]),
        (b"0.NA/88.2.7.1", codes.RC_PREFIX_REFERRAL, b"0.NA/88.2", [b"HS_SITE.PREFIX"]),
    ]
    async with serving(records, prefixes=["0.NA", "88"]) as server, connected(server.port) as client:
        for handle, code, at, types in cases:
            answer = await client.ask(resolve(handle))
            assert answer.header.response_code == code, handle
            assert isinstance(answer.body, Referral)
            assert (answer.body.handle, [one.type for one in answer.body.values]) == (at, types)
            plain = codes.RC_HANDLE_NOT_FOUND if handle.startswith(b"0.NA") else codes.RC_NOT_RESPONSIBLE
            assert await code_of(client, resolve(handle, codes.PUBLIC_ONLY | codes.DO_NOT_REFER)) == plain, handle
        for handle, code in [
            (b"0.NA/88.9", codes.RC_HANDLE_NOT_FOUND), (b"0.NA/88.9.9", codes.RC_HANDLE_NOT_FOUND),
            (b"88.9/X", codes.RC_NOT_RESPONSIBLE), (b"88/X", codes.RC_HANDLE_NOT_FOUND),
            (b"88.1.7/X", codes.RC_NOT_RESPONSIBLE),
        ]:  # fmt: skip
            assert await code_of(client, resolve(handle)) == code, handle


async def test_a_server_of_several_holds_its_share_and_says_so():
    servers = tuple(Server(number=number, address="127.0.0.1") for number in (1, 2, 3))
    site = encode_site(Site(serial=1, servers=servers))
    async with serving(prefixes=["88.1"], site=site, server_number=2) as server, connected(server.port) as client:
        for number in range(30):
            handle = b"88.1/SHARE-%d" % number
            mine = shard_of(handle, 2, 3) == 1
            expected = codes.RC_HANDLE_NOT_FOUND if mine else codes.RC_NOT_RESPONSIBLE
            assert await code_of(client, resolve(handle)) == expected


class Others:
    """Other servers, as a recursive node knows them."""

    def __init__(self):
        self.records = {b"77.1/FAR": [value(1, b"far away")]}
        self.asked = []
        self.cache = {}

    def lookup(self, key):
        return self.cache.get(key)

    async def values(self, handle, types=(), *, authoritative=False):
        self.asked.append((handle, authoritative))
        if handle not in self.records:
            raise Refused(codes.RC_HANDLE_NOT_FOUND)
        self.cache[handle.upper()] = pack_record(self.records[handle])
        return self.records[handle]

    def stale(self, key):
        return False

    async def verify(self, question):
        return False


@pytest.mark.parametrize("prefixes", [(), ("88.1",)])
async def test_a_recursive_node_asks_once_and_then_knows(prefixes):
    others = Others()
    served = serving(RECORDS if prefixes else {}, prefixes=prefixes, recursive=others)
    async with served as server, connected(server.port) as client:
        with Udp(server.port) as datagrams:
            for ask in (client, datagrams, client, datagrams):
                answer = await ask.ask(resolve(b"77.1/FAR", codes.PUBLIC_ONLY | codes.RECURSIVE))
                assert answer.body.values[0].data == b"far away"
                assert not answer.header.flags & codes.AUTHORITATIVE
        assert others.asked == [(b"77.1/FAR", False)]
        fresh = await client.ask(resolve(b"77.1/FAR", codes.PUBLIC_ONLY | codes.AUTHORITATIVE))
        assert fresh.header.response_code == OK
        assert others.asked[1:] == [(b"77.1/FAR", True)]
        assert await code_of(client, resolve(b"77.1/FAR", types=[b"NONE"])) == codes.RC_VALUES_NOT_FOUND
        assert await code_of(client, resolve(b"77.1/NONE")) == codes.RC_HANDLE_NOT_FOUND
        passed_on = resolve(b"66.1/X", recursion=3)
        assert await code_of(client, passed_on) == codes.RC_NOT_RESPONSIBLE
        if prefixes:
            assert (await client.ask(resolve(b"88.1/ITEM"))).header.flags & codes.AUTHORITATIVE


async def test_ipv6_is_served_as_ipv4_is():
    async with serving(hosts=["127.0.0.1", "::1"]) as server:
        for host in ("127.0.0.1", "::1"):
            async with connected(server.port, host) as client:
                assert await code_of(client, resolve(b"88.1/ITEM")) == OK
            with Udp(server.port, host) as datagrams:
                assert await code_of(datagrams, resolve(b"88.1/LONG")) == OK


async def test_the_quick_and_the_long_way_agree_about_what_is_missing():
    async with serving() as server:
        node: Node = server.node
        for handle in (b"88.1/NOTHING", b"88.1/\xff", b"88.1/", b"99/x", b"0.NA/88.1.1", b"88.1"):
            asked = resolve(handle)
            quick = node.missing(asked, 5)
            (slow,) = await node.answer(asked, "127.0.0.1")
            if quick is not None:
                assert wire.decode(quick).header.response_code == wire.decode(slow).header.response_code
                assert quick[:36] == slow[:36]
