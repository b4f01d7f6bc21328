"""`lineshaft device`: how found variables become points."""

import pytest

from lineshaft.edge.cli import new_points


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
