"""What kinds of certificates there are: for whom, for how long, for what. Microseconds."""

from typing import Final, Literal

import msgspec
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from lineshaft.access.pki.settings import PkiSettings
from lineshaft.core.clock import MICROSECONDS
from lineshaft.core.errors import Conflict, InvalidInput
from lineshaft.core.principals import Principal, PrincipalKind

ProfileName = Literal["service", "device", "server", "node"]

HOUR_US: Final = 3600 * MICROSECONDS
DAY_US: Final = 24 * HOUR_US

_CLIENT, _SERVER = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of certificate of principals."""

    name: str
    kinds: tuple[PrincipalKind, ...]
    """Whose it may be."""
    usages: tuple[x509.ObjectIdentifier, ...]
    """Extended key usage."""
    named: bool = False
    """May carry DNS names and addresses."""

    @property
    def proves(self) -> bool:
        """Whether its holder can call with it."""
        return _CLIENT in self.usages


PROFILES: Final[dict[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile(name="service", kinds=("service", "app"), usages=(_CLIENT, _SERVER)),
        # A gateway on a machine of its own is a service, and out of reach for longer than a day.
        Profile(name="device", kinds=("device", "service"), usages=(_CLIENT,)),
        Profile(name="server", kinds=("service", "node", "device"), usages=(_SERVER,), named=True),
        Profile(name="node", kinds=("node",), usages=(_CLIENT, _SERVER)),
    )
}


def life_us(profile: Profile, settings: PkiSettings) -> int:
    """How long a certificate of this profile is valid."""
    if profile.name == "service":
        return settings.service_hours * HOUR_US
    return (settings.server_days if profile.name == "server" else settings.device_days) * DAY_US


def check_profile(name: str, principal: Principal) -> Profile:
    """The profile, if this principal may have a certificate of it.

    Raises:
        InvalidInput: no such profile. Conflict: not for this kind of principal.
    """
    profile = PROFILES.get(name)
    if profile is None:
        raise InvalidInput(
            "access.profile_unknown", f"profile is {name[:40]!r}, which is none",
            "Profiles are service, device, server and node.", field="profile", value=name[:40],
        )  # fmt: skip
    if principal.kind not in profile.kinds:
        raise Conflict(
            "access.profile_not_for_kind", f"{principal.name!r} is a {principal.kind}: it gets no certificate of profile {name}",
            "Profile service is for services and apps, device for devices and gateways, node for nodes.",
            name=principal.name, kind=principal.kind, profile=name,
        )  # fmt: skip
    return profile
