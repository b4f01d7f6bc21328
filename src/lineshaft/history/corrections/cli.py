"""`lineshaft history correct` and `corrections`."""

from typing import Annotated, Any

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, say
from lineshaft.core.errors import InvalidInput
from lineshaft.history.naming import resolve

_COLUMNS = tuple(
    (name, name) for name in ("path", "time", "old", "old_quality", "new", "new_quality", "noted", "who", "reason")
)


def correct(
    tag: Annotated[str, typer.Argument(help="Path of the tag, or its last level where only one tag has it.")],
    time: Annotated[str, typer.Argument(help="Exact time of the sample, RFC 3339.")],
    value: Annotated[str | None, typer.Argument(help="What it should be; left out: no value, with --quality.")] = None,
    reason: Annotated[str, typer.Option(help="Why; kept with the old value.")] = "",
    quality: Annotated[int, typer.Option(help="OPC UA StatusCode of the new sample.", min=0, max=0xFFFFFFFF)] = 0,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Put a value in place of a stored one, which stays visible."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        (path,) = resolve(client, [tag])
        item: dict[str, Any] = {"path": path, "time": time, "quality": quality}
        if value is not None:
            item["value"] = _typed(value, _kind(client, path))
        made = client.request("POST", "/api/v1/history/corrections", json={"reason": reason, "items": [item]})
    console.output(
        made["items"], as_json=json, columns=_COLUMNS, empty=say("It was so already.", "原来就是这样。")
    )  # fmt: skip


def corrections(
    tags: Annotated[list[str], typer.Argument(help="Paths of tags, or their last level where only one tag has it.")],
    start: Annotated[str, typer.Option("--from", help="RFC 3339, or an offset such as -15m.")] = "-7d",
    end: Annotated[str, typer.Option("--to", help="RFC 3339, or an offset; not included.")] = "now",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show which values were replaced by others, by whom and why."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        params = {"tag": resolve(client, tags), "from": start, "to": end}
        rows = [*client.pages("/api/v1/history/corrections", params)]
    console.output(rows, as_json=json, columns=_COLUMNS, empty=say("No corrections.", "没有更正。"))


def _kind(client: Any, path: str) -> str:
    page = client.request("GET", "/api/v1/history/tags", params={"prefix": path})
    return next((str(item["kind"]) for item in page["items"] if item["path"] == path), "number")


def _typed(text: str, kind: str) -> float | int | bool | str:
    """What was typed as a value of the tag's kind."""
    if kind == "text":
        return text
    if kind == "boolean" and text.lower() in ("true", "false", "1", "0"):
        return text.lower() in ("true", "1")
    try:
        return int(text) if kind == "integer" else float(text)
    except ValueError as error:
        raise InvalidInput(
            "history.correction_of_another_kind", f"value is {text!r}, and the tag is a {kind}",
            "Give a value of the tag's kind.", field="value", value=text, kind=kind,
        ) from error  # fmt: skip
