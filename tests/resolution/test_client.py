"""The client against real servers, honest and lying ones, over real sockets."""

import asyncio
import contextlib
import hashlib

import msgspec
import pytest

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution import codes, wire
from lineshaft.resolution.auth import keys
from lineshaft.resolution.client import (
    Client,
    KeyIdentity,
    Patience,
    RootAddress,
    Roots,
    SecretIdentity,
    fingerprint,
    parse_address,
    read_roots,
    roots_from_json,
)
from lineshaft.resolution.messages import AnswerChallenge, Challenge, OldChallenge, Refusal, Resolved, VerifyAnswer
from lineshaft.resolution.model import HandleValue, Reference
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.site import Interface, Server, Site
from lineshaft.resolution.values.site_json import site_to_json

QUICK = Patience(udp=(0.2, 0.2), connecting=20, tcp=20)
PATIENT = Patience(udp=(2, 5, 10), connecting=20, tcp=20)
"""Where answers come, however busy the machine is, and by UDP."""
PUMP = b"88.100/PUMP-7"


async def test_any_handle_is_found_from_the_roots(hierarchy):
    trail = []
    async with Client(hierarchy.roots, patience=PATIENT) as client:
        answer = await client.resolve(PUMP, trail=trail)
        assert [value.data for value in answer.values] == [b"https://a.example/7", b"hot", hierarchy.admin_value.data]
        assert [hop.handle for hop in trail] == [b"0.NA/88", b"0.NA/88.100", PUMP]
        assert [hop.zone for hop in trail] == [b"", b"88", b"88.100"]
        assert [hop.signed for hop in trail] == [True, True, False]
        assert {hop.protocol for hop in trail} == {"UDP"}
        trail.clear()
        found = await client.resolve(b"88.100/pump-7", types=[b"url"], certified=True, trail=trail)
        assert [value.index for value in found.values] == [1]
        assert found.signed
        assert len(trail) == 1, "prefixes are remembered"
        prefix = await client.resolve(b"0.NA/88.100")
        assert {value.type for value in prefix.values} == {b"HS_SITE", b"HS_SITE.PREFIX"}


@pytest.mark.parametrize(
    ("handle", "code"),
    [(b"88.100/none", 100), (b"88.300/x", 100), (b"99.1/x", 100), (b"0.NA/88.300", 100), (b"88.100/EMPTY", 200)],
)
async def test_what_is_not_there_is_refused_with_its_code(hierarchy, handle, code):
    async with Client(hierarchy.roots, patience=QUICK) as client:
        with pytest.raises(Refused) as refused:
            await client.resolve(handle, types=[b"URL"])
        assert refused.value.code == code


async def test_aliases_are_followed_across_prefixes_but_not_in_circles(hierarchy):
    async with Client(hierarchy.roots, patience=QUICK) as client:
        answer = await client.resolve(b"88.200/ALIAS", types=[b"URL"])
        assert (answer.handle, answer.aliases) == (PUMP, (b"88.200/ALIAS",))
        plain = await client.resolve(b"88.200/ALIAS", follow_aliases=False)
        assert plain.values[0].type == b"HS_ALIAS"
        with pytest.raises(Refused, match="without end"):
            await client.resolve(b"88.200/ROUND")


async def test_answers_of_many_packets_and_of_many_at_once_arrive(hierarchy):
    async with Client(hierarchy.roots, patience=PATIENT) as client:
        long = await client.resolve(b"88.200/LONG")
        assert len(long.values) == 40
        assert long.protocol == "UDP"
        answers = await asyncio.gather(*(client.resolve(PUMP, types=[b"URL"]) for _ in range(50)))
        assert {len(one.values) for one in answers} == {1}


async def test_a_server_that_answers_only_by_tcp_is_asked_by_tcp(hierarchy):
    site = hierarchy.b.homes.site
    only = msgspec.structs.replace(
        site, servers=(msgspec.structs.replace(site.servers[0], interfaces=site.servers[0].interfaces[1:]),)
    )  # fmt: skip
    async with Client(at=only, patience=QUICK) as client:
        assert (await client.resolve(b"88.200/LONG")).protocol == "TCP"
        many = await asyncio.gather(*(client.resolve(b"88.200/LONG") for _ in range(30)))
        assert {one.protocol for one in many} == {"TCP"}
        assert hierarchy.b.counts.connections == 1, "one connection for all"


