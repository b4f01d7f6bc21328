"""The OPC UA driver against a foreign server: node-opcua, secured, with a thousand counting items."""

import math
from types import SimpleNamespace

import pytest
from asyncua import ua

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.certificates import ApplicationCertificates, fingerprint
from lineshaft.edge.driver import find_driver
from lineshaft.edge.drivers.opcua.session import Session
from lineshaft.edge.model import ScanGroup
from lineshaft.edge.secrets import Secret

pytestmark = pytest.mark.peer("node", "npm")

NS = "nsu=urn:lineshaft:test:peer"


def counters(count):
    return [(f"C{number}", f"{NS};s=C{number}") for number in range(count)]


# -- values -----------------------------------------------------------------------------------------------------------


async def test_a_thousand_items_arrive_completely_and_in_order(peer, counting, trust, run, lane, make_device, until):
    await trust(peer.url)
    await run(make_device(peer.url, counters(1000)))
    await until(lambda: len(lane.rows) >= 1000)
    first = int(lane.of(1)[0][2])
    with counting:
        await until(lambda: len(lane.rows) >= 16_000)
    await until(lambda: len(lane.rows) >= 1000 * (counting.ticks - first + 1))
    by_tag = {}
    for tag, _, _, q, value in lane.rows:
        assert q == 0
        by_tag.setdefault(tag, []).append(value)
    assert len(by_tag) == 1000
    assert all(values == list(range(first, counting.ticks + 1)) for values in by_tag.values())
    assert lane.gaps == []


async def test_keys_are_renewed_without_a_break(serve, tmp_path, trust, run, lane, make_device, until):
    """By a server of its own: whoever stands still for a quarter of a key's life may have lost the connection."""
    peer = serve(tmp_path / "renewing", items=10, hz=10, tokenLifetime=12_000)
    await trust(peer.url)
    runner = await run(make_device(peer.url, counters(10)))
    await until(lambda: len(lane.rows) >= 10)
    first = int(lane.of(1)[0][2])
    peer.order("start")
    await until(lambda: len(lane.rows) >= 10 * 10 * 20, 120)  # 20 seconds at 10 Hz: two renewals, at 9 and at 18
    last = peer.ask("stop")["stopped"]["ticks"]
    await until(lambda: len(lane.rows) >= 10 * (last - first + 1))
    assert [value for _, _, value in lane.of(1)] == list(range(first, last + 1))
    assert runner.intake.counts["losses"] == 0


TYPES = [
    ("Boolean", "boolean", True), ("SByte", "integer", -5), ("Byte", "integer", 250), ("Int16", "integer", -30000),
    ("UInt16", "integer", 60000), ("Int32", "integer", -2_000_000_000), ("UInt32", "integer", 4_000_000_000),
    ("Int64", "integer", 2**63 - 1), ("UInt64", "integer", 2**32 - 1), ("Float", "number", 0.5), ("Double", "number", 0.1),
    ("String", "text", "läuft 运行"), ("DateTime", "text", "2024-02-29T12:34:56.789000Z"),
    ("Guid", "text", "72962b91-fa75-4ae6-8d28-b404dc7daf63"), ("LocalizedText", "text", "Kessel"),
]  # fmt: skip


@pytest.mark.parametrize("mode", ["subscribe", "poll"])
async def test_every_scalar_type_arrives_exactly(peer, trust, run, lane, make_device, until, mode):
    await trust(peer.url)
    points = [(name, f"{NS};s={name}", kind) for name, kind, _ in TYPES]
    await run(make_device(peer.url, points, group=ScanGroup(period_ms=100, mode=mode)))
    await until(lambda: len({row[0] for row in lane.rows}) == len(TYPES))
    for tag, (name, _, value) in enumerate(TYPES, start=1):
        assert lane.of(tag)[0][1:] == (0, value), name


