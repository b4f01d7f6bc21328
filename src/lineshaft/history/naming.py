"""Names of tags as people give them on the command line."""

import sys
from collections.abc import Sequence
from typing import Any

from lineshaft.core.errors import InvalidInput, NotFound

_WHOLE_PATH = 6
"""Slashes in the path of a tag."""


def resolve(client: Any, names: Sequence[str]) -> list[str]:
    """Paths of the tags named: by the whole path, or by its last levels, such as `pressure` or `press/pressure`."""
    if all(map(_is_whole, names)):
        return list(names)
    paths = [tag["path"] for tag in client.tags()]
    found = []
    for name in names:
        if _is_whole(name):
            found.append(name)
            continue
        ends = [path for path in paths if f"/{path}".endswith(f"/{name}")]
        found.append(_only(name, ends))
    return found


def is_pattern(name: str) -> bool:
    """Whether a name stands for all tags whose paths are like it."""
    return "*" in name or "?" in name


def _is_whole(name: str) -> bool:
    """A whole path, or a pattern of paths."""
    return name.count("/") >= _WHOLE_PATH or is_pattern(name)


def _only(name: str, paths: Sequence[str]) -> str:
    if not paths:
        raise NotFound(
            "history.tag_unknown", f"there is no tag {name!r}",
            "`lineshaft history tags` and GET /api/v1/history/tags list them.", field="tag", value=name,
        )  # fmt: skip
    if len(paths) > 1:
        raise InvalidInput(
            "history.tag_ambiguous", f"{len(paths)} tags end with {name!r}, the first is {paths[0]}",
            "Give more of its path, such as `device/tag`.", field="tag", value=name, count=len(paths), first=paths[0],
        )  # fmt: skip
    return paths[0]


def refuse_terminal(format_: str) -> None:
    """What is no text goes to a file only."""
    if format_ in ("arrow", "parquet") and sys.stdout.isatty():
        raise InvalidInput(
            "history.terminal_refused", f"{format_} is not for a terminal", f"Send it to a file: … --format {format_} > file",
            field="--format", value=format_,
        )  # fmt: skip
