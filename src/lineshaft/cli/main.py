"""The `lineshaft` command. Each command's module is imported only when it is called, so that help stays quick."""

import sys
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from lineshaft import __version__
from lineshaft.cli.catalogue import COMMANDS, load


class LazyGroup(TyperGroup):
    """Lists commands from the catalogue and imports one when it is resolved."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = COMMANDS.get(cmd_name)
        return None if entry is None else TyperCommand(cmd_name, help=entry.help)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, stub, rest = super().resolve_command(ctx, args)
        entry = COMMANDS.get(name or "")
        if entry is None:
            return name, stub, rest
        command = typer.main.get_command(load(entry.target))  # type: ignore[arg-type]
        command.name = name
        return name, command, rest


app = typer.Typer(cls=LazyGroup, rich_markup_mode=None, no_args_is_help=True, pretty_exceptions_enable=False)


def _show_version(value: bool) -> None:
    if value:
        print(f"lineshaft {__version__}")
        raise typer.Exit


@app.callback()
def lineshaft(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),
) -> None:
    """Lineshaft (天轴): an open-source industrial internet system.

    `lineshaft up` starts a box; `lineshaft top` shows its live values.
    """


def main() -> None:
    """Run the command line; an error of ours becomes message, hint, code and exit status."""
    from lineshaft.core.errors import LineshaftError

    try:
        app()
    except LineshaftError as error:
        from lineshaft.core import console

        sys.exit(console.fail(error))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe went away: nothing to complain about
        sys.exit(141)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
