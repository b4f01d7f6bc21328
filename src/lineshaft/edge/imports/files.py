"""Points of a file of a kind that its name tells."""

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.imports.model import Imported, unreadable
from lineshaft.edge.model import Point
from lineshaft.edge.units import of_table


def points_of(data: bytes, *, file: str) -> Imported:
    """Points of a table, a register map, a node set, or points as JSON.

    Raises:
        InvalidInput: another kind, or unreadable as that.
    """
    try:
        return _points_of(data, file)
    except RecursionError as error:
        raise _endless(file) from error


def _points_of(data: bytes, file: str) -> Imported:
    suffix = PurePath(file).suffix.lower()
    if suffix == ".xml":
        from lineshaft.edge.imports import nodeset

        return nodeset.points_of(data, file=file)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise unreadable(file, f"it is no UTF-8 text: {error}") from error
    if suffix == ".json":
        return _from_points(text, file)
    if suffix == ".csv":
        from lineshaft.edge.imports import table

        return table.points_of(text, file=file)
    if suffix in (".yaml", ".yml"):
        from lineshaft.edge.imports import registers

        return registers.points_of(text, file=file)
    raise unreadable(file, f"nothing is known of {suffix or 'files without an ending'}")


def holds_points(data: bytes) -> bool:
    """Whether JSON holds points, as `--out` and `device show --json` write them; a SunSpec model holds a group."""
    try:
        read = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return False
    return isinstance(read, list) or (isinstance(read, dict) and "points" in read and "group" not in read)


def points_of_models(files: Mapping[str, bytes], found: Iterable[Mapping[str, Any]], *, device: str) -> Imported:
    """Points of the SunSpec models that a device showed a browse, by the models' definitions.

    Args:
        found: what the browse found: `address` and `data` of each.
        device: its name, for the error.

    Raises:
        InvalidInput: a file that is no model, or a device that shows none.
    """
    from lineshaft.edge.imports import sunspec

    try:
        read = [sunspec.read_model(data, file=name) for name, data in files.items()]
        blocks = [sunspec.block_of(one["address"], one["data"]) for one in found if one.get("data")]
        if not blocks:
            raise unreadable(next(iter(files), ""), f"the device {device!r} shows no SunSpec models")
        return sunspec.points_of({model.id: model for model in read}, blocks)
    except RecursionError as error:
        raise _endless(", ".join(files)) from error


def _endless(file: str) -> InvalidInput:
    return unreadable(file, "its values stand in one another without end")


def _from_points(text: str, file: str) -> Imported:
    try:
        read = msgspec.json.decode(text)
        points = read.get("points", []) if isinstance(read, dict) else read
        return Imported(points=msgspec.convert(points, list[Point])).settle(of_table)
    except msgspec.ValidationError as error:
        raise unreadable(file, f"its points cannot be: {error}") from error
    except msgspec.DecodeError as error:
        raise unreadable(file, f"it is no JSON: {error}") from error
