"""`lineshaft run SERVICE`: one service in this process, for a site's own process manager."""

from typing import Annotated

import typer

from lineshaft.cli.catalogue import SERVICES
from lineshaft.cli.serve import flags_of, run_service
from lineshaft.core import console
from lineshaft.core.console import HomeOption, home_of

app = console.application()

SetOption = Annotated[list[str] | None, typer.Option("--set", help="A setting, package.field=value; repeatable.")]


@app.command()
def run(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(SERVICES)}.", metavar="SERVICE")],
    home: HomeOption = None,
    settings: SetOption = None,
) -> None:
    """Run one service in this process until it is told to stop."""
    raise typer.Exit(run_service(name, home_of(home), flags_of(settings or [])))