@pytest.mark.parametrize("sessions", [False, True])
@pytest.mark.parametrize("kind", ["secret", "key"])
async def test_records_are_changed_by_who_may(hierarchy, kind, sessions):
    identity = hierarchy.administrators[kind]
    async with Client(hierarchy.roots, identity=identity, sessions=sessions, patience=QUICK) as client:
        values = [HandleValue(index=1, type=b"URL", data=b"one"), hierarchy.admin_value]
        handle = b"88.100/made"
        assert await client.create(handle, values) == handle
        with pytest.raises(Refused) as refused:
            await client.create(handle, values)
        assert refused.value.code == codes.RC_HANDLE_EXISTS
        minted = await client.create(b"88.100/M-", values, mint=True)
        assert minted.startswith(b"88.100/M-")
        assert len(minted) > 20
        await client.add(handle, [HandleValue(index=2, type=b"NOTE", data=b"private", permissions=0b1100)])
        await client.modify(handle, [HandleValue(index=1, type=b"URL", data=b"two")])
        assert [one.data for one in (await client.resolve(handle)).values if one.type == b"URL"] == [b"two"]
        mine = await client.resolve(handle, public=False)
        assert b"private" in {one.data for one in mine.values}
        listed = [one async for one in client.handles(b"88.100")]
        assert {handle.upper(), minted.upper(), PUMP} <= set(listed)
        await client.remove(handle, [2])
        await client.delete(handle)
        with pytest.raises(Refused):
            await client.resolve(handle)


async def test_a_wrong_secret_changes_nothing(hierarchy):
    wrong = SecretIdentity(who=hierarchy.administrators["secret"].who, secret=b"wrong")
    async with Client(hierarchy.roots, identity=wrong, patience=QUICK) as client:
        with pytest.raises(Refused) as refused:
            await client.delete(PUMP)
        assert refused.value.code == codes.RC_AUTHENTICATION_FAILED
        assert await client.resolve(PUMP)


@pytest.mark.parametrize("form", [0x02, 0x03, 0x12, 0x13, 0x22])
async def test_every_form_of_proof_is_taken_from_elsewhere_too(hierarchy, form):
    """Site B knows nothing of A's secret: it asks A whether the answer proves it."""
    secret = hierarchy.administrators["secret"]
    identity = SecretIdentity(who=secret.who, secret=secret.secret, form=form)
    async with Client(hierarchy.roots, identity=identity, patience=QUICK) as client:
        await client.create(b"88.200/by-a", [HandleValue(index=1, type=b"URL", data=b"x")], overwrite=True)
        await client.delete(b"88.200/by-a")


async def test_verification_elsewhere_believes_only_the_keyholder(hierarchy):
    async with Client(hierarchy.roots, patience=QUICK) as client:
        who = hierarchy.administrators["secret"].who
        question = VerifyAnswer(who.handle, who.index, b"n" * 16, b"d" * 32, b"\x13" + b"x" * 32)
        assert not await client.verify(question)
        right = hierarchy.administrators["secret"].answer(b"n" * 16 + b"d" * 32)
        assert await client.verify(msgspec.structs.replace(question, answer=right.answer))


async def test_prefixes_are_made_at_home_by_the_operator(hierarchy):
    async with Client(at=hierarchy.a.homes.site, identity=hierarchy.administrators["secret"], patience=QUICK) as client:
        await client.home(b"88.100.7")
        assert b"0.NA/88.100.7" in await client.homes()
        await client.unhome(b"88.100.7")
        assert b"0.NA/88.100.7" not in await client.homes()
        site = await client.site()
        assert site.servers[0].public_key == hierarchy.a.homes.site.servers[0].public_key


