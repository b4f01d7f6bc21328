"""Who is not let in, as `curl` sees it: the same answer for whatever reason, distinct reasons in the audit trail."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from lineshaft.access.est.invitations import WRONG_TOKENS
from lineshaft.access.est.settings import EstSettings
from lineshaft.access.messages import OfPrincipal
from lineshaft.access.model import Actor
from lineshaft.access.pki.box_files import BoxFiles
from lineshaft.access.pki.part import authority_of
from lineshaft.access.pki.settings import PkiSettings
from lineshaft.core import clock
from lineshaft.records.testing import sqlite_database
from lineshaft.web.testing_devices import running_station

MINE = ("--cert", "device.crt", "--key", "device.key")

OTHERS = "the token is another principal's"

pytestmark = [pytest.mark.peer("openssl", "curl"), pytest.mark.timeout(120)]


def later(seconds: int):
    """The clock, that much ahead."""
    moment = clock.now_us() + seconds * clock.MICROSECONDS
    return clock.fixed(lambda: moment)


async def reasons(station) -> list[str]:
    """Why enrolments were refused, oldest first."""
    found = await station.recorded("access:enrol")
    return [entry["reason"] for entry in reversed(found) if entry["outcome"] != "done"]


async def test_a_token_is_good_once(machine, station):
    secret = await station.invite("press-7")
    await machine.request("/CN=press-7")
    assert (await machine.enrol("-u", f"press-7:{secret}"))[0] == 200
    await machine.request("/CN=press-7", key="other.key")
    assert (await machine.enrol("-u", f"press-7:{secret}"))[0] == 401
    assert await reasons(station) == ["used before with another key"]
    assert len(station.certificates("press-7")) == 1


async def test_a_machine_whose_answer_was_lost_gets_it_again_for_the_same_key(machine, station):
    secret = await station.invite("press-7")
    await machine.request("/CN=press-7")
    assert (await machine.enrol("-u", f"press-7:{secret}"))[0] == 200
    assert (await machine.enrol("-u", f"press-7:{secret}"))[0] == 200


async def test_wrong_unknown_foreign_and_expired_tokens_get_the_same_answer(machine, station):
    secret = await station.invite("press-7")
    other = await station.invite("press-8")
    late = await station.invite("press-9", minutes=1)
    await machine.request("/CN=press-7")
    answers = [
        await machine.enrol("-u", f"press-7:{secret}x"), await machine.enrol("-u", f"nobody:{secret}"),
        await machine.enrol("-u", f"press-7:{other}"), await machine.enrol(),
    ]  # fmt: skip
    with later(61):
        answers.append(await machine.enrol("-u", f"press-9:{late}"))
    assert {status for status, _ in answers} == {401}
    assert len({body for _, body in answers}) == 1
    assert await reasons(station) == ["unknown", OTHERS, OTHERS, "expired"]
    assert secret not in repr(await station.access.entries(limit=100))


async def test_a_token_of_somebody_revoked_is_refused(machine, station):
    secret = await station.invite("press-7")
    station.end("press-7")
    await machine.request("/CN=press-7")
    assert (await machine.enrol("-u", f"press-7:{secret}"))[0] == 401
    assert await reasons(station) == ["the principal is revoked"]


async def test_a_token_of_before_a_revocation_is_void_for_ever(machine, station):
    secret = await station.invite("press-7")
    await machine.request("/CN=press-7")
    asked = OfPrincipal(actor=Actor(id=station.principal("local").id), name="press-7")
    await station.surroundings.administration.revoke(asked)
    await station.surroundings.administration.reinstate(asked)
    assert (await machine.enrol("-u", f"press-7:{secret}"))[0] == 401
    assert await reasons(station) == ["unknown"]


async def test_a_newer_token_ends_the_one_before(machine, station):
    first = await station.invite("press-7")
    await station.invite("press-7")
    await machine.request("/CN=press-7")
    assert (await machine.enrol("-u", f"press-7:{first}"))[0] == 401


async def test_too_many_wrong_tokens_lock_the_address_out(machine, station):
    secret = await station.invite("press-7")
    await machine.request("/CN=press-7")
    await asyncio.gather(*(machine.enrol("-u", f"press-7:wrong{number}") for number in range(WRONG_TOKENS)))
    status, body = await machine.enrol("-u", f"press-7:{secret}", "-D", "head.txt")
    assert status == 429
    assert b"locked" in body
    assert "retry-after" in (machine.folder / "head.txt").read_text().lower()
    outcomes = [entry["outcome"] for entry in await station.recorded("access:enrol")]
    assert sorted(outcomes) == ["locked"] + ["refused"] * (WRONG_TOKENS - 1)
    with later(3600):
        assert (await machine.enrol("-u", f"press-7:{secret}"))[0] == 200


async def test_a_request_for_another_name_is_refused_and_the_token_stays_good(machine, station):
    secret = await station.invite("press-7")
    await machine.request("/CN=press-8")
    status, body = await machine.enrol("-u", f"press-7:{secret}")
    assert (status, b"press-8" in body) == (400, True)
    await machine.request("/CN=press-7")
    assert (await machine.enrol("-u", f"press-7:{secret}"))[0] == 200


async def test_a_short_rsa_key_and_a_sha1_request_are_refused(machine, station):
    secret = await station.invite("press-7")
    await machine.openssl("genrsa", "-out", "device.key", "1024")
    await machine.request("/CN=press-7", new=False)
    assert (await machine.enrol("-u", f"press-7:{secret}"))[0] == 400
    await machine.request("/CN=press-7", "-sha1", key="other.key")
    assert (await machine.enrol("-u", f"press-7:{secret}"))[0] == 400
    assert await reasons(station) == ["access.csr_key_weak", "access.csr_hash_weak"]


async def test_a_request_signed_by_another_key_is_refused(machine, station):
    secret = await station.invite("press-7")
    await machine.request("/CN=press-7")
    der = bytearray((machine.folder / "request.der").read_bytes())
    der[-1] ^= 1
    (machine.folder / "request.b64").write_bytes(await machine.openssl("base64", feed=bytes(der)))
    status, _ = await machine.enrol("-u", f"press-7:{secret}")
    assert status == 400


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"MIIB", b"MAA=", b"A" * 8000, b"MIIBAAAA" * 1000])
async def test_what_is_no_request_is_refused(machine, station, body):
    secret = await station.invite("press-7")
    (machine.folder / "junk").write_bytes(body)
    status, text = await machine.enrol("-u", f"press-7:{secret}", body="junk")
    assert status == 400
    assert text
    assert station.certificates("press-7") == []


async def test_a_body_over_the_limit_is_refused_announced_or_not(machine, station):
    secret = await station.invite("press-7")
    (machine.folder / "junk").write_bytes(b"A" * 20_000)
    login = ("-u", f"press-7:{secret}")
    assert (await machine.enrol(*login, body="junk"))[0] == 413
    assert (await machine.enrol(*login, "-H", "Transfer-Encoding: chunked", body="junk"))[0] == 413


async def test_only_pkcs10_is_read(machine, station):
    secret = await station.invite("press-7")
    await machine.request("/CN=press-7")
    argv = ("-u", f"press-7:{secret}", "-H", "Content-Type: text/plain", "--data-binary", "@request.b64")
    assert (await machine.curl("/.well-known/est/simpleenroll", *argv))[0] == 415


async def test_operations_that_are_not_there_say_so(machine):
    assert (await machine.curl("/.well-known/est/serverkeygen"))[0] == 404
    assert (await machine.curl("/.well-known/est/other/cacerts"))[0] == 404
    assert (await machine.curl("/.well-known/est/cacerts", "-X", "POST"))[0] == 405
    assert (await machine.curl("/.well-known/est/simpleenroll"))[0] == 405


async def test_renewal_needs_a_certificate_whatever_token_is_shown(machine, station):
    secret = await station.invite("press-7")
    await machine.request("/CN=press-7")
    assert (await machine.enrol("-u", f"press-7:{secret}", operation="simplereenroll"))[0] == 401


async def renewing(machine) -> int:
    """The status told to whom the listener's own look at what is connected may hang up on before."""
    while not (status := (await machine.enrol(*MINE, operation="simplereenroll"))[0]):
        pass
    return status


