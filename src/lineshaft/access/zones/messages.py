"""What is asked of the access service about zones."""

import msgspec

from lineshaft.access.model import Actor
from lineshaft.access.zones.model import ZonePlan
from lineshaft.access.zones.store import StoredPlan


class SetZones(msgspec.Struct, frozen=True, kw_only=True):
    """`set_zones`: put a plan in force."""

    actor: Actor
    plan: ZonePlan
    expected: int | None = None
    """The version that the actor saw; refused where it is another by now. None: whatever it is."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What a change of plan means for those it concerns."""

    principals: list[str] = []
    """Whose permissions on the bus change."""
    gateways: list[str] = []
    """Which may connect to other addresses than before."""


class ZonesSet(msgspec.Struct, frozen=True, kw_only=True):
    """The plan is in force."""

    stored: StoredPlan
    effect: Effect
    renew: list[str]
    """Principals on other machines whose bus credentials are void now: they need new ones."""
