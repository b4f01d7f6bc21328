"""The device listener, as `curl` and `openssl` see it: who gets through the handshake, who is then known, and its end."""

import asyncio
import datetime as dt
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from litestar import get
from litestar.di import NamedDependency

from lineshaft.access import principals, tokens
from lineshaft.access.est.endpoint import PEER
from lineshaft.access.pki.part import authority_of
from lineshaft.core import clock
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Principal
from lineshaft.records.testing import sqlite_database
from lineshaft.web.testing import everything
from lineshaft.web.testing_devices import Station, running_station

pytestmark = [pytest.mark.peer("openssl", "curl"), pytest.mark.timeout(120)]


@get("/api/v1/test/me", opt={"action": "access:self"})
async def me(principal: NamedDependency[Principal]) -> dict[str, Any]:
    return {"name": principal.name, "keys": list(principal.keys)}


async def live(scope, receive, send):
    """A live socket that says who has opened it, and stays."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": str(len(scope[PEER]) > 0)})
    while (await receive())["type"] != "websocket.disconnect":
        pass


@pytest.fixture
async def station(tmp_path, sqlite_template):
    with sqlite_database(tmp_path, sqlite_template) as database:
        async with running_station(tmp_path, database, routes=[me], live=live) as station:
            yield station


class Program:
    """An app with a role and a certificate, in files."""

    def __init__(self, folder: Path, station: Station, name: str) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        self.station = station
        self.name = name
        minter = HandleMinter(station.identity.prefix)
        self.principal = station.database.transact(
            principals.create, minter, station.identity.tenant, name, kind="app", roles=frozenset({"viewer"})
        )
        self.key = ec.generate_private_key(ec.SECP256R1())
        (self.folder / "my.key").write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.fingerprint = self.certify()

    def certify(self) -> str:
        """A good certificate; its fingerprint."""
        authority = authority_of(self.station.surroundings)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, self.name)])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(self.key, hashes.SHA256())
        der = request.public_bytes(serialization.Encoding.DER)
        made = self.station.database.transact(authority.issue, der, "service", self.principal)
        (self.folder / "my.crt").write_text(made.chain_pem)
        return made.fingerprint

    def forge(self, *, key: str = "", sha1: bool = False, issuer: Path | None = None) -> None:
        """A certificate signed with the authority's own key (or another's), by `openssl`, of a sort that it never signs."""
        place = issuer or self.station.home.path / "keys/pki"
        if key:
            self.openssl("genrsa", "-out", "my.key", key)
        self.openssl("req", "-new", "-key", "my.key", "-subj", f"/CN={self.name}", "-out", "my.csr")
        self.openssl(
            "x509", "-req", "-in", "my.csr", "-CA", str(place / "issuing.crt"), "-CAkey", str(place / "issuing.key"),
            "-set_serial", "7", "-days", "2", "-sha1" if sha1 else "-sha256", "-out", "my.crt",
        )  # fmt: skip

    def openssl(self, *argv: str) -> None:
        subprocess.run(["openssl", *argv], cwd=self.folder, check=True, capture_output=True)

    async def call(self, path: str = "/api/v1/test/me", *argv: str, shown: bool = True) -> tuple[int, str]:
        """(status, body) by curl; 0 where there was no answer."""
        mine = ("--cert", "my.crt", "--key", "my.key") if shown else ()
        process = await asyncio.create_subprocess_exec(
            "curl", "-sS", "--cacert", str(self.station.authority), "-w", "\n%{http_code}", *mine, *argv,
            f"{self.station.url}{path}", cwd=self.folder, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        out, _ = await asyncio.wait_for(process.communicate(), 30)
        body, _, status = out.decode().rpartition("\n")
        return int(status), body

    async def speak(self) -> bytes:
        """The answer to a request by `openssl s_client`, which sends any certificate, however weak."""
        process = await asyncio.create_subprocess_exec(
            "openssl", "s_client", "-connect", f"127.0.0.1:{self.station.port}", "-cert", "my.crt", "-key", "my.key",
            "-cipher", "DEFAULT:@SECLEVEL=0", "-quiet", "-no_ign_eof", cwd=self.folder,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"GET /api/v1/test/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(process.stdout.read(), 30)
        process.stdin.close()
        await process.wait()
        return answer

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.station.authority))
        context.load_cert_chain(self.folder / "my.crt", self.folder / "my.key")
        return context


@pytest.fixture
def program(tmp_path, station):
    return Program(tmp_path, station, "planner")


async def refused_handshakes(station) -> list[str]:
    return [entry["reason"] for entry in await station.recorded("access:handshake")]


async def answered(program: Program, *argv: str) -> tuple[int, str]:
    """What a caller is told on whom the listener's own look at what is connected may hang up before it is."""
    while not (told := await program.call("/api/v1/test/me", *argv))[0]:
        pass
    return told


