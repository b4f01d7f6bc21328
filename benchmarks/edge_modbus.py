"""Modbus through the gateway to the durable bus, against thingsboard-gateway in the same run.

A libmodbus server holds 1,000 registers. The gateway of a real box (driver, intake, board, batches confirmed by the bus's
disk, identity and quality on) scans them every 10 ms; points per processor second of the gateway process, with the bus's
processor time beside it. Then the same registers as 500 mixed values (float32 with words swapped, scaled int16, bits).

The peer is PyPI's thingsboard-gateway, in a virtual environment of its own under ~/.cache/lineshaft that is made at the
first run, polling the same server in reads of 125 registers and publishing to mosquitto with QoS 1. It answers nothing
until its `getSessionLimits` call is answered, which this program does. Its format (JSON by name) is its own.
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psutil

from lineshaft.cli.testing import Box, running_box
from lineshaft.client import connect

PEERS = Path(__file__).parents[1] / "tests" / "peers"
REGISTERS, PERIOD_MS = 1000, 10
PEER, PEER_PERIOD_MS = "thingsboard-gateway==3.8.5", 100
MUST_POINTS, MUST_RATIO = 500_000, 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6, help="length of each turn")
    parser.add_argument("--turns", type=int, default=3, help="how often each takes its turn")
    parser.add_argument("--no-peer", action="store_true", help="only our side: no ratio")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as port:
        place = Path(folder)
        ours = {name: run_ours(place / name, port, points, arguments) for name, points in POINTS.items()}
        peer = [] if arguments.no_peer else run_peer(place, port, arguments)
    registers = statistics.median(ours["registers"])
    result = {
        "benchmark": "edge_modbus", "registers": REGISTERS, "period_ms": PERIOD_MS, "turns": arguments.turns,
        "seconds": arguments.seconds, "points_per_cpu_s": round(registers),
        "spread": [round(min(ours["registers"])), round(max(ours["registers"]))],
        "mixed_points_per_cpu_s": round(statistics.median(ours["mixed"])), "must": MUST_POINTS,
        "peer_spread": [round(min(peer)), round(max(peer))] if peer else None,
        "peer": PEER, "peer_points_per_cpu_s": round(statistics.median(peer)) if peer else None,
        "ratio": round(registers / statistics.median(peer), 1) if peer else None, "ratio_must": MUST_RATIO,
    }  # fmt: skip
    print(json.dumps(result))


@contextlib.contextmanager
def server(place: Path) -> Iterator[int]:
    """Libmodbus with the registers; its port."""
    program = place / "modbus_server"
    subprocess.run(
        ["cc", "-O2", "-o", program, PEERS / "modbus_server.c", "-I/usr/include/modbus", "-lmodbus"], check=True
    )
    with subprocess.Popen([program, "0", str(REGISTERS)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline().split()[1])
        finally:
            process.kill()


# -- ours -----------------------------------------------------------------------------------------------------------------


def mixed() -> list[dict[str, Any]]:
    """The first 1,000 registers as values of several types."""
    points: list[dict[str, Any]] = []
    for number in range(0, REGISTERS - 8, 8):
        where = f"holding:{number}", f"holding:{number + 2}", f"holding:{number + 4}", f"holding:{number + 5}.3"
        points += [
            {"name": f"f{number}", "address": where[0], "type": "int32", "order": "CDAB", "scale": "0.001"},
            {"name": f"u{number}", "address": where[1], "type": "uint32", "kind": "integer"},
            {"name": f"s{number}", "address": where[2], "type": "int16", "scale": "0.1", "offset": "-40"},
            {"name": f"b{number}", "address": where[3], "type": "bool", "kind": "boolean"},
        ]
    return points


POINTS = {
    "registers": [{"name": f"r{n}", "address": f"holding:{n}", "type": "uint16"} for n in range(REGISTERS)],
    "mixed": mixed(),
}


def run_ours(home: Path, port: int, points: list[dict[str, Any]], arguments: argparse.Namespace) -> list[float]:
    """Points per processor second of the gateway process, of each turn."""
    with running_box(home, demo=False) as box:
        with connect(home=box.home.path) as client:
            client.request("POST", "/api/v1/edge/devices", json={
                "name": "meter", "driver": "modbus", "endpoint": f"modbus-tcp://127.0.0.1:{port}", "path": "a/b/c/d/e/meter",
                "groups": [{"name": "main", "mode": "poll", "period_ms": PERIOD_MS}], "points": points, "gateway": "gateway",
            })  # fmt: skip
        box.until(lambda: box.good_values() == len(points), "all values are live")
        return [turn(box, home.name, arguments.seconds) for _ in range(arguments.turns)]


def turn(box: Box, name: str, seconds: float) -> float:
    processes = [psutil.Process(box.pid(child)) for child in ("gateway", "bus")]
    rows, before = taken(box), [cpu(process) for process in processes]
    started = time.monotonic()
    time.sleep(seconds)
    gateway, bus = (cpu(process) - then for process, then in zip(processes, before, strict=True))
    wall = time.monotonic() - started
    points = taken(box) - rows
    print(
        f"{name:10} {points / wall:10,.0f} points/s  gateway {gateway / wall:5.1%} of a core: {points / gateway:10,.0f} points per "
        f"processor second; bus {bus / wall:5.1%}", flush=True,
    )  # fmt: skip
    return points / gateway


def cpu(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


def taken(box: Box) -> int:
    """Rows that came through the bus into the history."""
    return int(box.json("history", "status")["rows_total"])


# -- the peer ---------------------------------------------------------------------------------------------------------------

LIMITS = {"messages": "0:0", "telemetryMessages": "0:0", "telemetryDataPoints": "0:0"}


def run_peer(place: Path, port: int, arguments: argparse.Namespace) -> list[float]:
    """Points per processor second of the peer's process, of each turn."""
    python = install_peer()
    folder = place / "peer"
    (folder / "logs").mkdir(parents=True)
    with broker(folder) as broker_port, counter(broker_port) as counted:
        configure_peer(folder, port, broker_port)
        environment = {**os.environ, "TB_GW_CONFIG_DIR": str(folder), "PYTHONWARNINGS": "ignore"}
        argv = [python, "-c", "from thingsboard_gateway.tb_gateway import main; main()"]
        with (folder / "out").open("wb") as out, subprocess.Popen(argv, cwd=folder, env=environment, stdout=out, stderr=out) as process:  # fmt: skip
            try:
                deadline = time.monotonic() + 60
                while counted["points"] < 5 * REGISTERS:
                    if time.monotonic() > deadline or process.poll() is not None:
                        sys.exit(f"the peer publishes nothing: {(folder / 'out').read_text()[-2000:]}")
                    time.sleep(0.2)
                return [
                    peer_turn(psutil.Process(process.pid), counted, arguments.seconds) for _ in range(arguments.turns)
                ]
            finally:
                process.kill()


