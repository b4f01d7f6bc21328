"""The root on another machine: made there, asked, put in force here; and a box that starts before that."""

import contextlib

import pytest
from cryptography import x509
from typer.testing import CliRunner

from lineshaft.access.pki.authority import CertificateAuthority
from lineshaft.access.pki.cli import app
from lineshaft.access.pki.installation import install
from lineshaft.access.pki.settings import PkiSettings
from lineshaft.access.pki.testing import SM2_OPTIONS, der_of, openssl
from lineshaft.core.errors import LineshaftError, Unavailable

OFFLINE = PkiSettings(root="offline")


def pki(*arguments: object):
    """Run a command; what it refuses is raised."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def pki_settings():
    return OFFLINE


async def test_a_box_waits_for_its_root_and_goes_on_once_it_has_signed(bureau, tmp_path):
    safe, request, signed = tmp_path / "safe", bureau.keys / "issuing.csr", tmp_path / "issuing.pem"
    assert not (bureau.keys / "root.key").exists()
    assert openssl("req", "-in", request, "-noout", "-verify").returncode == 0
    check = bureau.part.checks()[0]
    assert (check.ok, check.detail) == (False, "the root has not signed the issuing certificate yet")
    await bureau.machine("press")
    with pytest.raises(Unavailable) as refusal:
        await bureau.issue("press")
    assert refusal.value.code == "access.ca_not_in_force"
    asked = request.read_bytes()

    pki("root-create", safe)
    pki("root-sign", request, "--root", safe, "--out", signed)
    pki("install", signed, "--home", bureau.home.path)
    bureau.part._round()

    assert [check.ok for check in bureau.part.checks()] == [True, True]
    made = await bureau.issue("press")
    await bureau.office.access.principal_of_certificate(der_of(made.chain))
    (tmp_path / "press.crt").write_text(made.chain)
    checked = openssl("verify", "-CAfile", safe / "root.crt", "-untrusted", signed, tmp_path / "press.crt")
    assert checked.returncode == 0, checked.stderr
    assert {"web-server.crt", "crl.pem"} <= {path.name for path in bureau.certs.iterdir()}
    assert not (bureau.keys / "root.key").exists()
    assert request.read_bytes() == asked


async def test_the_same_with_sm2_on_another_machine(bureau, tmp_path):
    safe, signed = tmp_path / "safe", tmp_path / "issuing.pem"
    pki("root-create", safe, "--suite", "gm", "--organization", "Plant")
    pki("root-sign", bureau.keys / "issuing.csr", "--root", safe, "--out", signed)
    pki("install", signed, "--home", bureau.home.path)
    assert openssl("verify", *SM2_OPTIONS, "-CAfile", safe / "root.crt", signed).returncode == 0


async def test_what_does_not_belong_here_is_not_put_in_force(bureau, tmp_path):
    safe, other, signed = tmp_path / "safe", tmp_path / "other", tmp_path / "issuing.pem"
    pki("root-create", safe)
    pki("root-create", other)
    pki("root-sign", bureau.keys / "issuing.csr", "--root", safe, "--out", signed)
    good = signed.read_bytes()
    issuing, root = good.split(b"-----END CERTIFICATE-----\n")[:2]
    end = b"-----END CERTIFICATE-----\n"
    stranger = openssl(
        "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", tmp_path / "k",
        "-subj", "/CN=stranger", "-out", tmp_path / "stranger.csr",
    )  # fmt: skip
    assert stranger.returncode == 0
    pki("root-sign", tmp_path / "stranger.csr", "--root", safe, "--out", tmp_path / "stranger.pem")
    wrong = [
        b"", b"nonsense", issuing + end, root + end + issuing + end, issuing + end + (other / "root.crt").read_bytes(),
        (tmp_path / "stranger.pem").read_bytes(),
    ]  # fmt: skip
    for content in wrong:
        signed.write_bytes(content)
        with pytest.raises(LineshaftError) as refusal:
            pki("install", signed, "--home", bureau.home.path)
        assert refusal.value.code == "access.authority_certificate_wrong"
    assert not (bureau.keys / "issuing.crt").exists()


def test_a_root_is_not_made_twice_and_a_killed_making_is_completed(tmp_path):
    pki("root-create", tmp_path / "safe")
    key = (tmp_path / "safe" / "root.key").read_bytes()
    with pytest.raises(LineshaftError) as refusal:
        pki("root-create", tmp_path / "safe")
    assert refusal.value.code == "access.root_exists"
    (tmp_path / "safe" / "root.crt").unlink()
    pki("root-create", tmp_path / "safe")
    assert (tmp_path / "safe" / "root.key").read_bytes() == key
    assert (tmp_path / "safe" / "root.key").stat().st_mode & 0o777 == 0o600


def test_an_offline_box_starts_without_certificates(home, office):
    install(home, office.identity, office.database, OFFLINE)
    assert CertificateAuthority(home, office.identity, OFFLINE).trouble()


def test_a_root_key_that_was_taken_away_stops_nothing_until_the_issuing_certificate_ends(home, office):
    install(home, office.identity, office.database)
    (home.keys / "pki" / "root.key").unlink()
    authority = CertificateAuthority(home, office.identity, PkiSettings())
    assert authority.trouble() == ""
    assert not (home.keys / "pki" / "root.key").exists()
    assert isinstance(authority.root, x509.Certificate)


@pytest.mark.parametrize("name", ["issuing.key", "root.key"])
def test_a_damaged_key_with_certificates_is_never_replaced(home, office, name):
    install(home, office.identity, office.database)
    (home.keys / "pki" / name).write_bytes(b"garbage")
    with pytest.raises(LineshaftError) as refusal:
        install(home, office.identity, office.database)
    assert refusal.value.code == "access.authority_key_missing"
    assert (home.keys / "pki" / name).read_bytes() == b"garbage"


@pytest.mark.parametrize("name", ["root.crt", "issuing.crt", "crl.der"])
@pytest.mark.parametrize("damage", [b"", b"garbage"])
def test_a_damaged_certificate_or_list_is_made_anew_with_its_key(home, office, name, damage):
    install(home, office.identity, office.database)
    key = CertificateAuthority(home, office.identity, PkiSettings()).issuing.public_key()
    (home.keys / "pki" / name).write_bytes(damage)
    install(home, office.identity, office.database)
    authority = CertificateAuthority(home, office.identity, PkiSettings())
    assert (authority.trouble(), authority.issuing.public_key()) == ("", key)
    x509.load_der_x509_crl(authority.crl())


@pytest.mark.parametrize("left", range(30))
def test_a_killed_start_is_completed_by_the_next(home, office, monkeypatch, left):
    from lineshaft.access import files as files_module

    class Killed(BaseException): ...

    write, remaining = files_module.write_file, [left]

    def until_killed(path, data):
        if remaining[0] == 0:
            raise Killed
        remaining[0] -= 1
        write(path, data)

    with monkeypatch.context() as patch, contextlib.suppress(Killed):
        patch.setattr(files_module, "write_file", until_killed)
        install(home, office.identity, office.database)
    install(home, office.identity, office.database)
    certs, trust = home.run / "certs", home.run / "certs" / "ca.crt"
    for stem in ("web-server", "gateway"):
        checked = openssl(
            "verify", "-crl_check", "-CRLfile", certs / "crl.pem", "-CAfile", trust, certs / f"{stem}.crt"
        )
        assert checked.returncode == 0, checked.stderr
