"""Which server of a site is responsible: as every client computes it."""

import hashlib

import pytest

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution import site


def as_java(part, servers):
    """`Math.abs(readInt(md5, 12)) % servers` with 32-bit overflow."""
    number = int.from_bytes(hashlib.md5(part).digest()[12:], signed=True)
    magnitude = number if number == -(2**31) else abs(number)
    return magnitude % servers if magnitude >= 0 else None


def test_every_option_agrees_with_clients_in_java():
    for number in range(300):
        handle = b"88.%d.x/Serial-%d/\xe7\x94\xb5" % (number % 7, number)
        prefix, _, suffix = handle.partition(b"/")
        for option, part in ((0, prefix), (1, suffix), (2, handle)):
            for servers in (1, 2, 3, 7):
                assert site.shard_of(handle, option, servers) == as_java(part.upper(), servers)


def test_spelling_does_not_change_the_server_and_servers_share_the_load():
    assert site.shard_hash(b"88.1/ab", 2) == site.shard_hash(b"88.1/AB", 2)
    counts = [0] * 4
    for number in range(4000):
        counts[site.shard_of(b"88.1/%d" % number, site.BY_HANDLE, 4)] += 1
    assert min(counts) > 900


def test_the_one_number_without_a_positive_counterpart_is_responsible_too():
    assert site.magnitude(-(2**31)) == 2**31
    assert site.magnitude(-(2**31)) % 3 in range(3)


def test_unknown_options_and_empty_sites_are_refused():
    with pytest.raises(InvalidInput):
        site.shard_hash(b"a/b", 3)
    with pytest.raises(InvalidInput):
        site.Site(serial=1, servers=()).server_for(b"a/b")
