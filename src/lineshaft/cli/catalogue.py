"""What there is to assemble: the command groups, services and settings of every package, named but not imported."""

import importlib
from collections.abc import Mapping
from typing import cast

import msgspec

from lineshaft.core.home import Home
from lineshaft.core.settings import Section, Settings

RECORD_PACKAGES = ("records", "ledger", "access", "history", "edge", "web")
"""Packages with tables, in the order of their migrations."""

_SECTIONS = (
    "lineshaft.records.settings:RecordsSettings",
    "lineshaft.bus.settings:BusSettings",
    "lineshaft.ledger.settings:LedgerSettings",
    "lineshaft.access.settings:AccessSettings",
    "lineshaft.access.people.settings:OidcSettings",
    "lineshaft.access.pki.settings:PkiSettings",
    "lineshaft.access.est.settings:EstSettings",
    "lineshaft.access.trail.settings:AuditSettings",
    "lineshaft.access.labels.settings:LabelSettings",
    "lineshaft.history.settings:HistorySettings",
    "lineshaft.history.maintenance.settings:MaintenanceSettings",
    "lineshaft.history.transfer.settings:TransferSettings",
    "lineshaft.edge.settings:EdgeSettings",
    "lineshaft.resolution.settings:ResolutionSettings",
    "lineshaft.web.settings:WebSettings",
    "lineshaft.demo.settings:DemoSettings",
    "lineshaft.cli.settings:BoxSettings",
)


class ServiceEntry(msgspec.Struct, frozen=True):
    """A service that `lineshaft run NAME` runs."""

    target: str
    """`module:class`."""
    after: tuple[str, ...]
    """What must have started before it in a box."""


SERVICES: dict[str, ServiceEntry] = {
    "access": ServiceEntry("lineshaft.access.service:AccessService", ("bus",)),
    "history": ServiceEntry("lineshaft.history.service:HistoryService", ("bus", "access")),
    "gateway": ServiceEntry("lineshaft.edge.service:GatewayService", ("bus", "access")),
    "web": ServiceEntry("lineshaft.web.service:WebService", ("bus", "access")),
    "resolution": ServiceEntry("lineshaft.resolution.service:ResolutionService", ("bus", "access")),
    "plant": ServiceEntry("lineshaft.demo.service:PlantService", ("bus",)),
}


class Command(msgspec.Struct, frozen=True):
    """An entry of `lineshaft --help`; its module is imported when it is called."""

    target: str
    """`module:attribute` of a Typer application."""
    help: str


COMMANDS: dict[str, Command] = {
    "up": Command("lineshaft.cli.up:app", "Start everything on this machine."),
    "down": Command("lineshaft.cli.down:app", "Stop what `up` started."),
    "status": Command("lineshaft.cli.status:app", "Show the running services and their health."),
    "doctor": Command("lineshaft.cli.doctor:app", "Find what is wrong and say what to do."),
    "top": Command("lineshaft.cli.top:app", "Watch live values."),
    "device": Command("lineshaft.edge.cli:app", "Devices and their points: list, browse, import, add, test."),
    "command": Command(
        "lineshaft.edge.commands.cli:app", "Write to machines: write, list, show, approve, cancel, lease."
    ),
    "history": Command("lineshaft.history.cli:app", "Query stored values."),
    "jobs": Command("lineshaft.cli.jobs:app", "Long work: imports, exports, maintenance: list, follow, cancel."),
    "access": Command("lineshaft.access.cli:app", "People, services, roles and tokens."),
    "audit": Command("lineshaft.access.trail.cli:app", "The audit trail: search, prove, verify, export."),
    "ledger": Command("lineshaft.ledger.cli:app", "Transparency logs: verify a copy offline, witnesses."),
    "policy": Command("lineshaft.access.policy.cli:app", "Policies: check, test, compare, explain, put into force."),
    "zones": Command("lineshaft.access.zones.cli:app", "Zones and conduits: show, render, verify."),
    "labels": Command("lineshaft.access.labels.cli:app", "Data labels: grade, catalogue, hold, erase."),
    "pki": Command("lineshaft.access.pki.cli:app", "Certificates: the authority, issue, revoke, revocation list."),
    "edge": Command(
        "lineshaft.edge.enrolment.cli:app", "Gateways: simulate, probe, import, profiles, versions, enrol."
    ),
    "guard": Command(
        "lineshaft.edge.guard.cli:app", "The guard in front of every write: check, explain, learn, approve."
    ),
    "id": Command("lineshaft.resolution.cli:app", "Identifiers: resolve, register, verify, and run nodes."),
    "dashboard": Command(
        "lineshaft.web.dashboards.cli:app", "Dashboards as texts: list, show, apply, export, versions."
    ),
    "demo": Command("lineshaft.demo.cli:app", "The demonstration plant."),
    "config": Command("lineshaft.cli.config:app", "Show the settings and where they come from."),
    "backup": Command("lineshaft.cli.backup:backup_app", "Write the whole installation to one file."),
    "restore": Command("lineshaft.cli.backup:restore_app", "Make an installation from a backup."),
    "run": Command("lineshaft.cli.run:app", "Run one service in this process."),
}


def load(target: str) -> object:
    """The object that `module:attribute` names."""
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def load_settings(home: Home, flags: Mapping[str, str] | None = None) -> Settings:
    """All settings of an installation.

    Raises:
        InvalidInput: an unknown setting or a wrong value.
    """
    kinds = [cast("type[Section]", load(target)) for target in _SECTIONS]
    return Settings.load(kinds, file=home.settings_file, flags=flags)
