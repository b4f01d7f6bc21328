"""A dashboard of the reactor, one widget of each kind."""

import json

from lineshaft.web.dashboards.model import SCHEMA

NAME = "reactor"


def reactor(plant):
    """Its text; `plant` is the path of the plant's cell."""

    def tag(number, device="plant"):
        return f"{plant}/{device}/XMEAS_{number:02}"

    def widget(name, kind, x, y, w, h, **fields):
        return {"id": name, "kind": kind, "place": {"x": x, "y": y, "w": w, "h": h}, **fields}

    flow = [
        {"id": "feed", "x": 0, "y": 60, "label": "Feed", "shape": "pump", "tag": tag(6)},
        {"id": "reactor", "x": 260, "y": 60, "label": "Reactor", "shape": "tank", "tag": tag(7)},
        {"id": "separator", "x": 520, "y": 60, "label": "Separator", "shape": "tank", "tag": tag(13)},
    ]
    edges = [{"source": "feed", "target": "reactor"}, {"source": "reactor", "target": "separator"}]
    widgets = [
        widget("pressure", "value", 0, 0, 5, 3, tags=[tag(7)]),
        widget("temperature", "value", 0, 3, 5, 3, tags=[tag(9)]),
        widget("level", "gauge", 5, 0, 6, 6, tags=[tag(8)], low=0, high=100, limits={"low": 50, "high": 100}),
        widget("trend", "trend", 11, 0, 13, 6, tags=[tag(7), tag(9)], seconds=300),
        widget("levels", "bar", 0, 6, 8, 7, tags=[tag(8), tag(12), tag(15, "stripper")], low=0, high=100),
        widget("flow", "flow", 8, 6, 16, 7, nodes=flow, edges=edges),
    ]
    return json.dumps({"schema": SCHEMA, "name": NAME, "title": "Reactor", "shared": True, "widgets": widgets})
