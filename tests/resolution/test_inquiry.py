"""Inquiries for people: values, the way, what is proved; and what is said where there is no answer. On a real tree."""

import json
import time

import msgspec
import pytest

from lineshaft.core import suites
from lineshaft.core.errors import Unavailable
from lineshaft.resolution.auth import keys
from lineshaft.resolution.client import Client, Patience, SecretIdentity, read_roots
from lineshaft.resolution.inquiry import Inquiries
from lineshaft.resolution.model import HandleValue, Reference
from lineshaft.resolution.settings import ResolutionSettings
from lineshaft.resolution.tree import Tree
from lineshaft.resolution.trust import certificate, sign_record
from lineshaft.resolution.values.claims import Permission
from lineshaft.resolution.views import resolved_view
from lineshaft.resolution.workers import free_port

QUICK = Patience(udp=(0.1,), connecting=0.3, tcp=0.5, moving=0.5)


@pytest.fixture
async def tree(tmp_path):
    grown = Tree(tmp_path / "tree", store="memory")
    await grown.start()
    yield grown
    await grown.stop()


def inquiries(roots, **settings):
    return Inquiries(ResolutionSettings(roots_file=str(roots), **settings), patience=QUICK)


def shown(inquiry):
    view = resolved_view(inquiry, "en", time.time())
    return json.loads(msgspec.json.encode(view))


async def test_a_product_is_found_with_every_server_on_the_way_and_its_key(tree):
    found = shown(await inquiries(tree.roots_file).ask("88.100.1/HELLO"))
    assert (found["state"], found["problem"], found["handle"]) == ("found", None, "88.100.1/HELLO")
    assert found["answer"] | {"server": "", "milliseconds": 0} == {
        "server": "", "protocol": "UDP", "milliseconds": 0, "authoritative": True, "signed": True, "stale": False,
        "aliases": [],
    }  # fmt: skip
    assert [hop["handle"] for hop in found["hops"]] == ["0.NA/88", "0.NA/88.100", "0.NA/88.100.1", "88.100.1/HELLO"]
    assert [hop["zone"] for hop in found["hops"]] == ["", "88", "88.100", "88.100.1"]
    assert all(hop["signed"] and len(hop["key"]) == 64 for hop in found["hops"])
    url = next(value for value in found["values"] if value["type"] == "URL")
    assert (url["data"], url["public_read"], url["public_write"]) == ("https://88.100.1.example/HELLO", True, False)
    administrator = next(value for value in found["values"] if value["type"] == "HS_ADMIN")
    assert (administrator["format"], administrator["data"]["handle"]) == ("admin", "0.NA/88.100.1")


async def test_the_servers_proof_of_registration_is_checked_by_their_key(tree):
    found = shown(await inquiries(tree.roots_file).ask("88.200.2/HELLO"))
    registration = found["registration"]
    assert (registration["holds"], registration["origin"], registration["source"]) == (True, "88.200.2", "88.200.2")
    assert registration["key"] == found["hops"][-1]["key"]
    assert {value["proved"] for value in found["values"]} == {"registered"}


SIGNER = Reference(b"88.100.1/SIGNER", 300)


async def registered(tree, handle, values):
    who = SecretIdentity(who=Reference(b"0.NA/88.100.1", 300), secret=tree.secret("88.100.1").encode())
    async with Client(read_roots(tree.roots_file), identity=who) as client:
        await client.create(handle, values)


@pytest.fixture
async def signed(tree):
    """Register a record that a signer signed, whom the root certified; `url` is what it says by then."""
    root = keys.load_private_key((tree.folder / "keys" / "top.pem").read_text())
    signer, now = suites.PrivateKey.generate("ecdsa-p256"), int(time.time())
    allowed = [Permission("handlesUnderThisPrefix", "0.NA/88.100.1")]
    made = certificate(SIGNER, signer.public, allowed, Reference(b"0.NA/0.NA", 300), root, now=now - 10)
    await registered(tree, SIGNER.handle, [made])
    values = [
        HandleValue(index=1, type=b"URL", data=b"https://a.example/"), HandleValue(index=2, type=b"NOTE", data=b"n"),
        HandleValue(index=3, type=b"NOTE", data=b"for administrators", permissions=0b1100),
    ]  # fmt: skip

    async def register(handle, url=b"https://a.example/"):
        chain = [Reference(SIGNER.handle, 400)]
        statement = sign_record(handle, values, SIGNER, signer, now=now, chain=chain)
        await registered(tree, handle, [msgspec.structs.replace(values[0], data=url), *values[1:], statement])

    return register


