"""`lineshaft id serve` and `lineshaft id tree`: nodes in the foreground."""

import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from lineshaft.core import console, logs
from lineshaft.core.console import HomeOption, JsonOption, home_of, say
from lineshaft.core.errors import InvalidInput
from lineshaft.core.settings import Settings
from lineshaft.resolution.cli import app


@app.command()
def serve(
    home: HomeOption = None,
    role: Annotated[list[str] | None, typer.Option(help="top, second-level, enterprise or recursive; repeatable.")] = None,
    prefix: Annotated[list[str] | None, typer.Option(help="A prefix at home here, as 88.100; repeatable.")] = None,
    operator: Annotated[list[str] | None, typer.Option(help="An administrator of this node, index:handle; repeatable.")] = None,
    host: Annotated[list[str] | None, typer.Option(help="An address to listen on; repeatable.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of UDP and TCP.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer.")] = None,
    roots: Annotated[Path | None, typer.Option(help="File that describes the root's sites.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="A setting, resolution.field=value; repeatable.")] = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Run one node in the foreground, from the settings and these options, until Ctrl-C."""
    from lineshaft.resolution.service import node_config
    from lineshaft.resolution.settings import ResolutionSettings
    from lineshaft.resolution.workers import Pool

    place = home_of(home)
    lists = {"roles": role, "prefixes": prefix, "operators": operator, "hosts": host}
    single = {"port": port, "workers": workers, "roots_file": roots}
    flags = {f"resolution.{name}": _listed(given) for name, given in lists.items() if given}
    flags |= {f"resolution.{name}": str(given) for name, given in single.items() if given is not None}
    flags |= dict(_pair(text) for text in settings or [])
    chosen = Settings.load([ResolutionSettings], file=place.settings_file, flags=flags, partial=True).of(
        ResolutionSettings
    )
    logs.configure("resolution")
    config = node_config(chosen, place)

    async def run() -> None:
        until = _interrupted()
        pool = Pool(config, chosen.workers)
        await pool.start()
        try:
            addresses = [f"[{one}]:{config.port}" if ":" in one else f"{one}:{config.port}" for one in config.hosts]
            answer = {
                "addresses": addresses,
                "roles": list(chosen.roles),
                "prefixes": config.prefixes,
                "records": config.folder,
            }
            _show(answer, json=json, hint=say("Stop: Ctrl-C", "停止: Ctrl-C"))
            await until.wait()
        finally:
            await pool.stop()

    _run(run)


@app.command()
def tree(
    folder: Annotated[
        Path | None, typer.Option(help="Where records, keys and secrets lie; they stay. [default: a folder that goes]")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    json: JsonOption = False,
) -> None:
    """Start a trial hierarchy on this machine: one top-level, two second-level, four enterprise, two recursive nodes."""
    from lineshaft.resolution.tree import Tree

    logs.configure("resolution")

    async def run() -> None:
        until = _interrupted()
        with contextlib.ExitStack() as stack:
            kept = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lineshaft-tree-")))
            grown = Tree(kept.expanduser().absolute(), host=host)
            await grown.start()
            try:
                if json:
                    _show(grown.as_json(), json=True)
                else:
                    nodes = [dict(node) for node in grown.as_json()["nodes"]]
                    columns = [
                        ("name", "node"),
                        ("prefix", "prefix"),
                        ("address", "UDP, TCP"),
                        ("http", "HTTP"),
                        ("https", "HTTPS"),
                    ]
                    console.output(nodes, as_json=False, columns=[*columns, ("administrator", "administrator")])
                    _show({
                        say("secrets", "管理员密钥"): str(grown.secrets_file), say("roots", "根站点"): str(grown.roots_file),
                        say("try", "试一试"): grown.example,
                    }, json=False, hint=say("Stop: Ctrl-C", "停止: Ctrl-C"))  # fmt: skip
                await until.wait()
            finally:
                await grown.stop()

    _run(run)


def _listed(given: list[str]) -> str:
    import msgspec

    return msgspec.json.encode(given).decode()


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput(
            "resolution.set_unreadable", f"--set {text!r} has no '='", "Write --set resolution.field=value.",
            field="--set", value=text,
        )  # fmt: skip
    return name, value


def _show(answer: dict[str, Any], *, json: bool, hint: str = "") -> None:
    console.output(answer, as_json=json)
    sys.stdout.flush()
    if hint and not json:
        console.note(hint)


def _interrupted() -> asyncio.Event:
    """Set at SIGINT or SIGTERM."""
    until = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, until.set)
    return until


def _run(work: Callable[[], Awaitable[None]]) -> None:
    import uvloop

    async def whole() -> None:
        await work()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(whole())
