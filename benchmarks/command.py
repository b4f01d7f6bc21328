"""A hundred writes through the whole of it while ten thousand tags a second are scanned: how long each takes, none lost.

A node-opcua server counts 1,000 items up ten times a second, Sign & Encrypt; a real box takes them. A program then
writes a hundred values one after the other over HTTP: recorded, decided, audited, persisted by the gateway, written,
read back. Mean and spread of the time to the answer `verified`; every value is counted at the server.
"""

import argparse
import itertools
import json
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from edge_opcua import HERTZ, ITEMS, PASSWORD, PEERS, USER, connect, taken
from lineshaft.cli.testing import Box, running_box
from lineshaft.client import connect as open_client
from lineshaft.core.clock import parse_time
from lineshaft.edge.testing import ForeignServer, foreign_server, install_peers

MUST_MS = 100.0
NEURON_MS = 523.0
"""Mean that the Neuron gateway's makers publish for a hundred Modbus writes while it collects."""
NODE = "ns=1;s=Spare1"
STEPS = ("requested", "armed", "executed", "verified")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=100)
    arguments = parser.parse_args()
    modules = install_peers(PEERS)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        options = {"items": ITEMS, "hz": HERTZ, "user": USER, "password": PASSWORD}
        with (
            foreign_server(PEERS / "opcua_server.js", modules, place, **options) as server,
            running_box(place / "home", demo=False) as box,
        ):
            connect(box, server)
            make_writable(box)
            print(json.dumps(measure(box, server, arguments.writes)))


def make_writable(box: Box) -> None:
    """Add a point that commands may go to."""
    with open_client(home=box.home.path) as client:
        device = client.devices.get("press")
        body = {key: device[key] for key in ("path", "driver", "endpoint", "options", "groups")}
        spare = {"name": "Spare1", "address": "nsu=urn:lineshaft:test:peer;s=Spare1", "access": "read-write"}
        client.request("PUT", "/api/v1/edge/devices/press", json={**body, "points": [*device["points"], spare]})
    box.until(lambda: box.good_values() == ITEMS + 1, "the new point is live")


def measure(box: Box, server: ForeignServer, writes: int) -> dict[str, object]:
    """The writes, while the server counts."""
    server.ask("watch", node=NODE)
    server.order("start")
    time.sleep(3)
    process = psutil.Process(box.pid("gateway"))
    rows, cpu, began = taken(box), sum(process.cpu_times()[:2]), time.monotonic()
    milliseconds, states, phases = [], [], []
    with open_client(home=box.home.path) as client:
        for number in range(writes):
            body = {"device": "press", "point": "Spare1", "value": float(number), "reason": "benchmark"}
            sent = time.perf_counter()
            answer = client.request("POST", "/api/v1/edge/commands", json=body)
            milliseconds.append(1000 * (time.perf_counter() - sent))
            states.append(answer["state"])
            times = {step["state"]: parse_time(step["time"]) for step in answer["steps"]}
            phases.append([(times[late] - times[early]) / 1000 for early, late in itertools.pairwise(STEPS)])
    seconds = time.monotonic() - began
    told = [value for _, value in server.ask("writes")["writes"]]
    time.sleep(2)
    return {
        "benchmark": "command", "writes": writes, "mean_ms": round(statistics.mean(milliseconds), 1),
        "mean_must_ms": MUST_MS, "neuron_modbus_ms": NEURON_MS, "median_ms": round(statistics.median(milliseconds), 1),
        "p95_ms": round(sorted(milliseconds)[int(0.95 * writes) - 1], 1), "worst_ms": round(max(milliseconds), 1),
        "verified": states.count("verified"), "lost": writes - len(set(told)), "doubled": len(told) - len(set(told)),
        "scanned_per_s": round((taken(box) - rows) / (time.monotonic() - began)),
        "gateway_cpu_share": round((sum(process.cpu_times()[:2]) - cpu) / (time.monotonic() - began), 2),
        "to_armed_ms": round(statistics.mean(phase[0] for phase in phases), 1),
        "to_executed_ms": round(statistics.mean(phase[1] for phase in phases), 1),
        "to_verified_ms": round(statistics.mean(phase[2] for phase in phases), 1),
        "seconds": round(seconds, 1),
    }  # fmt: skip


if __name__ == "__main__":
    main()