async def test_a_revoked_certificate_renews_nothing(machine, station):
    await machine.enrolled("press-7")
    station.revoke(station.certificates("press-7")[0])
    await machine.request("/CN=press-7", key="next.key")
    assert await renewing(machine) == 401
    assert station.certificates("press-7") == []
    # How often is not said: the listener's own look at what is connected may find it, too.
    assert {entry["reason"] for entry in await station.recorded("access:certificate")} == {"revoked"}


async def test_a_certificate_revoked_a_moment_ago_renews_nothing_either(machine, station):
    """Whoever has just been verified is believed for seconds, but begets nothing in them."""
    await machine.enrolled("press-7")
    await machine.request("/CN=press-7", key="next.key")
    assert (await machine.enrol(*MINE, operation="simplereenroll"))[0] == 200
    for fingerprint in station.certificates("press-7"):
        station.revoke(fingerprint)
    assert await renewing(machine) == 401
    assert station.certificates("press-7") == []


async def test_a_token_brings_no_certificate_back_that_was_revoked(machine, station):
    secret = await station.invite("press-7")
    await machine.request("/CN=press-7")
    assert (await machine.enrol("-u", f"press-7:{secret}"))[0] == 200
    station.revoke(station.certificates("press-7")[0])
    assert (await machine.enrol("-u", f"press-7:{secret}"))[0] == 401
    assert await reasons(station) == ["used before, and its certificate revoked since"]


