"""The box's own server: its configuration, and TLS beyond loopback."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lineshaft.bus import Bus, BusAuth, BusServer, BusSettings, find_address, server
from lineshaft.bus.server import certificate_name, check_listener, render
from lineshaft.bus.settings import MIB, is_loopback
from lineshaft.bus.testing import embedded_bus
from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.core.home import Home
from lineshaft.web.testing import everything

AUTH = BusAuth(operator_jwt="OPERATOR", system_account="ASYS", preload={"ALS": "LS", "ASYS": "SYS"})


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        certificate = self._build(self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = self._write("ca.pem", certificate.sign(self._key, hashes.SHA256()))

    def issue(self, *names: str) -> tuple[str, str]:
        """Files of a certificate for `names` and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bus")])
        certificate = self._build(subject, key.public_key())
        if names:
            certificate = certificate.add_extension(
                x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
            )
        path = self._folder / "server.key"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return self._write("server.pem", certificate.sign(self._key, hashes.SHA256())), str(path)

    def _build(self, subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return x509.CertificateBuilder(
            issuer_name=self._name, subject_name=subject, public_key=public, serial_number=x509.random_serial_number(),
            not_valid_before=now - dt.timedelta(days=1), not_valid_after=now + dt.timedelta(days=1),
        )  # fmt: skip

    def _write(self, name: str, certificate: x509.Certificate) -> str:
        path = self._folder / name
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return str(path)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_the_configuration_is_one_that_loses_nothing(tmp_path):
    text = render(BusSettings(), AUTH, tmp_path / "bus", 4222, tmp_path / "nats.pid")
    assert "sync_interval: always" in text
    assert 'listen: "127.0.0.1:4222"' in text
    assert "type: full" in text
    assert "ALS: LS" in text
    assert "tls" not in text
    assert "no_auth_user" not in text


def test_a_path_with_quotes_spaces_and_chinese_is_one_string(tmp_path):
    text = render(BusSettings(), AUTH, Path('/a "b"\\天轴 $HOME'), 1, tmp_path / "nats.pid")
    assert 'store_dir: "/a \\"b\\"\\\\天轴 $HOME"' in text


async def test_a_server_runs_in_a_home_with_a_difficult_path(tmp_path):
    async with embedded_bus(tmp_path / '天 "轴" \\ $X {') as box:
        bus = await box.connect("web")
        assert bus.connected
        assert (box.home.path / "bus" / "jetstream").is_dir()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", "127.0.0.1.example.org"])
def test_listening_beyond_loopback_without_tls_is_refused(tmp_path, host):
    with pytest.raises(InvalidInput) as refused:
        BusServer(BusSettings(host=host), Home(tmp_path), AUTH)
    assert refused.value.code == "bus.tls_required"
    assert host in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_tls(host):
    assert is_loopback(host)
    check_listener(BusSettings(host=host))


def test_half_of_tls_is_refused(authority):
    certificate, key = authority.issue("bus")
    with pytest.raises(InvalidInput, match=r"bus\.tls_key"):
        check_listener(BusSettings(host="0.0.0.0", tls_certificate=certificate))
    with pytest.raises(InvalidInput, match=r"bus\.tls_certificate"):
        check_listener(BusSettings(tls_key=key))


def test_a_tls_file_that_is_missing_is_refused_by_name(authority, tmp_path):
    certificate, key = authority.issue("bus")
    for field in ("tls_certificate", "tls_key", "tls_ca"):
        files = {"tls_certificate": certificate, "tls_key": key, field: str(tmp_path / "none.pem")}
        with pytest.raises(InvalidInput, match=f"bus.{field}") as refused:
            check_listener(BusSettings(**files))
        assert refused.value.code == "bus.tls_file_unreadable"


def test_a_certificate_without_a_name_is_refused(authority, tmp_path):
    certificate, _ = authority.issue()
    for path in (certificate, authority.issue()[1]):
        with pytest.raises(InvalidInput) as refused:
            certificate_name(BusSettings(tls_certificate=path))
        assert refused.value.code == "bus.certificate_nameless"


def test_a_machine_without_the_server_program_is_told_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr(server.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="nats-server") as refused:
        server.program()
    assert refused.value.code == "bus.server_missing"


def tls_settings(authority: Authority, *names: str) -> BusSettings:
    certificate, key = authority.issue(*names)
    return BusSettings(
        host="0.0.0.0", port=0, tls_certificate=certificate, tls_key=key, tls_ca=authority.file,
        store_max_bytes=64 * MIB,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["bus.example.org", "*.example.org", "192.0.2.7"])
async def test_beyond_loopback_connections_are_encrypted_and_checked_by_the_certificates_name(
    tmp_path, authority, name
):
    async with embedded_bus(tmp_path, tls_settings(authority, name)) as box:
        bus = await box.connect("web")
        assert bus.connected
        assert (await bus.stream_info("TELEMETRY")).last == 0
        await box.kill()
        await box.start()
        await bus.wait_connected(30)
        assert (await bus.stream_info("TELEMETRY")).last == 0


async def test_a_plaintext_client_learns_nothing_and_gets_nowhere(tmp_path, authority):
    async with embedded_bus(tmp_path, tls_settings(authority, "localhost")) as box:
        reader, writer = await asyncio.open_connection("127.0.0.1", box.server.address.port)
        writer.write(b'CONNECT {"verbose":true}\r\nPING\r\n')
        async with asyncio.timeout(30):
            answer = await everything(reader)
        writer.close()
        assert b"INFO" not in answer
        assert b"PONG" not in answer


async def test_a_client_that_does_not_trust_the_authority_does_not_connect(tmp_path, authority, eventually):
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    async with embedded_bus(tmp_path, tls_settings(authority, "localhost")) as box:
        await box.connect("web")
        port = box.server.address.port
        settings = BusSettings(url=f"tls://127.0.0.1:{port}", tls_ca=other.file)
        stranger = await Bus.connect(settings, box.home, "web", wait=1)
        try:
            await eventually(lambda: "certificate" in stranger.check().detail.lower())
            assert not stranger.connected
            assert stranger.check().hint
        finally:
            await stranger.close()


async def test_a_certificate_for_another_name_is_not_accepted(tmp_path, authority, eventually):
    async with embedded_bus(tmp_path, tls_settings(authority, "bus.example.org")) as box:
        await box.connect("web")
        settings = BusSettings(url=f"tls://127.0.0.1:{box.server.address.port}", tls_ca=authority.file)
        bus = await Bus.connect(settings, box.home, "web", wait=1)
        try:
            await eventually(lambda: "certificate" in bus.check().detail.lower())
            assert not bus.connected
        finally:
            await bus.close()


async def test_a_gateway_elsewhere_connects_by_its_url(tmp_path, authority):
    async with embedded_bus(tmp_path, tls_settings(authority, "127.0.0.1")) as box:
        box.issue("gateway")
        settings = BusSettings(url=f"tls://127.0.0.1:{box.server.address.port}", tls_ca=authority.file)
        bus = await Bus.connect(settings, box.home, "gateway")
        try:
            assert bus.connected
        finally:
            await bus.close()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://host:1", "bus.url_invalid"), ("nats://", "bus.url_invalid"), ("nats://h:x", "bus.url_invalid"),
        ("nats://h:99999", "bus.url_invalid"), ("host:4222", "bus.url_invalid"),
        ("nats://me:secret@127.0.0.1:4222", "bus.url_invalid"), ("nats://127.0.0.1/x", "bus.url_invalid"),
        ("nats://hub.example.org:4222", "bus.url_unencrypted"), ("nats://192.0.2.1", "bus.url_unencrypted"),
    ],
)  # fmt: skip
def test_an_address_that_is_none_or_in_the_open_is_refused(tmp_path, url, code):
    with pytest.raises(InvalidInput) as refused:
        find_address(BusSettings(url=url), Home(tmp_path))
    assert refused.value.code == code
    assert "secret" not in str(refused.value)


