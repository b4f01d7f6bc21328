"""Zones and conduits (IEC 62443-3-2): which parts of a plant belong together, and what may pass between them.

One object, the `ZonePlan`, is the source of everything that keeps zones apart: permissions on the bus, what a gateway may
connect to, policies, packet filters. Renderers make those; each is registered by name. Nothing here filters packets
itself. `model`, `endpoints` and `permissions` import no database: a gateway may use them.
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door

if TYPE_CHECKING:
    from lineshaft.access.zones.endpoints import EndpointRules as EndpointRules
    from lineshaft.access.zones.endpoints import endpoint_rules as endpoint_rules
    from lineshaft.access.zones.model import Conduit as Conduit
    from lineshaft.access.zones.model import Flow as Flow
    from lineshaft.access.zones.model import Zone as Zone
    from lineshaft.access.zones.model import ZonePlan as ZonePlan
    from lineshaft.access.zones.policies import cedar_source as cedar_source
    from lineshaft.access.zones.renderers import register as register
    from lineshaft.access.zones.store import current as current

__all__ = [
    "Conduit",
    "EndpointRules",
    "Flow",
    "Zone",
    "ZonePlan",
    "cedar_source",
    "current",
    "endpoint_rules",
    "register",
]

__getattr__ = door(
    __name__,
    {
        "endpoints": ("EndpointRules", "endpoint_rules"),
        "model": ("Conduit", "Flow", "Zone", "ZonePlan"),
        "policies": ("cedar_source",),
        "renderers": ("register",),
        "store": ("current",),
    },
)
