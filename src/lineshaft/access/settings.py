"""Settings of sign-in, sessions and tokens: table `[access]`."""

from typing import Annotated, ClassVar

from msgspec import Meta

from lineshaft.core.settings import Section


class AccessSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    SECTION: ClassVar[str] = "access"

    session_hours: Annotated[int, Meta(ge=1, le=168, description="A session ends this long after sign-in.")] = 12
    session_idle_minutes: Annotated[
        int, Meta(ge=5, le=10080, description="A session ends after this long without a request.")
    ] = 240
    session_rotation_minutes: Annotated[
        int, Meta(ge=1, le=1440, description="A session's cookie is replaced by a new one after this long.")
    ] = 60
    break_glass_minutes: Annotated[
        int, Meta(ge=5, le=480, description="How long the emergency code lets its user administer.")
    ] = 60
    lockout_attempts: Annotated[
        int, Meta(ge=3, le=20, description="Failed sign-ins of one name within the window before it is locked.")
    ] = 5
    lockout_window_minutes: Annotated[
        int, Meta(ge=1, le=1440, description="Failures are counted over this window; also the first lock's length.")
    ] = 15
    lockout_maximum_minutes: Annotated[
        int, Meta(ge=1, le=1440, description="A lock doubles each time it comes back, up to this length.")
    ] = 60
    token_days: Annotated[int, Meta(ge=1, le=366, description="Life of an API token for which none is given.")] = 90
    token_maximum_days: Annotated[int, Meta(ge=1, le=366, description="Longest life an API token may have.")] = 366
    invitation_minutes: Annotated[
        int, Meta(ge=5, le=10080, description="A one-time sign-in link is valid for this long.")
    ] = 60
    password_minimum: Annotated[int, Meta(ge=12, le=64, description="Fewest characters of a password.")] = 12
