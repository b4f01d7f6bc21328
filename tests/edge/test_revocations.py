"""What a gateway knows of revoked certificates: only what its authority signed, only ever newer, and after a restart too."""

import asyncio

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lineshaft.access.pki import certificates
from lineshaft.access.pki.part import authority_of
from lineshaft.bus.testing import embedded_bus
from lineshaft.core import logs
from lineshaft.core.home import Home
from lineshaft.edge.enrolment.papers import Papers, Server
from lineshaft.edge.revocations import Revocations
from lineshaft.records.testing import sqlite_database
from lineshaft.web.testing_devices import running_station

pytestmark = pytest.mark.timeout(120)
LOG = logs.get("edge")


@pytest.fixture
async def station(tmp_path, sqlite_template):
    with sqlite_database(tmp_path, sqlite_template) as database:
        async with running_station(tmp_path, database) as station:
            yield station


@pytest.fixture
def machine(tmp_path, station):
    """A home that has enrolled: it believes the station's authority."""
    home = Home(tmp_path / "machine")
    home.folder("edge")
    Papers(home).keep_server(Server(url=station.url, authority="0" * 64, name="east"), station.authority.read_bytes())
    return home


async def device_of(station, name="press-7") -> bytes:
    """A certificate of the station's authority, DER."""
    await station.invite(name)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    authority = authority_of(station.surroundings)
    der = request.public_bytes(serialization.Encoding.DER)
    return station.database.transact(authority.issue, der, "device", station.principal(name)).der


def new_list(station) -> bytes:
    with station.database.read() as connection:
        revoked = certificates.revoked(connection, station.identity.tenant)
    authority = authority_of(station.surroundings)
    made = authority.sign_crl(revoked)
    authority.keep_crl(made)
    return made


async def test_a_revoked_certificate_is_known_from_the_list_on(station, machine):
    good, bad = await device_of(station, "press-7"), await device_of(station, "press-8")
    known = Revocations(machine, LOG)
    assert known.take(new_list(station))
    assert not known.revoked(bad)
    station.revoke(station.certificates("press-8")[0])
    assert known.take(new_list(station))
    assert (known.revoked(good), known.revoked(bad)) == (False, True)


async def test_it_is_still_known_after_a_restart(station, machine):
    bad = await device_of(station)
    station.revoke(station.certificates("press-7")[0])
    Revocations(machine, LOG).take(new_list(station))
    again = Revocations(machine, LOG)
    again.load()
    assert again.revoked(bad)


async def test_an_older_list_does_not_bring_a_certificate_back(station, machine):
    bad = await device_of(station)
    before = new_list(station)
    station.revoke(station.certificates("press-7")[0])
    known = Revocations(machine, LOG)
    assert known.take(new_list(station))
    assert not known.take(before)
    assert known.revoked(bad)


async def test_a_list_that_our_authority_did_not_sign_is_not_taken(station, machine):
    issuer = x509.load_pem_x509_certificates(station.authority.read_bytes())[0].subject
    now = x509.load_der_x509_crl(new_list(station))
    forged = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer)
        .last_update(now.last_update_utc)
        .next_update(now.next_update_utc)
        .add_extension(x509.CRLNumber(1 << 60), critical=False)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    known = Revocations(machine, LOG)
    assert not known.take(forged.public_bytes(serialization.Encoding.DER))
    assert not known.take(b"no list")


async def test_a_new_list_on_the_bus_is_felt_at_once(station, machine, tmp_path):
    bad = await device_of(station)
    station.revoke(station.certificates("press-7")[0])
    felt = asyncio.Event()
    known = Revocations(machine, LOG)

    async def changed() -> None:
        felt.set()

    async with embedded_bus(tmp_path / "bus") as box:
        gateway, access = await box.connect("gateway"), await box.connect("access")
        task = asyncio.create_task(known.follow(gateway, changed))
        message = msgspec.json.encode({"number": 1, "der": new_list(station)})
        async with asyncio.timeout(30):
            while not felt.is_set():
                await access.publish(access.subjects.event("access", "crl"), message)
                await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert known.revoked(bad)


async def test_the_boxs_own_gateway_reads_the_boxs_own_file(station):
    bad = await device_of(station)
    station.revoke(station.certificates("press-7")[0])
    (station.home.run / "certs/crl.der").write_bytes(new_list(station))
    known = Revocations(station.home, LOG)
    known.load()
    assert known.revoked(bad)
