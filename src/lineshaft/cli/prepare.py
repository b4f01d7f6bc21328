"""Make a home ready to run: folders, identity, backup, migrations, keys, first administrator, demonstration plant.

Runs as a process of its own before the services start (`python -m lineshaft.cli.prepare`), so that the supervisor
never carries the libraries this needs. Every step is idempotent: a killed start is completed by the next one.
Prints one JSON document, `Prepared`, or an error as a problem document with the error's exit status.
"""

import argparse
import asyncio
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lineshaft.bus.server import BusServer
from lineshaft.cli import backup, catalogue
from lineshaft.cli.serve import flags_of
from lineshaft.cli.settings import BoxSettings
from lineshaft.core import http, logs
from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.core.home import Home, Identity
from lineshaft.core.settings import Settings

if TYPE_CHECKING:
    from lineshaft.bus.settings import BusSettings
    from lineshaft.records import Database


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervisor needs to know."""

    bus_argv: list[str]
    """Command line of the embedded bus server; empty where the bus is elsewhere."""
    services: list[str]
    invitation: str | None
    """One-time token for the first administrator; None once somebody can sign in."""
    upgraded: list[str]
    """Migrations applied."""


def demo_wanted(choice: bool | None) -> bool:
    """Whether the demonstration plant runs: as asked, else whether its extra is installed.

    Raises:
        InvalidInput: asked for and not installed.
    """
    installed = find_spec("tep_studio") is not None
    if choice and not installed:
        raise InvalidInput(
            "cli.demo_missing", "the demonstration plant is not installed", "pip install 'lineshaft[demo]'",
            field="--demo", value=True,
        )  # fmt: skip
    return installed if choice is None else choice


def prepare(home: Home, settings: Settings, *, demo: bool) -> Prepared:
    """Make `home` ready; see the module."""
    from lineshaft.access import AccessSettings, bootstrap
    from lineshaft.access.pki.installation import install
    from lineshaft.access.pki.settings import PkiSettings
    from lineshaft.bus.settings import BusSettings
    from lineshaft.records import Database, RecordsSettings, upgrade
    from lineshaft.resolution.settings import ResolutionSettings

    box = settings.of(BoxSettings)
    identity = home.prepare(tenant=box.tenant, site=box.site)
    without = {"plant": not demo, "resolution": not settings.of(ResolutionSettings).roles}
    services = [name for name in catalogue.SERVICES if not without.get(name)]
    database = Database.open(settings.of(RecordsSettings), home)
    try:
        upgraded = upgrade(
            database, catalogue.RECORD_PACKAGES, before=lambda: backup.before_upgrade(home, settings, box.backups_kept)
        )
        started = bootstrap(home, identity, database, list(catalogue.SERVICES), settings.of(AccessSettings))
        install(home, identity, database, settings.of(PkiSettings))
        bus = settings.of(BusSettings)
        if demo:
            bus = asyncio.run(_install_demo(home, identity, settings, database))
    finally:
        database.close()
    return Prepared(
        bus_argv=[] if bus.url else _prepare_bus(BusServer(bus, home, started.bus_auth)),
        services=services,
        invitation=started.invitation,
        upgraded=upgraded,
    )


def _prepare_bus(server: BusServer) -> list[str]:
    server.prepare()
    return server.argv


async def _install_demo(home: Home, identity: Identity, settings: Settings, database: "Database") -> "BusSettings":
    """Install the plant; the settings of the bus that it needs."""
    from lineshaft.bus.settings import BusSettings
    from lineshaft.demo.install import install, with_mqtt

    return with_mqtt(settings.of(BusSettings), await install(home, identity, settings, database))


def main() -> int:
    """Prepare and print the result."""
    parser = argparse.ArgumentParser(prog="lineshaft.cli.prepare")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--demo", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    home = Home(arguments.home)
    try:
        settings = catalogue.load_settings(home, flags_of(arguments.set))
        logs.configure("prepare", level=settings.of(BoxSettings).log_level)
        prepared = prepare(home, settings, demo=demo_wanted(arguments.demo))
    except LineshaftError as error:
        sys.stdout.write(msgspec.json.encode(http.problem(error)).decode() + "\n")
        return error.exit_code
    sys.stdout.write(msgspec.json.encode(prepared).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