def peer_turn(process: psutil.Process, counted: dict[str, int], seconds: float) -> float:
    points, before, started = counted["points"], cpu(process), time.monotonic()
    time.sleep(seconds)
    points, used, wall = counted["points"] - points, cpu(process) - before, time.monotonic() - started
    print(
        f"{'peer':10} {points / wall:10,.0f} points/s  gateway {used / wall:5.1%} of a core: {points / used:10,.0f} points per "
        "processor second", flush=True,
    )  # fmt: skip
    return points / used


def install_peer() -> Path:
    """The Python of the peer's own environment."""
    place = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        / "lineshaft"
        / f"peer-{PEER.replace('==', '-')}"
    )
    if not (place / "complete").exists():
        venv.create(place, with_pip=True, clear=True)
        subprocess.run([place / "bin" / "pip", "install", "-q", PEER], check=True)
        (place / "complete").touch()
    return place / "bin" / "python"


def configure_peer(folder: Path, port: int, broker_port: int) -> None:
    unlimited = dict.fromkeys(
        ("rateLimits", "dpRateLimits", "messagesRateLimits", "deviceMessagesRateLimits", "deviceRateLimits", "deviceDpRateLimits"),
        "0:0,",
    )  # fmt: skip
    registers = [
        {
            "tag": f"r{n}",
            "type": "16uint",
            "functionCode": 3,
            "objectsCount": 1,
            "address": n,
            "maxRegistersPerRequest": 125,
        }
        for n in range(REGISTERS)
    ]
    slave = {
        "host": "127.0.0.1", "port": port, "type": "tcp", "method": "socket", "unitId": 1, "deviceName": "meter",
        "timeout": 5, "byteOrder": "BIG", "wordOrder": "BIG", "pollPeriod": PEER_PERIOD_MS, "retries": 1,
        "maxRegistersPerRequest": 125, "connectAttemptTimeMs": 500, "connectAttemptCount": 5,
        "waitAfterFailedAttemptsMs": 1000, "attributes": [], "timeseries": registers, "attributeUpdates": [], "rpc": [],
    }  # fmt: skip
    gateway = {
        "thingsboard": {
            "host": "127.0.0.1", "port": broker_port, "remoteShell": False, "remoteConfiguration": False,
            "statistics": {"enable": False}, "security": {"type": "accessToken", "accessToken": "token"}, "qos": 1,
            "maxPayloadSizeBytes": 262_144, "minPackSendDelayMS": 10, "minPackSizeToSend": 500,
            "reportStrategy": {"type": "ON_RECEIVED"}, "checkConnectorsConfigurationInSeconds": 3600, **unlimited,
        },
        "storage": {"type": "memory", "read_records_count": 1000, "max_records_count": 100_000},
        "grpc": {"enabled": False},
        "connectors": [{"type": "modbus", "name": "meters", "configuration": "modbus.json"}],
    }  # fmt: skip
    logs = {"version": 1, "disable_existing_loggers": False, "root": {"level": "ERROR", "handlers": []}}
    for name, content in (("tb_gateway", gateway), ("modbus", {"master": {"slaves": [slave]}}), ("logs", logs)):
        (folder / f"{name}.json").write_text(json.dumps(content))


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[int]:
    """Mosquitto on loopback; its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nlog_type error\n")
    with subprocess.Popen(["mosquitto", "-c", config]) as process:
        try:
            yield port
        finally:
            process.kill()


@contextlib.contextmanager
def counter(port: int) -> Iterator[dict[str, int]]:
    """A client that answers the peer's question for limits and counts the values that it publishes."""
    counted = {"points": 0}

    def take(client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic.startswith("v1/devices/me/rpc/request/"):
            answer = {
                "maxPayloadSize": 262_144,
                "maxInflightMessages": 100,
                "rateLimits": LIMITS,
                "gatewayRateLimits": LIMITS,
            }
            client.publish(f"v1/devices/me/rpc/response/{message.topic.rpartition('/')[2]}", json.dumps(answer))
            return
        for batches in json.loads(message.payload).values():
            for each in batches:
                counted["points"] += len(each["values"]) if "values" in each else len(each)

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = take
    deadline = time.monotonic() + 10
    while True:
        try:
            client.connect("127.0.0.1", port)
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    client.subscribe([("v1/devices/me/rpc/request/+", 0), ("v1/gateway/telemetry", 0)])
    client.loop_start()
    try:
        yield counted
    finally:
        client.loop_stop()
        client.disconnect()


if __name__ == "__main__":
    main()
