"""One service in this process, started with plain arguments: `python -m lineshaft.cli.serve NAME --home FOLDER`.

The supervisor starts services this way: without the command-line library each of them is 10 MB lighter.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import cast

from lineshaft.cli.catalogue import SERVICES, load, load_settings
from lineshaft.cli.settings import BoxSettings
from lineshaft.core import logs, memory, service
from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.core.home import Home

SPARED = ("pandas", "rich")
"""Libraries that others import only because they find them installed: up to 45 MB in every service."""


def flags_of(pairs: list[str]) -> dict[str, str]:
    """`package.field=value` pairs of `--set` as a mapping.

    Raises:
        InvalidInput: a pair without `=`.
    """
    flags = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InvalidInput(
                "cli.set_unreadable", f"--set {pair!r} has no '='", "Write --set package.field=value.",
                field="--set", value=pair,
            )  # fmt: skip
        flags[name] = value
    return flags


def run_service(name: str, home: Home, flags: dict[str, str]) -> int:
    """Run a service until it is told to stop; returns the exit status.

    Raises:
        InvalidInput: no such service, or a wrong setting.
        Unavailable: there is no installation in `home`.
    """
    import uvloop

    entry = SERVICES.get(name)
    if entry is None:
        raise InvalidInput(
            "cli.service_unknown", f"there is no service {name!r}", f"Services: {', '.join(SERVICES)}.",
            field="service", value=name,
        )  # fmt: skip
    if name != "plant":  # whose model needs pandas
        memory.refuse_imports(*SPARED)
    settings = load_settings(home, flags)
    logs.configure(name, level=settings.of(BoxSettings).log_level)
    context = service.Context(home, settings)
    home.identity()  # refuse a missing or unreadable home before anything starts
    kind = cast("type[service.Service]", load(entry.target))

    async def serve() -> int:
        return await service.run(kind(context))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve())


def main() -> int:
    """Entry of a supervised process."""
    parser = argparse.ArgumentParser(prog="lineshaft.cli.serve")
    parser.add_argument("name")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    try:
        return run_service(arguments.name, Home(arguments.home), flags_of(arguments.set))
    except LineshaftError as error:
        sys.stderr.write(f"{error}\n  {error.hint}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
