"""Inquiries for people: values, the way, what is proved; and what is said where there is no answer. On a real tree."""

import asyncio
import json
import socket
import time

import msgspec
import pytest

from lineshaft.core import suites
from lineshaft.core.errors import Corrupt, TooMany, Unavailable
from lineshaft.resolution import inquiry
from lineshaft.resolution.auth import keys
from lineshaft.resolution.client import Client, Patience, SecretIdentity, read_roots
from lineshaft.resolution.inquiry import Inquiries
from lineshaft.resolution.model import HandleValue, Reference
from lineshaft.resolution.settings import ResolutionSettings
from lineshaft.resolution.site import HTTP, Interface, Server
from lineshaft.resolution.testing import answering, whole
from lineshaft.resolution.tree import Tree
from lineshaft.resolution.trust import Verdict, certificate, sign_record
from lineshaft.resolution.trust.verification import Link, Proof
from lineshaft.resolution.values.claims import Permission
from lineshaft.resolution.views import resolved_view
from lineshaft.resolution.workers import free_port

PATIENT = Patience(udp=(5.0, 10.0, 20.0), connecting=60.0, tcp=60.0, moving=60.0)
BRIEF = Patience(udp=(2.0,), connecting=5.0, tcp=30.0, moving=5.0)
"""Where somebody does not answer, and others do."""
SECONDS = 120.0
VERA, PAUL = "99.1/vera", "99.1/paul"


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    monkeypatch.setattr(inquiry, "_TRUST_SECONDS", 60.0)
    monkeypatch.setattr(inquiry, "_PROOF_SECONDS", 60.0)


@pytest.fixture
async def tree(tmp_path):
    grown = Tree(tmp_path / "tree", store="memory")
    await grown.start()
    yield grown
    await grown.stop()


def inquiries(roots, patience=PATIENT, **settings):
    return Inquiries(ResolutionSettings(roots_file=str(roots), **settings), patience=patience, seconds=SECONDS)


def shown(found):
    view = resolved_view(found, "en", time.time())
    return json.loads(msgspec.json.encode(view))


async def test_a_product_is_found_with_every_server_on_the_way_and_its_key(tree):
    found = shown(await inquiries(tree.roots_file).ask("88.100.1/HELLO", VERA))
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
    found = shown(await inquiries(tree.roots_file).ask("88.200.2/HELLO", VERA))
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
    found = shown(await inquiries(tree.roots_file).ask("88.100.1/PUMP", VERA))
    (proof,) = found["signatures"]
    assert (proof["valid"], proof["covers"], proof["withheld"]) == (True, [1, 2], [3])
    assert [link["issuer"] for link in proof["chain"]] == ["300:0.NA/0.NA", ""]
    assert proof["chain"][-1]["key"] == found["hops"][0]["key"]
    assert [value["proved"] for value in found["values"]] == ["proved", "proved", "signature"]
    assert "for administrators" not in json.dumps(found)


async def test_a_value_that_was_changed_since_it_was_signed_is_called_so(tree, signed):
    await signed(b"88.100.1/EVIL", url=b"https://evil.example/")
    found = shown(await inquiries(tree.roots_file).ask("88.100.1/EVIL", VERA))
    proved = {value["index"]: value["proved"] for value in found["values"]}
    assert (proved[1], proved[2]) == ("changed", "proved")


async def test_an_alias_is_followed_and_said(tree):
    await registered(tree, b"88.100.1/OLD", [HandleValue(index=1, type=b"HS_ALIAS", data=b"88.100.1/HELLO")])
    found = shown(await inquiries(tree.roots_file).ask("88.100.1/OLD", VERA))
    assert (found["handle"], found["answer"]["aliases"]) == ("88.100.1/HELLO", ["88.100.1/OLD"])


async def test_a_description_of_servers_names_their_keys_not_their_secrets(tree):
    found = shown(await inquiries(tree.roots_file).ask("0.NA/88.100", VERA))
    site = next(value for value in found["values"] if value["type"] == "HS_SITE")
    assert len(site["data"]["servers"][0]["fingerprint"]) == 64
    assert not [value for value in found["values"] if value["type"] == "HS_SECKEY"]
    assert tree.secret("88.100") not in json.dumps(found)


