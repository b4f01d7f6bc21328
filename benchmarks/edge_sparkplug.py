"""Sparkplug B data messages to columns by alias, against PyPI pysparkplug decoding the same bytes in the same run.

Messages of doubles, floats, integers and booleans, each metric with alias and timestamp, as an edge node sends them after
its birth. Ours gives the columns that enter the intake (slot, time, quality, value); the peer gives its own objects, one
per metric, with names and types filled in from the same birth. Metrics per processor second of each process, in turns;
before that, both must read the same values. The peer lives in a virtual environment of its own under the cache folder,
made at the first run.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from lineshaft.edge.columns import Columns
from lineshaft.edge.drivers.sparkplug.datatypes import BY_NAME
from lineshaft.edge.drivers.sparkplug.payloads import OutMetric, encode
from lineshaft.edge.drivers.sparkplug.schema import read_payload
from lineshaft.edge.drivers.sparkplug.table import MetricTable

PEER = "pysparkplug==0.6.1"
KINDS = ("Double", "Int32", "Boolean", "Float")
MESSAGES = 50
MUST, MUST_RATIO = 1_000_000, 5.0
SENT_US = 1_760_000_000_000_000

PEER_SCRIPT = """
import json, sys, time
from pathlib import Path
import pysparkplug
folder = Path(sys.argv[1])
birth = pysparkplug.DBirth.decode((folder / "birth").read_bytes())
messages = [(folder / str(number)).read_bytes() for number in range(int(sys.argv[2]))]
decode = pysparkplug.DData.decode
print(json.dumps([metric.value for message in messages for metric in decode(message, birth=birth).metrics]), flush=True)
for line in sys.stdin:
    seconds, count, began = float(line), 0, time.process_time()
    while time.process_time() - began < seconds:
        for message in messages:
            count += len(decode(message, birth=birth).metrics)
    print(count / (time.process_time() - began), flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metrics", type=int, default=100, help="metrics of a message")
    parser.add_argument("--seconds", type=float, default=1.5, help="processor time of a turn")
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    birth, messages = build(arguments.metrics)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "birth").write_bytes(birth)
        for number, message in enumerate(messages):
            (place / str(number)).write_bytes(message)
        ours, theirs = measure(place, birth, messages, arguments)
    ratio = statistics.median(ours) / statistics.median(theirs)
    result = {
        "benchmark": "edge_sparkplug", "metrics": arguments.metrics, "turns": arguments.turns, "peer": PEER,
        "metrics_per_cpu_s": round(statistics.median(ours)), "peer_metrics_per_cpu_s": round(statistics.median(theirs)),
        "spread": [round(min(ours)), round(max(ours))], "peer_spread": [round(min(theirs)), round(max(theirs))],
        "must": MUST, "ratio": round(ratio, 1), "ratio_must": MUST_RATIO,
    }  # fmt: skip
    print(json.dumps(result))


def build(count: int) -> tuple[bytes, list[bytes]]:
    """A birth and data messages."""
    rng = random.Random(20)
    kinds = [KINDS[number % len(KINDS)] for number in range(count)]
    births = [
        OutMetric(name=f"Line/Metric{number}", alias=number + 1, datatype=BY_NAME[kind], value=0, says_type=True)
        for number, kind in enumerate(kinds)
    ]
    messages = []
    for sequence in range(MESSAGES):
        metrics = [
            OutMetric(alias=n + 1, datatype=BY_NAME[kind], value=draw(rng, kind), ts_us=SENT_US + n * 1000)
            for n, kind in enumerate(kinds)
        ]
        messages.append(encode(metrics, seq=sequence))
    return encode(births, seq=0), messages


def draw(rng: random.Random, kind: str) -> Any:
    if kind == "Boolean":
        return rng.random() < 0.5  # heads or tails
    return rng.randrange(-(2**31), 2**31) if kind == "Int32" else rng.randrange(-(2**20), 2**20) / 16


def measure(
    place: Path, birth: bytes, messages: list[bytes], arguments: argparse.Namespace
) -> tuple[list[float], list[float]]:
    """Both in turns, once they have read the same."""
    table = MetricTable(read_payload(birth), birth)
    ours, theirs = [], []
    argv = [str(peer_python()), "-c", PEER_SCRIPT, str(place), str(len(messages))]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
        assert peer.stdin is not None
        assert peer.stdout is not None
        if json.loads(peer.stdout.readline()) != values(table, messages):
            sys.exit("the two do not read the same values")
        for _ in range(arguments.turns):
            ours.append(turn(table, messages, arguments.seconds))
            peer.stdin.write(f"{arguments.seconds}\n")
            peer.stdin.flush()
            theirs.append(float(peer.stdout.readline()))
            print(f"ours {ours[-1]:11,.0f}  peer {theirs[-1]:9,.0f}  metrics per processor second", flush=True)
        peer.stdin.close()
    return ours, theirs


def values(table: MetricTable, messages: list[bytes]) -> list[Any]:
    columns = Columns()
    for message in messages:
        table.read(read_payload(message), message, columns)
    return [row[-1] for row in columns]


def turn(table: MetricTable, messages: list[bytes], seconds: float) -> float:
    """Our metrics per processor second."""
    columns, count, began = Columns(), 0, time.process_time()
    while time.process_time() - began < seconds:
        for message in messages:
            columns.clear()
            table.read(read_payload(message), message, columns)
            count += columns.rows
    return count / (time.process_time() - began)


def peer_python() -> Path:
    """The interpreter of the peer's own environment, made where it is not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lineshaft"
    place = cache / PEER.replace("==", "-")
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", PEER], check=True)
        (place / "complete").touch()
    return python


if __name__ == "__main__":
    main()