async def test_a_service_of_the_box_does_not_get_a_longer_certificate_here(machine, station):
    await asyncio.to_thread(keep_box_files, station)
    certs = station.home.run / "certs"
    await machine.request("/CN=history")
    stolen = ("--cert", str(certs / "history.crt"), "--key", str(certs / "history.key"))
    assert (await machine.enrol(*stolen))[0] == 401
    assert await reasons(station) == ["a service of the box gets its certificates from the box"]


def keep_box_files(station) -> None:
    authority = authority_of(station.surroundings)
    BoxFiles(station.home, station.identity, station.database, authority, PkiSettings()).keep()


async def test_people_get_no_certificate_here(machine, station):
    from lineshaft.core.errors import InvalidInput

    with pytest.raises(InvalidInput, match="no machine"):
        await station.invite("ada", kind="person")
    with pytest.raises(InvalidInput, match="kept for a service"):
        await station.invite("gateway", kind="service", template="gateway")


# -- makers' certificates (IDevID) --------------------------------------------------------------------------------------


class Maker:
    """A maker of devices with an authority of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        folder.mkdir()
        self.root = folder / "root.crt"
        self._openssl("req", "-x509", *NEW_KEY, "-keyout", "root.key", "-out", "root.crt", "-subj", f"/O={name}",
                      "-days", "3650")  # fmt: skip

    def device(self, serial: str, machine, days: int = 3000) -> tuple[str, ...]:
        """A device as delivered; curl's options that show its certificate."""
        self._openssl("req", *NEW_KEY, "-keyout", "device.key", "-out", "device.csr", "-subj",
                      f"/O={self.name}/CN=type 9/serialNumber={serial}")  # fmt: skip
        self._openssl("x509", "-req", "-in", "device.csr", "-CA", "root.crt", "-CAkey", "root.key", "-out",
                      "device.crt", "-days", str(days))  # fmt: skip
        return ("--cert", str(self.folder / "device.crt"), "--key", str(self.folder / "device.key"))

    def _openssl(self, *argv: str) -> None:
        subprocess.run(["openssl", *argv], cwd=self.folder, check=True, capture_output=True)


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@pytest.fixture
def maker(tmp_path):
    return Maker(tmp_path / "maker", "Good Presses")


@pytest.fixture
async def station(tmp_path, sqlite_template, maker):
    with sqlite_database(tmp_path, sqlite_template) as database:
        async with running_station(tmp_path, database, EstSettings(idevid_roots=str(maker.root))) as station:
            yield station


async def test_a_registered_device_enrols_with_its_makers_certificate(machine, station, maker):
    assert await station.invite("press-7", serial="SN-0042") == ""
    await machine.request("/CN=press-7")
    status, _ = await machine.enrol(*maker.device("SN-0042", machine))
    assert status == 200
    assert len(station.certificates("press-7")) == 1


async def test_a_device_that_nobody_registered_is_refused(machine, station, maker):
    await station.invite("press-7", serial="SN-0042")
    await machine.request("/CN=press-7")
    assert (await machine.enrol(*maker.device("SN-0043", machine)))[0] == 401
    (entry,) = await station.recorded("access:enrol")
    assert (entry["reason"], entry["serial"], entry["via"]) == ("unknown", "SN-0043", "idevid")


async def test_a_makers_certificate_calls_nothing_else(machine, station, maker):
    await station.invite("press-7", serial="SN-0042")
    device = maker.device("SN-0042", machine)
    assert (await machine.curl("/api/v1/access/enrolment/invitations", "-X", "POST", *device))[0] == 401
    assert (await machine.curl("/api/v1/access/enrolment/join", "-X", "POST", *device))[0] == 401


async def test_a_makers_certificate_begins_something_and_renews_nothing(machine, station, maker):
    await station.invite("press-7", serial="SN-0042")
    await machine.request("/CN=press-7")
    assert (await machine.enrol(*maker.device("SN-0042", machine), operation="simplereenroll"))[0] == 401


async def test_an_unknown_makers_device_does_not_get_through_the_handshake(machine, station, tmp_path):
    await station.invite("press-7", serial="SN-0042")
    stranger = Maker(tmp_path / "stranger", "Good Presses")
    await machine.request("/CN=press-7")
    assert (await machine.enrol(*stranger.device("SN-0042", machine)))[0] == 0
    assert station.certificates("press-7") == []


def test_a_file_of_makers_that_cannot_be_read_is_named(tmp_path):
    from lineshaft.access.est.makers import Makers
    from lineshaft.core.errors import InvalidInput

    with pytest.raises(InvalidInput, match="idevid_roots"):
        Makers(str(tmp_path / "none.pem"))
