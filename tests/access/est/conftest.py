"""A station to enrol at, and the foreign programs that do it."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from lineshaft.records.testing import sqlite_database
from lineshaft.web.testing_devices import Station, running_station


@pytest.fixture
async def station(tmp_path, sqlite_template):
    with sqlite_database(tmp_path, sqlite_template) as database:
        async with running_station(tmp_path, database) as station:
            yield station


class Machine:
    """A device that has nothing of ours: `openssl` makes its keys and requests, `curl` sends them."""

    def __init__(self, folder: Path, station: Station) -> None:
        self.folder = folder
        self.station = station
        folder.mkdir(exist_ok=True)

    async def run(self, *argv: str, feed: bytes = b"", check: bool = True) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, error = await asyncio.wait_for(process.communicate(feed), 60)
        assert not check or process.returncode == 0, error.decode()
        return out if check else out + error

    async def openssl(self, *argv: str, feed: bytes = b"", check: bool = True) -> bytes:
        return await self.run("openssl", *argv, feed=feed, check=check)

    async def request(self, name: str, *more: str, key: str = "device.key", new: bool = True) -> str:
        """A request for a certificate; the name of its file, base64 of DER."""
        if new:
            await self.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        await self.openssl("req", "-new", "-key", key, "-subj", name, "-outform", "DER", "-out", "request.der", *more)
        await self.openssl("base64", "-in", "request.der", "-out", "request.b64")
        return "request.b64"

    async def curl(self, path: str, *argv: str) -> tuple[int, bytes]:
        """(status, body) of a call; status 0 where there was no answer."""
        out = await self.run(
            "curl", "-sS", "--cacert", str(self.station.authority), "-w", "\n%{http_code}", *argv,
            f"{self.station.url}{path}", check=False,
        )  # fmt: skip
        body, _, status = out.rpartition(b"\n") if out[-3:].isdigit() else (out, b"", b"0")
        return int(status), body

    async def enrol(self, *argv: str, operation: str = "simpleenroll", body: str = "request.b64") -> tuple[int, bytes]:
        headers = ("-H", "Content-Type: application/pkcs10", "-H", "Content-Transfer-Encoding: base64")
        return await self.curl(f"/.well-known/est/{operation}", *headers, *argv, "--data-binary", f"@{body}")

    async def certificates(self, answer: bytes) -> str:
        """The certificates in an answer, as PEM."""
        der = await self.openssl("base64", "-d", feed=answer)
        return (await self.openssl("pkcs7", "-inform", "DER", "-print_certs", feed=der)).decode()

    async def enrolled(self, name: str) -> None:
        """Enrol with a token: `device.key` and `device.crt` are there afterwards."""
        secret = await self.station.invite(name)
        await self.request(f"/CN={name}")
        status, answer = await self.enrol("-u", f"{name}:{secret}")
        assert status == 200, answer
        (self.folder / "device.crt").write_text(await self.certificates(answer))


@pytest.fixture
def machine(station, tmp_path):
    return Machine(tmp_path / "machine", station)
