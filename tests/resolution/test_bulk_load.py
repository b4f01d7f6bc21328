"""Many records at once: the quick way of packing agrees with the long one, and every record that comes in has its proof."""

import itertools
import json

import pytest

from lineshaft.core import suites
from lineshaft.resolution.administration import Registrar
from lineshaft.resolution.bulk.direct import load
from lineshaft.resolution.bulk.packing import Fault, Packer
from lineshaft.resolution.homes import Homes, add_home
from lineshaft.resolution.model import HandleValue, Reference
from lineshaft.resolution.proofs import Proofs, verify_proof
from lineshaft.resolution.site import Server, Site
from lineshaft.resolution.store import open_store

OPERATOR = Reference(b"0.NA/0.NA", 0)
URL = {"index": 1, "type": "URL", "data": "https://a.example/"}
TEXT = {"index": 2, "type": "DESC", "data": {"format": "string", "value": "Grüße 你好"}}


@pytest.fixture
def store():
    opened = open_store("memory", None)
    with opened.write() as transaction:
        add_home(transaction, b"88.1")
    yield opened
    opened.close()


@pytest.fixture
def proofs():
    return Proofs("node.example", suites.PrivateKey.generate("ed25519"))


def registrar(store, proofs, seconds):
    homes = Homes(store, Site(serial=1, servers=(Server(number=1, address="127.0.0.1"),)), 1)
    return Registrar(store, homes, [OPERATOR], seconds, proofs)


@pytest.mark.parametrize(
    "values",
    [
        [URL],
        [URL, TEXT],
        [URL, {**TEXT, "ttl": 60}],
        [URL, {**TEXT, "permissions": "1100"}],
        [URL, {**TEXT, "permissions": "1110", "references": []}],
        [URL, {**TEXT, "references": [{"handle": "88.1/A", "index": 1}]}],
        [TEXT, URL],
        [{**URL, "data": "x" * 1023}, {**TEXT, "data": "x" * 1024}],
        [{**URL, "data": ""}],
        [{**URL, "data": {"format": "base64", "value": "AAEC"}}],
        [URL, {"index": 3, "type": "HS_ALIAS", "data": "88.1/B"}],
        [{**URL, "timestamp": "2026-01-01T00:00:00Z"}],
    ],
)
def test_both_ways_make_the_same_record(values):
    packer = Packer(1_700_000_000)
    line = json.dumps({"handle": "88.1/a", "values": values}).encode()
    for _ in range(2):  # the second time with what is remembered of the first
        assert packer.pack(line) == packer._slowly(line)


def test_what_is_remembered_of_an_index_is_not_taken_for_another_type_or_ttl():
    packer = Packer(1_700_000_000)
    for changed in ({}, {"type": "EMAIL"}, {"ttl": 5}, {"permissions": "0110"}, {}):
        line = json.dumps({"handle": "88.1/a", "values": [URL | changed]}).encode()
        assert packer.pack(line) == packer._slowly(line)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [URL, URL],
        [{**URL, "index": -1}],
        [{**URL, "index": 2**32}],
        [{**URL, "ttl": -1}],
        [{**URL, "permissions": "x"}],
    ],
)
def test_what_is_no_registration_is_refused(values):
    with pytest.raises(Fault):
        Packer(0).pack(json.dumps({"handle": "88.1/a", "values": values}).encode())


def test_a_faulty_line_is_named_and_the_others_come_in(store, proofs):
    lines = [json.dumps({"handle": f"88.1/{name}", "values": [URL]}).encode() for name in "abc"]
    refused = load(registrar(store, proofs, lambda: 1000), [lines[0], b"{", *lines[1:], b"[]"], OPERATOR)
    assert [one["line"] for one in refused] == [2, 5]
    assert store.count() == 3


def test_a_second_that_ends_between_packing_and_committing_costs_no_proof(store, proofs):
    packer = Packer(1000)
    _, key, record = packer.pack(json.dumps({"handle": "88.1/a", "values": [URL]}))
    target = registrar(store, proofs, lambda: 1001)
    assert target.load([(key, record)], OPERATOR, seconds=packer.seconds) == [None]
    assert verify_proof(proofs.proof_of(store, b"88.1/a", record)).seconds == 1001


def test_a_second_that_ends_within_a_change_costs_no_proof(store, proofs):
    ticking = itertools.count(1000)
    target = registrar(store, proofs, lambda: next(ticking))
    target.create(b"88.1/A", [HandleValue(index=1, type=b"URL", data=b"x")], OPERATOR)
    target.add(b"88.1/A", [HandleValue(index=2, type=b"URL", data=b"y")], OPERATOR)
    assert proofs.proof_of(store, b"88.1/A", store.get(b"88.1/A")) is not None


def test_a_clock_that_was_set_back_costs_no_proof(store, proofs):
    target = registrar(store, proofs, iter((2000, 1000)).__next__)
    target.create(b"88.1/A", [HandleValue(index=1, type=b"URL", data=b"x")], OPERATOR)
    target.add(b"88.1/A", [HandleValue(index=2, type=b"URL", data=b"y")], OPERATOR)
    assert proofs.proof_of(store, b"88.1/A", store.get(b"88.1/A")) is not None