async def test_status_source_time_and_value_are_kept_exactly(peer, trust, run, lane, make_device, until):
    await trust(peer.url)
    await run(make_device(peer.url, [("Spare1", f"{NS};s=Spare1")]))
    await until(lambda: lane.rows)
    peer.order(
        "set",
        node="ns=1;s=Spare1",
        type="Double",
        value=2.5,
        status="BadSensorFailure",
        time="2026-01-02T03:04:05.678Z",
    )
    await until(lambda: len(lane.rows) >= 2)
    peer.order(
        "set",
        node="ns=1;s=Spare1",
        type="Double",
        value=3.5,
        status="UncertainSensorNotAccurate",
        time="2026-01-02T03:04:06Z",
    )
    await until(lambda: len(lane.rows) >= 3)
    (bad_ts, bad_q, bad_value), (ts, q, value) = lane.of(1)[-2:]
    assert (bad_ts, bad_q) == (1_767_323_045_678_000, 0x808C0000)
    assert bad_value == 2.5 or math.isnan(bad_value)
    assert (ts, q, value) == (1_767_323_046_000_000, 0x40930000, 3.5)


async def test_a_servers_queue_that_ran_over_is_told_as_a_gap(peer, trust, run, lane, make_device, until):
    await trust(peer.url)
    device = make_device(peer.url, [("Spare2", f"{NS};s=Spare2")], group=ScanGroup(period_ms=500), queue_size=10)
    await run(device)
    await until(lambda: lane.rows)
    peer.ask("burst", node="ns=1;s=Spare2", count=50)
    await until(lambda: len(lane.rows) >= 11)
    values = [value for _, _, value in lane.of(1)[1:]]
    assert values == list(range(41, 51))
    assert any(q & 0x480 == 0x480 for _, q, _ in lane.of(1))
    assert [gap.cause for gap in lane.gaps] == ["overflow"]
    first = next(ts for ts, q, _ in lane.of(1) if q & 0x480 == 0x480)
    assert (lane.gaps[0].from_ts, lane.gaps[0].to_ts) == (lane.of(1)[0][0], first)


async def test_a_point_the_server_has_not_is_bad_with_the_servers_own_status(
    peer, trust, run, lane, make_device, until
):
    await trust(peer.url)
    await run(
        make_device(peer.url, [("Double", f"{NS};s=Double"), ("None", f"{NS};s=None"), ("Other", "nsu=urn:other;s=x")])
    )
    await until(lambda: len({row[0] for row in lane.rows}) == 3)
    assert lane.of(1)[0][1] < 0x80000000
    assert lane.of(2)[0][1] == 0x80340000
    assert lane.of(3)[0][1] == 0x80340000


async def test_an_array_is_bad_not_supported_and_disturbs_nothing(peer, trust, run, lane, make_device, until):
    await trust(peer.url)
    runner = await run(make_device(peer.url, [("Array", f"{NS};s=Array"), ("Double", f"{NS};s=Double")]))
    await until(lambda: len({row[0] for row in lane.rows}) == 2)
    assert lane.of(1)[0][1] == 0x803D0000
    assert runner.status().counts["value_not_supported"] >= 1
    assert lane.of(2)[0][1] == 0


# -- security ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("security", "mode"),
    [("Basic256Sha256", "SignAndEncrypt"), ("Aes128Sha256RsaOaep", "SignAndEncrypt"), ("Aes256Sha256RsaPss", "SignAndEncrypt"),
     ("Basic256Sha256", "Sign")],
)  # fmt: skip
async def test_each_security_policy_works(peer, trust, run, lane, make_device, until, security, mode):
    await trust(peer.url)
    runner = await run(make_device(peer.url, [("Double", f"{NS};s=Double")], security=security, mode=mode))
    await until(lambda: lane.rows)
    about = await runner._source.about()
    assert about["security"] == f"{security} {mode}"


async def test_auto_takes_the_strongest_that_the_server_has(peer, trust, run, make_device):
    await trust(peer.url)
    runner = await run(make_device(peer.url))
    assert (await runner._source.about())["security"] == "Aes256Sha256RsaPss SignAndEncrypt"


async def test_security_that_the_server_has_not_is_refused_with_what_it_has(strict_peer, refusal, tools, make_device):
    error = await refusal(make_device(strict_peer.url), tools)
    assert error.code == "edge.security_unavailable"
    assert error.message.endswith("it has: Basic256Sha256 Sign, None None")


