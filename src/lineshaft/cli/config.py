"""`lineshaft config show`: every setting, its value, where it comes from and what it means."""

from typing import Annotated

import typer

from lineshaft.cli.catalogue import load_settings
from lineshaft.cli.run import SetOption
from lineshaft.cli.serve import flags_of
from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, home_of

app = console.application("Settings: file < environment < flag.")


@app.callback()
def config() -> None:
    """Settings: file < environment < flag."""


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Only settings that begin so.")] = "",
    home: HomeOption = None,
    origin: Annotated[bool, typer.Option("--origin", help="Show where each value comes from.")] = False,
    settings: SetOption = None,
    json: JsonOption = False,
) -> None:
    """List every setting with its value and meaning."""
    rows = [
        {"name": row.name, "value": row.shown, "origin": row.origin, "description": row.description}
        for row in load_settings(home_of(home), flags_of(settings or [])).rows()
        if row.name.startswith(name)
    ]
    if not origin:
        rows = [{key: value for key, value in row.items() if key != "origin"} for row in rows]
    console.output(rows, as_json=json)
