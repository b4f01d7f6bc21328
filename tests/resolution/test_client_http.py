"""The client's way by HTTP, where a server has no other: over TLS the server is known by its key."""

import asyncio
import contextlib
import datetime as dt
import gzip
import json
import ssl

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lineshaft.core import suites
from lineshaft.resolution.auth import keys
from lineshaft.resolution.changes import Change, apply
from lineshaft.resolution.client import Client, Patience
from lineshaft.resolution.model import HandleValue
from lineshaft.resolution.record import pack_record
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.serving import NodeConfig, NodeServer
from lineshaft.resolution.site import HTTP, HTTPS, Interface, Server, Site
from lineshaft.resolution.store.memory import MemoryStore
from lineshaft.resolution.testing import answering, whole

QUICK = Patience(udp=(0.2,), connecting=20, tcp=20)


def site(port, protocol=HTTP, key=b""):
    server = Server(number=1, address="127.0.0.1", public_key=key, interfaces=(Interface(3, protocol, port),))
    return Site(serial=1, servers=(server,))


async def test_a_node_is_asked_by_http():
    store = MemoryStore()
    values = [
        HandleValue(index=1, type=b"URL", data=b"https://a/"), HandleValue(index=2, type=b"NOTE", data=b"\xff\0"),
        HandleValue(index=3, type=b"NOTE", data=b"private", permissions=0b1100),
    ]  # fmt: skip
    name = "88.1/Ä b?c#%".encode()
    with store.write() as transaction:
        apply(transaction, [Change(name.upper(), None, pack_record(values))])
    server = NodeServer(NodeConfig(hosts=["127.0.0.1"], prefixes=["88.1"], http_port=0), store=store)
    await server.start()
    try:
        async with Client(at=site(server.http_port), patience=QUICK) as client:
            answer = await client.resolve(name)
            assert answer.protocol == "HTTP"
            assert [msgspec.structs.replace(one, timestamp=0) for one in answer.values] == values[:2]
            assert [one.index for one in (await client.resolve(name, types=[b"URL"])).values] == [1]
            assert [one.index for one in (await client.resolve(name, indexes=[2])).values] == [2]
            with pytest.raises(Refused) as refused:
                await client.resolve(b"88.1/none")
            assert refused.value.code == 100
            with pytest.raises(Refused, match="no interface for this use"):
                await client.delete(name)
            keyed = site(server.http_port, key=keys.encode_public_key(suites.PrivateKey.generate("ed25519").public))
        async with Client(at=keyed, patience=QUICK) as client:
            with pytest.raises(Refused, match="only HTTP"):
                await client.resolve(name, certified=True)
    finally:
        await server.stop()


@contextlib.asynccontextmanager
async def tls_server(folder, body, private):
    """A server that shows a certificate of its own making, and answers everything alike."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "node")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(private.public_key())
        .serial_number(1).not_valid_before(now - dt.timedelta(1)).not_valid_after(now + dt.timedelta(1))
        .sign(private, hashes.SHA256())
    )  # fmt: skip
    (folder / "c.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "k.pem").write_bytes(private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "c.pem", folder / "k.pem")

    async def answer(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body))
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def _body(**changes):
    value = {"index": 1, "type": "URL", "data": {"format": "string", "value": "x"}}
    return json.dumps({"responseCode": 1, "handle": "88.1/A", "values": [value]} | changes).encode()


@pytest.mark.parametrize("kind", ["rsa", "p256"])
async def test_over_tls_the_key_must_be_that_of_the_site(tmp_path, kind):
    private = keys.generate_rsa() if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    public = private.public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        public = suites.PublicKey(der)
    other = suites.PrivateKey.generate("ecdsa-p256").public
    async with tls_server(tmp_path, _body(), private) as port:
        async with Client(at=site(port, HTTPS, keys.encode_public_key(public)), patience=QUICK) as client:
            assert (await client.resolve(b"88.1/A")).values[0].data == b"x"
        async with Client(at=site(port, HTTPS, keys.encode_public_key(other)), patience=QUICK) as client:
            with pytest.raises(Refused, match="certificate is not of the key"):
                await client.resolve(b"88.1/A")
        async with Client(at=site(port, HTTPS), patience=QUICK) as client:
            with pytest.raises(Refused, match="no server answered"):
                await client.resolve(b"88.1/A")


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        _body(values=3),
        _body(handle="88.2/B"),
        _body(responseCode="x"),
        b"[" * 100_000,
        _body(more="x" * (8 << 20)),
    ],
)
async def test_what_is_no_answer_is_not_believed(tmp_path, body):
    private = ec.generate_private_key(ec.SECP256R1())
    der = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    key = keys.encode_public_key(suites.PublicKey(der))
    async with tls_server(tmp_path, body, private) as port, Client(at=site(port, HTTPS, key), patience=QUICK) as client:
        with pytest.raises(Refused) as refused:
            await client.resolve(b"88.1/A")
        assert refused.value.code == 2


async def _endless(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        writer.write(b" " * (1 << 16))
        await writer.drain()


async def _drops(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [(_endless, 60), (_drops, 0.5), (whole(gzip.compress(_body()), b"content-encoding: gzip"), 60)],
    ids=["endless", "drops", "packed"],
)
async def test_an_answer_is_read_to_a_bound_and_for_a_time(answer, seconds):
    patience = Patience(udp=(0.2,), connecting=60, tcp=seconds)
    async with (
        asyncio.timeout(120), answering(answer) as (port, asked), Client(at=site(port), patience=patience) as client,
    ):  # fmt: skip
        with pytest.raises(Refused) as refused:
            await client.resolve(b"88.1/A")
        assert set(asked) <= {"/api/handles/88.1/A?publicOnly=true"}
    assert refused.value.code == 2


@pytest.mark.parametrize("handle", [b"88.1/../../metrics", b"88.1/.", b"88.1/a/../b"])
async def test_a_handle_does_not_name_other_addresses_of_a_server(handle):
    async with answering(whole(_body())) as (port, asked), Client(at=site(port), patience=QUICK) as client:
        with pytest.raises(Refused, match=r"\.\."):
            await client.resolve(handle)
    assert asked == []