async def refused_certificates(station) -> set[str]:
    """Why; how often is not said: the listener's own look at what is connected may find one, too."""
    return {entry["reason"] for entry in await station.recorded("access:certificate")}


async def test_a_certificate_proves_the_caller(program):
    status, body = await program.call()
    assert status == 200
    assert body == f'{{"name":"planner","keys":["{program.fingerprint}"]}}'


async def test_without_a_certificate_nothing_but_enrolment_answers(program):
    status, body = await program.call(shown=False)
    assert status == 401
    assert "web.certificate_required" in body
    assert (await program.call("/.well-known/est/cacerts", shown=False))[0] == 200
    # What is public elsewhere, such as signing in, is not offered to strangers here.
    status, body = await program.call("/api/v1/access/enrolment/join", "-X", "POST", shown=False)
    assert (status, "web.certificate_required" in body) == (401, True)


def bearer(station: Station, owner: Principal, *scopes: str) -> tuple[str, str]:
    expires = clock.now_us() + 3600 * clock.MICROSECONDS
    made = station.database.transact(tokens.create, owner.id, "test", list(scopes), expires)
    return "-H", f"Authorization: Bearer {made.text}"


async def test_a_token_alone_is_not_enough_here(program, station):
    status, body = await program.call("/api/v1/test/me", *bearer(station, program.principal, "*"), shown=False)
    assert (status, "web.certificate_required" in body) == (401, True)


async def test_a_token_beside_the_certificate_narrows_what_it_allows(program, station):
    assert (await program.call("/api/v1/test/me", *bearer(station, program.principal, "*")))[0] == 200
    assert (await program.call("/api/v1/test/me", *bearer(station, program.principal, "history:read")))[0] == 403


async def test_a_token_of_another_principal_is_refused(program, station, tmp_path):
    other = Program(tmp_path, station, "other")
    status, body = await program.call("/api/v1/test/me", *bearer(station, other.principal, "*"))
    assert (status, "web.token_of_another" in body) == (401, True)


async def test_the_server_speaks_nothing_older_than_tls_1_2(program):
    assert (await program.call("/api/v1/test/me", "--tls-max", "1.1"))[0] == 0
    assert (await program.call("/api/v1/test/me", "--tlsv1.2", "--tls-max", "1.2"))[0] == 200
    assert (await program.call("/api/v1/test/me", "--tlsv1.3"))[0] == 200


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        ({"sha1": True}, "CA signature digest algorithm too weak"),
        ({"key": "1024"}, "EE certificate key too weak"),
    ],
)  # fmt: skip
async def test_weak_certificates_end_the_handshake(program, station, eventually, flaw, reason):
    assert (await program.speak()).startswith(b"HTTP/1.1 200")
    program.forge(**flaw)
    assert await program.speak() == b""
    await eventually(lambda: refused_handshakes(station))
    assert await refused_handshakes(station) == [reason]


