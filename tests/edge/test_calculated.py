"""Calculated tags: values, times and qualities of results; chains; what is refused."""

import contextlib

import pytest

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.columns import INTEGER, NUMBER, TEXT, Columns
from lineshaft.edge.driver import find_driver
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.runner import DeviceRunner
from lineshaft.edge.settings import EdgeSettings

SECOND = 1_000_000
START = 1_700_000_000 * SECOND


def calculated(*points, endpoint="calculated:"):
    return Device(
        name="sums", path="e/s/a/l/c/sums", driver="calculated", endpoint=endpoint, groups=(ScanGroup(period_ms=10),),
        points=tuple(
            Point(name=name, address=address, kind=kind, tag=number)
            for number, (name, address, *rest) in enumerate(points, 1)
            for kind in (rest or ["number"])
        ),
    )  # fmt: skip


def tell(tools, name, value, seconds=0, q=0):
    """Put a value of another device on the board."""
    columns = Columns(1)
    kind = TEXT if isinstance(value, str) else INTEGER if isinstance(value, int) else NUMBER
    columns.add(0, START + seconds * SECOND, START + seconds * SECOND, q, kind, value)
    tools.board.take(tools.board.slots([name]), columns)


@contextlib.asynccontextmanager
async def running(device, lane, tools):
    runner = DeviceRunner(device, lane, tools, EdgeSettings())
    runner.start()
    try:
        yield runner
    finally:
        await runner.stop()


async def test_a_result_has_the_time_of_its_newest_input(lane, tools, until):
    async with running(calculated(("power", 'tag("press/torque") * tag("press/speed")')), lane, tools):
        tell(tools, "press/torque", 2.0, 1)
        tell(tools, "press/speed", 10, 3)
        await until(lambda: lane.of(1))
        tell(tools, "press/torque", 3.0, 5)
        await until(lambda: len(lane.of(1)) == 2)
    assert [row for row in lane.of(1) if row[1] == 0] == [(START + 3 * SECOND, 0, 20.0), (START + 5 * SECOND, 0, 30.0)]


async def test_nothing_is_invented_before_every_input_is_there(lane, tools, until):
    async with running(calculated(("sum", 'tag("a/x") + tag("a/y")'), ("x", 'tag("a/x")')), lane, tools):
        tell(tools, "a/x", 1.0)
        await until(lambda: lane.of(2))
        assert lane.of(1) == []


async def test_the_worst_quality_is_the_results(lane, tools, until):
    async with running(calculated(("sum", 'tag("a/x") + tag("a/y")')), lane, tools):
        tell(tools, "a/x", 1.0, 1)
        tell(tools, "a/y", 2.0, 1, quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE)
        await until(lambda: lane.of(1))
        tell(tools, "a/y", 2.0, 2, quality.BAD_NO_COMMUNICATION | 0x480)
        await until(lambda: len(lane.of(1)) == 2)
    (_, first, value), (_, second, none) = lane.of(1)[:2]
    assert (first, value) == (quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE, 3.0)
    assert second == quality.BAD_NO_COMMUNICATION
    assert none != none  # noqa: PLR0124  # a bad input leaves no value


async def test_chains_are_computed_in_one_go(lane, tools, until):
    points = (("c", 'tag("sums/b") + 1'), ("b", 'tag("sums/a") + 1'), ("a", 'tag("press/x") + 1'))
    async with running(calculated(*points), lane, tools):
        tell(tools, "press/x", 1.0, 1)
        await until(lambda: lane.of(1))
        assert [row[2] for row in lane.of(1)] == [4.0]


async def test_kinds(lane, tools, until):
    points = (
        ("n", 'tag("a/x") / 2', "integer"),
        ("on", 'tag("a/x") > 3', "boolean"),
        ("word", 'tag("a/x") > 3 ? "hot" : "cold"', "text"),
    )
    async with running(calculated(*points), lane, tools):
        tell(tools, "a/x", 8.0)
        await until(lambda: lane.of(3))
    assert [lane.of(tag)[0][2] for tag in (1, 2, 3)] == [4, True, "hot"]
    assert isinstance(lane.of(1)[0][2], int)


async def test_what_cannot_be_computed_is_bad_and_recovers(lane, tools, until):
    async with running(calculated(("ratio", 'tag("a/x") / tag("a/y")')), lane, tools):
        tell(tools, "a/x", 1.0, 1)
        tell(tools, "a/y", 0.0, 1)
        await until(lambda: lane.of(1))
        tell(tools, "a/y", 2.0, 2)
        await until(lambda: len(lane.of(1)) == 2)
    assert [(row[1], row[2] == 0.5) for row in lane.of(1)[:2]] == [(quality.BAD_OUT_OF_RANGE, False), (0, True)]


@pytest.mark.parametrize(
    ("device", "named"),
    [
        (calculated(("a", 'tag("sums/a")')), "its own result"),
        (calculated(("a", 'tag("sums/b")'), ("b", 'tag("sums/a") + 1')), "points.b.address"),
        (calculated(("a", "1 +")), "points.a.address"),
        (calculated(("a", "nobody")), "points.a.address"),
        (calculated(("a", '1.0 + tag("x/y")'), endpoint="opc.tcp://h:1"), "endpoint"),
    ],
)
def test_what_cannot_be_is_refused(device, named):
    with pytest.raises(InvalidInput, match=named):
        find_driver("calculated").plan(device)


def test_an_expression_that_reads_no_point_is_refused():
    with pytest.raises(InvalidInput, match="reads no point"):
        find_driver("calculated").plan(calculated(("constant", "9.81 * 2")))
