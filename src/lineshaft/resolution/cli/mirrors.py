"""`lineshaft id mirror`, `lineshaft id reshard`: copies of a server's records, and sites divided anew."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say
from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.resolution.cli import app

mirrors = console.application("Copies of a server's records that follow its changes.")
app.add_typer(mirrors, name="mirror")

_Source = Annotated[str, typer.Argument(help="Name of the server that is copied, on the bus.")]
_Folder = Annotated[Path, typer.Option("--folder", help="Folder of the copy's records.")]
_TELL_SECONDS = 0.2


@mirrors.command("add")
def add(
    source: _Source, folder: _Folder,
    once: Annotated[bool, typer.Option("--once", help="End when the copy is level.")] = False,
    home: HomeOption = None, json: JsonOption = False,
) -> None:  # fmt: skip
    """Make a copy, or go on with one, and follow the source until interrupted."""
    console.output(asyncio.run(_add(home, source, folder, once=once)), as_json=json)


async def _add(home: Path | None, source: str, folder: Path, *, once: bool) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    from lineshaft.resolution.mirror import Mirror
    from lineshaft.resolution.mirror.snapshots import standing
    from lineshaft.resolution.store import open_store

    async with _bus(home) as bus:
        wanted = await standing(bus, source)
        store = await asyncio.to_thread(open_store, "lmdb", folder)
        mirror = Mirror(bus, source, store)
        await mirror.start()
        level = asyncio.create_task(mirror.caught_up(wanted.newest))
        try:
            columns = (TextColumn("{task.description}"), TimeElapsedColumn())
            with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
                task = bar.add_task("")
                while not (once and level.done()):
                    bar.update(task, description=_how_far(mirror, wanted.records))
                    await asyncio.sleep(_TELL_SECONDS)
        finally:
            level.cancel()
            await mirror.stop()
            place = mirror.place
            records = store.count()
            store.close()
    return {"source": source, "change": place.sequence if place else 0, "records": records, "trouble": mirror.trouble}


def _how_far(mirror: Any, records: int) -> str:
    if mirror.trouble:
        return str(mirror.trouble)
    if mirror.place is None:
        return say(
            f"copying: {mirror.copied} of about {records} records",
            f"正在复制：约 {records} 条记录中的 {mirror.copied} 条",
        )
    return say(f"following: at change {mirror.place.sequence}", f"正在跟随：已到变更 {mirror.place.sequence}")


@mirrors.command("status")
def status(source: _Source, folder: _Folder, home: HomeOption = None, json: JsonOption = False) -> None:
    """How far a copy is behind its source."""
    console.output(asyncio.run(_status(home, source, folder)), as_json=json)


async def _status(home: Path | None, source: str, folder: Path) -> dict[str, Any]:
    from lineshaft.resolution.mirror.snapshots import standing
    from lineshaft.resolution.mirror.verifying import place_of

    async with _bus(home) as bus:
        store = _opened(folder)
        try:
            told, place = await standing(bus, source), place_of(store, source)
            records = store.count()
        finally:
            store.close()
    return {
        "source": source, "change": place.sequence, "newest": told.newest,
        "behind": max(0, told.newest - place.sequence), "records": records, "records_of_source": told.records,
    }  # fmt: skip


@mirrors.command("verify")
def verify(source: _Source, folder: _Folder, home: HomeOption = None, json: JsonOption = False) -> None:
    """Compare the digest of every prefix with the source's, made from the records as they are."""
    found = asyncio.run(_verify(home, source, folder))
    console.output(found, as_json=json)
    if found["differing"] and not found["behind"]:
        raise typer.Exit(1)


async def _verify(home: Path | None, source: str, folder: Path) -> dict[str, Any]:
    import msgspec

    from lineshaft.resolution.mirror.verifying import verify as compare

    async with _bus(home) as bus:
        store = _opened(folder)
        try:
            found: dict[str, Any] = msgspec.to_builtins(await compare(bus, source, store))
        finally:
            store.close()
    return found


@app.command("reshard")
def reshard(
    before: Annotated[Path, typer.Option("--from", help="The present description of the site, HS_SITE in JSON.")],
    after: Annotated[Path, typer.Option("--to", help="The new one, with a higher serial number.")],
    old: Annotated[list[str], typer.Option("--old", help="Name on the bus of each present server, in order.")],
    new: Annotated[list[str], typer.Option("--new", help="The same of each server of the new description.")],
    home: HomeOption = None, yes: YesOption = False, json: JsonOption = False,
) -> None:  # fmt: skip
    """Divide a site anew among other servers, with the service up; put the new description into its prefix record after."""
    console.confirm(
        say(f"Divide the site among {len(new)} servers?", f"把站点重新划分到 {len(new)} 台服务器？"), yes=yes
    )
    asyncio.run(_reshard(home, _site(before), _site(after), old, new))
    console.output({"servers": new, "done": True}, as_json=json)


async def _reshard(home: Path | None, before: Any, after: Any, old: list[str], new: list[str]) -> None:
    from lineshaft.resolution.mirror import divide

    async with _bus(home) as bus:
        await divide(bus, old, new, before, after, lambda what, done, _: console.note(f"{what} {done or ''}".strip()))


def _bus(home: Path | None) -> Any:
    from lineshaft.bus import BusSettings
    from lineshaft.core.settings import Settings
    from lineshaft.resolution.mirror.part import connected

    place = console.home_of(home)
    return connected(Settings.load([BusSettings], file=place.settings_file, partial=True).of(BusSettings), place)


def _opened(folder: Path) -> Any:
    from lineshaft.resolution.store import open_store

    return open_store("lmdb", folder, read_only=True)


def _site(path: Path) -> Any:
    import msgspec

    from lineshaft.resolution.values.site_json import site_from_json

    try:
        return site_from_json(msgspec.json.decode(path.read_bytes()))
    except OSError as error:
        raise Unavailable(
            "resolution.file_unreadable", f"{path} cannot be read: {error.strerror}", "Correct the path.",
            path=str(path), field="site", reason=str(error.strerror),
        ) from error  # fmt: skip
    except msgspec.DecodeError as error:
        raise InvalidInput(
            "resolution.site_file", f"the description of the site is not JSON: {error}", "Write it as HS_SITE in JSON.",
            field="site", reason=str(error),
        ) from error  # fmt: skip
