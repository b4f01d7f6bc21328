"""Certificates are issued, accepted, revoked and listed; foreign programs agree."""

import asyncio

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from sqlalchemy import select

from lineshaft.access.grants import bus_permissions
from lineshaft.access.messages import OfPrincipal
from lineshaft.access.model import Actor
from lineshaft.access.pki import certificates, crl
from lineshaft.access.pki.messages import IssueCertificate
from lineshaft.access.pki.part import PkiPart
from lineshaft.access.pki.testing import der_of, openssl, request_for
from lineshaft.bus.subjects import Subjects
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from lineshaft.records.store import OUTBOX

DAY = 86_400 * clock.MICROSECONDS


def listed(bureau) -> set[int]:
    """Serial numbers on the published list."""
    return {line.serial_number for line in x509.load_der_x509_crl((bureau.certs / "crl.der").read_bytes())}


def serial(pem: str) -> int:
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


async def reasons(bureau) -> list[str]:
    return [entry.facts["reason"] for entry in await bureau.office.audit("access:certificate")]


async def refusal_of(bureau, der: bytes) -> str:
    """The reason recorded for a certificate that is refused."""
    before = len(await reasons(bureau))
    with pytest.raises(Unauthenticated) as refusal:
        await bureau.office.access.principal_of_certificate(der)
    assert (refusal.value.code, refusal.value.facts) == ("access.certificate_refused", {})
    found = await reasons(bureau)
    assert len(found) == before + 1
    return found[0]


# -- the box's own ------------------------------------------------------------------------------------------------------


async def test_the_box_has_certificates_for_its_services_and_its_web_server(bureau):
    names = {path.name for path in bureau.certs.iterdir()}
    assert {"ca.crt", "crl.der", "crl.pem", "web-server.crt", "web-server.key", "gateway.crt", "gateway.key"} <= names
    assert {path.stat().st_mode & 0o777 for path in bureau.certs.iterdir()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in bureau.keys.iterdir()} == {0o600}
    own = await bureau.office.access.principal_of_certificate(der_of((bureau.certs / "gateway.crt").read_bytes()))
    assert (own.name, own.kind) == ("gateway", "service")


