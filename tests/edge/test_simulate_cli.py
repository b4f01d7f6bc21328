"""What `lineshaft edge simulate` prints adds the device as it is, and `top` tells equal points of two devices apart."""

import shlex

import pytest

from lineshaft.cli.top import short_names
from lineshaft.edge.cli import group_of, read_options, read_points
from lineshaft.edge.driver import Simulated
from lineshaft.edge.model import Device, ScanGroup
from lineshaft.edge.workbench import cli as workbench


def simulated(options: dict[str, object], mode: str = "poll", driver: str = "http", **more: str) -> Simulated:
    device = Device(
        name="meter", path="a/b/c/d/e/meter", driver=driver, endpoint="http://127.0.0.1:1/values", options=options,
        groups=(ScanGroup(mode=mode),),
    )  # fmt: skip
    return Simulated(endpoint=device.endpoint, device=device, **more)


@pytest.mark.parametrize(
    "value", ["plain", "{topic}/set", "12", "true", "", "it's", 7, 1.5, False, ["a b"], {"limit": {"path": "/limit"}}]
)
def test_a_printed_option_is_read_back_as_it_was(tmp_path, value):
    words = shlex.split([*workbench._adding(simulated({"it": value}), tmp_path)][-1])
    assert read_options("http", [words[words.index("-o") + 1]]) == {"it": value}


def test_the_printed_command_names_a_mode_that_is_not_the_usual_one(tmp_path):
    assert "--mode" not in [*workbench._adding(simulated({}), tmp_path)][-1]
    assert "--mode subscribe" in [*workbench._adding(simulated({}, "subscribe"), tmp_path)][-1]


def test_credentials_are_kept_first(tmp_path):
    secret, _ = workbench._adding(simulated({"secret": "supply"}, user="operator", password="it's"), tmp_path)
    assert shlex.split(secret)[:3] == ["printf", "%s", "it's"]
    assert secret.endswith("lineshaft device secret supply --user operator")


def test_a_driver_that_only_polls_is_polled():
    assert [group_of(driver)["mode"] for driver in ("modbus", "s7", "opcua")] == ["poll", "poll", "subscribe"]


def test_points_are_read_from_a_list_and_from_a_device(tmp_path):
    file = tmp_path / "points.json"
    for text in ('[{"name": "a"}]', '{"name": "meter", "points": [{"name": "a"}]}'):
        file.write_text(text)
        assert read_points(file) == [{"name": "a"}]


def test_tags_are_told_apart_by_as_few_levels_as_do():
    assert [*short_names(["p/press/a", "p/press/b"]).values()] == ["a", "b"]
    assert [*short_names(["p/press/a", "p/oven/a"]).values()] == ["press/a", "oven/a"]
    assert short_names([]) == {}
