"""What every command of the command line shares: options, output, errors. Only `cli` modules import this.

Output is a table for people and, with `--json`, one JSON document for programs; both go to standard output. Everything
that is not the answer (progress, hints, errors) goes to standard error.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lineshaft.core import texts
from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.core.home import Home, default_home

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Home folder of the installation [default: LINESHAFT_HOME or ~/.lineshaft]."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]

_WHOLE = 1000
"""Longer than any summary."""


class Commands(TyperGroup):
    """A group whose help shows the whole summary of each command, over two lines where one is too short."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(_WHOLE)) for name, command in commands if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def application(help: str = "") -> typer.Typer:  # noqa: A002  # the library's own word
    """A group of commands: plain help, which imports nothing; completion belongs to `lineshaft` as a whole."""
    return typer.Typer(
        cls=Commands, help=help or None, no_args_is_help=bool(help), add_completion=False, rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )  # fmt: skip


def home_of(path: Path | None) -> Home:
    """The home folder a command works on."""
    return Home(path if path is not None else default_home())


def language() -> str:
    """Language of messages: LINESHAFT_LANGUAGE, else the locale's, else English."""
    for variable in ("LINESHAFT_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(variable):
            return texts.preferred(os.environ[variable])
    return "en"


def say(english: str, chinese: str) -> str:
    """The text in the user's language."""
    return chinese if language() == "zh" else english


def output(
    answer: Any, *, as_json: bool, columns: Sequence[tuple[str, str]] | None = None, empty: str | None = None
) -> None:
    """Print an answer: an object as name and value lines, a list of objects as a table, or everything as JSON.

    Args:
        answer: JSON-able value; a list of mappings for a table.
        as_json: print JSON.
        columns: (key, heading) of a table's columns; all keys of the first row where not given.
        empty: what to say of an empty list; that nothing is there where not given.
    """
    if as_json:
        import msgspec

        sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode() + "\n")
        return
    if isinstance(answer, Mapping):
        _print_object(answer)
    elif isinstance(answer, list):
        _print_table(answer, columns, empty or say("Nothing here yet.", "这里还没有内容。"))
    else:
        sys.stdout.write(f"{answer}\n")


def _print_object(answer: Mapping[str, Any]) -> None:
    width = max((len(key) for key in answer), default=0)
    for key, value in answer.items():
        sys.stdout.write(f"{key:<{width}}  {_cell(value)}\n")


def _print_table(rows: Iterable[Any], columns: Sequence[tuple[str, str]] | None, empty: str) -> None:
    rows = list(rows)
    if not rows:
        sys.stderr.write(f"{empty}\n")
        return
    if columns is None:
        columns = [(key, key) for key in rows[0]]
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for _, heading in columns:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(key))) for key, _ in columns))
    # A pipe has no width: never cut a column there.
    Console(width=None if sys.stdout.isatty() else 1000, highlight=False).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return say("yes", "是") if value else say("no", "否")
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(str(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_cell(item)}" for key, item in value.items())
    return str(value)


def note(text: str) -> None:
    """A line for people, on standard error."""
    sys.stderr.write(f"{text}\n")


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be undone; ends the command unless agreed to.

    Raises:
        InvalidInput: nobody is there to answer.
    """
    if yes:
        return
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        if sys.stdin.isatty():
            raise
        typer.echo(err=True)  # the line of the question
        raise InvalidInput(
            "core.not_confirmed", f"nobody answered: {question}", "Give --yes where nobody is there to be asked.",
            field="yes", question=question,
        ) from None  # fmt: skip
    if not agreed:
        raise typer.Exit(1)


def follow(job_id: str, read: Callable[[str], Mapping[str, Any]], *, quiet: bool = False) -> Mapping[str, Any]:
    """Show a job's progress until it ends; returns the job.

    Args:
        job_id: the job.
        read: gets the job's present state by id (`state`, `done`, `total`, `message`, `result`, `error`).
        quiet: no bar.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet or not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=None)
        while True:
            job = read(job_id)
            bar.update(task, description=str(job["message"]), completed=job["done"], total=job["total"] or None)
            if job["state"] not in ("queued", "running"):
                return job
            time.sleep(0.2)


def fail(error: LineshaftError) -> int:
    """Print an error's message, hint and code in the user's language; returns the exit status."""
    message, hint = error.text(language())
    typer.secho(f"{say('error', '错误')}: {message}", fg="red", err=True)
    if hint:
        typer.secho(f"  {hint}", err=True)
    typer.secho(f"  [{error.code}]", dim=True, err=True)
    return error.exit_code