async def test_the_certificates_of_services_live_a_day_and_are_renewed_with_their_key(bureau):
    before = (bureau.certs / "gateway.crt").read_bytes(), (bureau.certs / "gateway.key").read_bytes()
    found = x509.load_pem_x509_certificate(before[0])
    assert (found.not_valid_after_utc - found.not_valid_before_utc).total_seconds() <= 24 * 3600
    start = clock.now_us()
    with clock.fixed(lambda: start + DAY // 2):
        assert bureau.part._files.keep() == []
    with clock.fixed(lambda: start + 17 * DAY // 24):
        assert "gateway" in bureau.part._files.keep()
    assert (bureau.certs / "gateway.key").read_bytes() == before[1]
    assert (bureau.certs / "gateway.crt").read_bytes() != before[0]


@pytest.mark.parametrize("damage", [None, b"", b"garbage"])
@pytest.mark.parametrize("name", ["ca.crt", "gateway.crt", "gateway.key", "web-server.crt", "web-server.key"])
async def test_a_damaged_file_of_the_box_is_made_anew(bureau, name, damage):
    file = bureau.certs / name
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)
    bureau.part._round()
    stem = name.partition(".")[0]
    if stem != "ca":
        public = openssl("x509", "-in", bureau.certs / f"{stem}.crt", "-noout", "-pubkey").stdout
        assert public == openssl("pkey", "-in", bureau.certs / f"{stem}.key", "-pubout").stdout != b""
    assert b"BEGIN CERTIFICATE" in (bureau.certs / "ca.crt").read_bytes()


async def test_a_certificate_of_the_box_that_is_revoked_is_replaced_with_its_key(bureau):
    before = (bureau.certs / "gateway.crt").read_bytes(), (bureau.certs / "gateway.key").read_bytes()
    revoked = x509.load_pem_x509_certificate(before[0])
    await bureau.revoke(certificates.fingerprint_of(revoked))
    bureau.part._round()
    after = (bureau.certs / "gateway.crt").read_bytes(), (bureau.certs / "gateway.key").read_bytes()
    assert before[0] != after[0]
    assert before[1] != after[1]
    await bureau.office.access.principal_of_certificate(der_of(after[0]))


@pytest.mark.parametrize("name", ["", "ä.example", "a b", "-x.example", "x" * 64, "http://x", "1.2.3.4.5:80"])
async def test_what_is_no_host_stands_in_no_certificate(bureau, name):
    await bureau.machine("node1", "node")
    with pytest.raises(InvalidInput) as refusal:
        await bureau.issue("node1", "server", names=[name])
    assert refusal.value.code == "access.host_invalid"


@pytest.mark.peer("openssl")
async def test_openssl_verifies_chain_names_and_list(bureau):
    trust = ["-crl_check", "-CRLfile", bureau.certs / "crl.pem", "-CAfile", bureau.certs / "ca.crt"]
    server = bureau.certs / "web-server.crt"
    for host in (["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"]):
        checked = openssl("verify", *trust, "-x509_strict", "-purpose", "sslserver", *host, server)
        assert checked.returncode == 0, checked.stderr
    assert openssl("verify", *trust, "-purpose", "sslclient", server).returncode != 0
    assert openssl("verify", *trust, "-verify_hostname", "elsewhere.example", server).returncode != 0
    assert openssl("crl", "-in", bureau.certs / "crl.der", "-inform", "der", "-CAfile", bureau.certs / "ca.crt",
                   "-noout").stderr.startswith(b"verify OK")  # fmt: skip


# -- issued to others -----------------------------------------------------------------------------------------------------


async def test_a_device_calls_with_the_certificate_it_was_issued(bureau):
    press = await bureau.machine("press")
    made = await bureau.issue("press")
    caller = await bureau.office.access.principal_of_certificate(der_of(made.chain))
    assert (caller.id, caller.name, caller.keys) == (press.id, "press", (made.certificate.fingerprint,))
    found = x509.load_pem_x509_certificate(made.chain.encode())
    assert made.certificate.not_after - made.certificate.not_before <= 90 * DAY
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [f"urn:lineshaft:{press.id}"]
    usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    acts = await bureau.office.audit("access:issue_certificate")
    assert (acts[0].resource, acts[0].facts["fingerprint"]) == (press.id, made.certificate.fingerprint)


@pytest.mark.parametrize(
    "key",
    [
        lambda: ec.generate_private_key(ec.SECP256R1()), lambda: ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate, lambda: rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-256", "P-384", "Ed25519", "RSA 2048"],
)  # fmt: skip
@pytest.mark.peer("openssl")
async def test_every_accepted_kind_of_key_gets_a_certificate_that_openssl_verifies(bureau, tmp_path, key):
    await bureau.machine("press")
    made = await bureau.issue("press", csr=request_for("press", key=key()))
    (tmp_path / "press.crt").write_text(made.chain)
    checked = openssl("verify", "-purpose", "sslclient", "-CAfile", bureau.certs / "ca.crt", tmp_path / "press.crt")
    assert checked.returncode == 0, checked.stderr


async def test_a_request_may_name_its_principal_and_nobody_else(bureau):
    press = await bureau.machine("press")
    await bureau.issue("press", csr=request_for("press", uri=f"urn:lineshaft:{press.id}"))
    foreign = [
        request_for("web"), request_for("press", uri="urn:lineshaft:99.1/service.OTHER"),
        request_for("press", names=["plant.example"]), request_for(uri="https://press.example"),
    ]  # fmt: skip
    for request in foreign:
        with pytest.raises(InvalidInput) as refusal:
            await bureau.issue("press", csr=request)
        assert refusal.value.code == "access.csr_foreign_name"


async def test_a_server_gets_the_names_an_administrator_allows(bureau):
    await bureau.machine("node1", "node")
    made = await bureau.issue("node1", "server", request_for(names=["Node1.example"]), ["node1.example", "192.0.2.1"])
    found = x509.load_pem_x509_certificate(made.chain.encode())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["node1.example"]
    with pytest.raises(InvalidInput) as refusal:
        await bureau.issue("node1", "server", request_for(names=["other.example"]), ["node1.example"])
    assert refusal.value.code == "access.csr_foreign_name"


@pytest.mark.peer("openssl")
async def test_weak_requests_are_refused_with_their_reason(bureau, tmp_path):
    await bureau.machine("press")
    key = tmp_path / "key.pem"

    def made_by_openssl(*options: str) -> bytes:
        done = openssl("req", "-new", "-nodes", "-keyout", key, "-subj", "/CN=press", *options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    good = request_for("press")
    body = bytearray(x509.load_pem_x509_csr(good).public_bytes(Encoding.DER))
    body[-1] ^= 1
    other = x509.load_der_x509_csr(bytes(body))
    weak = {
        "access.csr_hash_weak": [made_by_openssl("-newkey", "rsa:2048", "-sha1")],
        "access.csr_key_weak": [
            made_by_openssl("-newkey", "rsa:1024"),
            made_by_openssl("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
            made_by_openssl("-newkey", "ed448"),
        ],
        "access.csr_signature_wrong": [other.public_bytes(Encoding.PEM)],
        "access.csr_unreadable": [b"", b"hello", b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n", good + b"x" * 20_000],
    }
    for code, requests in weak.items():
        for request in requests:
            with pytest.raises(InvalidInput) as refusal:
                await bureau.issue("press", csr=request or b"\n")
            assert refusal.value.code == code, request


async def test_who_may_have_which_profile(bureau):
    await bureau.machine("press")
    with pytest.raises(Conflict) as refusal:
        await bureau.issue("press", "service")
    assert refusal.value.code == "access.profile_not_for_kind"
    with pytest.raises(InvalidInput):
        await bureau.issue("press", "root")
    with pytest.raises(NotFound):
        await bureau.issue("nobody")
    for essential in ("web", "access", "local"):
        with pytest.raises(Conflict) as refusal:
            await bureau.issue(essential, "service")
        assert refusal.value.code == "access.no_certificate"


async def test_only_administrators_issue_and_revoke(bureau):
    await bureau.machine("press")
    engineer = (await bureau.office.person("eve", "engineer")).principal
    asked = IssueCertificate(
        actor=Actor.of(engineer), name="press", profile="device", csr=request_for().decode(), names=[]
    )
    with pytest.raises(Forbidden):
        await bureau.part.issue(asked)


# -- revoked ----------------------------------------------------------------------------------------------------------------


async def test_a_revoked_certificate_is_refused_and_listed_within_seconds(working, condition, monkeypatch):
    monkeypatch.setattr("lineshaft.access.access.BELIEVED_SECONDS", 0.0)
    await working.machine("press")
    made = await working.issue("press")
    der = der_of(made.chain)
    await working.office.access.principal_of_certificate(der)
    before = crl.describe((working.certs / "crl.der").read_bytes()).number
    await working.revoke(made.certificate.fingerprint)
    assert await refusal_of(working, der) == "revoked"
    await condition(lambda: serial(made.chain) in listed(working))
    assert crl.describe((working.certs / "crl.der").read_bytes()).number > before
    with working.database.read() as connection:
        sent = [row for row in connection.execute(select(OUTBOX)) if row.subject.endswith(".event.access.crl")]
    event = msgspec.json.decode(sent[-1].payload, type=crl.RevocationList)
    assert serial(made.chain) in {line.serial_number for line in x509.load_der_x509_crl(event.der)}


async def test_belief_in_a_certificate_ends_by_itself(bureau):
    from lineshaft.access.access import BELIEVED_SECONDS

    assert BELIEVED_SECONDS <= 2.0
    await bureau.machine("press")
    made = await bureau.issue("press")
    der = der_of(made.chain)
    await bureau.office.access.principal_of_certificate(der)
    with clock.fixed(lambda: made.certificate.not_after):
        assert await refusal_of(bureau, der) == "expired"


@pytest.mark.peer("openssl")
async def test_openssl_refuses_what_is_on_the_list(bureau, tmp_path):
    await bureau.machine("press")
    made = await bureau.issue("press")
    (tmp_path / "press.crt").write_text(made.chain)
    await bureau.revoke(made.certificate.fingerprint)
    bureau.part._round()
    checked = openssl(
        "verify", "-crl_check", "-CRLfile", bureau.certs / "crl.pem", "-CAfile", bureau.certs / "ca.crt",
        tmp_path / "press.crt",
    )  # fmt: skip
    assert checked.returncode != 0
    assert b"certificate revoked" in checked.stderr
    assert b"Key Compromise" in openssl("crl", "-in", bureau.certs / "crl.pem", "-noout", "-text").stdout


async def test_a_revoked_principal_loses_its_certificates_in_the_same_moment(working, condition, monkeypatch):
    monkeypatch.setattr("lineshaft.access.access.BELIEVED_SECONDS", 0.0)
    await working.machine("press")
    first, second = await working.issue("press"), await working.issue("press")
    await working.office.administration.revoke(OfPrincipal(actor=working.local, name="press"))
    for made in (first, second):
        assert await refusal_of(working, der_of(made.chain)) == "revoked"
    await condition(lambda: {serial(first.chain), serial(second.chain)} <= listed(working))
    with pytest.raises(Conflict):
        await working.issue("press")
    await working.office.administration.reinstate(OfPrincipal(actor=working.local, name="press"))
    assert await refusal_of(working, der_of(first.chain)) == "revoked"
    await working.office.access.principal_of_certificate(der_of((await working.issue("press")).chain))


async def test_the_first_revocation_stands_and_nonsense_is_refused(bureau):
    await bureau.machine("press")
    made = (await bureau.issue("press")).certificate
    with pytest.raises(InvalidInput):
        await bureau.revoke(made.fingerprint, "boredom")
    with pytest.raises(NotFound):
        await bureau.revoke("00" * 32)
    first = await bureau.revoke(made.fingerprint, "superseded")
    again = await bureau.revoke(made.fingerprint.upper(), "keyCompromise")
    assert (again.revoked, again.reason) == (first.revoked, "superseded")
    with bureau.database.read() as connection:
        own = [each for each in certificates.list_all(connection, bureau.tenant, limit=1000) if each.profile == "root"]
    with pytest.raises(InvalidInput) as refusal:
        await bureau.revoke(own[0].fingerprint)
    assert refusal.value.code == "access.certificate_of_authority"


async def test_what_is_on_the_list_follows_a_kill_between_revocation_and_list(bureau):
    await bureau.machine("press")
    made = (await bureau.issue("press")).certificate
    with bureau.database.begin() as connection:  # the service is gone before it hears of this
        certificates.revoke(connection, bureau.tenant, made.fingerprint)
    successor = PkiPart(bureau.surroundings)
    await successor.start()
    assert int(made.serial, 16) in listed(bureau)


async def test_ended_certificates_leave_the_list(bureau):
    await bureau.machine("press")
    made = (await bureau.issue("press")).certificate
    await bureau.revoke(made.fingerprint)
    bureau.part._round()
    assert int(made.serial, 16) in listed(bureau)
    with clock.fixed(lambda: made.not_after + 1):
        bureau.part._round()
    assert listed(bureau) == set()


async def test_numbers_of_lists_increase_whatever_the_clock_does(bureau):
    numbers = []
    start = clock.now_us()
    for shift in (0, 365 * DAY, 0, -2 * DAY):
        with clock.fixed(lambda at=start + shift: at):
            bureau.authority.refresh()
            made = bureau.authority.sign_crl([])
            bureau.authority.keep_crl(made)
            numbers.append(crl.describe(made).number)
    assert numbers == sorted(set(numbers))


# -- refused ------------------------------------------------------------------------------------------------------------------


@pytest.mark.peer("openssl")
async def test_foreign_and_weak_certificates_are_refused_each_with_its_reason(bureau, tmp_path):
    def self_made(*options: str) -> bytes:
        command = ["req", "-x509", "-nodes", "-keyout", tmp_path / "key.pem", "-subj", "/CN=press", "-outform", "der"]
        done = openssl(*command, *options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert await refusal_of(bureau, self_made("-newkey", "rsa:2048", "-sha1")) == "weak_hash"
    assert await refusal_of(bureau, self_made("-newkey", "rsa:1024")) == "weak_key"
    assert await refusal_of(bureau, self_made("-newkey", "rsa:2048")) == "unknown_issuer"
    for nonsense in (b"", b"hello", b"\x30\x03\x02\x01\x01", b"\x30" * 20_000):
        assert await refusal_of(bureau, nonsense) == "unreadable"


async def test_an_issuer_that_only_has_our_name_is_unknown(bureau, tmp_path):
    issuing = bureau.authority.issuing
    key = ec.generate_private_key(ec.SECP256R1())
    forged = (
        x509.CertificateBuilder().subject_name(issuing.subject).issuer_name(issuing.subject).serial_number(1)
        .not_valid_before(issuing.not_valid_before_utc).not_valid_after(issuing.not_valid_after_utc)
        .public_key(key.public_key()).sign(key, hashes.SHA256())
    )  # fmt: skip
    assert await refusal_of(bureau, forged.public_bytes(Encoding.DER)) == "unknown_issuer"


async def test_a_server_certificate_proves_nobody(bureau):
    assert await refusal_of(bureau, der_of((bureau.certs / "web-server.crt").read_bytes())) == "not_for_calling"
    assert await refusal_of(bureau, bureau.authority.cacerts()[0]) == "unknown_issuer"


async def test_a_certificate_that_the_records_do_not_know_is_refused(bureau):
    press = await bureau.machine("press")

    with bureau.database.begin() as connection:
        made = bureau.authority.issue(connection, request_for(), "device", press)
        connection.rollback()
    assert await refusal_of(bureau, made.der) == "not_recorded"


async def test_refusals_do_not_fill_the_audit_trail(bureau):
    for _ in range(40):
        with pytest.raises(Unauthenticated):
            await bureau.office.access.principal_of_certificate(b"nonsense")
    assert len(await reasons(bureau)) == 30


# -- clocks, rivals -----------------------------------------------------------------------------------------------------------


async def test_a_clock_that_was_ahead_leaves_no_certificate_valid_in_a_far_future(bureau):
    await bureau.machine("press")
    start = clock.now_us()
    with clock.fixed(lambda: start + 300 * DAY):
        bureau.part._round()
        ahead = await bureau.issue("press")
    life = ahead.certificate.not_after - ahead.certificate.not_before
    assert life <= 90 * DAY
    assert await refusal_of(bureau, der_of(ahead.chain)) == "not_yet_valid"
    bureau.part._round()
    assert bureau.authority.trouble() == ""
    own = x509.load_pem_x509_certificate((bureau.certs / "gateway.crt").read_bytes())
    assert clock.to_us(own.not_valid_after_utc) <= start + DAY
    await bureau.office.access.principal_of_certificate(der_of((await bureau.issue("press")).chain))


async def test_a_clock_set_far_back_stops_nothing(bureau):
    await bureau.machine("press")
    start = clock.now_us()
    with clock.fixed(lambda: start - 5 * 365 * DAY):
        bureau.part._round()
        assert bureau.authority.trouble() == ""
        made = await bureau.issue("press")
        await bureau.office.access.principal_of_certificate(der_of(made.chain))
    assert await refusal_of(bureau, der_of(made.chain)) in {"expired", "issuer_expired"}


async def test_many_are_issued_at_once(bureau):
    for number in range(8):
        await bureau.machine(f"press{number}")
    made = await asyncio.gather(*(bureau.issue(f"press{number}") for number in range(8) for _ in range(3)))
    assert len({each.certificate.serial for each in made}) == 24
    for each in made:
        await bureau.office.access.principal_of_certificate(der_of(each.chain))


async def test_nothing_good_is_left_when_issuing_and_revoking_a_principal_race(bureau, monkeypatch):
    monkeypatch.setattr("lineshaft.access.access.BELIEVED_SECONDS", 0.0)
    for number in range(5):
        await bureau.machine(f"press{number}")
        asked = OfPrincipal(actor=bureau.local, name=f"press{number}")
        made, _ = await asyncio.gather(
            bureau.issue(f"press{number}"), bureau.office.administration.revoke(asked), return_exceptions=True
        )
        if not isinstance(made, Conflict):
            assert await refusal_of(bureau, der_of(made.chain)) == "revoked"


async def test_lists_are_paged_newest_first(bureau):
    press = await bureau.machine("press")
    made = [(await bureau.issue("press")).certificate.fingerprint for _ in range(5)]
    seen, before = [], None
    while True:
        with bureau.database.read() as connection:
            page = certificates.list_all(connection, bureau.tenant, before=before, limit=2, principal=press.id)
        if not page:
            break
        seen += [each.fingerprint for each in page]
        before = page[-1].issued, page[-1].fingerprint
    assert seen == made[::-1]


async def test_the_records_forget_what_ended_a_year_ago(bureau):
    press = await bureau.machine("press")
    made = (await bureau.issue("press")).certificate

    def standing() -> tuple[bool, bool]:
        with bureau.database.read() as connection:
            return bool(certificates.of_principal(connection, press.id)), bool(
                certificates.authorities(connection, bureau.tenant, certificates.ROOT)
            )

    for later, stays in ((300 * DAY, True), (367 * DAY, False)):
        with clock.fixed(lambda at=made.not_after + later: at):
            bureau.part._round()
        assert standing() == (stays, True)


async def test_checks_say_how_it_is(bureau):
    assert [(check.name, check.ok) for check in bureau.part.checks()] == [
        ("certificates", True), ("revocation list", True),
    ]  # fmt: skip
    with clock.fixed(lambda: clock.to_us(bureau.authority.issuing.not_valid_after_utc) + DAY):
        assert [check.ok for check in bureau.part.checks()] == [False, False]


async def test_gateways_hear_of_new_lists(bureau):
    subjects = Subjects(bureau.tenant, bureau.office.identity.site)
    allowed = bus_permissions(bureau.office.principal("gateway"), subjects, bureau.office.authority.plan)
    assert subjects.event("access", "crl") in allowed.subscribe
    assert subjects.event("access", "crl") not in allowed.publish
