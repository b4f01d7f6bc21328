"""Webhooks: who may call, what is taken, what a caller is told; called by curl and by raw sockets."""

import asyncio
import hmac
import json
import random
import shutil
import subprocess

import cbor2
import pytest

from lineshaft.bus.server import free_port
from lineshaft.core import clock, quality
from lineshaft.core.errors import Conflict, InvalidInput, Unavailable
from lineshaft.edge.driver import find_driver
from lineshaft.edge.drivers.http import listener
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.secrets import Secret
from lineshaft.web.testing import everything

POINTS = (
    Point(name="x", address="/x", tag=1), Point(name="n", address="/n", kind="integer", tag=2),
    Point(name="s", address="/s", kind="text", tag=3),
)  # fmt: skip
NOW = clock.parse_time("2026-03-04T12:00:00Z")


@pytest.fixture
def port(unused_port):
    return unused_port()


@pytest.fixture
def unused_port():
    return lambda: free_port("127.0.0.1")


def device_of(port, name="press", *, scheme="http", points=POINTS, **options):
    options = {"secret": "plant", **({} if "signature_header" in options else {"authentication": "bearer"}), **options}
    return Device(
        name=name, path=f"a/b/c/d/e/{name}", driver="http", endpoint=f"{scheme}://127.0.0.1:{port}/hooks/{name}",
        options=options, groups=(ScanGroup(),), points=points,
    )  # fmt: skip


async def call(port, body=b"{}", path="/hooks/press", method="POST", raw=None, **headers):
    """Status and problem of a call, by hand."""
    headers = {"Authorization": "Bearer right", "Content-Type": "application/json", **headers}
    if isinstance(body, dict | list):
        body = json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    head += "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items() if value is not None)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw if raw is not None else head.encode("latin-1") + b"\r\n" + body)
    try:
        answer = await asyncio.wait_for(everything(reader), 30)
    finally:
        writer.close()
    first, _, rest = answer.partition(b"\r\n")
    content = rest.partition(b"\r\n\r\n")[2]
    return int(first.split(b" ")[1]) if first else 0, json.loads(content) if content else None


async def test_a_call_is_taken_and_answered_when_its_rows_are(port, run, lane):
    await run(device_of(port, time="/t"))
    status, problem = await call(port, {"t": "2026-03-04T12:00:00Z", "x": 1.5, "n": 7, "other": 1})
    assert (status, problem) == (204, None)
    assert lane.of(1) == [(NOW, 0, 1.5)]
    assert lane.of(2) == [(NOW, 0, 7)]
    assert lane.of(3) == []


@pytest.mark.peer("curl")
async def test_curl_can_call(port, run, lane):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    await run(device_of(port))
    for arguments, status in (
        (["-H", "Authorization: Bearer right", "--json", '{"x": 2.5}'], "204"),
        (["-H", "Authorization: Bearer wrong", "--json", '{"x": 3.5}'], "401"),
        (["-H", "Authorization: Bearer right", "--json", '{"x": "fast"}'], "422"),
        (["-H", "Authorization: Bearer right", "-H", "Expect: 100-continue", "--json", '{"n": 5}'], "204"),
    ):
        url = f"http://127.0.0.1:{port}/hooks/press"
        command = ["curl", "-s", "-m", "60", "-o", "/dev/null", "-w", "%{http_code}", *arguments, url]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        assert done.stdout == status
    assert [row[2] for row in lane.of(1)] == [2.5]
    assert [row[2] for row in lane.of(2)] == [5]


async def test_lines_and_cbor_are_records_taken_together_or_not_at_all(port, run, lane):
    await run(device_of(port, time="/t", time_unit="seconds"))
    lines = b'{"t": 1000000000, "x": 1}\n\n{"t": 1000000001, "x": 2}\n'
    assert (await call(port, lines, Content_Type="application/x-ndjson"))[0] == 204
    body = cbor2.dumps([{"t": 1000000002, "x": 3.0}, {"t": 1000000003, "x": 4}])
    assert (await call(port, body, Content_Type="application/cbor"))[0] == 204
    assert [value for _, _, value in lane.of(1)] == [1, 2, 3, 4]
    status, problem = await call(port, [{"t": 1000000004, "x": 5}, {"t": 1000000005, "x": "6"}])
    assert status == 422
    assert problem["errors"] == [{"field": "/1/x", "reason": "'6' is a str and no number"}]
    assert len(lane.of(1)) == 4


