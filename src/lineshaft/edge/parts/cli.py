"""`lineshaft edge part`: what a gateway does beside reading devices, by document."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.headings import headings

app = console.application("What a gateway does beside reading devices.")

_Part = Annotated[str, typer.Argument(help="Name of the part.")]
_Gateway = Annotated[str, typer.Option("--gateway", help="One that enrolled, or the box's own.")]


def _path(gateway: str, part: str = "") -> str:
    root = f"/api/v1/edge/gateways/{quote(gateway, safe='')}/parts"
    return f"{root}/{quote(part, safe='')}" if part else root


@app.command("list")
def list_parts(gateway: _Gateway = "gateway", home: HomeOption = None, json: JsonOption = False) -> None:
    """List the parts that are configured; the others do their default."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        rows = client.request("GET", _path(gateway))["items"]
    empty = say("Nothing is configured: every part does its default.", "尚未配置：各部件按默认方式工作。")
    console.output(rows, as_json=json, columns=headings((("name", "part"), ("changed", "changed"))), empty=empty)


@app.command()
def show(part: _Part, gateway: _Gateway = "gateway", home: HomeOption = None) -> None:
    """Show a part's document, as JSON."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        document = client.request("GET", _path(gateway, part))["document"]
    console.output(document, as_json=True)


@app.command("set")
def set_part(
    part: _Part,
    file: Annotated[Path, typer.Argument(help="JSON file with the document; - reads standard input.")],
    gateway: _Gateway = "gateway",
    home: HomeOption = None,
) -> None:
    """Configure a part; the gateway applies it at once."""
    from lineshaft.client import connect

    document = _read(file)
    with connect(home=home) as client:
        client.request("PUT", _path(gateway, part), json=document)


@app.command()
def remove(part: _Part, gateway: _Gateway = "gateway", yes: YesOption = False, home: HomeOption = None) -> None:
    """Have a part do its default again."""
    from lineshaft.client import connect

    console.confirm(say(f"Remove the document of {part}?", f"移除 {part} 的配置？"), yes=yes)
    with connect(home=home) as client:
        client.request("DELETE", _path(gateway, part))


def _read(file: Path) -> Any:
    import sys

    import msgspec

    try:
        return msgspec.json.decode(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidInput(
            "edge.document_unreadable", f"{file} cannot be read as JSON: {error}", "Give a file with one JSON object.",
            field="file", value=str(file), reason=str(error),
        ) from error  # fmt: skip
