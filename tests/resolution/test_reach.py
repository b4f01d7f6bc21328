"""Servers that records name: which are asked, and which a resolver is never sent to."""

import contextlib
import json
import socket

import msgspec
import pytest

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution import codes
from lineshaft.resolution.client import Client, Patience, Reach, parse_address, reach_of, roots_from_json
from lineshaft.resolution.model import HandleValue
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.serving import NodeConfig, NodeServer
from lineshaft.resolution.site import BOTH, TCP, UDP, Interface, Server, encode_site
from lineshaft.resolution.store.memory import MemoryStore
from lineshaft.resolution.values.site_json import site_to_json

QUICK = Patience(udp=(0.5, 0.5), connecting=20, tcp=20)
NOWHERE = Reach()


def server(address, port=2641):
    return Server(number=1, address=address, interfaces=(Interface(BOTH, TCP, port),))


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "loopback"), ("127.255.0.9", "loopback"), ("::1", "loopback"), ("::ffff:127.0.0.1", "loopback"),
        ("10.0.0.1", "private"), ("172.16.9.9", "private"), ("192.168.1.1", "private"), ("fd00::1", "private"),
        ("::ffff:10.0.0.1", "private"), ("169.254.169.254", "link-local"), ("fe80::1", "link-local"),
        ("224.0.0.1", "multicast"), ("ff02::1", "multicast"), ("0.0.0.0", "no address"), ("::", "no address"),
        ("100.64.0.1", "not a public"), ("255.255.255.255", "private"), ("240.0.0.1", "private"),
        ("2002:7f00:1::1", "not a public"), ("64:ff9b::7f00:1", "not a public"), ("fec0::1", "not a public"),
        ("localhost", "not an IP address"), ("a\r\nb", "not an IP address"),
    ],
)  # fmt: skip
def test_a_record_leads_to_public_addresses_only(address, why):
    assert why in NOWHERE.refusal(server(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "2002:808:808::1"])
def test_public_addresses_are_asked(address):
    assert NOWHERE.refusal(server(address)) == ""


@pytest.mark.parametrize("port", [0, 65_536, 1 << 31])
def test_what_is_no_port_is_refused_wherever_it_is(port):
    assert "not a port" in reach_of(["0.0.0.0/0"], ["127.0.0.1"]).refusal(server("127.0.0.1", port))


def test_networks_of_the_settings_are_allowed_but_never_what_is_no_machine():
    reach = reach_of(["10.1.0.0/16", "fd00::/8", "0.0.0.0/0", "ff00::/8"], ["192.0.2.1"])
    assert reach.refusal(server("10.1.2.3")) == ""
    assert reach.refusal(server("fd12::1")) == ""
    assert "multicast" in reach.refusal(server("224.0.0.1"))
    assert "multicast" in reach.refusal(server("ff02::1"))
    assert "no address" in reach.refusal(server("0.0.0.0"))
    assert "private" in reach_of(["10.1.0.0/16"], []).refusal(server("10.2.0.1"))
    with pytest.raises(InvalidInput, match="not a network"):
        reach_of(["10.1.0.0/99"], [])


def test_loopback_is_allowed_where_all_starts_are_loopback_and_nowhere_else():
    here = server("127.0.0.1")
    assert reach_of([], ["127.0.0.1", "::1", "localhost"]).refusal(here) == ""
    assert reach_of([], ["127.0.0.1", "192.0.2.1"]).refusal(here)
    assert reach_of([], ["0.0.0.0"]).refusal(here)
    assert reach_of([], []).refusal(here)
    assert reach_of([], ["127.0.0.1"]).refusal(server("10.0.0.1"))


def test_what_configuration_names_is_asked_at_that_port_only(hierarchy_site):
    site = msgspec.structs.replace(hierarchy_site, servers=(server("10.0.0.1"),))
    reach = NOWHERE.with_sites([site])
    assert reach.refusal(server("10.0.0.1")) == ""
    assert reach.refusal(server("10.0.0.1", 6379))