@pytest.mark.parametrize(
    ("body", "headers", "status", "word"),
    [
        ({"x": "fast"}, {}, 422, "/x"),
        ({"x": 1, "n": 1.5}, {}, 422, "/n"),
        ({"x": True}, {}, 422, "/x"),
        ({"s": 5}, {}, 422, "/s"),
        ({"n": 2**63}, {}, 422, "/n"),
        ({"x": {"v": 1}}, {}, 422, "/x"),
        ({"y": 1}, {}, 422, "none of the device's points"),
        ([], {}, 422, "none of the device's points"),
        (b"{", {}, 400, "cannot be read"),
        (b"", {}, 400, "cannot be read"),
        (b"[" * 5000, {}, 400, "cannot be read"),
        (b"\xff", {"Content_Type": "application/cbor"}, 400, "CBOR"),
        ({"x": 1}, {"Content_Type": "text/html"}, 415, "its type"),
        (b"x" * 5000, {}, 413, "larger"),
    ],
)
async def test_what_does_not_fit_is_refused_with_the_field_and_nothing_is_taken(
    port, run, lane, body, headers, status, word
):
    await run(device_of(port, largest_bytes=4096 if body == b"x" * 5000 else 1_000_000))
    answered, problem = await call(port, body, **headers)
    assert answered == status
    assert word in problem["title"]
    assert problem["status"] == status
    assert lane.rows == []


async def test_null_is_a_row_without_value(port, run, lane):
    await run(device_of(port))
    assert (await call(port, {"x": None}))[0] == 204
    assert lane.of(1)[0][1] == quality.BAD_NO_DATA


@pytest.mark.parametrize(
    ("options", "good", "bad"),
    [
        ({}, {}, {"Authorization": "Bearer wrong"}),
        ({}, {}, {"Authorization": None}),
        ({}, {}, {"Authorization": "Basic cmlnaHQ="}),
        ({}, {}, {"Authorization": "Bearer r\xefght"}),
        ({"authentication": "basic"}, {"Authorization": "Basic b3BlcmF0b3I6cmlnaHQ="}, {"Authorization": "Basic !"}),
        ({"authentication": "header", "header": "X-Key"}, {"X_Key": "right"}, {"X_Key": "wrong"}),
    ],
)
async def test_only_who_has_the_secret_may_call(port, run, lane, options, good, bad):
    await run(device_of(port, **options))
    assert (await call(port, {"x": 1}, **{**good, **bad}))[0] == 401
    assert lane.rows == []
    assert (await call(port, {"x": 1}, **good))[0] == 204


@pytest.mark.parametrize(
    "options", [{}, {"authentication": "header", "header": "X-Key"}, {"signature_header": "X-Signature"}]
)
async def test_a_certificate_is_no_password_that_admits_everybody(port, tools, certificate, options):
    cert, key = certificate
    tools.secrets.keep("paper", Secret(certificate=cert, private_key=key))
    driver = find_driver("http")
    source = driver.source(driver.plan(device_of(port, **{**options, "secret": "paper"})), tools)
    with pytest.raises(Conflict) as refused:
        await source.open()
    assert refused.value.code == "edge.secret_without_password"
    await source.close()


async def test_bodies_of_calls_that_prove_nothing_yet_are_bounded_together(port, run, monkeypatch):
    monkeypatch.setattr(listener, "_MOST_HELD", 100_000)
    await run(device_of(port, signature_header="X-Signature"))
    head = b"POST /hooks/press HTTP/1.1\r\nHost: x\r\nX-Signature: x\r\nContent-Length: 90000\r\n\r\n"
    waiting = []
    for _ in range(2):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        waiting.append((asyncio.ensure_future(everything(reader)), writer))
        writer.write(head + b"x" * 60_000)
        await writer.drain()
    ended = await asyncio.wait([answer for answer, _ in waiting], timeout=30, return_when="FIRST_COMPLETED")
    assert [task.result()[:12] for task in ended[0]] == [b"HTTP/1.1 503"]
    for _, writer in waiting:
        writer.close()
    for task in ended[1]:
        await task
    status, _ = await call(port, b"x" * 60_000, X_Signature="0" * 64, X_Timestamp="1")
    assert status == 401  # there is room again


async def test_nobody_learns_which_devices_there_are(port, run):
    await run(device_of(port))
    assert await call(port, path="/hooks/other") == await call(port, Authorization="Bearer wrong")
    assert (await call(port, path="/"))[0] == 404
    assert (await call(port, method="GET"))[0] == 405


def sign(body, stamp):
    return hmac.new(b"right", f"{stamp}.".encode() + body, "sha256").hexdigest()