async def test_without_encryption_only_if_told_so_and_the_password_is_encrypted_all_the_same(
    strict_peer, refusal, run, tools, make_device, lane, until
):
    device = make_device(strict_peer.url, [("Double", f"{NS};s=Double")], security="None")
    error = await refusal(device, tools)
    assert error.code == "edge.server_untrusted"  # whose key the password would be encrypted for
    tools.certificates.trust_rejected(error.facts["fingerprint"])
    await run(device)
    await until(lambda: lane.rows)


@pytest.mark.parametrize(
    ("token_policy", "certificate", "reason"),
    [
        (None, b"server", "neither channel nor token is encrypted"),
        ("http://opcfoundation.org/UA/SecurityPolicy#None", b"server", "neither channel nor token is encrypted"),
        ("http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256", b"another", "another certificate"),
    ],
)
def test_a_password_that_others_could_read_is_not_sent(tools, make_device, token_policy, certificate, reason):
    session = Session(find_driver("opcua").plan(make_device("opc.tcp://h:1", mode="Sign")), tools)
    session.server_fingerprint = fingerprint(b"server")
    client = SimpleNamespace(
        security_policy=SimpleNamespace(Mode=ua.MessageSecurityMode.Sign, peer_certificate=certificate),
        server_policy=lambda _: SimpleNamespace(SecurityPolicyUri=token_policy),
    )
    with pytest.raises(InvalidInput, match=reason):
        session._protect_password(client)
    client.security_policy.Mode = ua.MessageSecurityMode.SignAndEncrypt
    session._protect_password(client)


async def test_a_wrong_password_is_refused_and_named(peer, refusal, tools, trust, make_device):
    await trust(peer.url)
    tools.secrets.keep("plant", Secret(user="operator", password="hunter2"))
    error = await refusal(make_device(peer.url), tools)
    assert error.code == "edge.user_refused"
    assert "'press'" in error.message
    assert "'plant'" in error.message
    assert "hunter2" not in str(error) + error.hint


async def test_anonymous_is_refused_by_the_server_with_what_it_admits(peer, refusal, tools, trust, make_device):
    await trust(peer.url)
    error = await refusal(make_device(peer.url, secret="", identity="anonymous"), tools)
    assert error.code == "edge.identity_unavailable"
    assert error.message.endswith("it admits: password, certificate")


async def test_our_certificate_is_refused_by_a_server_that_does_not_know_it(strict_peer, refusal, tools, make_device):
    device = make_device(strict_peer.url, security="Basic256Sha256", mode="Sign")
    error = await refusal(device, tools)
    tools.certificates.trust_rejected(error.facts["fingerprint"])
    error = await refusal(device, tools)
    assert error.code == "edge.own_certificate_refused"
    assert tools.certificates.own().fingerprint in error.message


async def test_a_server_with_another_certificate_than_the_pinned_one_is_refused(peer, refusal, tools, make_device):
    error = await refusal(make_device(peer.url, server_fingerprint="ab" * 32), tools)
    assert error.code == "edge.server_certificate_changed"
    assert "ab" * 32 in error.message


async def test_a_user_certificate_signs_in(peer, run, trust, tools, lane, make_device, until, tmp_path):
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    await trust(peer.url)
    own = ApplicationCertificates(tmp_path / "user", "user").own()
    pem = x509.load_der_x509_certificate(own.certificate.read_bytes()).public_bytes(serialization.Encoding.PEM).decode()
    tools.secrets.keep("card", Secret(certificate=pem, private_key=own.private_key.read_text()))
    await run(make_device(peer.url, [("Double", f"{NS};s=Double")], identity="certificate", secret="card"))
    await until(lambda: lane.rows)


async def test_nobody_at_the_address_is_told_as_such(refusal, tools, make_device):
    error = await refusal(make_device("opc.tcp://127.0.0.1:1"), tools)  # which nobody is given by chance
    assert error.code == "edge.device_unreachable"
    assert "connection refused" in error.message
