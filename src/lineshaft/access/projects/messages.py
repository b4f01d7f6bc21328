"""What the access service is asked about projects and tenants over the bus."""

import msgspec

from lineshaft.access.model import Actor


class CreateProject(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    name: str
    title: str = ""


class CreateTenant(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    name: str
    title: str = ""


class OfProject(msgspec.Struct, frozen=True, kw_only=True):
    """For `delete_project`."""

    actor: Actor
    name: str


class OfMember(msgspec.Struct, frozen=True, kw_only=True):
    """For `add_member` and `remove_member`."""

    actor: Actor
    project: str
    name: str
    """Of a person or app; or its handle."""
