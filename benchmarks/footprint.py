"""What a box costs at rest: memory of all its processes, processor time at about 100 points/s, time to the first value.

The plant's own process is not counted (it is the machine, not the gateway). Processor time is read from the kernel for
stated processes; memory is the sum of resident set sizes, so shared libraries count once in each process.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import psutil

from lineshaft.cli.testing import Box, running_box

NAMES = ("bus", "access", "history", "gateway", "web")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long to measure")
    parser.add_argument("--settle", type=float, default=10, help="how long to wait after the first value")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        # Each simulated second changes about 26 of the 53 values: four a second make about 100 points/s.
        with running_box(Path(folder) / "home", settings=["demo.speed=4", "demo.publish_interval_seconds=0.25"]) as box:
            box.until(lambda: box.good_values() >= 1, "a first live value")
            first_value = time.monotonic() - started
            time.sleep(arguments.settle)
            processes = {name: psutil.Process(box.pid(name)) for name in NAMES}
            processes["supervisor"] = psutil.Process(box.process.pid)
            before = {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}
            points_before, begin = points(box), time.monotonic()
            time.sleep(arguments.seconds)
            elapsed = time.monotonic() - begin
            rate = (points(box) - points_before) / elapsed
            cpu = {name: sum(process.cpu_times()[:2]) - before[name] for name, process in processes.items()}
            memory = {name: process.memory_info().rss / 1e6 for name, process in processes.items()}
    report(first_value, rate, elapsed, cpu, memory)


def points(box: Box) -> int:
    """Points that history has taken so far."""
    return int(box.json("history", "status")["rows_total"])


def report(first_value: float, rate: float, elapsed: float, cpu: dict[str, float], memory: dict[str, float]) -> None:
    print(f"first live value after {first_value:.1f} s; {rate:.0f} points/s over {elapsed:.0f} s")
    for name, megabytes in memory.items():
        print(f"{name:<11} {megabytes:7.1f} MB  {100 * cpu[name] / elapsed:5.1f} % of one core")
    result = {
        "benchmark": "footprint",
        "first_value_s": round(first_value, 2),
        "points_per_s": round(rate, 1),
        "rss_mb": round(sum(memory.values()), 1),
        "rss_mb_must": 500,
        "cpu_percent_of_one_core": round(100 * sum(cpu.values()) / elapsed, 2),
        "cpu_percent_must": 25,
        "by_process": {name: [round(memory[name], 1), round(100 * cpu[name] / elapsed, 2)] for name in memory},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