async def test_a_root_is_known_by_the_fingerprint_of_its_key(hierarchy):
    server = hierarchy.root.homes.site.servers[0]
    good = RootAddress("127.0.0.1", hierarchy.root.port, fingerprint(server.public_key))
    async with Client(Roots(addresses=(good,)), patience=QUICK) as client:
        assert await client.resolve(PUMP)
    bad = msgspec.structs.replace(good, fingerprint="00" * 32)
    async with Client(Roots(addresses=(bad,)), patience=QUICK) as client:
        with pytest.raises(Refused, match="no root site"):
            await client.resolve(PUMP)


async def test_the_next_site_is_asked_where_one_is_down(hierarchy):
    site = hierarchy.root.homes.site
    with contextlib.closing(await _silent()) as port:
        gone = msgspec.structs.replace(
            site, servers=(msgspec.structs.replace(site.servers[0], interfaces=(Interface(2, 0, port.port),)),)
        )  # fmt: skip
        async with Client(Roots(sites=(gone, site)), patience=QUICK) as client:
            assert await client.resolve(PUMP)
            assert await client.resolve(b"88.200/LONG")
            assert port.heard == 1 + len(QUICK.udp) - 1


# -- servers that lie --------------------------------------------------------------------------------------------------


class Liar(asyncio.DatagramProtocol):
    """Answers datagrams with whatever `lies` makes of them."""

    def __init__(self, lies):
        self._lies = lies
        self.heard = 0

    def connection_made(self, transport):
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data, addr):
        self.heard += 1
        for packet in self._lies(data):
            self.transport.sendto(packet, addr)

    def close(self):
        self.transport.close()

    @property
    def site(self):
        return Site(
            serial=1, servers=(Server(number=1, address="127.0.0.1", interfaces=(Interface(3, 0, self.port),)),)
        )


async def _liar(lies):
    loop = asyncio.get_running_loop()
    return (await loop.create_datagram_endpoint(lambda: Liar(lies), local_addr=("127.0.0.1", 0)))[1]


async def _silent():
    return await _liar(lambda _: ())


def _answer(data, /, **changes):
    """An answer in form, with something changed."""
    request = wire.decode(data)
    handle = changes.pop("handle", request.body.handle)
    body = Resolved(handle, (HandleValue(index=1, type=b"URL", data=changes.pop("data", b"forged")),))
    message = wire.reply(request, 1, body, serial=1, expiration=changes.pop("expiration", 0))
    envelope = msgspec.structs.replace(message.envelope, request=changes.pop("request", request.envelope.request))
    header = msgspec.structs.replace(message.header, operation=changes.pop("operation", 1))
    return wire.encode(msgspec.structs.replace(message, envelope=envelope, header=header))


@pytest.mark.parametrize(
    "lie",
    [
        {"request": 1},
        {"handle": b"88.200/other"},
        {"operation": codes.OC_GET_SITE_INFO},
        {"expiration": 1_000_000_000},
    ],
    ids=["number", "handle", "operation", "expired"],
)
async def test_an_answer_to_something_else_is_not_believed_and_the_right_one_waited_for(lie):
    with contextlib.closing(await _liar(lambda data: (_answer(data, **lie), _answer(data, data=b"right")))) as liar:
        async with Client(at=liar.site, patience=PATIENT) as client:
            assert (await client.resolve(PUMP)).values[0].data == b"right"


async def test_a_request_is_not_an_answer_and_noise_neither():
    with contextlib.closing(await _liar(lambda data: (data, b"x", data[:30], data[:20] + b"\xff" * 40))) as liar:
        async with Client(at=liar.site, patience=QUICK) as client:
            with pytest.raises(Refused) as refused:
                await client.resolve(PUMP)
        assert refused.value.code == codes.RC_ERROR
        assert liar.heard == len(QUICK.udp), "asked again after each wait"


async def test_an_answer_from_another_address_is_not_believed():
    """Somebody who sees every question, but is not the server."""
    addresses = []
    with contextlib.closing(await _silent()) as server, contextlib.closing(await _silent()) as other:
        server.datagram_received = lambda data, addr: (
            addresses.append(addr), other.transport.sendto(_answer(data), addr)
        )  # fmt: skip
        async with Client(at=server.site, patience=QUICK) as client:
            with pytest.raises(Refused):
                await client.resolve(PUMP)
        assert len(addresses) == len(QUICK.udp)


