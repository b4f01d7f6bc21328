"""`lineshaft history views`."""

from typing import Annotated, Literal

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption


def views(
    engine: Annotated[Literal["duckdb", "polars", "spark"], typer.Argument(help="Engine that is to read the tables.")],
    home: HomeOption = None,
) -> None:
    """Print a view of the stored values for another engine, ready to copy."""
    from lineshaft.core.settings import Settings
    from lineshaft.history.settings import HistorySettings
    from lineshaft.history.views.text import view

    place = console.home_of(home)
    settings = Settings.load([HistorySettings], file=place.settings_file, partial=True)
    typer.echo(view(engine, settings.of(HistorySettings).place(place)), nl=False)
