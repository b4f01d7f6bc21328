"""What each service may do: whom it may ask for what, and what it hears and says on the bus. One table for both.

The bus's permissions are made from it (in the service's signed credentials), and `authorize` decides by it. A service
whose name is not here has the grants of its `template` attribute, else none. Imports no database.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from lineshaft.access import sparkplug
from lineshaft.access.model import TEMPLATE
from lineshaft.access.zones.model import ZonePlan
from lineshaft.access.zones.permissions import cut
from lineshaft.bus import permissions
from lineshaft.bus.permissions import Permissions
from lineshaft.bus.streams import CONFIG, DEADLETTER, EVENTS, TELEMETRY
from lineshaft.bus.subjects import Subjects
from lineshaft.core.principals import Principal

Build = Callable[[Subjects, str], Permissions]


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a service may do."""

    asks: tuple[str, ...] = ()
    """Requests to other services, `package:verb`."""
    serves: tuple[str, ...] = ()
    """Requests it answers, `package:verb`; only the service of the grant's own name, no other by template."""
    answers: tuple[str, ...] = ()
    """Requests addressed to it by its own name that it answers; every service by template as well."""
    streams: Build
    """Everything else, for a site and the service's own name."""


ACCESS_VERBS: Final = (
    "sign_in", "redeem", "change_password", "create_principal", "set_roles", "revoke", "reinstate", "invite",
    "create_token", "revoke_token", "issue_credentials", "issue_certificate", "revoke_certificate",
    "set_clearance", "audit_search", "audit_entry", "audit_bodies", "audit_prune", "erase_person", "witness",
    "set_zones", "set_policy", "withdraw_policy", "approve",
    "passkey_begin", "passkey_register", "passkey_sign_in", "passkey_rename", "passkey_remove", "oidc_begin",
    "oidc_finish", "identity_remove", "break_glass_create", "break_glass_use", "break_glass_acknowledge",
    "enrol", "invite_machine", "join",
    "create_project", "delete_project", "add_member", "remove_member", "create_tenant",
    "create_dataset", "erase_dataset", "new_file_key", "open_file_key", "pseudonym_key",
)  # fmt: skip
_HISTORY_SHARDS: Final = 8
_HISTORY_VERBS: Final = (
    "latest", "hot", "gaps", "seal", "status", "maintain", "correct",
    *(f"{verb}-{shard}" for verb in ("latest", "hot", "seal", "status") for shard in range(1, _HISTORY_SHARDS)),
)  # fmt: skip
ADDRESSED: Final = "edge"
"""The package whose requests name a gateway: they reach that one and no other."""
_EDGE_VERBS: Final = (
    "browse", "inspect", "test", "status", "certificates", "trust", "secret", "command", "cancel", "lease",
)  # fmt: skip
_IDENTIFIERS: Final = "IDENTIFIERS"
_IDENTIFIER_VERBS: Final = ("identifiers-snapshot", "identifiers-standing", "identifiers-divide")
_DIVIDER: Final = "resolution"
"""The service that divides a site anew; the others follow."""
_DEMO_VERBS: Final = ("status", "disturb", "calm", "speed", "restart", "auto")