async def test_a_walk_does_not_follow_records_inside_and_says_why(hierarchy):
    """The root is told by configuration; what its records name is loopback too, which this client may not ask."""
    trail = []
    async with Client(hierarchy.roots, patience=QUICK, reach=NOWHERE) as client:
        with pytest.raises(Refused, match=r"loopback address.*resolution\.reach"):
            await client.resolve(b"88.100/PUMP-7", trail=trail)
    assert [hop.handle for hop in trail] == [b"0.NA/88", b"0.NA/88.100"]
    assert "loopback" in trail[1].note
    async with Client(hierarchy.roots, patience=QUICK, reach=reach_of(["127.0.0.0/8"], [])) as client:
        assert await client.resolve(b"88.100/PUMP-7")


@contextlib.contextmanager
def _trap():
    """A port of this machine that must hear nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trap:
        trap.bind(("127.0.0.1", 0))
        trap.setblocking(False)  # its one argument
        yield trap


@pytest.mark.parametrize("kind", [b"HS_SITE", b"HS_SERV"])
async def test_a_recursive_node_that_listens_beyond_loopback_sends_nothing_inside(hierarchy, kind):
    with _trap() as trap:
        port = trap.getsockname()[1]
        own = hierarchy.a.homes.site
        evil = Server(number=1, address="127.0.0.1", interfaces=(Interface(BOTH, UDP, port),))
        site = HandleValue(index=2, type=b"HS_SITE", data=encode_site(msgspec.structs.replace(own, servers=(evil,))))
        hierarchy.put(hierarchy.root, b"0.NA/EVIL", [
            site if kind == b"HS_SITE" else HandleValue(index=2, type=b"HS_SERV", data=b"0.NA/EVIL2")
        ])  # fmt: skip
        hierarchy.put(hierarchy.root, b"0.NA/EVIL2", [site])
        config = NodeConfig(
            hosts=["0.0.0.0"], address="127.0.0.1", recursive=True,
            roots=json.dumps({"sites": [site_to_json(hierarchy.root.homes.site)]}).encode(),
        )  # fmt: skip
        node = NodeServer(config, store=MemoryStore())
        await node.start()
        try:
            async with Client(at=parse_address(f"127.0.0.1:{node.port}"), patience=QUICK) as client:
                with pytest.raises(Refused, match="loopback") as refused:
                    await client.resolve(b"EVIL/x")
                assert refused.value.code == codes.RC_ERROR
        finally:
            await node.stop()
        with pytest.raises(BlockingIOError):
            trap.recv(100)


@pytest.mark.parametrize("name", [b"0.NA/a\x1b[2J", b"0.NA/a\r\nb", b"noslash", b"0.NA/\xff"])
async def test_names_that_records_hold_are_handles_without_control_characters(hierarchy, name):
    hierarchy.put(hierarchy.root, b"0.NA/ODD", [HandleValue(index=1, type=b"HS_SERV", data=name)])
    hierarchy.put(hierarchy.a, b"88.100/ODD", [HandleValue(index=1, type=b"HS_ALIAS", data=name)])
    async with Client(hierarchy.roots, patience=QUICK) as client:
        for handle in (b"ODD/x", b"88.100/ODD"):
            with pytest.raises(Refused, match="a record names"):
                await client.resolve(handle)


@pytest.mark.parametrize("host", ["a b", "a\nb", "-x", "[", "a_b", "x" * 64, "é.example"])
def test_hosts_are_addresses_or_names(host):
    with pytest.raises(InvalidInput):
        parse_address(f"{host}:2641")
    with pytest.raises(ValueError, match="neither"):
        roots_from_json({"sites": [{"address": host, "fingerprint": "ab"}]})
    with pytest.raises(ValueError, match="not a port"):
        roots_from_json({"sites": [{"address": "192.0.2.1", "port": 0, "fingerprint": "ab"}]})
