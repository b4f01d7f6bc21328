"""A gateway on a machine of its own: one command on each side, repeated after whatever interrupted it."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
import tomllib

import msgspec
import pytest

from lineshaft.bus.address import Address, write_address
from lineshaft.cli.testing import running_box
from lineshaft.core import clock, logs
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, Unavailable
from lineshaft.core.home import Home
from lineshaft.edge.enrolment import enrol as steps
from lineshaft.edge.enrolment import papers as files
from lineshaft.edge.enrolment.conversation import Conversation
from lineshaft.edge.enrolment.enrol import enrol, renew
from lineshaft.edge.enrolment.papers import Papers, renewal_time
from lineshaft.edge.enrolment.renewal import keep_renewed
from lineshaft.edge.enrolment.token import EnrolmentToken, decode, encode
from lineshaft.records.testing import sqlite_database
from lineshaft.web.testing_devices import running_station

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def station(tmp_path, sqlite_template):
    with sqlite_database(tmp_path, sqlite_template) as database:
        async with running_station(tmp_path, database) as station:
            write_address(station.home, Address(host="127.0.0.1", port=4222))
            yield station


@pytest.fixture
def machine(tmp_path):
    return Home(tmp_path / "machine")


async def token_for(station, name="gateway-east", **fields) -> EnrolmentToken:
    from lineshaft.access.est.api import root_fingerprint

    kind = fields.pop("kind", "service")
    template = {"template": "gateway"} if kind == "service" else {}
    secret = await station.invite(name, kind=kind, **template, **fields)
    return EnrolmentToken(url=station.url, authority=root_fingerprint(station.authority), name=name, secret=secret)


async def test_one_command_makes_a_gateways_home(station, machine):
    done = await asyncio.to_thread(enrol, machine, await token_for(station))
    assert (done.name, done.gateway, done.server) == ("gateway-east", True, station.url)
    assert machine.identity() == station.identity
    settings = tomllib.loads(machine.settings_file.read_text())
    assert settings == {"bus": {"url": "nats://127.0.0.1:4222"}, "edge": {"gateway": "gateway-east"}}
    assert "NATS USER JWT" in (machine.keys / "gateway-east.creds").read_text()
    secret_files = [Papers(machine).identity, machine.keys / "gateway-east.creds"]
    assert [file.stat().st_mode & 0o777 for file in secret_files] == [0o600, 0o600]


async def test_the_token_can_come_by_standard_input(station, machine):
    from typer.testing import CliRunner

    from lineshaft.edge.enrolment.cli import app

    text = encode(await token_for(station))
    done = await asyncio.to_thread(CliRunner().invoke, app, ["enrol", "-", "--home", str(machine.path)], f"{text}\n")
    assert done.exit_code == 0, done.output
    assert machine.identity() == station.identity


async def test_a_gateway_elsewhere_hears_only_requests_to_itself(station, machine):
    """Others hold passwords that are for another one's devices, and it could answer them."""
    from lineshaft.bus.claims import read_claims

    await asyncio.to_thread(enrol, machine, await token_for(station))
    text = (machine.keys / "gateway-east.creds").read_text().splitlines()
    heard = read_claims(text[text.index("-----BEGIN NATS USER JWT-----") + 1])["nats"]["sub"]["allow"]
    asked = [subject for subject in heard if ".svc." in subject or ".flow." in subject or ".gw." in subject]
    assert asked
    assert all(".gw.gateway-east." in subject for subject in asked)


async def test_a_server_is_known_by_its_names_not_by_whose_certificate_it_is(station, machine):
    """An app named like a host must not pass for the server."""
    await asyncio.to_thread(enrol, machine, await token_for(station))
    assert not Conversation(Papers(machine))._context().hostname_checks_common_name


async def test_the_credentials_carry_the_grants_of_a_gateway(station, machine):
    from lineshaft.bus.claims import read_claims

    await asyncio.to_thread(enrol, machine, await token_for(station))
    text = (machine.keys / "gateway-east.creds").read_text().splitlines()
    allowed = read_claims(text[text.index("-----BEGIN NATS USER JWT-----") + 1])["nats"]["pub"]["allow"]
    assert f"ls.{station.identity.tenant}.{station.identity.site}.data.gateway-east.>" in allowed


