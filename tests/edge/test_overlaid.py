"""At the gateway, a write is under the rules of every point that it touches, whatever point it is sent to."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Forbidden, LineshaftError, Unprocessable
from lineshaft.edge.board import Board
from lineshaft.edge.commands import conditions
from lineshaft.edge.commands.conditions import Conditions
from lineshaft.edge.commands.executor import Executor
from lineshaft.edge.commands.journal import Journal
from lineshaft.edge.commands.leases import Leases
from lineshaft.edge.commands.messages import Execute, Standing
from lineshaft.edge.commands.model import Lease
from lineshaft.edge.commands.overlaid import OverlaidPoints
from lineshaft.edge.drivers.modbus.options import ModbusOptions
from lineshaft.edge.guard.model import GuardPrincipal, State, Verdict
from lineshaft.edge.model import Device, Point, WriteRules
from lineshaft.edge.proxies.modbus.beside import Beside
from lineshaft.edge.proxies.modbus.points import Places
from lineshaft.edge.proxies.modbus.requests import Requests
from lineshaft.edge.proxies.modbus.rules import PointRules

sys.path.insert(0, str(Path(__file__).parent))
from commands_machine import Machine

OLGA = GuardPrincipal(id="h/olga", name="olga", kind="person", roles=frozenset({"operator"}))
SPEED = Point(
    name="speed", address="holding:40", type="uint16", scale="0.1", access="read-write",
    write=WriteRules(minimum=0.0, maximum=10.0, verify_seconds=0.3),
)  # fmt: skip
VALVE = Point(
    name="valve", address="coil:3", type="bool", kind="boolean", access="read-write", write=WriteRules(classification="A"),
)  # fmt: skip


def made(*points, name="press", endpoint="modbus-tcp://10.0.0.7:502", **options):
    return Device(
        name=name, path=f"a/b/{name}", driver="modbus", endpoint=endpoint, options=options, points=points
    )  # fmt: skip


def loose(address, name="loose", **more):
    return Point(name=name, address=address, access="read-write", **{"type": "uint16", **more})


class Admitting:
    def check(self, operations, _principal, _state):
        return [Verdict(allowed=True) for _ in operations]


@pytest.fixture
def gateway(tmp_path):
    """An executor over machines in memory, and the rules of all of them."""
    journal = Journal(tmp_path / "commands", "gateway")
    board = Board()

    class Gateway:
        def __init__(self, *devices):
            self.machines = {each.name: Machine(each, board) for each in devices}
            self.conditions, self.leases = Conditions(board, self.machines.get), Leases()
            self.overlaid = OverlaidPoints(self.conditions, self.leases, board)
            self.overlaid.configure(devices)
            self.executor = Executor(
                self.machines.get, board, journal, Admitting, "gateway", leases=self.leases, conditions=self.conditions,
                overlaid=self.overlaid,
            )  # fmt: skip
            self.count = 0

        async def write(self, device, point, value, **more):
            self.count += 1
            expires = clock.now_us() + 60 * clock.MICROSECONDS
            asked = Execute(
                command=f"c{self.count}", device=device, point=point, value=value, principal=OLGA, expires=expires, seconds=60.0,
                **more,
            )  # fmt: skip
            return (await self.executor.execute(asked)).steps[-1]

        def told(self):
            return [each for machine in self.machines.values() for each in machine.told]

    yield Gateway
    journal.close()


OTHERS = {
    "another notation": made(loose("40041", scale="0.1"), SPEED),
    "another device": made(loose("40041", scale="0.1"), name="second", endpoint="modbus-tcp://10.0.0.7"),
    "another transport": made(loose("1/holding:40", scale="0.1"), name="second", endpoint="modbus-rtu-tcp://10.0.0.7:502", unit=9),
    "every unit": made(loose("255/holding:40", scale="0.1"), name="second"),
}  # fmt: skip


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
async def test_limits_hold_whatever_point_is_written(gateway, other):
    site = gateway(*({each.name: each for each in (made(SPEED), other)}).values())
    refused = await site.write(other.name, "loose", 10.5)
    assert (refused.state, refused.code) == ("denied", "edge.command_out_of_range")
    assert site.told() == []
    assert (await site.write(other.name, "loose", 9.5)).state == "verified"


async def test_what_the_bytes_make_of_the_other_point_is_judged(gateway):
    """The raw value 150 is 15 of a point that counts in tenths, and the low word of a long is a part of it."""
    long = loose("holding:39", "long", type="uint32")
    site = gateway(made(SPEED, loose("holding:40"), long, loose("holding:40.0", "bit", type="bool", kind="boolean")))
    assert (await site.write("press", "loose", 150)).code == "edge.command_out_of_range"
    assert (await site.write("press", "loose", 100)).state == "verified"
    assert (await site.write("press", "long", (7 << 16) + 150)).code == "edge.command_out_of_range"
    assert (await site.write("press", "long", (7 << 16) + 100)).state == "verified"
    assert (await site.write("press", "bit", True)).code == "edge.command_overlaid"
    assert site.told() == [("loose", 100), ("long", (7 << 16) + 100)]


async def test_a_bit_within_a_word_has_its_rules(gateway):
    lamp = loose("holding:40.0", "lamp", type="bool", kind="boolean", write=WriteRules(interlock='tag("press/open")'))
    site = gateway(made(loose("holding:40"), lamp, loose("coil:9", "open", type="bool", kind="boolean")))
    assert (await site.write("press", "loose", 1)).code == "edge.command_interlocked"
    site.machines["press"].show("open", True)
    assert (await site.write("press", "loose", 1)).state == "verified"


async def test_class_a_and_a_lease_hold_over_devices(gateway):
    tap = loose("coil:3", "tap", type="bool", kind="boolean")
    site = gateway(made(VALVE, SPEED), made(tap, loose("holding:40", scale="0.1"), name="second"))
    assert (await site.write("second", "tap", True)).code == "edge.command_unapproved"
    assert (await site.write("press", "valve", True, approver="h/pavel")).state == "verified"
    now = clock.now_us()
    lease = Lease(device="press", principal="h/pavel", name="pavel", taken=now, until=now + 600 * clock.MICROSECONDS)
    site.leases.adopt(Standing(device="press", known=now, lease=lease))
    assert (await site.write("second", "loose", 1.0)).code == "edge.device_leased"
    assert site.told() == [("valve", True)]


async def test_steps_by_two_names_add_up(gateway, monkeypatch):
    now = clock.monotonic()  # a second later the rate allows a second's worth again, by whatever name
    monkeypatch.setattr(conditions, "clock", SimpleNamespace(monotonic=lambda: now))
    paced = loose("holding:7", "paced", write=WriteRules(rate=5.0))
    site = gateway(made(paced, loose("holding:7")))
    for name in ("paced", "loose"):
        site.machines["press"].show(name, 10)
    assert (await site.write("press", "loose", 16)).code == "edge.command_too_fast"
    assert (await site.write("press", "loose", 15)).state == "verified"
    site.machines["press"].show("paced", 15)
    assert (await site.write("press", "paced", 20)).code == "edge.command_too_fast", (
        "written a moment ago, by another name"
    )


@pytest.mark.parametrize(
    ("one", "other", "error"),
    [
        ({"address": "ns=2;s=V"}, {"address": "nsu=urn:plant;s=V"}, Unprocessable),
        ({"address": "i=99999"}, {"address": "ns=0;i=099999"}, Unprocessable),
        ({"address": "ns=2;s=V"}, {"address": "ns=3;s=V"}, None),
    ],
)  # fmt: skip
def test_typed_values_are_the_same_under_every_name(one, other, error):
    def server(name, point):
        return Device(
            name=name, path=f"a/b/{name}", driver="opcua", endpoint="opc.tcp://10.0.0.7:4840", points=(point,)
        )  # fmt: skip

    ruled = server("press", Point(name="speed", access="read-write", write=WriteRules(maximum=10.0), **one))
    second = server("second", Point(name="loose", access="read-write", **other))
    assert refusal(second, 11.0, ruled) is error
    assert refusal(second, 9.0, ruled) is None


@pytest.mark.parametrize(
    ("address", "more", "value", "error"),
    [
        ("DB5:14:float32", {}, 1.0, Conflict), ("DB5.DBX13.0", {"kind": "boolean"}, True, Conflict),
        ("DB5:12:float32", {}, 11.0, Unprocessable), ("DB5:10:text", {"kind": "text", "length": 8, "type": "text"}, "abcd\x7f\x7f\x7f\x7f", Unprocessable),
        ("DB5:16:float32", {}, 1.0, None), ("DB5:12:float32", {"name": "x"}, 9.0, None),
    ],
)  # fmt: skip
def test_bytes_of_a_controller_are_judged_as_what_they_are(address, more, value, error):
    def controller(name, point, endpoint):
        return Device(name=name, path=f"a/b/{name}", driver="s7", endpoint=endpoint, points=(point,))

    speed = Point(
        name="speed", address="DB5.DBD12", type="float32", access="read-write", write=WriteRules(maximum=10.0)
    )
    point = Point(**{"name": "loose", "address": address, "access": "read-write", **more})
    second = controller("second", point, "s7://10.0.0.7:102?rack=0&slot=2")
    assert refusal(second, value, controller("press", speed, "s7://10.0.0.7")) is error


def refusal(device, value, *others):
    board = Board()
    rules = OverlaidPoints(Conditions(board, lambda _: None), Leases(), board)
    rules.configure([device, *others])
    try:
        rules.check(device, device.points[0], value, "h/olga", approved=False)
    except LineshaftError as error:
        return type(error)
    return None


def test_a_foreign_client_does_not_write_where_another_device_has_rules():
    mine = made(loose("holding:40", scale="0.1"), name="mine")
    board = Board()
    rules = OverlaidPoints(Conditions(board, lambda _: None), Leases(), board)
    rules.configure([mine, made(SPEED, VALVE), made(SPEED, name="far", endpoint="modbus-tcp://10.0.0.8")])
    requests = Requests("mine", Places(mine, ModbusOptions()), Beside(mine, rules))

    def named(pdu, unit=1):
        return [name for each in requests.operations(unit, bytes(pdu)) for name in each.points]

    for pdu in (
        [6, 0, 40, 0, 1],
        [16, 0, 39, 0, 2, 4, 0, 1, 0, 1],
        [22, 0, 40, 0, 0, 0, 1],
        [22, 0, 40, 0xFF, 0, 0, 1],
    ):
        assert named(pdu) == ["press/speed"], pdu
    assert named([5, 0, 3, 0xFF, 0]) == named([15, 0, 0, 0, 8, 1, 0xFF]) == ["press/valve"]
    assert named([6, 0, 40, 0, 1], unit=2) == named([6, 0, 41, 0, 1]) == []
    assert named([3, 0, 40, 0, 1]) == [], "it is read freely"
    told = []
    guard = SimpleNamespace(guard=SimpleNamespace(events=SimpleNamespace(judged=lambda *facts: told.append(facts))))
    judge = PointRules(mine, guard, SimpleNamespace(check_lease=lambda: None))
    (verdict,) = judge.check(requests.operations(1, bytes([6, 0, 40, 0, 1])), OLGA, State())
    assert (verdict.allowed, verdict.rules, len(told)) == (False, ("edge.command_overlaid",), 1)
    rules.configure([mine])
    assert named([6, 0, 40, 0, 1]) == ["loose"]


def test_links_to_serial_lines_are_followed_whenever_a_write_is_judged(monkeypatch):
    led = {"/dev/serial/by-id/usb": "/dev/ttyUSB0"}
    monkeypatch.setattr("lineshaft.edge.extent.os.path.realpath", lambda path: led.get(path, path))
    ruled = made(VALVE, endpoint="modbus-rtu:///dev/serial/by-id/usb")
    tap = loose("coil:3", type="bool", kind="boolean")
    second, third = (
        made(tap, name=name, endpoint=f"modbus-rtu:///dev/{line}")
        for name, line in (("second", "ttyUSB0"), ("third", "ttyUSB1"))
    )
    board = Board()
    rules = OverlaidPoints(Conditions(board, lambda _: None), Leases(), board)
    rules.configure([ruled, second, third])
    proxies = [Beside(device, rules) for device in (second, third)]

    def touched():
        by_proxies = [bool(proxy.touched(1, "coil", 3, 1)) for proxy in proxies]
        assert by_proxies == [bool(rules.touched(device, tap)) for device in (second, third)]
        return by_proxies

    assert touched() == [True, False]
    led["/dev/serial/by-id/usb"] = "/dev/ttyUSB1"
    assert touched() == [False, True]


def test_units_behind_one_address_are_written_apart():
    tap = made(loose("coil:3", type="bool", kind="boolean"), name="second", unit=2)
    assert refusal(tap, True, made(VALVE)) is None


def test_a_point_of_class_a_takes_its_own_command():
    ruled = made(VALVE)
    second = made(loose("coil:3", type="bool", kind="boolean"), name="second")
    assert refusal(second, True, ruled) is Forbidden
