"""Devices of the Sparkplug driver that can and cannot be, without any broker."""

import pytest

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.driver import find_driver
from lineshaft.edge.model import Device, Point, ScanGroup

GIVEN = {"secret": "plant", "group_id": "g", "edge_node_id": "n"}


def plan(endpoint="mqtt://127.0.0.1:1883", points=(), groups=None, **options):
    device = Device(
        name="press", path="a/b/c/d/e/press", driver="sparkplug", endpoint=endpoint, options={**GIVEN, **options},
        points=points, groups=groups or (ScanGroup(),),
    )  # fmt: skip
    return find_driver("sparkplug").plan(device)


def test_a_device_is_planned_without_a_broker():
    points = (Point(name="t", address="Inputs/Temperature"),)
    planned = plan(points=points)
    assert planned.points == points
    assert planned.blocks[0].detail == ("Inputs/Temperature",)
    assert planned.options.host_id == "lineshaft"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"endpoint": "mqtt://10.0.0.1:1883"}, "needs TLS"),
        ({"endpoint": "mqtt://u:p@127.0.0.1"}, "belong into a secret"),
        ({"endpoint": "tcp://127.0.0.1"}, "an MQTT endpoint is"),
        ({"endpoint": "mqtt://127.0.0.1:99999"}, "cannot be read"),
        ({"endpoint": "mqtt://127.0.0.1/x"}, "ends with the port"),
        ({"secret": ""}, "nobody connects anonymously"),
        ({"identity": "anonymous"}, "has no secret"),
        ({"identity": "certificate"}, "needs mqtts"),
        ({"group_id": "a/b"}, "must not have"),
        ({"edge_node_id": ""}, "must not be empty"),
        ({"device_id": "#"}, "must not have"),
        ({"host_id": "a+b"}, "must not have"),
        ({"reorder_seconds": 5}, "options"),
        ({"typo": 1}, "typo"),
        ({"groups": (ScanGroup(mode="poll"),)}, "can only subscribe"),
        ({"points": (Point(name="a", address="x"), Point(name="b", address="x"))}, "is the metric of a too"),
        ({"points": (Point(name="a", address=""),)}, "name of a metric"),
        ({"points": (Point(name="a", address="x", scale="0.1"),)}, "not raw words"),
    ],
)
def test_what_cannot_be_is_refused_with_the_rule(changes, words):
    with pytest.raises(InvalidInput) as refused:
        plan(**changes)
    assert refused.value.code == "edge.device_invalid"
    assert words in refused.value.message


def test_all_faults_are_told_at_once():
    with pytest.raises(InvalidInput) as refused:
        plan(endpoint="mqtt://10.0.0.1", secret="", group_id="+", points=(Point(name="a", address=""),))
    assert refused.value.facts["count"] == 4


def test_the_password_in_an_endpoint_is_not_repeated():
    with pytest.raises(InvalidInput) as refused:
        plan(endpoint="mqtt://operator:topsecret@127.0.0.1")
    assert "topsecret" not in refused.value.message
