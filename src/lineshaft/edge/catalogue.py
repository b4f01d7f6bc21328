"""What every driver says of itself, for whoever describes a device: endpoints, addresses, scan modes, options."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
from litestar import get
from litestar.di import NamedDependency

from lineshaft.core import texts
from lineshaft.edge.driver import drivers, find_driver

_PLAIN: Mapping[str, Literal["text", "integer", "number", "boolean"]] = {
    "string": "text", "integer": "integer", "number": "number", "boolean": "boolean",
}  # fmt: skip


class DriverOption(msgspec.Struct, frozen=True, kw_only=True):
    """An option of a driver's devices."""

    name: str
    kind: Literal["text", "integer", "number", "boolean", "choice", "json"]
    """`json`: a list or an object."""
    required: bool
    default: Any = None
    choices: list[str | int] = []
    minimum: float | None = None
    maximum: float | None = None


class DriverView(msgspec.Struct, frozen=True, kw_only=True):
    """A driver."""

    name: str
    title: str
    endpoint: str
    """What a device's endpoint looks like, with an example."""
    address: str
    """The same for a point's address."""
    modes: list[str]
    usual: str
    """Mode of a new device's group."""
    browses: bool
    """It can list what a device has."""
    writes: bool
    quality: str
    options: list[DriverOption]


class DriverList(msgspec.Struct, frozen=True, kw_only=True):
    """Drivers by name."""

    items: list[DriverView]


@get("/api/v1/edge/drivers", opt={"action": "edge:read"}, tags=["edge"])
async def list_drivers(language: NamedDependency[str]) -> DriverList:
    """The protocols that devices can speak here."""
    return DriverList(items=await asyncio.to_thread(lambda: [_view(name, language) for name in sorted(drivers())]))


def _view(name: str, language: str) -> DriverView:
    manifest = find_driver(name).manifest
    return DriverView(
        name=name, title=texts.driver(language, name, "title", manifest.title),
        endpoint=texts.driver(language, name, "endpoint", manifest.endpoint),
        address=texts.driver(language, name, "address", manifest.address), modes=sorted(manifest.modes), usual=manifest.usual or ("subscribe" if "subscribe" in manifest.modes else "poll"),
        browses=manifest.browses, writes=manifest.writes, quality=manifest.quality,
        options=list(_options(manifest.options)),
    )  # fmt: skip


def _options(type_: type[msgspec.Struct]) -> Iterator[DriverOption]:
    (schema,), definitions = msgspec.json.schema_components([type_], ref_template="{name}")
    described = definitions[schema["$ref"]]
    for name, field in described.get("properties", {}).items():
        choices = field.get("enum", [])
        several = field.get("anyOf", ())  # one that may be null
        told = next((each for each in several if each.get("type") != "null"), field)
        yield DriverOption(
            name=name, kind="choice" if choices else _PLAIN.get(told.get("type", ""), "json"),
            required=name in described.get("required", ()), default=field.get("default"), choices=choices,
            minimum=told.get("minimum"), maximum=told.get("maximum"),
        )  # fmt: skip


ROUTES = [list_drivers]
