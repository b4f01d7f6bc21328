"""`lineshaft history views`."""

from importlib.resources import files
from typing import Annotated, Literal

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption

_FILES = {"duckdb": "duckdb.sql", "polars": "polars_view.txt", "spark": "spark_view.txt"}


def views(
    engine: Annotated[Literal["duckdb", "polars", "spark"], typer.Argument(help="Engine that is to read the tables.")],
    home: HomeOption = None,
) -> None:
    """Print a view of the stored values for another engine, ready to copy."""
    folder = console.home_of(home).path / "history"
    text = files("lineshaft.history.views").joinpath(_FILES[engine]).read_text("utf-8")
    typer.echo(text.replace("{history}", str(folder)), nl=False)