def test_an_address_without_a_port_has_the_usual_one(tmp_path):
    address = find_address(BusSettings(url="tls://[2001:db8::1]"), Home(tmp_path))
    assert (address.host, address.port, address.tls) == ("2001:db8::1", 4222, True)
    assert address.url == "tls://[2001:db8::1]:4222"


def test_a_box_that_was_never_started_says_so(tmp_path):
    with pytest.raises(Unavailable) as refused:
        find_address(BusSettings(), Home(tmp_path))
    assert refused.value.code == "bus.not_started"


def test_a_file_of_authorities_that_holds_none_is_refused(tmp_path, authority):
    _, key = authority.issue("x")
    with pytest.raises(InvalidInput) as refused:
        find_address(BusSettings(url="tls://h", tls_ca=key), Home(tmp_path)).context()
    assert refused.value.code == "bus.tls_file_unreadable"


async def test_ipv6_loopback_works(tmp_path):
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    async with embedded_bus(tmp_path, BusSettings(host="::1", port=0, store_max_bytes=64 * MIB)) as box:
        assert (await box.connect("web")).connected


async def test_the_probe_says_no_while_nobody_answers(tmp_path):
    async with embedded_bus(tmp_path, streams=False) as box:
        assert await box.server.probe()
        await box.kill()
        assert not await box.server.probe()


async def test_what_the_server_writes_is_for_its_owner_only(tmp_path):
    async with embedded_bus(tmp_path) as box:
        assert (box.home.path / "bus").stat().st_mode & 0o077 == 0
        assert (box.home.path / "bus" / "server.conf").stat().st_mode & 0o077 == 0


def test_tls_before_1_2_is_not_spoken(tmp_path):
    context = find_address(BusSettings(url="tls://h"), Home(tmp_path)).context()
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED
