"""`lineshaft edge simulate|probe`: a device to try with, and a first look at one."""

import asyncio
import contextlib
import importlib
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, say
from lineshaft.core.errors import NotFound
from lineshaft.edge.endpoints import driver_of
from lineshaft.edge.headings import headings, with_symbols

if TYPE_CHECKING:
    from lineshaft.edge.driver import Simulated


def simulate(
    driver: Annotated[str, typer.Argument(help="Which protocol's device; without it, those that there are.")] = "",
    port: Annotated[int, typer.Option("--port", help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    points: Annotated[
        Path | None, typer.Option("--points", help="Write the device's points here, for `device add --points`.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run a simulated device on this machine until Ctrl-C; prints how to add it."""
    from lineshaft.edge.driver import drivers, find_driver

    if not driver:
        rows = [{"driver": name, "title": find_driver(name).manifest.title} for name in sorted(drivers())
                if find_driver(name).manifest.simulator]  # fmt: skip
        console.output(rows, as_json=json)
        return
    place = find_driver(driver).manifest.simulator
    if not place:
        raise NotFound(
            "edge.simulator_missing", f"the driver {driver!r} has no simulator",
            "`lineshaft edge simulate` lists those that have one.", driver=driver,
        )  # fmt: skip
    module, _, name = place.partition(":")
    asyncio.run(_run(getattr(importlib.import_module(module), name), port, points, as_json=json))


async def _run(make: Any, port: int, points: Path | None, *, as_json: bool) -> None:
    import msgspec

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with make("127.0.0.1", port) as running, AsyncExitStack() as stack:
        device = running.device
        if points is None:
            folder = stack.enter_context(TemporaryDirectory(prefix="lineshaft-simulate-"))
            points = Path(folder) / f"{device.name}.json"
        await asyncio.to_thread(points.write_bytes, msgspec.json.format(msgspec.json.encode(device.points)))
        said = {
            "endpoint": running.endpoint, "points": len(device.points), "points_file": str(points),
            "commands": [*_adding(running, points)], "note": running.note,
            "device": msgspec.to_builtins(device),
        }  # fmt: skip
        if as_json:
            console.output(said, as_json=True)
        else:
            for command in said["commands"]:
                console.output(command, as_json=False)
            console.note(f"{running.note} {say('Runs until Ctrl-C.', '按 Ctrl-C 结束。')}".lstrip())
        sys.stdout.flush()
        with contextlib.suppress(asyncio.CancelledError):
            await stopped.wait()


def _adding(running: "Simulated", points: Path) -> Iterator[str]:
    """The commands that add a simulated device, as a shell takes them."""
    device = running.device
    if running.user:
        secret = ["lineshaft", "device", "secret", str(device.options["secret"]), "--user", running.user]
        yield f"printf %s {shlex.quote(running.password)} | {shlex.join(secret)}"
    from lineshaft.edge.cli import group_of

    group, usual = device.groups[0], group_of(device.driver)
    scan = [
        *(["--mode", group.mode] if group.mode != usual["mode"] else []),
        *(["--period", str(group.period_ms)] if group.period_ms != usual["period_ms"] else []),
    ]
    options = [word for key, value in device.options.items() for word in ("-o", f"{key}={_written(value)}")]
    yield shlex.join([
        "lineshaft", "device", "add", device.name, "--driver", device.driver, "--endpoint", running.endpoint,
        "--path", device.path, *options, *scan, "--points", str(points),
    ])  # fmt: skip


def _written(value: Any) -> str:
    """An option's value as `read_options` takes it: JSON, and a text as it is unless it could be taken for JSON."""
    import msgspec

    if isinstance(value, str):
        try:
            msgspec.json.decode(value)
        except msgspec.DecodeError:
            return value
    return msgspec.json.encode(value).decode()


def probe(
    endpoint: Annotated[str, typer.Argument(help="Address, such as opc.tcp://10.0.0.5:4840.")],
    driver: Annotated[
        str, typer.Option("--driver", help="The protocol it speaks; by the endpoint where it tells.")
    ] = "",
    address: Annotated[
        list[str] | None, typer.Option("--address", "-a", help="An address to look at; repeatable.")
    ] = None,
    type_: Annotated[
        str, typer.Option("--type", help="How the value at the addresses is stored, such as float32.")
    ] = "",
    kind: Annotated[str, typer.Option("--kind", help="What they are: number, integer, boolean or text.")] = "number",
    option: Annotated[list[str] | None, typer.Option("--option", "-o", help="name=value; repeatable.")] = None,
    secret: Annotated[str, typer.Option("--secret", help="Name of its credentials.")] = "",
    gateway: Annotated[
        str, typer.Option("--gateway", help="Which looks: one that enrolled, or the box's own.")
    ] = "gateway",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Connect to a device once, without configuring it: what it says of itself, and of single addresses."""
    from lineshaft.client import connect
    from lineshaft.edge.cli import check_choice, group_of, read_options
    from lineshaft.edge.model import PointKind, RawType

    check_choice("--type", type_, RawType)
    check_choice("--kind", kind, PointKind)
    speaks = driver or driver_of(endpoint)
    options = read_options(speaks, option)
    if secret:
        options["secret"] = secret
    points = [
        {"name": f"p{number}", "address": one, "type": type_, "kind": kind}
        for number, one in enumerate(address or [], 1)
    ]
    device = {
        "name": "probe", "path": "probe/probe/probe/probe/probe/probe", "endpoint": endpoint, "options": options,
        "driver": speaks, "groups": [group_of(speaks)], "points": points, "gateway": gateway,
    }  # fmt: skip
    with connect(home=home) as client:
        report = client.request("POST", "/api/v1/edge/test", json={"device": device})
    if json:
        console.output(report, as_json=True)
        return
    console.output({**report["about"], "connect_ms": report["connect_ms"]}, as_json=False)
    if points:
        columns = (
            ("address", "address"), ("data_type", "type"), ("unit", "unit"), ("description", "value"), ("refused", ""),
        )  # fmt: skip
        console.output(with_symbols(report["looked_up"]), as_json=False, columns=headings(columns))


def browse(
    endpoint: Annotated[str, typer.Argument(help="Address, such as opc.tcp://10.0.0.5:4840.")],
    driver: Annotated[
        str, typer.Option("--driver", help="The protocol it speaks; by the endpoint where it tells.")
    ] = "",
    root: Annotated[str, typer.Option("--root", help="Address to begin at.")] = "",
    depth: Annotated[int, typer.Option("--depth", help="Levels below the root.")] = 20,
    option: Annotated[list[str] | None, typer.Option("--option", "-o", help="name=value; repeatable.")] = None,
    secret: Annotated[str, typer.Option("--secret", help="Name of its credentials.")] = "",
    gateway: Annotated[
        str, typer.Option("--gateway", help="Which looks: one that enrolled, or the box's own.")
    ] = "gateway",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List what a device offers, without configuring it."""
    from lineshaft.client import connect
    from lineshaft.edge.cli import FOUND_COLUMNS, group_of, read_options, walk

    speaks = driver or driver_of(endpoint)
    options = read_options(speaks, option)
    if secret:
        options["secret"] = secret
    device = {
        "name": "browse", "path": "browse/browse/browse/browse/browse/browse", "endpoint": endpoint, "options": options,
        "driver": speaks, "groups": [group_of(speaks)], "gateway": gateway,
    }  # fmt: skip
    with connect(home=home) as client:
        found, _ = walk(client, device, {"root": root, "depth": depth}, quiet=json)
    rows = with_symbols({"kind": "number", **one, "name": "/".join(one.get("path") or [one["name"]])} for one in found)
    console.output(found if json else rows, as_json=json, columns=headings(FOUND_COLUMNS))
