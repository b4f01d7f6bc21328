"""Renderers: each makes one kind of rules from the plan. Ours come through the same door as those of other packages."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from lineshaft.access.grants import bus_permissions
from lineshaft.access.zones import nftables, policies
from lineshaft.access.zones.endpoints import EndpointRules, endpoint_rules
from lineshaft.access.zones.model import ZonePlan
from lineshaft.access.zones.packets import Ports
from lineshaft.bus.subjects import Subjects
from lineshaft.core.errors import NotFound
from lineshaft.core.principals import Principal


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """What rules may need to know beside the plan."""

    tenant: str
    site: str
    principals: Sequence[Principal] = ()
    ports: Ports = Ports()


Renderer = Callable[[ZonePlan, Installation], str]
_RENDERERS: Final[dict[str, Renderer]] = {}


def register(name: str, renderer: Renderer) -> None:
    """Add a renderer under a name; the text it makes is what `lineshaft zones render NAME` prints."""
    if name in _RENDERERS:
        raise ValueError(f"there is a renderer {name!r} already")
    _RENDERERS[name] = renderer


def names() -> list[str]:
    """Every registered renderer."""
    return sorted(_RENDERERS)


def render(name: str, plan: ZonePlan, installation: Installation) -> str:
    """The rules of one kind.

    Raises:
        NotFound: no renderer has that name.
    """
    if name not in _RENDERERS:
        raise NotFound(
            "access.zone_renderer_unknown", f"there is no renderer {name[:40]!r}", f"There are {', '.join(names())}.",
            value=name[:40], known=", ".join(names()),
        )  # fmt: skip
    return _RENDERERS[name](plan, installation)


def _nats(plan: ZonePlan, installation: Installation) -> str:
    subjects = Subjects(installation.tenant, installation.site)
    services = [principal for principal in installation.principals if principal.kind not in ("person", "app")]
    return _text({principal.name: bus_permissions(principal, subjects, plan) for principal in services})


def _gateway(plan: ZonePlan, installation: Installation) -> str:
    found: dict[str, EndpointRules | None] = {
        principal.name: endpoint_rules(plan, principal.name) for principal in installation.principals
        if is_gateway(principal)
    }  # fmt: skip
    return _text(found)


def is_gateway(principal: Principal) -> bool:
    """Whether a principal is a service that connects to devices."""
    return principal.kind == "service" and "gateway" in (principal.name, principal.attributes.get("template"))


def _cedar(plan: ZonePlan, _installation: Installation) -> str:
    return policies.cedar(plan)


def _nftables(plan: ZonePlan, installation: Installation) -> str:
    return nftables.ruleset(plan, installation.ports)


def _text(document: object) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


for _name, _renderer in (("nats", _nats), ("gateway", _gateway), ("cedar", _cedar), ("nftables", _nftables)):
    register(_name, _renderer)
