"""HTTP of a node: a JSON GET against a constant answer on the same server, a batch against pyhandle one by one, bulk import.

The constant application answers the same bytes from raw ASGI on uvicorn, as fast as that can be; both are asked by wrk in
turns, for records of 4 values drawn at random. Microseconds are of processor time (user and system) of the server.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from lineshaft.core import suites
from lineshaft.resolution.administration import Registrar
from lineshaft.resolution.bulk.direct import load
from lineshaft.resolution.homes import Homes, add_home
from lineshaft.resolution.http import make_app
from lineshaft.resolution.http.client import Credentials, NodeClient
from lineshaft.resolution.model import Reference
from lineshaft.resolution.node import Node, NodeKeys
from lineshaft.resolution.proofs import Proofs
from lineshaft.resolution.rest import resolved
from lineshaft.resolution.site import Server, Site
from lineshaft.resolution.store import open_store
from lineshaft.resolution.values.json_form import compact, value_from_json

PREFIX = "88.1"
ADMIN = Reference(b"88.1/ADMIN", 300)
MUST_MICROSECONDS, MUST_IMPORT, MUST_BATCH = 12, 170_000, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=4, help="length of each turn of wrk")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--serve", nargs=3, metavar=("WHAT", "FOLDER", "PORT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(*arguments.serve)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), arguments)


def measure(folder: Path, arguments: argparse.Namespace) -> None:
    rate = fill(folder / "records", arguments.records)
    print(f"bulk import {rate:,.0f} records per processor second, signed roots and proofs included", flush=True)
    script = folder / "ask.lua"
    script.write_text(
        f'request = function() return wrk.format("GET", string.format("/api/handles/{PREFIX}/SN%010d", '
        f"math.random(0, {arguments.records - 1}))) end\n"
    )
    constant, node = [], []
    for _ in range(arguments.turns):
        constant.append(asked("constant", folder, script, arguments.seconds))
        node.append(asked("node", folder, script, arguments.seconds))
        print(f"constant {constant[-1]:6.1f} µs   node {node[-1]:6.1f} µs per GET", flush=True)
    single, batch = registrations(folder)
    print(f"pyhandle one by one {single:,.0f}/s   batch {batch:,.0f}/s", flush=True)
    over = statistics.median(node) - statistics.median(constant)
    print(json.dumps({
        "benchmark": "resolution_http", "records": arguments.records, "constant_us": round(statistics.median(constant), 1),
        "node_us": round(statistics.median(node), 1), "over_constant_us": round(over, 1), "must_us": MUST_MICROSECONDS,
        "import_per_cpu_s": round(rate), "import_must": MUST_IMPORT, "pyhandle_per_s": round(single),
        "batch_per_s": round(batch), "batch_ratio": round(batch / single, 1), "batch_must": MUST_BATCH,
    }))  # fmt: skip


def fill(folder: Path, records: int) -> float:
    """A store with that many records; records per processor second of their import."""
    store, registrar, _ = opened(folder)
    setup = [
        {"handle": "0.NA/88.1", "values": [admin_value()]},
        {"handle": "88.1/ADMIN", "values": [
            {"index": 300, "type": "HS_SECKEY", "data": "secret", "permissions": "1100"}, admin_value(),
        ]},
    ]  # fmt: skip
    assert not load(registrar, [compact(one) for one in setup], ADMIN)
    lines = [compact({"handle": f"{PREFIX}/SN{number:010d}", "values": product(number)}) for number in range(records)]
    before = time.process_time()
    for first in range(0, records, 8192):
        assert not load(registrar, lines[first : first + 8192], ADMIN)
    spent = time.process_time() - before
    store.close()
    return records / spent


def product(number: int) -> list[dict[str, Any]]:
    return [
        {"index": 1, "type": "URL", "data": f"https://products.example.com/serial/{number:010d}"},
        {"index": 2, "type": "PRODUCT_NAME", "data": "asynchronous motor 7.5 kW IE4, B3"},
        {"index": 3, "type": "BATCH", "data": os.urandom(16).hex()},
        {"index": 4, "type": "EMAIL", "data": "service@products.example.com"},
    ]


def admin_value() -> dict[str, Any]:
    admin = {"handle": "88.1/ADMIN", "index": 300, "permissions": "011111110011"}
    return {"index": 100, "type": "HS_ADMIN", "data": {"format": "admin", "value": admin}}


def opened(folder: Path) -> tuple[Any, Registrar, Node]:
    store = open_store("lmdb", folder)
    with store.write() as transaction:
        add_home(transaction, b"0.NA")
        add_home(transaction, PREFIX.encode())
    homes = Homes(store, Site(serial=1, servers=(Server(number=1, address="127.0.0.1"),)), 1)
    key = suites.PrivateKey.generate("ed25519")
    registrar = Registrar(store, homes, [ADMIN], proofs=Proofs(PREFIX, key))
    return store, registrar, Node(store, homes, registrar, NodeKeys(key))


def serve(what: str, folder: str, port: str) -> None:
    """One of the two applications, on uvicorn as the box runs it."""
    import uvicorn
    import uvloop

    values = [value_from_json({**one, "timestamp": "2026-01-01T00:00:00Z"}) for one in product(7)]
    body = compact(resolved(b"88.1/SN0000000007", values))
    headers = [(b"content-type", b"application/json;charset=utf-8"), (b"content-length", b"%d" % len(body))]

    async def constant(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    app = constant if what == "constant" else make_app(opened(Path(folder))[2])
    config = uvicorn.Config(
        app, host="127.0.0.1", port=int(port), lifespan="off", log_config=None, access_log=False, http="httptools",
        loop="none", server_header=False, ws="none",
    )  # fmt: skip
    uvloop.run(uvicorn.Server(config).serve()) if hasattr(uvloop, "run") else asyncio.run(
        uvicorn.Server(config).serve()
    )


@contextmanager
def served(what: str, folder: Path) -> Any:
    """A server in a process of its own: the process and its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    child = subprocess.Popen([sys.executable, __file__, "--serve", what, str(folder / "records"), str(port)])
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield psutil.Process(child.pid), port
    finally:
        child.terminate()
        child.wait()