async def test_a_signature_is_shown_with_its_chain_to_the_root_and_what_it_withholds(tree, signed):
    await signed(b"88.100.1/PUMP")
    found = shown(await inquiries(tree.roots_file).ask("88.100.1/PUMP"))
    (proof,) = found["signatures"]
    assert (proof["valid"], proof["covers"], proof["withheld"]) == (True, [1, 2], [3])
    assert [link["issuer"] for link in proof["chain"]] == ["300:0.NA/0.NA", ""]
    assert proof["chain"][-1]["key"] == found["hops"][0]["key"]
    assert [value["proved"] for value in found["values"]] == ["proved", "proved", "signature"]
    assert "for administrators" not in json.dumps(found)


async def test_a_value_that_was_changed_since_it_was_signed_is_called_so(tree, signed):
    await signed(b"88.100.1/EVIL", url=b"https://evil.example/")
    found = shown(await inquiries(tree.roots_file).ask("88.100.1/EVIL"))
    proved = {value["index"]: value["proved"] for value in found["values"]}
    assert (proved[1], proved[2]) == ("changed", "proved")


async def test_an_alias_is_followed_and_said(tree):
    await registered(tree, b"88.100.1/OLD", [HandleValue(index=1, type=b"HS_ALIAS", data=b"88.100.1/HELLO")])
    found = shown(await inquiries(tree.roots_file).ask("88.100.1/OLD"))
    assert (found["handle"], found["answer"]["aliases"]) == ("88.100.1/HELLO", ["88.100.1/OLD"])


async def test_a_description_of_servers_names_their_keys_not_their_secrets(tree):
    found = shown(await inquiries(tree.roots_file).ask("0.NA/88.100"))
    site = next(value for value in found["values"] if value["type"] == "HS_SITE")
    assert len(site["data"]["servers"][0]["fingerprint"]) == 64
    assert not [value for value in found["values"] if value["type"] == "HS_SECKEY"]
    assert tree.secret("88.100") not in json.dumps(found)


@pytest.mark.parametrize("handle", ["88.100.1/NOTHING", "88.100.77/HELLO", "77.1/x"])
async def test_what_does_not_exist_is_missing_and_the_way_says_who_said_so(tree, handle):
    found = shown(await inquiries(tree.roots_file).ask(handle))
    assert (found["state"], found["problem"]["code"]) == ("missing", "resolution.no_such_handle")
    assert found["values"] == []
    assert found["hops"][-1]["answer"] == "handle not found"


async def test_a_server_that_is_down_is_named_and_the_rest_of_the_way_kept(tree):
    await tree.server("enterprise-88.100.1").stop()
    found = shown(await inquiries(tree.roots_file).ask("88.100.1/HELLO"))
    assert (found["state"], found["problem"]["code"]) == ("unanswered", "resolution.not_answered")
    assert [hop["answer"] for hop in found["hops"][:3]] == ["success"] * 3
    assert found["hops"][-1]["note"]
    tree._servers.remove(tree.server("enterprise-88.100.1"))  # it is stopped already


async def test_an_inquiry_ends_in_time_whoever_is_silent(tmp_path):
    port = free_port("127.0.0.1")
    site = {"address": "127.0.0.1", "port": port, "fingerprint": "00" * 32}
    (tmp_path / "roots.json").write_text(json.dumps({"sites": [site]}))
    settings = ResolutionSettings(roots_file=str(tmp_path / "roots.json"))
    began = time.monotonic()
    found = shown(await Inquiries(settings, seconds=0.2).ask("88.100.1/HELLO"))
    assert time.monotonic() - began < 5
    assert found["state"] == "unanswered"
    assert found["problem"]["code"] in {"resolution.out_of_time", "resolution.not_answered"}


async def test_a_record_does_not_lead_into_a_private_network(tree, tmp_path):
    roots = json.loads(tree.roots_file.read_text())
    roots["sites"][0]["servers"][0]["address"] = "10.0.0.1"  # where the root is makes the rule: it is not loopback now
    roots["sites"].append(json.loads(tree.roots_file.read_text())["sites"][0])
    (tmp_path / "roots.json").write_text(json.dumps(roots))
    found = shown(await inquiries(tmp_path / "roots.json").ask("88.100.1/HELLO"))
    assert found["state"] == "unanswered"
    assert "resolution.reach" in found["hops"][-1]["note"]


async def test_without_roots_the_node_that_runs_here_is_asked(tree):
    server = tree.server("recursive-1")
    settings = ResolutionSettings(roles=("recursive",), port=server.port)
    found = shown(await Inquiries(settings, patience=QUICK).ask("88.200.1/HELLO"))
    assert (found["state"], found["answer"]["authoritative"]) == ("found", False)
    assert found["hops"][0]["server"] == f"127.0.0.1:{server.port}"


async def test_with_nothing_configured_it_says_what_to_set():
    with pytest.raises(Unavailable) as refusal:
        await Inquiries(ResolutionSettings()).ask("88.100.1/HELLO")
    assert refusal.value.code == "resolution.no_roots"