async def test_an_expired_certificate_ends_the_handshake(program, station, eventually):
    issuing = station.home.path / "keys/pki"
    signer = serialization.load_pem_private_key((issuing / "issuing.key").read_bytes(), None)
    issuer = x509.load_pem_x509_certificate((issuing / "issuing.crt").read_bytes())
    now = clock.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "planner")]))
        .issuer_name(issuer.subject)
        .public_key(program.key.public_key())
        .serial_number(7)
        .not_valid_before(now - dt.timedelta(days=2))
        .not_valid_after(now - dt.timedelta(days=1))
        .sign(signer, hashes.SHA256())
    )
    (program.folder / "my.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    assert (await program.call())[0] == 0
    await eventually(lambda: refused_handshakes(station))
    assert await refused_handshakes(station) == ["certificate has expired"]


async def test_an_unknown_issuer_ends_the_handshake(program, station, eventually, tmp_path):
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    program.openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(stranger / "issuing.key"), "-out",
        str(stranger / "issuing.crt"), "-subj", "/CN=Lineshaft issuing", "-days", "2",
    )  # fmt: skip
    program.forge(issuer=stranger)
    assert (await program.call())[0] == 0
    await eventually(lambda: refused_handshakes(station))
    assert len(await refused_handshakes(station)) == 1


async def test_a_certificate_that_our_key_signed_but_nobody_recorded_is_not_believed(program, station):
    program.forge()
    status, body = await answered(program)
    assert (status, "access.certificate_refused" in body) == (401, True)
    assert await refused_certificates(station) == {"not_recorded"}


async def test_a_revoked_certificate_gets_the_same_answer_and_the_connection_ends(program, station):
    station.revoke(program.fingerprint)
    status, body = await answered(program, "-D", "head.txt")
    assert (status, "access.certificate_refused" in body) == (401, True)
    assert "connection: close" in (program.folder / "head.txt").read_text().lower()
    assert await refused_certificates(station) == {"revoked"}


async def request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"GET /api/v1/test/me HTTP/1.1\r\nHost: a\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    size = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    await reader.readexactly(size)
    return head


async def test_an_idle_connection_ends_within_five_seconds_of_the_revocation(program, station):
    reader, writer = await asyncio.open_connection("127.0.0.1", station.port, ssl=program.context())
    assert b" 200 " in await request(reader, writer)
    station.revoke(program.fingerprint)
    async with asyncio.timeout(30):
        assert await reader.read() == b""
    writer.close()


async def test_a_connection_of_somebody_else_stays(program, station, tmp_path):
    other = Program(tmp_path, station, "other")
    mine = await asyncio.open_connection("127.0.0.1", station.port, ssl=program.context())
    others = await asyncio.open_connection("127.0.0.1", station.port, ssl=other.context())
    await request(*mine)
    await request(*others)
    station.end("planner")
    async with asyncio.timeout(30):
        assert await mine[0].read() == b""
    assert b" 200 " in await request(*others)
    for _, writer in (mine, others):
        writer.close()


async def test_a_live_socket_has_the_certificate_and_ends_with_it(program, station):
    url = f"wss://127.0.0.1:{station.port}/api/v1/live"
    async with websockets.connect(url, ssl=program.context(), proxy=None, open_timeout=60) as socket:
        assert await socket.recv() == "True"
        station.revoke(program.fingerprint)
        with pytest.raises(websockets.ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 30)


async def test_a_request_that_says_its_length_twice_is_refused(program, station):
    reader, writer = await asyncio.open_connection("127.0.0.1", station.port, ssl=program.context())
    writer.write(
        b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET /api/v1/test/me HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    answer = await everything(reader)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"planner" not in answer
    writer.close()


async def test_a_renewed_server_certificate_is_shown_without_a_restart(program, station, eventually):
    folder = station.home.run / "certs"
    before = await shown(station)
    web = station.principal("web")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "web")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    made = station.database.transact(
        authority_of(station.surroundings).issue, csr, "server", web, names=["127.0.0.1", "localhost"]
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "web-server.key").write_bytes(pem)
    (folder / "web-server.crt").write_text(made.chain_pem)

    async def renewed():
        return await shown(station) != before

    await eventually(renewed)
    assert await shown(station) == made.der
    assert (await program.call())[0] == 200


async def shown(station) -> bytes:
    _, writer = await asyncio.open_connection(
        "127.0.0.1",
        station.port,
        ssl=ssl.create_default_context(cafile=str(station.authority)),
        server_hostname="localhost",
    )
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return der
