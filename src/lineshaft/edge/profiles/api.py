"""Routes under /api/v1/edge/profiles."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter

from lineshaft.access import Access
from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput
from lineshaft.core.http import check_limit, decode_cursor, encode_cursor
from lineshaft.core.principals import MAIN_PROJECT, Principal
from lineshaft.edge import weakening
from lineshaft.edge.driver import find_driver
from lineshaft.edge.model import Point, ScanGroup
from lineshaft.edge.profiles.model import DeviceProfile
from lineshaft.edge.profiles.store import Profiles, StoredProfile
from lineshaft.edge.store import Change, Devices

_ROOT = "/api/v1/edge/profiles"
_TAGS = ["edge"]
_READ = {"action": "edge:read"}
_CONFIGURE = {"action": "edge:configure", "project": MAIN_PROJECT}
IfMatch = Annotated[str | None, HeaderParameter(name="If-Match", description="ETag of the profile as you read it")]


class ProfileBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A profile as an engineer describes it."""

    driver: str
    title: str = ""
    options: Mapping[str, Any] = {}
    groups: tuple[ScanGroup, ...] = (ScanGroup(),)
    points: tuple[Point, ...] = ()
    source: str = ""

    def profile(self, name: str) -> DeviceProfile:
        """The profile of that name."""
        fields = {field: getattr(self, field) for field in self.__struct_fields__}
        try:
            return msgspec.convert({**msgspec.to_builtins(fields), "name": name}, DeviceProfile)
        except msgspec.ValidationError as error:
            raise InvalidInput(
                "edge.profile_name_invalid", f"the profile name {name[:64]!r} is not possible: {error}",
                "Use 1 to 63 lower-case letters, digits, '-' and '_', beginning with a letter or digit.",
                field="name", value=name[:64], reason=str(error),
            ) from error  # fmt: skip


class ProfileView(msgspec.Struct, frozen=True, kw_only=True):
    """A profile in a list."""

    name: str
    driver: str
    title: str
    points: int
    source: str
    changed: str


class ProfilePage(msgspec.Struct, frozen=True, kw_only=True):
    """Profiles by name."""

    items: list[ProfileView]
    next: str | None


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """Devices that have the profile's points now."""

    devices: list[str]


def _view(stored: StoredProfile) -> ProfileView:
    profile = stored.profile
    return ProfileView(
        name=profile.name, driver=profile.driver, title=profile.title, points=len(profile.points), source=profile.source,
        changed=clock.rfc3339(stored.changed),
    )  # fmt: skip


@get(_ROOT, opt=_READ, tags=_TAGS)
async def list_profiles(
    profiles: NamedDependency[Profiles],
    cursor: Annotated[str | None, QueryParameter(description="`next` of the page before")] = None,
    limit: Annotated[int, QueryParameter(description="Items on one page")] = 100,
) -> ProfilePage:
    """Device profiles by name."""
    after = str(decode_cursor(cursor)[0]) if cursor else ""
    found = await profiles.list(after=after, limit=check_limit(limit))
    more = encode_cursor(found[-1].profile.name) if len(found) == limit else None
    return ProfilePage(items=[_view(stored) for stored in found], next=more)


@get(f"{_ROOT}/{{profile:str}}", opt=_READ, tags=_TAGS)
async def get_profile(profiles: NamedDependency[Profiles], profile: FromPath[str]) -> Response[DeviceProfile]:
    """One profile with its points, and its ETag."""
    stored = await profiles.get(profile)
    return Response(stored.profile, headers={"etag": stored.etag})


@put(f"{_ROOT}/{{profile:str}}", opt=_CONFIGURE, tags=_TAGS)
async def put_profile(
    profiles: NamedDependency[Profiles], profile: FromPath[str], data: JSONBody[ProfileBody], if_match: IfMatch = None
) -> Response[DeviceProfile]:
    """Add or replace a profile; its devices change when it is applied."""
    find_driver(data.driver)
    stored = await profiles.put(data.profile(profile), if_match=if_match)
    return Response(stored.profile, headers={"etag": stored.etag})


@delete(f"{_ROOT}/{{profile:str}}", opt=_CONFIGURE, tags=_TAGS, status_code=204)
async def remove_profile(profiles: NamedDependency[Profiles], profile: FromPath[str]) -> None:
    """Forget a profile that no device is made from."""
    await profiles.remove(profile)


@post(f"{_ROOT}/{{profile:str}}/apply", opt=_CONFIGURE, tags=_TAGS, status_code=200)
async def apply_profile(
    access: NamedDependency[Access],
    devices: NamedDependency[Devices],
    profiles: NamedDependency[Profiles],
    principal: NamedDependency[Principal],
    profile: FromPath[str],
) -> Applied:
    """Give a profile's points to every device that is made from it."""
    chosen = await profiles.devices_of(profile)
    for stored in chosen:
        await access.require(principal, "edge:configure", await devices.resource(stored.device.name, stored.gateway))
    given = await profiles.get(profile)
    after = {stored.device.name: given.profile.applied(stored.device) for stored in chosen}
    lost = await devices.lost(after, principal.projects)
    if lost:
        first = chosen[0]
        concerned = await devices.resource(first.device.name, first.gateway, first.project)
        concerned = msgspec.structs.replace(concerned, id=f"{profile}/{first.device.name}", kind="profile")
        await weakening.require_second_person(access, principal, concerned, lost, about=(given.etag,))
    await profiles.apply(given, chosen, Change(author=principal.id, comment=f"profile {profile}"))
    return Applied(devices=[stored.device.name for stored in chosen])


ROUTES = [list_profiles, get_profile, put_profile, remove_profile, apply_profile]