async def test_repeating_it_changes_the_credentials_only(station, machine):
    token = await token_for(station)
    await asyncio.to_thread(enrol, machine, token)
    before = Papers(machine).identity.read_bytes()
    await asyncio.to_thread(enrol, machine, token)
    assert Papers(machine).identity.read_bytes() == before
    assert len(station.certificates("gateway-east")) == 1
    assert station.cut_off == ["gateway-east"]


async def test_killed_at_any_write_it_is_completed_by_repeating(station, tmp_path, monkeypatch):
    write, place = files.write_file, tmp_path / "killed"
    left = 0

    class Killed(BaseException):
        pass

    def dying(path, data, **mode):
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        write(path, data, **mode)

    monkeypatch.setattr(files, "write_file", dying)
    monkeypatch.setattr(steps, "write_file", dying)
    for number in range(20):
        home, token = Home(place / str(number)), await token_for(station, f"gateway-{number}")
        left = number
        try:
            await asyncio.to_thread(enrol, home, token)
        except Killed:
            left = 1000
            done = await asyncio.to_thread(enrol, home, token)
            assert done.gateway
            assert home.identity() == station.identity
        else:
            break
    assert number == 7  # authority, server, pending key, identity, settings, credentials, identity.json


async def test_killed_after_the_token_was_used_the_same_token_still_completes_it(station, machine, monkeypatch):
    token = await token_for(station)
    with monkeypatch.context() as patch:
        patch.setattr(Papers, "keep_certificate", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            await asyncio.to_thread(enrol, machine, token)
    assert len(station.certificates("gateway-east")) == 1
    assert (await asyncio.to_thread(enrol, machine, token)).gateway


async def test_a_used_token_does_not_serve_another_machine(station, machine, tmp_path):
    token = await token_for(station)
    await asyncio.to_thread(enrol, machine, token)
    with pytest.raises(Conflict, match="refuse"):
        await asyncio.to_thread(enrol, Home(tmp_path / "thief"), token)


async def test_a_server_with_another_authority_is_not_told_the_token(station, machine):
    token = await token_for(station)
    with pytest.raises(Forbidden, match="another authority"):
        await asyncio.to_thread(enrol, machine, msgspec.structs.replace(token, authority="0" * 64))
    assert await station.recorded("access:enrol") == []


async def test_a_plain_device_gets_a_certificate_and_nothing_for_the_bus(station, machine):
    done = await asyncio.to_thread(enrol, machine, await token_for(station, "press-7", kind="device"))
    assert not done.gateway
    assert Papers(machine).in_force() is not None
    assert not (machine.path / "identity.json").exists()


async def test_the_home_of_a_box_is_left_alone(station):
    with pytest.raises(Conflict, match="whole installation"):
        enrol(station.home, await token_for(station))


async def test_settings_that_say_otherwise_are_not_overwritten(station, machine):
    machine.path.mkdir()
    machine.settings_file.write_text('# mine\n[edge]\ngateway = "other"\n')
    with pytest.raises(Conflict, match=r"edge\.gateway"):
        await asyncio.to_thread(enrol, machine, await token_for(station))
    machine.settings_file.write_text("# mine\n[web]\nport = 1\n")
    await asyncio.to_thread(enrol, machine, await token_for(station))
    assert machine.settings_file.read_text().startswith("# mine\n[web]\nport = 1\n")


async def test_a_bus_on_loopback_only_is_not_given_to_another_machine(station, machine):
    from lineshaft.access.est.messages import Joined
    from lineshaft.edge.enrolment.papers import Server

    papers = Papers(machine)
    papers.keep_server(Server(url="https://192.0.2.1:8422", authority="0" * 64, name="g"), b"")
    joined = Joined(
        name="g", template="gateway", tenant="main", site="box", prefix="x", created="", bus_url="nats://127.0.0.1:4222",
        bus_ca="", credentials="",
    )  # fmt: skip
    with pytest.raises(Conflict, match="cannot reach"):
        steps.finish(machine, papers, joined)


async def test_renewal_gives_a_new_key_and_certificate(station, machine):
    await asyncio.to_thread(enrol, machine, await token_for(station))
    before = Papers(machine).in_force()
    done = await asyncio.to_thread(renew, machine)
    after = Papers(machine).in_force()
    assert done.gateway
    assert after.public_key() != before.public_key()


async def test_an_ended_certificate_does_not_renew_itself(station, machine):
    await asyncio.to_thread(enrol, machine, await token_for(station))
    end = clock.to_us(Papers(machine).certificate().not_valid_after_utc) + 1
    with clock.fixed(lambda: end), pytest.raises(Conflict, match="expired"):
        renew(machine)


async def test_a_machine_that_has_not_enrolled_cannot_renew(machine):
    with pytest.raises(Unavailable, match="not enrolled"):
        renew(machine)


async def test_a_gateway_renews_by_itself_when_two_thirds_are_over(station, machine, monkeypatch):
    from lineshaft.edge.enrolment import renewal

    await asyncio.to_thread(enrol, machine, await token_for(station))
    papers = Papers(machine)
    before = papers.certificate()
    assert (renewal_time(before) - before.not_valid_before_utc).days in (59, 60)
    moments = {"due": before.not_valid_before_utc}
    monkeypatch.setattr(renewal, "renewal_time", lambda certificate: moments.get("due") if certificate == before else
                        certificate.not_valid_after_utc)  # fmt: skip
    task = asyncio.create_task(keep_renewed(machine, logs.get("edge"), retry_seconds=0.05))
    try:
        await until(lambda: papers.certificate() != before)
    finally:
        task.cancel()
    assert len(station.certificates("gateway-east")) == 2


def test_a_token_is_one_word_that_is_read_back():
    token = EnrolmentToken(url="https://a:1", authority="ab" * 32, name="n", secret="s")
    text = encode(token)
    assert decode(f" {text}\n") == token
    assert text.split() == [text]


@pytest.mark.parametrize("text", ["", "lse1.", "lse1.e30", "ls_token", "lse1.!!", encode(
    EnrolmentToken(url="http://a:1", authority="ab" * 32, name="n", secret="s"))])  # fmt: skip
def test_what_is_no_token_is_refused(text):
    with pytest.raises(InvalidInput, match="enrolment token"):
        decode(text)


@pytest.mark.timeout(300)
def test_a_gateway_beside_the_box_connects_to_its_bus_and_is_cut_off_when_revoked(tmp_path):
    """Two homes on one machine, the commands as people type them."""
    with running_box(tmp_path / "box", demo=False) as box:
        token = box.lineshaft("edge", "invite", "gateway-east").stdout.strip()
        box.lineshaft("edge", "enrol", token, "--home", str(tmp_path / "east"))
        home = Home(tmp_path / "east")
        with running_gateway(home):
            box.until(lambda: answers(home) == 200, "the gateway is ready, its bus reached")
            box.lineshaft("edge", "renew", "--home", str(home.path))
            box.until(lambda: answers(home) == 200, "the gateway is still ready")
            acts = {entry["action"] for entry in box.json("audit", "search", "gateway-east")}
            assert {"access:enrol", "access:join"} <= acts
            began = time.monotonic()
            box.lineshaft("access", "revoke", "gateway-east", "--yes")
            box.until(lambda: answers(home) == 503, "the gateway has lost its bus")
            assert time.monotonic() - began < 60  # five seconds on a machine that nobody shares
            failed = box.lineshaft("edge", "renew", "--home", str(home.path), check=False)
            assert failed.returncode != 0


async def until(condition, seconds=30.0):
    async with asyncio.timeout(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


@contextlib.contextmanager
def running_gateway(home):
    argv = [sys.executable, "-m", "lineshaft.cli.main", "run", "gateway", "--home", str(home.path)]
    with (home.path / "gateway.out").open("wb") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def answers(home) -> int:
    """What the gateway says of its readiness, as an HTTP status; 0 where it does not answer."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(2)
            line.connect(str(home.socket("gateway")))
            line.sendall(b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            return int(line.recv(64).split()[1])
    except (OSError, IndexError):
        return 0