async def test_an_answer_that_should_be_signed_is_believed_only_when_it_is(hierarchy):
    server = hierarchy.a.homes.site.servers[0]
    with contextlib.closing(await _liar(lambda data: (_answer(data),))) as liar:
        named = msgspec.structs.replace(
            liar.site, servers=(msgspec.structs.replace(liar.site.servers[0], public_key=server.public_key),)
        )
        async with Client(at=named, patience=QUICK) as client:
            with pytest.raises(Refused) as refused:
                await client.resolve(PUMP, certified=True)
            assert refused.value.code == codes.RC_ERROR
        async with Client(at=liar.site, patience=PATIENT) as client:
            assert (await client.resolve(PUMP)).values[0].data == b"forged"
            with pytest.raises(Refused, match="no key to verify"):
                await client.resolve(PUMP, certified=True)


async def test_numbers_and_ports_cannot_be_guessed():
    seen = []

    def note(data):
        seen.append(wire.decode(data).envelope.request)
        return (_answer(data),)

    with contextlib.closing(await _liar(note)) as liar:
        async with Client(at=liar.site, patience=PATIENT) as client:
            for _ in range(50):
                await client.resolve(PUMP)
    assert len(set(seen)) == 50
    assert max(seen) > 1 << 30
    assert len({number >> 24 for number in seen}) > 20


async def test_refusals_say_code_and_words():
    def refuse(data):
        request = wire.decode(data)
        return (wire.encode(wire.reply(request, 401, Refusal("not you"), serial=1, expiration=0)),)

    with contextlib.closing(await _liar(refuse)) as liar:
        async with Client(at=liar.site, patience=PATIENT) as client:
            with pytest.raises(Refused, match="not you") as refused:
                await client.resolve(PUMP)
    assert refused.value.code == 401


# -- what is written down ----------------------------------------------------------------------------------------------


def test_roots_come_from_a_file(tmp_path, hierarchy_site):
    path = tmp_path / "roots.json"
    key = keys.to_jwk(keys.decode_public_key(hierarchy_site.servers[0].public_key))
    given = {"sites": [site_to_json(hierarchy_site), {"address": "192.0.2.1", "fingerprint": "AB"}], "trust": [key]}
    path.write_bytes(msgspec.json.encode(given))
    roots = read_roots(path)
    assert roots.sites == (hierarchy_site,)
    assert roots.addresses == (RootAddress("192.0.2.1", 2641, "ab"),)
    assert len(roots.keys) == 2
    value = {"index": 3, "type": "HS_SITE", "data": {"format": "site", "value": site_to_json(hierarchy_site)}}
    assert roots_from_json({"values": [value]}).sites == (hierarchy_site,)


@pytest.mark.parametrize("content", [b"{}", b"[]", b"{", b'{"sites": [{}]}', b'{"sites": 3}', b"7", b'{"sites":[7]}'])
def test_a_file_that_names_no_roots_is_refused(tmp_path, content):
    path = tmp_path / "roots.json"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        read_roots(path)
    assert refused.value.code == "resolution.roots_form"
    with pytest.raises(InvalidInput):
        read_roots(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("10.0.0.1", "10.0.0.1", 2641),
        ("10.0.0.1:3000", "10.0.0.1", 3000),
        ("[::1]:3000", "::1", 3000),
        ("::1", "::1", 2641),
    ],
)
def test_addresses_are_read(text, address, port):
    server = parse_address(text).servers[0]
    assert (server.address, server.interfaces[0].port) == (address, port)


