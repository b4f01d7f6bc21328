"""Open sockets and what changes about their callers: certificates, clearances, grades of tags, policies."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from lineshaft.core.errors import Unauthenticated
from lineshaft.core.principals import Principal
from lineshaft.history import LatestTable
from lineshaft.web.callers import Caller
from lineshaft.web.live.board import Board
from lineshaft.web.live.endpoint import LiveEndpoint, _Connection
from lineshaft.web.live.hub import LiveHub

GRADES = {"a/low": 1, "a/high": 3}
NUMBERS = {"a/low": 1, "a/high": 2}
ANNA = Principal(id="99.1/person.A", name="anna", kind="person", tenant="main", roles=frozenset({"viewer"}))


class Wire:
    """A socket's other end."""

    unsent = 0

    def __init__(self):
        self.sent = []

    def write_text(self, payload):
        self.sent.append(json.loads(payload))
        return True


class House:
    """What a connection asks; `anna` is who she is now."""

    def __init__(self):
        self.anna = ANNA
        self.grades = dict(GRADES)
        self.policies = SimpleNamespace(version="1")
        self.asked = 0

    async def prove_again(self, caller):
        return self.anna

    async def refresh_policies(self):
        pass

    def authorize(self, principal, action, resource):
        return SimpleNamespace(allowed=True)

    async def find(self, principal, paths):
        self.asked += 1
        return {path: NUMBERS[path] for path in paths if self.grades[path] <= principal.clearance}

    async def grading(self):
        return tuple(self.grades.items())


def hub_of(prove):
    board = Board(LatestTable())
    return LiveHub(board, hertz=10.0, clients=10, prove=prove, fail=print)


class Shown:
    """A connection whose caller has nothing but a certificate."""

    def __init__(self, certificate, listener, ended):
        self.caller = Caller(principal=ANNA, session=None, credential="", certificate=certificate)
        self.listener = listener
        self._ended = ended

    async def end(self, error):
        self._ended.append(self.caller.certificate)

    async def review(self):
        pass


@pytest.fixture
def house():
    return House()


@pytest.fixture
def connection(house):
    async def fine(caller):
        return None

    hub = hub_of(fine)
    endpoint = LiveEndpoint(house, house, house.find, hub, tags=10, grading=house.grading)
    caller = Caller(principal=ANNA, session=None, credential="t")

    async def send(event):
        pass

    made = _Connection(endpoint, caller, hub.listener(Wire()), send, "en")
    hub.add(made)
    made.hub = hub
    return made


async def subscribe(connection, *paths):
    return json.loads(await connection._answer({"text": json.dumps({"subscribe": paths})}))


@pytest.mark.parametrize("change", ["clearance", "grade"])
async def test_a_subscription_ends_with_the_right_to_it(house, connection, change):
    assert (await subscribe(connection, *NUMBERS))["subscribed"] == 2
    await connection.hub.verify()
    assert set(connection.listener.tags.values()) == set(NUMBERS)
    if change == "clearance":
        house.anna = replace(ANNA, clearance=1)
    else:
        house.anna, house.grades["a/high"] = replace(ANNA, clearance=2), 3
        house.grades["a/low"] = 2
    await connection.hub.verify()
    assert set(connection.listener.tags.values()) == {"a/low"}
    told = connection.listener._socket.sent[-1]
    assert (told["subscribed"], [one["path"] for one in told["refused"]]) == (1, ["a/high"])


async def test_a_new_subscription_goes_by_who_the_caller_is_now(house, connection):
    house.anna = replace(ANNA, clearance=1)
    assert (await subscribe(connection, "a/high"))["subscribed"] == 0


async def test_nothing_is_asked_again_while_nothing_changed(house, connection):
    await subscribe(connection, *NUMBERS)
    await connection.hub.verify()
    asked = house.asked
    await asyncio.gather(*(connection.hub.verify() for _ in range(3)))
    assert house.asked <= asked + 3  # three at most where the half minute of a review ends just now


async def test_each_certificate_is_proved_for_itself():
    bad = Unauthenticated("x", "revoked")
    ended = []

    async def prove(caller):
        return bad if caller.certificate == b"revoked" else None

    hub = hub_of(prove)
    for certificate in (b"good", b"revoked"):
        hub.add(Shown(certificate, hub.listener(Wire()), ended))
    await hub.verify()
    assert ended == [b"revoked"]