async def test_a_signed_call_is_taken_once_and_only_in_its_time(port, run, lane):
    await run(device_of(port, signature_header="X-Signature", window_seconds=60))
    body, stamp = b'{"x": 1}', str(clock.now_us() // 1_000_000)
    headers = {"Authorization": None, "X_Timestamp": stamp, "X_Signature": f"sha256={sign(body, stamp)}"}
    assert (await call(port, body, **headers))[0] == 204
    assert (await call(port, body, **headers))[0] == 409
    assert (await call(port, b'{"x": 2}', **headers))[0] == 401
    assert (await call(port, body, **{**headers, "X_Timestamp": str(int(stamp) + 1)}))[0] == 401
    old = str(int(stamp) - 100)
    assert (await call(port, body, **{**headers, "X_Timestamp": old, "X_Signature": sign(body, old)}))[0] == 409
    assert (await call(port, body, **{**headers, "X_Timestamp": "soon", "X_Signature": sign(body, "soon")}))[0] == 400
    assert (await call(port, body, **{**headers, "X_Signature": None}))[0] == 401
    assert (await call(port, body, **{**headers, "X_Signature": "00"}))[0] == 401
    assert len(lane.of(1)) == 1


async def test_a_call_that_was_refused_for_its_content_can_be_made_again(port, run, lane):
    await run(device_of(port, signature_header="X-Signature"))
    stamp = str(clock.now_us() // 1_000_000)
    wrong, right = b'{"x": "1"}', b'{"x": 1}'
    for body, status in ((wrong, 422), (wrong, 422), (right, 204)):
        assert (await call(port, body, Authorization=None, X_Timestamp=stamp, X_Signature=sign(body, stamp)))[
            0
        ] == status
    assert len(lane.rows) == 1


async def test_devices_share_a_listener_and_it_ends_with_the_last(port, run, lane):
    one = await run(device_of(port))
    two = await run(device_of(port, "saw", points=(Point(name="x", address="/x", tag=9),)))
    assert (await call(port, {"x": 1}))[0] == 204
    assert (await call(port, {"x": 2}, path="/hooks/saw"))[0] == 204
    assert (lane.of(1)[0][2], lane.of(9)[0][2]) == (1.0, 2.0)
    await one.stop()
    assert (await call(port, {"x": 1}))[0] == 401
    assert (await call(port, {"x": 3}, path="/hooks/saw"))[0] == 204
    await two.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_an_address_that_is_taken_is_said(port, tools):
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    driver = find_driver("http")
    source = driver.source(driver.plan(device_of(port)), tools)
    with pytest.raises(Unavailable, match="listened"):
        await source.open()
    await source.close()
    server.close()


async def test_nonsense_on_the_socket_harms_nobody(port, run, lane):
    await run(device_of(port))
    assert (await call(port, raw=b"\x16\x03\x01\x02\x00" * 10))[0] == 400
    assert (await call(port, raw=b"POST /hooks/press HTTP/1.1\r\n" + b"A: b\r\n" * 5000))[0] == 431
    twice = b"POST /hooks/press HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert (await call(port, raw=twice))[0] in (400, 401)
    source = random.Random(6)
    good = (
        b"POST /hooks/press HTTP/1.1\r\nAuthorization: Bearer right\r\nContent-Length: 8\r\nConnection: close\r\n\r\n"
    )
    for _ in range(60):
        changed = bytearray(good + b'{"x": 1}')
        changed[source.randrange(len(changed))] = source.randrange(256)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(bytes(changed))
        writer.close()
    assert (await call(port, {"n": 1}))[0] == 204


async def test_beyond_this_machine_the_listener_has_a_certificate(port, run, lane, tools, certificate):
    tools.secrets.keep("listener", Secret(certificate=certificate[0], private_key=certificate[1]))
    await run(device_of(port, scheme="https", listen_secret="listener"))
    import ssl

    context = ssl.create_default_context(cadata=certificate[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(
        b"POST /hooks/press HTTP/1.1\r\nAuthorization: Bearer right\r\nContent-Length: 8\r\nConnection: close\r\n\r\n"
        b'{"x": 1}'
    )
    assert (await reader.read()).startswith(b"HTTP/1.1 204")
    writer.close()
    for endpoint, options in (
        (f"http://0.0.0.0:{port}/hooks/press", {}),
        (f"https://0.0.0.0:{port}/hooks/press", {}),
        (f"http://127.0.0.1:{port}/hooks/other", {}),
        ("http://127.0.0.1/hooks/press", {}),
        (f"http://127.0.0.1:{port}/hooks/press", {"authentication": ""}),
        (f"http://127.0.0.1:{port}/hooks/press", {"secret": ""}),
        (f"http://127.0.0.1:{port}/hooks/press", {"signature_header": "X-S"}),
    ):
        device = device_of(port)
        device = Device(
            name="press", path=device.path, driver="http", endpoint=endpoint, options={**device.options, **options},
            groups=device.groups, points=POINTS,
        )  # fmt: skip
        with pytest.raises(InvalidInput):
            find_driver("http").plan(device)


@pytest.fixture
def certificate():
    import datetime as dt
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "listener")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM).decode(), pem.decode()
