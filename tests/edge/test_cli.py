"""`lineshaft device` and `edge`: how many devices are listed, how found variables become points, how options are read, what a mistake is told."""

import contextlib
import json

import httpx
import pytest

from lineshaft.client.views import Devices
from lineshaft.core.errors import InvalidInput, NotFound, Unavailable
from lineshaft.edge import cli
from lineshaft.edge.cli import check_choice, new_points, read_options
from lineshaft.edge.driver import find_driver
from lineshaft.edge.imports.cli import import_file
from lineshaft.edge.model import Device, RawType
from lineshaft.edge.versions import cli as versions


def found(address, *path, **more):
    return {"address": address, "name": path[-1], "path": list(path), **more}


def test_variables_become_points_under_their_own_names():
    (point,) = new_points([found("ns=2;s=P", "Press", "P", unit="kPa", kind="number")], [], ["*"])
    assert point == {"name": "P", "address": "ns=2;s=P", "unit": "kPa", "kind": "number"}


def test_variables_of_one_name_are_told_apart_by_what_is_above_them():
    points = new_points([found("a", "Left", "P"), found("b", "Right", "P"), found("c", "X", "Right", "P")], [], ["*"])
    assert [point["name"] for point in points] == ["P", "Right.P", "X.Right.P"]


def test_points_that_are_there_keep_their_names_and_are_not_made_again():
    present = [{"name": "P", "address": "a"}]
    points = new_points([found("a", "Left", "P"), found("b", "Right", "P")], present, ["*"])
    assert [(point["name"], point["address"]) for point in points] == [("Right.P", "b")]


def test_what_cannot_be_a_point_and_what_does_not_match_is_left_out():
    offered = [found("ns=2;s=A", "A"), found("ns=2;s=B", "B", refused="an array"), found("ns=3;s=C", "C")]
    assert [point["name"] for point in new_points(offered, [], ["ns=2;*", "Z"])] == ["A"]


@pytest.mark.parametrize(("name", "level"), [("a/b", "a_b"), ("t\x01", "t_"), ("温度", "温度"), ("x" * 300, "x" * 255)])
def test_a_name_becomes_a_level_of_a_path(name, level):
    assert new_points([found("a", name)], [], ["*"])[0]["name"] == level


def test_an_option_that_is_a_text_stays_one_whatever_it_looks_like():
    given = ["client_id=0815", "secret=123", "qos=1", "clean=false", 'authority="12"', "commands={}"]
    assert read_options("mqtt", given) == {
        "client_id": "0815", "secret": "123", "qos": 1, "clean": False, "authority": "12", "commands": {},
    }  # fmt: skip
    assert read_options("lorawan", ["dev_addr=01020304", "region=EU868"]) == {"dev_addr": "01020304", "region": "EU868"}


def test_every_option_that_is_wrong_is_told_at_once_with_the_nearest_name():
    device = Device(
        name="node", path="a", driver="sparkplug", endpoint="mqtts://h", options={"secret": "s", "keep_alive_second": 5, "host_id": 7},
    )  # fmt: skip
    with pytest.raises(InvalidInput) as caught:
        find_driver("sparkplug").plan(device)
    for words in (
        "options.group_id is None", "options.edge_node_id is None", "options.host_id is 7", "did you mean 'keep_alive_seconds'",
    ):  # fmt: skip
        assert words in caught.value.message


def test_near_names_are_asked_for():
    with pytest.raises(NotFound, match="did you mean 'modbus'"):
        find_driver("modbuss")
    with pytest.raises(InvalidInput, match="uint16, int32") as caught:
        check_choice("--type", "float33", RawType)
    assert "float32" in caught.value.hint
    check_choice("--type", "float32", RawType)


def test_a_file_of_points_is_imported_as_points(tmp_path, capsys):
    file, out = tmp_path / "points.json", tmp_path / "out.json"
    file.write_text('[{"name": "p", "address": "holding:1", "type": "uint16", "unit": "kPa"}]')
    import_file(file, out=out)
    assert "kPa" in capsys.readouterr().out
    assert b'"KPA"' in out.read_bytes()


def test_versions_name_people_and_tables_speak_chinese(monkeypatch, capsys):
    class Client:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def pages(self, path, _):
            if path.endswith("/principals"):
                return [{"id": "99.1/alice", "name": "alice"}]
            return [{"version": 2, "created": "now", "author": "99.1/alice", "comment": "why not"}]

    monkeypatch.setattr("lineshaft.client.connect", lambda **_: Client())
    monkeypatch.setenv("LINESHAFT_LANGUAGE", "zh")
    versions.list_versions()
    shown = capsys.readouterr().out
    assert "alice" in shown
    assert "99.1/alice" not in shown
    assert "版本" in shown
    assert "操作者" in shown


class Server:
    """Answers for many devices of two gateways, one of which is away, as a client hears it."""

    def __init__(self, devices):
        self.listed = devices
        self.addresses = []
        self.devices = Devices(self)

    def pages(self, path, params):
        assert path == "/api/v1/edge/devices"
        return iter(self.listed)

    def request(self, method, path, *, params):
        self.addresses.append(len(str(httpx.QueryParams(params))))
        asked = [value for name, value in params if name == "device"]
        if dict(params)["gateway"] == "far":
            raise Unavailable("bus.gateway_away", "the gateway is away")
        return {"devices": [{"name": name, "state": "lost", "message": "no answer"} for name in asked if name != "new"]}


def test_of_ten_thousand_devices_gateways_are_asked_in_parts(monkeypatch, capsys):
    here = [{"name": f"press-{number:05}", "gateway": "gateway"} for number in range(10_000)]
    server = Server([*here, {"name": "new", "gateway": "gateway"}, {"name": "saw", "gateway": "far"}])
    monkeypatch.setattr(cli, "_client", lambda _: contextlib.nullcontext(server))
    cli.list_devices(json=True)
    rows = {row["name"]: (row["state"], row["trouble"]) for row in json.loads(capsys.readouterr().out)}
    assert len(rows) == 10_002
    assert rows["press-09999"] == ("lost", "no answer")
    assert rows["new"] == ("not running", "")
    assert rows["saw"] == ("unknown", "the gateway is away")
    assert max(server.addresses) < 12_000
    assert 10 < len(server.addresses) < 100
