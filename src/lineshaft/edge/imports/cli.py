"""`lineshaft edge import`: points out of files: tables, register maps, node sets, SunSpec models."""

import fnmatch
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, say
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.headings import headings, with_symbols
from lineshaft.edge.imports.model import Imported

_COLUMNS = (("name", "name"), ("address", "address"), ("type", "type"), ("scale", "scale"), ("unit", "unit"))


def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            help="A table (.csv), register map (.yaml), OPC UA node set (.xml), points or a folder of SunSpec models (.json).",
            exists=True,
        ),
    ],
    device: Annotated[
        str, typer.Option("--device", help="Give the points to this device; SunSpec models are looked for in it.")
    ] = "",
    type_: Annotated[
        str,
        typer.Option(
            "--type", help="Of a node set: import what this type declares, from the object --root of --device."
        ),
    ] = "",
    root: Annotated[str, typer.Option("--root", help="Address of the object of that type.")] = "",
    match: Annotated[
        list[str] | None, typer.Option("--match", help="Only names like this, with * and ?; repeatable.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the points here, for `device add --points`.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be imported.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make points of what a file says; those that a device has already stay as they are."""
    import msgspec

    from lineshaft.edge.imports import files

    models = file.is_dir() or (file.suffix == ".json" and not files.holds_points(file.read_bytes()))
    if type_:
        imported = _from_object(file, type_, device, root, home)
    else:
        imported = _from_device(file, device, home) if models else files.points_of(file.read_bytes(), file=file.name)
    imported.points = [point for point in imported.points if _wanted(point.name, match)]
    if out is not None and not dry_run:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(imported.points)))
    there = 0
    if device and not dry_run:
        there = _give(device, msgspec.to_builtins(imported.points), file.name, home)
    _say(imported, there, as_json=json, done=bool(device or out) and not dry_run)


def _wanted(name: str, match: list[str] | None) -> bool:
    return not match or any(fnmatch.fnmatchcase(name, glob) for glob in match)


def _from_object(file: Path, type_: str, device: str, root: str, home: Path | None) -> Imported:
    """Points of what a companion type declares, as far as an object on a server has it; named by the type's tree."""
    from lineshaft.client import connect
    from lineshaft.edge.cli import level, walk
    from lineshaft.edge.imports import nodeset
    from lineshaft.edge.model import Point

    if not device or not root:
        raise InvalidInput(
            "edge.import_needs_object", f"the type {type_!r} says nothing without an object that is of it",
            "Name the device with --device and the object's address with --root.", field="--root", value=root, type=type_,
        )  # fmt: skip
    members = nodeset.members_of(file.read_bytes(), type_, file=file.name)
    with connect(home=home) as client:
        found, _ = walk(client, device, {"root": root}, quiet=True)
    imported = Imported()
    there = {tuple(one.get("path") or [one["name"]]): one for one in found}
    for wanted, description in members.items():
        paths = [path for path in there if nodeset.fits(path, wanted)]
        if not paths:
            imported.leave(".".join(wanted), "the object has not got it")
        for path in paths:
            one, name = there[path], ".".join(map(level, path))
            if one.get("refused"):
                imported.leave(name, one["refused"])
                continue
            imported.points.append(Point(
                name=name, address=one["address"], kind=one.get("kind", "number"), unit=one.get("unit", ""),
                unit_text=one.get("unit_text", ""),
                low=one.get("low"), high=one.get("high"), description=one.get("description") or description,
            ))  # fmt: skip
    return imported


def _from_device(place: Path, device: str, home: Path | None) -> Imported:
    """Points of the SunSpec models that a device has, by their definitions in a folder or file."""
    from lineshaft.client import connect
    from lineshaft.edge.cli import walk
    from lineshaft.edge.imports import files

    if not device:
        raise InvalidInput(
            "edge.import_needs_device", "SunSpec models say nothing without the device that has them",
            "Name it with --device: its scale factors and repetitions are read from it.", field="--device", value="",
        )  # fmt: skip
    chosen = sorted(place.glob("*.json")) if place.is_dir() else [place]
    read = {file.name: file.read_bytes() for file in chosen if file.name != "schema.json"}
    with connect(home=home) as client:
        found, _ = walk(client, device, {}, quiet=True)
    return files.points_of_models(read, found, device=device)


def _give(name: str, points: list[dict[str, Any]], source: str, home: Path | None) -> int:
    """Give a device the points that it has not; how many it had."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        device = client.devices.get(name)
        names, addresses = ({point[key] for point in device["points"]} for key in ("name", "address"))
        fresh = [point for point in points if point["name"] not in names and point["address"] not in addresses]
        kept = {key: value for key, value in device.items() if key not in ("name", "handle", "points")}
        body = {**kept, "points": [*device["points"], *fresh], "comment": f"import {source}"}
        if fresh:
            client.request("PUT", f"/api/v1/edge/devices/{quote(name, safe='')}", json=body)
    return len(points) - len(fresh)


def _say(imported: Imported, there: int, *, as_json: bool, done: bool) -> None:
    import msgspec

    points = msgspec.to_builtins(imported.points)
    left, notes = msgspec.to_builtins(imported.left), msgspec.to_builtins(imported.notes)
    if as_json:
        console.output({"points": points, "left": left, "notes": notes, "there": there}, as_json=True)
        return
    rows = with_symbols(points)
    console.output(rows, as_json=False, columns=headings(_COLUMNS), empty=say("No points.", "没有测点。"))
    for one in [*notes, *left]:
        console.note(f"{one['name']}: {one['reason']}")
    verb = say("imported", "已导入") if done else say("found", "找到")
    count = len(points) - there
    had = say(f", {there} it has already", f"，{there} 个已有") if there else ""
    none = say(f", {len(left)} entries cannot be points", f"，{len(left)} 项不能作为测点") if left else ""
    console.note(say(f"{count} points {verb}{had}{none}.", f"{verb} {count} 个测点{had}{none}。"))