@pytest.mark.parametrize("handle", ["88.100.1/NOTHING", "88.100.77/HELLO", "77.1/x"])
async def test_what_does_not_exist_is_missing_and_the_way_says_who_said_so(tree, handle):
    found = shown(await inquiries(tree.roots_file).ask(handle, VERA))
    assert (found["state"], found["problem"]["code"]) == ("missing", "resolution.no_such_handle")
    assert found["values"] == []
    assert found["hops"][-1]["answer"] == "handle not found"


async def test_a_server_that_is_down_is_named_and_the_rest_of_the_way_kept(tree):
    await tree.server("enterprise-88.100.1").stop()
    found = shown(await inquiries(tree.roots_file, BRIEF).ask("88.100.1/HELLO", VERA))
    assert (found["state"], found["problem"]["code"]) == ("unanswered", "resolution.not_answered")
    assert [hop["answer"] for hop in found["hops"][:3]] == ["success"] * 3
    assert found["hops"][-1]["note"]
    tree._servers.remove(tree.server("enterprise-88.100.1"))  # it is stopped already


@pytest.fixture
def silent_roots(tmp_path):
    """A root whose ports take everything and answer nothing."""
    port = free_port("127.0.0.1")
    with socket.create_server(("127.0.0.1", port)), socket.socket(type=socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", port))
        site = {"address": "127.0.0.1", "port": port, "fingerprint": "00" * 32}
        (tmp_path / "roots.json").write_text(json.dumps({"sites": [site]}))
        yield tmp_path / "roots.json"


async def test_an_inquiry_ends_in_time_whoever_is_silent(silent_roots):
    endless = Patience(udp=(600.0,), connecting=600.0, tcp=600.0, moving=600.0)
    settings = ResolutionSettings(roots_file=str(silent_roots))
    began = time.monotonic()
    found = shown(await Inquiries(settings, patience=endless, seconds=0.2).ask("88.100.1/HELLO", VERA))
    assert time.monotonic() - began < 60
    assert (found["state"], found["problem"]["code"]) == ("unanswered", "resolution.out_of_time")


async def test_nobody_keeps_the_others_waiting(tree, monkeypatch):
    begun, over = asyncio.Event(), asyncio.Event()
    resolve = Client.resolve

    async def slow(client, handle, **how):
        if handle == b"88.1/slow":
            begun.set()
            await over.wait()
        return await resolve(client, handle, **how)

    monkeypatch.setattr(Client, "resolve", slow)
    asked = inquiries(tree.roots_file)
    waiting = [asyncio.create_task(asked.ask("88.1/slow", VERA)) for _ in range(10)]
    await asyncio.wait_for(begun.wait(), SECONDS)
    assert (await asyncio.wait_for(asked.ask("88.100.1/HELLO", PAUL), SECONDS)).answer is not None
    monkeypatch.setattr(inquiry, "_WAIT_SECONDS", 0.1)
    with pytest.raises(TooMany) as refusal:
        await asyncio.wait_for(asked.ask("88.100.1/HELLO", VERA), SECONDS)
    assert refusal.value.code == "resolution.inquiries_busy"
    over.set()
    await asyncio.gather(*waiting, return_exceptions=True)
    monkeypatch.setattr(inquiry, "_WAIT_SECONDS", SECONDS)
    assert (await asked.ask("88.100.1/HELLO", VERA)).answer is not None


async def test_a_record_does_not_lead_into_a_private_network(tree, tmp_path):
    roots = json.loads(tree.roots_file.read_text())
    roots["sites"][0]["servers"][0]["address"] = "10.0.0.1"  # where the root is makes the rule: it is not loopback now
    roots["sites"].append(json.loads(tree.roots_file.read_text())["sites"][0])
    (tmp_path / "roots.json").write_text(json.dumps(roots))
    found = shown(await inquiries(tmp_path / "roots.json", BRIEF).ask("88.100.1/HELLO", VERA))
    assert found["state"] == "unanswered"
    assert "resolution.reach" in found["hops"][-1]["note"]


async def test_without_roots_the_node_that_runs_here_is_asked(tree):
    server = tree.server("recursive-1")
    settings = ResolutionSettings(roles=("recursive",), port=server.port)
    found = shown(await Inquiries(settings, patience=PATIENT, seconds=SECONDS).ask("88.200.1/HELLO", VERA))
    assert (found["state"], found["answer"]["authoritative"]) == ("found", False)
    assert found["hops"][0]["server"] == f"127.0.0.1:{server.port}"


async def test_with_nothing_configured_it_says_what_to_set():
    with pytest.raises(Unavailable) as refusal:
        await Inquiries(ResolutionSettings()).ask("88.100.1/HELLO", VERA)
    assert refusal.value.code == "resolution.no_roots"


async def test_a_node_that_listens_elsewhere_does_not_open_loopback_to_records():
    """As the node itself has it: loopback is for nodes that are heard on nothing else."""
    alone = Inquiries(ResolutionSettings(roles=("recursive",))).start()
    heard = Inquiries(ResolutionSettings(roles=("recursive",), hosts=("127.0.0.1", "192.0.2.1"))).start()
    other = server_at(1)
    assert alone.reach.refusal(other) == ""
    assert heard.reach.refusal(other)
    assert heard.node == "127.0.0.1:2641"


# -- what proves it takes nothing away ------------------------------------------------------------------------------------


async def test_values_are_shown_where_their_proof_cannot_be_checked(tree, monkeypatch):
    async def broken(*_):
        raise Corrupt("resolution.broken", "a certificate is not one", "Nothing.")

    monkeypatch.setattr(inquiry, "verify_record", broken)
    found = shown(await inquiries(tree.roots_file).ask("88.100.1/HELLO", VERA))
    assert (found["state"], found["problem"], found["checked"]) == ("found", None, False)


@pytest.mark.parametrize(
    ("seconds", "text"), [(1_767_225_600_000, None), (-(10**15), None), (0, "1970-01-01T00:00:00Z")]
)
async def test_a_time_that_no_calendar_has_is_left_out(tree, seconds, text):
    found = await inquiries(tree.roots_file).ask("88.100.1/HELLO", VERA)
    link = Link(key="00", subject="300:88.1/a", issuer="", expires=seconds)
    proof = Proof(index=1, signer="300:88.1/a", valid=True, chain=(link,))
    found.verdict = Verdict(proofs=(proof,), proved=(), contradicted=(), unproved=())
    assert shown(found)["signatures"][0]["chain"][0]["expires"] == text


def server_at(port):
    return Server(number=1, address="127.0.0.1", public_key=b"", interfaces=(Interface(3, HTTP, port),))


@pytest.mark.parametrize(
    ("body", "headers", "proof"),
    [(b'{"form": "x"}', [], {"form": "x"}), (b"[" * 100_000, [], None), (b"no JSON", [], None),
     (b"[" + b" " * (1 << 20) + b"]", [], None), (b"{}", [b"content-encoding: gzip"], None)],
)  # fmt: skip
async def test_a_proof_is_read_as_far_as_it_is_one(body, headers, proof):
    async with answering(whole(body, *headers)) as (port, asked):
        assert await inquiry._fetched(server_at(port), "88.1/Ä b?c#%".encode()) == proof
    assert asked == ["/api/v1/resolution/proofs/88.1/%C3%84%20b%3Fc%23%25"]


@pytest.mark.parametrize("handle", [b"1.2/../../../../../metrics", b"1.2/.", b"1.2/a/../b"])
async def test_a_handle_does_not_name_other_addresses_of_a_server(handle):
    async with answering(whole(b"{}")) as (port, asked):
        assert await inquiry._fetched(server_at(port), handle) is None
    assert asked == []
