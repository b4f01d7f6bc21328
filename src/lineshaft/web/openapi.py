"""The description of the interface: OpenAPI 3.1, made from the routes, with what each needs and an example of each body.

Litestar writes paths, parameters and schemas; added here are the action behind each operation, the one form of every
error, and examples: those that the types carry, else made from the schema, the same at every start.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from litestar import Litestar, Router
from litestar.openapi import OpenAPIConfig
from litestar.routes import HTTPRoute

from lineshaft import __version__
from lineshaft.access.browser import COOKIE, CSRF_HEADER
from lineshaft.core.http import PROBLEM_JSON
from lineshaft.web.idempotency import KEY_HEADER

_DESCRIPTION = f"""\
Every call needs a signed-in session (cookie `{COOKIE}`; unsafe methods also the header `{CSRF_HEADER}`) or an API token
(`Authorization: Bearer ls_…`), and the action named with it. Lists are paged: pass `next` as `cursor`.
A POST may carry `{KEY_HEADER}`: sent again with the same key it is carried out once.
Objects with an `ETag` take it in `If-None-Match` (reading) and `If-Match` (changing).
Errors are RFC 9457 problem documents with a stable `code` and a `hint`, in the language of `Accept-Language` (en, zh).

Live values: WebSocket `/api/v1/live`. Send `{{"subscribe": ["path"]}}`; receive `{{"values": [["path", microseconds,
value, StatusCode]]}}`, conflated, at most ten times a second; `{{"refused": […]}}` names paths that are no tags;
`{{"stale": true}}` says that no new values come at the moment. Close code 4401: sign in again.
"""

_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem document.",
    "required": ["type", "title", "status", "code", "hint", "facts"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "One sentence: what is wrong."},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable key of the error."},
        "hint": {"type": "string", "description": "What to do about it."},
        "facts": {"type": "object", "description": "The values named in the sentence."},
        "instance": {"type": "string"},
    },
    "examples": [
        {
            "type": "urn:lineshaft:error:core.limit_out_of_range",
            "title": "limit is 0, outside 1 to 1000",
            "status": 400,
            "code": "core.limit_out_of_range",
            "hint": "Ask for several pages.",
            "facts": {"field": "limit", "value": 0, "maximum": 1000},
            "instance": "/api/v1/system/jobs",
        }
    ],
}

_NAMED: dict[str, Any] = {
    "path": "eastman/tennessee/process/te/main/plant/XMEAS_01",
    "tag": "eastman/tennessee/process/te/main/plant/XMEAS_01",
    "prefix": "eastman/tennessee",
    "device": "plant",
    "gateway": "gateway",
    "unit": "kscmh",
    "handle": "99.1234567890/tag.01JZ8M3Q6W4T5R2Y7K9B0C1D2E",
    "id": "01JZ8M3Q6W4T5R2Y7K9B0C1D2E",
    "time": "2026-01-31T08:00:00.000000Z",
    "from": "-15m",
    "to": "now",
    "cursor": "WyJhYmMiXQ",
    "next": "WyJhYmMiXQ",
    "quality": 0,
    "value": 0.25052,
    "url": "opc.tcp://192.0.2.10:4840",
}
_FORMATS = {"date-time": "2026-01-31T08:00:00Z", "uri": "https://plant.example", "binary": ""}


class _NoPages(Router):
    """Litestar would add pages of its own, which load scripts from other hosts; ours are in `site`."""

    def register(self, value: Any) -> list[Any]:
        return []


def config() -> OpenAPIConfig:
    """What Litestar needs to describe the routes without serving anything itself."""
    return OpenAPIConfig(
        title="Lineshaft", version=__version__, description=_DESCRIPTION, use_handler_docstrings=True,
        openapi_router=_NoPages(path="/api/openapi", route_handlers=[]),
    )  # fmt: skip


def describe(app: Litestar) -> dict[str, Any]:
    """The whole description as a JSON-able document."""
    document = app.openapi_schema.to_schema()
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "API token `ls_…`"},
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
    }
    declared = _declared(app)
    for path, method, operation in _operations(document):
        # Litestar's summary is the function's name; the sentence beside it says what it does.
        said, _, more = operation.pop("description", operation.get("summary", "")).partition("\n\n")
        operation["summary"] = " ".join(said.split())
        if more:
            operation["description"] = more.strip()
        _add_access(operation, declared.get((path, method), {}))
        _add_errors(operation)
        _add_examples(operation, schemas)
    return document


def _declared(app: Litestar) -> dict[tuple[str, str], Mapping[str, Any]]:
    """What each operation declares about access, by path and method."""
    return {
        (route.path_format or "/", method.lower()): handler.opt
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
    }


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document.get("paths", {}).items():
        for method in ("get", "post", "put", "patch", "delete"):
            if method in item:
                yield path, method, item[method]


def _add_access(operation: dict[str, Any], opt: Mapping[str, Any]) -> None:
    action = opt.get("action")
    operation["security"] = [{"token": []}, {"session": []}] if action else []
    if action:
        operation["x-action"] = action


def _add_errors(operation: dict[str, Any]) -> None:
    responses = operation.setdefault("responses", {})
    responses.pop("400", None)  # Litestar describes its own form, which never leaves this server
    responses["default"] = {
        "description": "Anything else: what is wrong and what to do.",
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _add_examples(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for body in bodies:
        for kind, content in body.get("content", {}).items():
            if "json" in kind and "schema" in content and not content.keys() & {"example", "examples"}:
                content["example"] = example(content["schema"], schemas)
    for parameter in operation.get("parameters", []):
        if not parameter.keys() & {"example", "examples"}:
            parameter["example"] = example(parameter.get("schema", {}), schemas, parameter["name"])


def example(
    schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str = "", inside: frozenset[str] = frozenset()
) -> Any:
    """A value that the schema admits; None where it would contain itself for ever.

    Args:
        name: of the field it is for.
        inside: the named schemas that it stands in.
    """
    if "$ref" in schema:
        reference = schema["$ref"].rsplit("/", 1)[1]
        if reference in inside:
            return None
        return example(schemas.get(reference, {}), schemas, name, inside | {reference})
    if given := _given(schema):
        return given[0]
    choices = [choice for key in ("oneOf", "anyOf", "allOf") for choice in schema.get(key, ())]
    if choices:
        chosen = next((choice for choice in choices if choice.get("type") != "null"), choices[0])
        return example(chosen, schemas, name, inside)
    return _made(schema, schemas, name, inside)


def _made(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str, inside: frozenset[str]) -> Any:
    """A value of the schema's own type."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if kind == "object" or "properties" in schema:
        fields = schema.get("properties", {})
        return {field: example(inner, schemas, field, inside) for field, inner in fields.items()}
    if kind == "array":
        items = schema.get("prefixItems") or [schema.get("items") or {}]
        values = [example(inner, schemas, name.removesuffix("s"), inside) for inner in items]
        return [value for value in values if value is not None]
    return _plain(kind, schema, name)


def _given(schema: Mapping[str, Any]) -> list[Any]:
    """Examples and fixed values that the schema itself carries, the best first."""
    given = schema.get("examples")
    values = (
        [each.get("value", each) if isinstance(each, dict) else each for each in given.values()]
        if isinstance(given, dict)
        else list(given or ())
    )
    values += [schema[key] for key in ("example", "const") if key in schema]
    values += list(schema.get("enum", ()))
    if schema.get("default") not in (None, "", [], {}):
        values.append(schema["default"])
    return values


def _plain(kind: str | None, schema: Mapping[str, Any], name: str) -> Any:
    named = _NAMED.get(name)
    if kind == "string":
        return named if isinstance(named, str) else _FORMATS.get(schema.get("format", ""), "text")
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        number = named if isinstance(named, int | float) else low
        return int(number) if kind == "integer" else number
    if kind == "boolean":
        return True
    return named if kind is None else None
