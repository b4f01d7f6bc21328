"""What a server remembers of those who ask: strangers cannot push out what belongs to somebody who has proved who he is."""

from lineshaft.resolution import wire
from lineshaft.resolution.auth.challenges import Challenges
from lineshaft.resolution.auth.sessions import Sessions
from lineshaft.resolution.auth.table import Halves, Table
from lineshaft.resolution.http.sessions import HttpSessions
from lineshaft.resolution.model import Reference

ADMIN = Reference(b"88.1/ADMIN", 300)
KEY = b"k" * 32


def sources(count):
    """Addresses of so many networks."""
    return [f"10.{number // 250}.{number % 250}.7" for number in range(count)]


def table(most=10, most_of_one=3, kind=Table):
    return kind(most, most_of_one, lambda ends, now: ends <= now)


def test_where_a_network_has_too_many_its_own_go_and_those_unused_for_longest_first():
    found = table()
    found.put("other", 100, "192.0.2.1", 0.0)
    for number in range(3):
        found.put(number, 100, "10.0.0.1", 0.0)
    found.use(0)
    for number in range(3, 5):
        found.put(number, 100, "10.0.0.200", 0.0)
    assert [number in found for number in range(5)] == [True, False, False, True, True]
    for number, source in enumerate(sources(9), 100):
        found.put(number, 100, source, 0.0)
    assert len(found) == 10
    assert "other" not in found  # all are full, and it was unused for longest


def test_what_has_ended_makes_room_before_anything_else():
    found = table()
    for number, source in enumerate(sources(10)):
        found.put(number, 50 if number == 4 else 100, source, 0.0)
    found.put(10, 100, "192.0.2.1", 50.0)
    assert [number for number in range(11) if number not in found] == [4]


def test_what_is_proved_lies_apart_from_then_on():
    found = table(kind=Halves)
    for number in range(3):
        found.put(number, 100, "10.0.0.1", 0.0, proved=False)
    found.prove(1, "10.0.0.1", 0.0)
    for number in range(3, 9):
        found.put(number, 100, "10.0.0.1", 0.0, proved=False)
    assert [number in found for number in range(9)] == [False, True] + [False] * 4 + [True] * 3
    for number in range(100, 104):
        found.put(number, 100, "10.0.0.1", 0.0, proved=True)
    assert (1 in found, len(found)) == (False, 6)
    assert found.pop(8) == 100
    assert 8 not in found


def test_nothing_is_remembered_of_networks_that_have_nothing_here():
    found = table(most=4)
    for number, source in enumerate(sources(1000)):
        found.put(number, 100, source, 0.0)
    assert len(found._networks) == len(found) == 4
    for key in list(found._entries):
        found.pop(key)
    assert (found._networks, found._all.weight) == ({}, 0)


def test_sessions_without_an_identity_push_out_none_that_has_one():
    book = Sessions(most=50, most_of_one=10)
    mine = book.open(KEY, ADMIN, 1000.0, "10.0.0.1", 0.0)
    for _ in range(100):
        book.open(KEY, None, 1000.0, "10.0.0.9", 1.0)
    assert len(book) == 11
    for source in sources(200):
        book.open(KEY, None, 1000.0, source, 2.0)
    assert len(book) == 51
    assert book.find(mine.number, 3.0) is mine


def test_sessions_over_http_that_were_proved_outlast_a_flood_of_questions():
    book = HttpSessions(most=50, most_of_one=10)
    mine = book.open("10.0.0.1", 0.0)
    book.prove(mine, ADMIN, 0.0)
    for source in sources(200) + ["10.0.0.9"] * 100:
        book.open(source, 1.0)
    assert len(book) == 51
    assert book.find(mine.id, "10.0.0.1", 2.0) is mine
    for _ in range(10):
        book.prove(book.open("10.0.0.9", 2.0), ADMIN, 2.0)
    assert book.find(mine.id, "10.0.0.1", 3.0) is None  # its own network has proved so many later


def test_one_network_cannot_have_the_challenges_of_others_forgotten_and_long_requests_count_more(ask):
    request = wire.decode(ask(b"88.1/a", flags=0))
    long = wire.decode(ask(b"88.1/a", types=[b"T" * 4000] * 40, flags=0))
    book = Challenges(most=1000, most_of_one=100)
    number, pending = book.issue(request, "10.0.0.1", 0.0)
    for _ in range(2000):
        book.issue(request, "10.9.0.1", 1.0)
    assert len(book) == 101
    for _ in range(50):
        book.issue(long, "10.9.0.1", 1.0)
    assert len(book) == 3  # each of them weighs as forty
    assert book.take(number, "10.0.0.1", 2.0) is pending