def _all(package: str, verbs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{package}:{verb}" for verb in verbs)


def _access(_subjects: Subjects, _name: str) -> Permissions:
    return permissions.manage_streams(TELEMETRY, EVENTS, CONFIG, DEADLETTER)


def _history(subjects: Subjects, name: str) -> Permissions:
    return permissions.join(
        permissions.read_stream(TELEMETRY, name),
        *(permissions.read_stream(TELEMETRY, name, f"shard-{shard}") for shard in range(1, _HISTORY_SHARDS)),
        permissions.trim_stream(TELEMETRY),
        permissions.publish(subjects.events_of("history"), subjects.dead("history"), subjects.data_of("history")),
        permissions.subscribe(subjects.tag_owners()) | permissions.last_message(CONFIG, subjects.tag_owners()),
    )


def _gateway(subjects: Subjects, name: str) -> Permissions:
    return permissions.join(
        permissions.publish(subjects.data_of(name), subjects.event("edge", "guard", name), subjects.dead("edge")),
        permissions.subscribe(subjects.config(name), subjects.command(name), subjects.event("access", "crl")),
        permissions.last_message(CONFIG, subjects.config(name)),
        permissions.subscribe(subjects.held(name)) | permissions.last_message(EVENTS, subjects.held(name)),
    )


def _web(subjects: Subjects, name: str) -> Permissions:
    """It also hands the outbox to the bus: events of every package, and configurations."""
    return permissions.join(
        permissions.publish(subjects.all_events(), subjects.all_configs(), subjects.data_of(name)),
        permissions.subscribe(subjects.all_data(), subjects.all_events()),
        permissions.stream_info(TELEMETRY),
        permissions.read_stream(EVENTS, name, "audit"),
    )


def _device(subjects: Subjects, name: str) -> Permissions:
    """A device that speaks MQTT: it sends under its own name and hears what it is told."""
    return permissions.join(
        permissions.publish(subjects.raws_of(name)),
        permissions.subscribe(subjects.command(name), subjects.commands_below(name)),
    )


def _resolution(subjects: Subjects, name: str) -> Permissions:
    """A server of identifiers publishes its own changes, and may copy those of every other; one of them divides the site."""
    asked = _IDENTIFIER_VERBS if name == _DIVIDER else _IDENTIFIER_VERBS[:2]
    own, subject = f"{_IDENTIFIERS}-{name}", subjects.identifier_changes(name)
    others = (f"{_IDENTIFIERS}-resolution", *(f"{_IDENTIFIERS}-resolution-{number}" for number in range(2, 9)))
    return permissions.join(
        permissions.manage_streams(own), permissions.trim_stream(own), permissions.publish(subject),
        permissions.last_message(own, subject), permissions.request_gateways(subjects, name, *asked),
        *(permissions.read_stream(stream, name, reader) for stream in (own, *others) for reader in ("mirror", name)),
    )  # fmt: skip


def _nothing(_subjects: Subjects, _name: str) -> Permissions:
    return Permissions()


_ASKED_BY_WEB: Final = (
    _all("access", ACCESS_VERBS) + _all("history", _HISTORY_VERBS) + _all("edge", _EDGE_VERBS)
    + _all("demo", _DEMO_VERBS)
)  # fmt: skip

GRANTS: Final[dict[str, Grant]] = {
    "access": Grant(serves=_all("access", ACCESS_VERBS), streams=_access),
    "history": Grant(serves=_all("history", _HISTORY_VERBS), streams=_history),
    "gateway": Grant(answers=_all(ADDRESSED, _EDGE_VERBS), streams=_gateway),
    "web": Grant(asks=_ASKED_BY_WEB, streams=_web),
    "plant": Grant(serves=_all("demo", _DEMO_VERBS), streams=_nothing),
    "resolution": Grant(answers=_all("resolution", _IDENTIFIER_VERBS), streams=_resolution),
}

ESSENTIAL: Final = frozenset({"access", "web", "local"})
"""Without these nobody could bring a revoked principal back: they cannot be revoked."""


def grant_of(principal: Principal) -> Grant | None:
    """The grants of a service; None where it has none, or is no service."""
    if principal.kind != "service":
        return None
    own, template = GRANTS.get(principal.name), GRANTS.get(principal.attributes.get(TEMPLATE, ""))
    if own is not None or template is None:
        return own
    # Requests to a package name no machine: another machine would hear what is not for it, and could answer.
    return msgspec.structs.replace(template, serves=())


def may_ask(principal: Principal, action: str) -> bool:
    """Whether a service may ask another one for `package:verb`."""
    grant = grant_of(principal)
    return grant is not None and action in grant.asks


def bus_permissions(principal: Principal, subjects: Subjects, plan: ZonePlan) -> Permissions:
    """What a principal's credentials allow on the bus, as far as conduits lead; its own inbox at the least."""
    name = principal.name
    grant = grant_of(principal)
    parts = [permissions.inbox(name)]
    if principal.kind == "device":
        parts.append(_device(subjects, name))
        parts.append(sparkplug.permissions_of(principal.attributes.get(sparkplug.ATTRIBUTE, "")))
    if grant is not None:
        parts.append(grant.streams(subjects, name))
        parts.extend(_asking(subjects, name, *action.split(":")) for action in grant.asks)
        parts.extend(permissions.serve(subjects, *action.split(":")) for action in grant.serves)
        parts.extend(permissions.serve_as_gateway(subjects, name, action.split(":")[1]) for action in grant.answers)
    return cut(permissions.join(*parts), name, plan, subjects)


def _asking(subjects: Subjects, name: str, package: str, verb: str) -> Permissions:
    if package == ADDRESSED:
        return permissions.request_gateways(subjects, name, verb)
    return permissions.request(subjects, name, package, verb)