def asked(what: str, folder: Path, script: Path, seconds: float) -> float:
    """Microseconds of the server for one GET."""
    with served(what, folder) as (process, port):
        ask = ["wrk", "-t1", "-c16", "-s", str(script), f"http://127.0.0.1:{port}/"]
        subprocess.run([*ask, "-d1s"], check=True, capture_output=True)
        before = sum(process.cpu_times()[:2])
        done = subprocess.run([*ask, f"-d{seconds:.0f}s"], check=True, capture_output=True, text=True).stdout
        spent = sum(process.cpu_times()[:2]) - before
    assert "Non-2xx" not in done, done
    count = int(next(line for line in done.splitlines() if "requests in" in line).split()[0])
    return spent / count * 1e6


def registrations(folder: Path) -> tuple[float, float]:
    """Registrations a second: by pyhandle one by one, and in batches, against the same server."""
    from pyhandle.client.resthandleclient import RESTHandleClient
    from pyhandle.handlesystemconnector import HandleSystemConnector

    with served("node", folder) as (_, port):
        address = f"http://127.0.0.1:{port}"
        with NodeClient(address, Credentials(ADMIN, b"secret")) as client:
            client.values(f"{PREFIX}/ADMIN")
            proved = client._authorization  # noqa: SLF001  # pyhandle's password would be refused without TLS

            def headers(_connector: Any, _action: str) -> dict[str, str]:
                return {"Content-Type": "application/json", "Authorization": proved}

            setattr(HandleSystemConnector, "_HandleSystemConnector__get_headers", headers)  # noqa: B010  # its own place
            one_by_one = RESTHandleClient.instantiate_with_username_and_password(
                address, "300:88.1/ADMIN", "secret", handleowner="300:88.1/ADMIN"
            )  # fmt: skip
            before = time.perf_counter()
            for number in range(200):
                one_by_one.register_handle(f"{PREFIX}/PY{number}", "https://products.example.com/x")
            single = 200 / (time.perf_counter() - before)
            lines = [compact({"handle": f"{PREFIX}/BA{number}", "values": product(number)}) for number in range(20_000)]
            before = time.perf_counter()
            for first in range(0, len(lines), 5000):
                assert all(one["responseCode"] == 1 for one in client.batch(lines[first : first + 5000]))
            return single, len(lines) / (time.perf_counter() - before)


if __name__ == "__main__":
    main()
