"""Addresses, ports and certificates: what is refused at the start, and what is served."""

import socket
import ssl

import httpx
import msgspec
import pytest

from lineshaft.core.errors import Conflict, InvalidInput, Unavailable
from lineshaft.web import listeners
from lineshaft.web.server import HttpServer
from lineshaft.web.settings import WebSettings
from lineshaft.web.testing import certificate


def settings(**values):
    return msgspec.structs.replace(WebSettings(port=0), **values)


def bound(**values):
    sockets = listeners.bind(settings(**values))
    for each in sockets:
        each.close()
    return sockets


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_all_addresses_share_one_port():
    sockets = listeners.bind(settings())
    try:
        assert len({each.getsockname()[1] for each in sockets}) == 1
        assert len(sockets) == (2 if has_ipv6() else 1)
    finally:
        for each in sockets:
            each.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_beyond_loopback_needs_tls(host):
    with pytest.raises(InvalidInput) as refused:
        listeners.bind(settings(hosts=("127.0.0.1", host)))
    assert refused.value.code == "web.tls_required"
    assert refused.value.facts["value"] == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "localhost"])
def test_loopback_does_not(host):
    assert listeners.resolve(settings(hosts=(host,)))


def test_with_tls_every_address_may_be_listened_on(tmp_path):
    files = certificate(tmp_path)
    sockets = listeners.bind(settings(hosts=("0.0.0.0", "::"), **files))
    for each in sockets:
        each.listen()  # both at once: the second does not claim the first's addresses too
    for each in sockets:
        each.close()


def test_a_name_that_is_no_address_of_anything_is_refused():
    with pytest.raises(InvalidInput) as refused:
        bound(hosts=("no-such-host.invalid",))
    assert refused.value.code == "web.host_unknown"


def test_an_address_of_another_machine_is_refused(tmp_path):
    with pytest.raises(InvalidInput) as refused:
        bound(hosts=("192.0.2.7",), **certificate(tmp_path))
    assert refused.value.code == "web.address_foreign"


def test_a_taken_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Conflict) as refused:
            bound(hosts=("127.0.0.1",), port=port)
    assert refused.value.code == "web.port_taken"
    assert refused.value.facts["port"] == port


class NoIPv6(socket.socket):
    """A machine without IPv6."""

    def __init__(self, family=socket.AF_INET, *args, **kwargs):
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        super().__init__(family, *args, **kwargs)


def test_without_ipv6_it_says_so_once_and_goes_on(monkeypatch, capsys):
    monkeypatch.setattr(listeners.socket, "socket", NoIPv6)
    sockets = bound(hosts=("127.0.0.1", "::1"))
    assert len(sockets) == 1
    said = "".join(capsys.readouterr())
    assert said.count("ipv6_missing") == 1


def test_ipv6_alone_without_ipv6_is_refused(monkeypatch):
    monkeypatch.setattr(listeners.socket, "socket", NoIPv6)
    with pytest.raises(InvalidInput) as refused:
        bound(hosts=("::1",))
    assert refused.value.code == "web.no_address"


def test_what_the_system_forbids_is_said(monkeypatch):
    def forbidden(*_args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(listeners, "_bind_one", forbidden)
    with pytest.raises(Unavailable) as refused:
        bound(hosts=("127.0.0.1",), port=80)
    assert refused.value.code == "web.listen_failed"


class TestCertificates:
    def test_none_is_plain_http(self):
        assert listeners.tls_context(settings()) is None

    def test_files_that_do_not_exist_are_refused(self, tmp_path):
        self.refused(tls_certificate=str(tmp_path / "none"), tls_key=str(tmp_path / "none"))

    @pytest.mark.parametrize("missing", ["tls_certificate", "tls_key"])
    def test_one_file_without_the_other_is_refused(self, tmp_path, missing):
        self.refused(**{**certificate(tmp_path), missing: ""})

    def test_a_key_of_another_certificate_is_refused(self, tmp_path):
        one, other = certificate(tmp_path / "a"), certificate(tmp_path / "b")
        self.refused(tls_certificate=one["tls_certificate"], tls_key=other["tls_key"])

    def test_a_key_with_a_passphrase_is_refused_and_asks_nobody(self, tmp_path):
        self.refused(**certificate(tmp_path, password=b"secret"))

    def test_a_file_that_is_no_certificate_is_refused(self, tmp_path):
        (tmp_path / "cert.pem").write_text("hello")
        self.refused(tls_certificate=str(tmp_path / "cert.pem"), tls_key=str(tmp_path / "cert.pem"))

    def refused(self, **values):
        with pytest.raises(InvalidInput) as error:
            listeners.tls_context(settings(**values))
        assert error.value.code == "web.tls_unusable"

    @pytest.mark.parametrize(
        ("names", "stated"),
        [(("plant.example", "127.0.0.1"), "plant.example"), (("192.0.2.7",), "192.0.2.7"),
         (("*.plant.example",), "lineshaft.plant.example"), ((), "")],
    )  # fmt: skip
    def test_its_name_is_what_it_states(self, tmp_path, names, stated):
        assert listeners.certificate_name(settings(**certificate(tmp_path, *names))) == stated

    async def test_a_verifying_client_is_served_and_an_old_protocol_is_not(self, tmp_path):
        files = certificate(tmp_path, "127.0.0.1")
        given = settings(hosts=("127.0.0.1",), **files)
        (socket_,) = listeners.bind(given)

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": scope["scheme"].encode()})

        server = HttpServer(app, [socket_], given, listeners.tls_context(given))
        await server.start()
        try:
            url = listeners.url_of(socket_, tls=True)
            trusting = ssl.create_default_context(cafile=files["tls_certificate"])
            trusting.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
            async with httpx.AsyncClient(verify=trusting, trust_env=False, timeout=60) as client:
                assert (await client.get(url)).text == "https"
            async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
                with pytest.raises(httpx.ConnectError):
                    await client.get(url)
            trusting.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            with pytest.warns(DeprecationWarning, match="TLSv1_1"):
                trusting.maximum_version = ssl.TLSVersion.TLSv1_1
            async with httpx.AsyncClient(verify=trusting, trust_env=False, timeout=60) as client:
                with pytest.raises(httpx.ConnectError):
                    await client.get(url)
        finally:
            await server.stop()


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:{}"), ("0.0.0.0", "http://127.0.0.1:{}")])
def test_the_address_to_type_is_one_that_works(host, url):
    with socket.create_server((host, 0)) as bound_:
        assert listeners.url_of(bound_, tls=False) == url.format(bound_.getsockname()[1])
