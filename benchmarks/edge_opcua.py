"""OPC UA subscription through the gateway to the bus, against a bare asyncua handler in the same run.

A node-opcua server counts 1,000 items up ten times a second: 10,000 notifications a second, Sign & Encrypt. In turns, a
process with nothing but asyncua's own subscription handler, and the gateway of a real box (intake, batches, confirmed by
the bus's disk) take them. Points per processor second of each process; then everything the server counted while the
gateway ran is looked for in the history's table.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl
import psutil

from lineshaft.cli.testing import Box, running_box
from lineshaft.edge.certificates import ApplicationCertificates
from lineshaft.edge.testing import ForeignServer, foreign_server, install_peers

PEERS = Path(__file__).parents[1] / "tests" / "peers"
ITEMS, HERTZ, PERIOD_MS = 1000, 10, 500
USER, PASSWORD = "operator", "right"
MUST = 0.85


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="length of each turn")
    parser.add_argument("--turns", type=int, default=3, help="how often each takes its turn")
    parser.add_argument("--minutes", type=float, default=0, help="then run the gateway alone so long, and count")
    parser.add_argument("--bare", nargs=2, metavar=("URL", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        asyncio.run(bare(*arguments.bare))
        return
    modules = install_peers(PEERS)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        options = {"items": ITEMS, "hz": HERTZ, "user": USER, "password": PASSWORD}
        with foreign_server(PEERS / "opcua_server.js", modules, place, **options) as server:
            measure(server, place, arguments)


def measure(server: ForeignServer, place: Path, arguments: argparse.Namespace) -> None:
    """Both in turns, then the count."""
    handler, gateway = [], []
    with running_box(place / "home", demo=False) as box:
        connect(box, server)
        server.order("start")
        for _ in range(arguments.turns):
            box.lineshaft("device", "remove", "press", "--yes")
            handler.append(run_bare(server, place, arguments.seconds))
            connect(box, server)
            gateway.append(run_gateway(box, arguments.seconds))
            print(
                f"bare handler {handler[-1]:9,.0f}  gateway {gateway[-1]:9,.0f}  points per processor second",
                flush=True,
            )
        if arguments.minutes:
            time.sleep(60 * arguments.minutes)
        ticks = server.ask("stop")["stopped"]["ticks"]
        lost, doubled, counted = count(box, ticks)
    ratio = statistics.median(gateway) / statistics.median(handler)
    result = {
        "benchmark": "edge_opcua", "items": ITEMS, "hz": HERTZ, "turns": arguments.turns, "seconds": arguments.seconds,
        "bare_points_per_cpu_s": round(statistics.median(handler)),
        "gateway_points_per_cpu_s": round(statistics.median(gateway)),
        "bare_spread": [round(min(handler)), round(max(handler))],
        "gateway_spread": [round(min(gateway)), round(max(gateway))],
        "ratio": round(ratio, 2), "ratio_must": MUST, "minutes": arguments.minutes, "counted": counted, "lost": lost,
        "doubled": doubled,
    }  # fmt: skip
    print(json.dumps(result))


def connect(box: Box, server: ForeignServer) -> None:
    """Add the device with its thousand points, trusted and signed in."""
    subprocess.run(
        [sys.executable, "-m", "lineshaft.cli.main", "device", "secret", "press", "--user", USER, "--home", str(box.home.path)],
        input=f"{PASSWORD}\n", text=True, check=True,
    )  # fmt: skip
    box.lineshaft(
        "device", "add", "press", "--endpoint", server.url, "--path", "a/b/c/d/e/press", "--secret", "press",
        "--period", str(PERIOD_MS),
    )  # fmt: skip
    box.lineshaft("device", "test", "press", check=False)  # shows us the server's certificate
    for certificate in box.json("device", "certificates"):
        box.lineshaft("device", "trust", certificate["fingerprint"], check=False)
    box.lineshaft("device", "import", "press", "--match", "*s=C[0-9]*")
    box.until(lambda: box.good_values() == ITEMS, "all values are live")


def run_gateway(box: Box, seconds: float) -> float:
    """Points per processor second of the gateway process, as the history took them in."""
    process = psutil.Process(box.pid("gateway"))
    time.sleep(2)
    rows, cpu = taken(box), sum(process.cpu_times()[:2])
    time.sleep(seconds)
    return (taken(box) - rows) / (sum(process.cpu_times()[:2]) - cpu)


def taken(box: Box) -> int:
    return int(box.json("history", "status")["rows_total"])


def count(box: Box, ticks: int) -> tuple[int, int, int]:
    """Counts missing in the table, (tag, time) pairs that are there twice, rows seen; since the device last came."""
    box.until(lambda: box.json("history", "latest", "C0000")[0]["value"] == ticks, "the last count is stored")
    box.lineshaft("history", "seal")
    value = pl.coalesce(pl.col("v"), pl.col("vi") * pl.col("mul") / pl.col("div"))
    frame = pl.scan_delta(str(box.home.path / "history" / "samples")).filter(pl.col("q") == 0)
    frame = frame.select("tag", "ts", value.alias("value")).collect()
    doubled = frame.height - frame.select("tag", "ts").unique().height
    # The device was taken out during each turn of the other; the longest unbroken run of the first tag is what we had.
    one = frame.filter(pl.col("tag") == frame["tag"].min()).sort("value")["value"].cast(pl.Int64).to_list()
    first = next((late for early, late in reversed(list(itertools.pairwise(one))) if late - early > HERTZ), one[0])
    last_run = frame.filter(pl.col("value") >= first)
    # Items are created in portions, so each tag begins with a count of its own.
    tags = last_run.group_by("tag").agg(pl.len(), pl.col("value").min().alias("first"))
    lost = int((ticks - tags["first"] + 1 - tags["len"]).sum()) + (ITEMS - tags.height) * ticks
    return lost, doubled, last_run.height


def run_bare(server: ForeignServer, place: Path, seconds: float) -> float:
    """Points per processor second of a process with asyncua's own handler."""
    argv = [sys.executable, __file__, "--bare", server.url, str(place / "bare")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None

        def ask() -> tuple[int, float]:
            process.stdin.write("\n")
            process.stdin.flush()
            points, cpu = process.stdout.readline().split()
            return int(points), float(cpu)

        assert process.stdout.readline() == "ready\n"
        time.sleep(2)
        points, cpu = ask()
        time.sleep(seconds)
        more_points, more_cpu = ask()
        process.stdin.close()
        process.wait(20)
    return (more_points - points) / (more_cpu - cpu)


class Counter:
    """asyncua's subscription handler that does nothing but count."""

    points = 0

    def datachange_notification(self, _node: Any, _value: Any, _data: Any) -> None:
        self.points += 1


async def bare(url: str, folder: str) -> None:
    """The bare process: subscribe to every item as asyncua's documentation shows, count, answer each line of input."""
    from asyncua import Client, ua
    from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

    own = ApplicationCertificates(Path(folder), "bare").own()
    client = Client(url)
    client.application_uri = own.application_uri
    client.set_user(USER)
    client.set_password(PASSWORD)
    await client.set_security(
        SecurityPolicyBasic256Sha256,
        str(own.certificate),
        str(own.private_key),
        mode=ua.MessageSecurityMode.SignAndEncrypt,
    )
    counter = Counter()
    async with client:
        index = await client.get_namespace_index("urn:lineshaft:test:peer")
        subscription = await client.create_subscription(PERIOD_MS, counter)
        nodes = [client.get_node(f"ns={index};s=C{number}") for number in range(ITEMS)]
        for start in range(0, ITEMS, 250):
            await subscription.subscribe_data_change(nodes[start : start + 250], queuesize=4 * HERTZ)
        print("ready", flush=True)
        process = psutil.Process()
        while await asyncio.to_thread(sys.stdin.readline):
            print(counter.points, sum(process.cpu_times()[:2]), flush=True)


if __name__ == "__main__":
    main()