@pytest.mark.parametrize("text", ["", ":3", "a:b", "a:70000", "[::1]x:y"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(InvalidInput):
        parse_address(text)


def test_identities_name_a_value():
    assert KeyIdentity(who=Reference(b"88.1/x", 1), key=keys.generate_rsa()).answer(b"x").kind == b"HS_PUBKEY"


async def test_many_askers_share_one_socket(hierarchy):
    heard = set()
    loop = asyncio.get_running_loop()
    opened = []
    original = loop.create_datagram_endpoint

    async def count(*arguments, **options):
        made = await original(*arguments, **options)
        opened.append(made)
        return made

    loop.create_datagram_endpoint = count
    try:
        async with Client(at=hierarchy.a.homes.site, patience=PATIENT) as client:
            for answer in await asyncio.gather(*(client.resolve(PUMP) for _ in range(50))):
                heard.add(answer.server)
    finally:
        del loop.create_datagram_endpoint
    assert len(opened) == 1
    assert heard == {f"127.0.0.1:{hierarchy.a.port}"}


# -- challenges --------------------------------------------------------------------------------------------------------


class Challenging(asyncio.Protocol):
    """Challenges every request by TCP in its own way, and notes what it is answered."""

    def __init__(self, minor, digest, answers):
        self._minor, self._digest, self._answers = minor, digest, answers

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        request = wire.decode(data)
        if isinstance(request.body, AnswerChallenge):
            self._answers.append(request.body)
            self._transport.close()
            return
        digest = self._digest(request.covered)
        body = OldChallenge(b"n" * 16, digest) if self._minor < 1 else Challenge(b"n" * 16)
        message = wire.reply(request, codes.RC_AUTHENTICATION_NEEDED, body, serial=1, expiration=0)
        given = None if self._minor < 1 else wire.Digest(codes.SHA1 if len(digest) == 20 else codes.SHA256, digest)
        flags = message.header.flags & ~codes.REQUEST_DIGEST if given is None else message.header.flags
        message = msgspec.structs.replace(
            message, digest=given, envelope=msgspec.structs.replace(message.envelope, minor=self._minor, session=7),
            header=msgspec.structs.replace(message.header, flags=flags),
        )  # fmt: skip
        self._transport.write(wire.encode(message))


@contextlib.asynccontextmanager
async def _challenging(minor, digest):
    answers = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Challenging(minor, digest, answers), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield (
            Site(serial=1, servers=(Server(number=1, address="127.0.0.1", interfaces=(Interface(3, 1, port),)),)),
            answers,
        )
    finally:
        server.close()
        await server.wait_closed()


def _md5(data):
    return hashlib.md5(data, usedforsecurity=False).digest()


def _sha1(data):
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _sha256(data):
    return hashlib.sha256(data).digest()


WHO = Reference(b"88.100/ADMIN", 300)


@pytest.mark.parametrize(("minor", "digest"), [(0, _md5), (0, _sha1), (2, _sha1)])
async def test_who_asks_is_proved_over_weak_digests_only_where_the_identity_says_so(minor, digest):
    async with _challenging(minor, digest) as (site, answers):
        for allowed in (False, True):
            identity = SecretIdentity(who=WHO, secret=b"a secret", old_digests=allowed)
            async with Client(at=site, identity=identity, patience=QUICK) as client:
                with pytest.raises(Refused, match="no server answered" if allowed else "old_digests"):
                    await client.delete(PUMP)
            assert len(answers) == allowed


@pytest.mark.parametrize("minor", [0, 11])
@pytest.mark.parametrize("old", [False, True])
async def test_a_challenge_about_something_else_is_answered_by_nobody(minor, old):
    """A server in between passes on the challenge of another: its digest is that of another request."""
    async with _challenging(minor, lambda _: _sha256(b"another request")) as (site, answers):
        identity = SecretIdentity(who=WHO, secret=b"a secret", old_digests=old)
        async with Client(at=site, identity=identity, patience=QUICK) as client:
            with pytest.raises(Refused, match="another request"):
                await client.delete(PUMP)
        assert answers == []


@pytest.mark.parametrize("minor", [0, 11])
async def test_a_challenge_over_sha_256_is_answered_in_every_version(minor):
    async with _challenging(minor, _sha256) as (site, answers):
        async with Client(at=site, identity=SecretIdentity(who=WHO, secret=b"a secret"), patience=QUICK) as client:
            with pytest.raises(Refused, match="no server answered"):
                await client.delete(PUMP)
        assert len(answers) == 1
