"""What a dashboard's text may be: everything wrong with it is named at its field, in one refusal."""

import json

import pytest

from lineshaft.core.errors import InvalidInput
from lineshaft.web.dashboards.check import MAXIMUM_TEXT, read
from lineshaft.web.dashboards.model import SCHEMA, Dashboard

TAG = "acme/east/hall/line/cell/press/torque"


def widget(number=0, **fields):
    return {"id": f"w{number}", "kind": "value", "place": {"x": 0, "y": 2 * number, "w": 4, "h": 2}, **fields}


def text(*widgets, **fields):
    return json.dumps({"schema": SCHEMA, "name": "line-1", "title": "Line 1", "widgets": [*widgets], **fields})


def faults(given):
    with pytest.raises(InvalidInput) as caught:
        read(given)
    assert caught.value.code == "web.dashboard_invalid"
    return [(fault["field"], fault["fault"]) for fault in caught.value.facts["faults"]]


def test_a_text_comes_back_the_same_without_what_is_the_default_anyhow():
    trend = widget(1, kind="trend", tags=[TAG], seconds=3600, title="")
    board = read(text(widget(tags=[TAG], limits={"high": 5.0}), trend, description="", shared=False))
    assert "seconds" not in board.text
    assert "description" not in board.text
    assert read(board.text) == board
    assert read(board.text).text == board.text
    assert isinstance(board, Dashboard)


def test_every_kind_has_a_form_that_is_accepted():
    nodes = [{"id": "a", "x": 0.0, "y": 0.0, "shape": "tank", "tag": TAG}, {"id": "b", "x": 1.0, "y": 1.0}]
    board = read(
        text(
            widget(0, tags=[TAG], limits={"low_low": 0.0, "low": 1.0, "high": 2.0, "high_high": 3.0}),
            widget(1, kind="gauge", tags=[TAG], low=0.0, high=10.0),
            widget(2, kind="trend", tags=[TAG], seconds=60),
            widget(3, kind="bar", tags=[TAG, TAG]),
            widget(4, kind="table", tags=[TAG]),
            widget(5, kind="flow", nodes=nodes, edges=[{"source": "a", "target": "b"}]),
        )
    )
    assert [one.kind for one in board.widgets] == ["value", "gauge", "trend", "bar", "table", "flow"]


@pytest.mark.parametrize(
    ("given", "field", "fault"),
    [
        (text(schema="other/1"), "schema", "schema"),
        (text(name="Line 1"), "name", "name"),
        (text(title=" "), "title", "empty"),
        (text(title="a\u0007"), "title", "words"),
        (text(title="x" * 121), "title", "words"),
        (text(colour="red"), "", "shape"),
        (text(widgets={}), "widgets", "shape"),
        (text(widget(kind="clock")), "widgets[0].kind", "kind"),
        (text(widget(kind=3)), "widgets[0].kind", "shape"),
        (text(widget(place={"x": 22, "y": 0, "w": 4, "h": 2})), "widgets[0].place", "outside"),
        (text(widget(place={"x": -1, "y": 0, "w": 4, "h": 2})), "widgets[0].place", "outside"),
        (text(widget(place={"x": 0, "y": 399, "w": 4, "h": 2})), "widgets[0].place", "outside"),
        (text(widget(place={"x": 0, "y": 0, "w": 0, "h": 2})), "widgets[0].place", "outside"),
        (text(widget(place={"x": "0", "y": 0, "w": 4, "h": 2})), "widgets[0].place.x", "shape"),
        (text(widget(id="A")), "widgets[0].id", "name"),
        (text(widget(0), widget(1, id="w0")), "widgets[1].id", "twice"),
        (text(widget(0), widget(1, place={"x": 3, "y": 1, "w": 4, "h": 2})), "widgets[1].place", "overlap"),
        (text(widget(tags=[TAG, TAG])), "widgets[0].tags", "too_many"),
        (text(widget(tags=["a//b"])), "widgets[0].tags[0]", "path"),
        (text(widget(tags=["/".join(["x" * 100] * 6)])), "widgets[0].tags[0]", "path"),
        (text(widget(seconds=60)), "widgets[0].seconds", "foreign"),
        (text(widget(kind="trend", seconds=1)), "widgets[0].seconds", "outside"),
        (text(widget(kind="gauge", low=1.0, high=1.0)), "widgets[0].high", "order"),
        (text(widget(limits={"low": 2.0, "high": 1.0})), "widgets[0].limits", "order"),
        (text(widget(kind="flow", tags=[TAG])), "widgets[0].tags", "foreign"),
        (text(widget(kind="flow", nodes=[{"id": "a", "x": 0.0, "y": 1e9}])), "widgets[0].nodes[0]", "outside"),
        (text(widget(kind="flow", edges=[{"source": "a", "target": "b"}])), "widgets[0].edges[0]", "nowhere"),
        (text(*(widget(number) for number in range(61))), "widgets", "too_many"),
        ('{"schema": 1,\n  "x"}', "", "syntax"),
        ("[]", "", "syntax"),
        (" " * (MAXIMUM_TEXT + 1), "", "too_long"),
    ],
)
def test_each_fault_is_named_at_its_field(given, field, fault):
    assert faults(given)[0] == (field, fault)


def test_all_faults_are_named_at_once():
    given = text(widget(0, kind="clock"), widget(1, id="X"), widget(2, tags=["a//b"]), title="")
    assert faults(given) == [
        ("widgets[0].kind", "kind"), ("widgets[1].id", "name"), ("widgets[2].tags[0]", "path"), ("title", "empty"),
    ]  # fmt: skip


def test_a_fault_of_syntax_says_where_it_is():
    with pytest.raises(InvalidInput, match="line 2, column"):
        read('{"schema": 1,\n  "x"}')
