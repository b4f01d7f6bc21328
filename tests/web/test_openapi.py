"""The description of the interface: complete, valid in form, with an example of every body."""

import msgspec
import pytest
from litestar import get, post
from litestar.params import FromPath, JSONBody

from lineshaft.web import openapi
from lineshaft.web.app import package_routes


class Thing(msgspec.Struct):
    path: str
    count: int = 3
    parts: list["Thing"] = []
    note: str | None = None


@post("/api/v1/test/things/{name:str}", opt={"action": "history:write"}, tags=["test"])
async def make(name: FromPath[str], data: JSONBody[Thing]) -> Thing:
    """Make a thing.

    More about things.
    """
    return data


@get("/open", opt={"public": "a test"}, tags=["test"])
async def opened() -> list[Thing]:
    """Things."""
    return []


@pytest.fixture
async def document(serve):
    async with serve(make, opened) as server, server.client() as client:
        yield (await client.get("/api/openapi.json")).json()


async def test_it_is_openapi_3_1_of_this_server(document):
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Lineshaft"
    assert set(document["components"]["securitySchemes"]) == {"token", "session"}


async def test_pages_are_not_part_of_the_interface(document):
    assert "/" not in document["paths"]
    assert not any(path.startswith("/pages") for path in document["paths"])
    assert "/api/v1/system/status" in document["paths"]


async def test_an_operation_says_what_it_does_and_what_it_needs(document):
    operation = document["paths"]["/api/v1/test/things/{name}"]["post"]
    assert operation["summary"] == "Make a thing."
    assert operation["description"] == "More about things."
    assert operation["x-action"] == "history:write"
    assert operation["security"] == [{"token": []}, {"session": []}]
    assert document["paths"]["/open"]["get"]["security"] == []


async def test_every_error_has_one_form(document):
    for item in document["paths"].values():
        for operation in item.values():
            assert "400" not in operation["responses"]
            schema = operation["responses"]["default"]["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}


async def test_every_reference_leads_somewhere(document):
    def references(node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    for reference in set(references(document)):
        assert reference.rsplit("/", 1)[1] in document["components"]["schemas"], reference


async def test_every_body_has_an_example_that_its_type_takes(document):
    operation = document["paths"]["/api/v1/test/things/{name}"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    thing = msgspec.convert(example, Thing)
    assert thing.path.count("/") == 6
    assert operation["responses"]["201"]["content"]["application/json"]["example"]["count"] == 3


async def test_it_is_made_once_and_the_same_at_every_start(serve):
    texts = []
    for _ in range(2):
        async with serve(make, opened) as server, server.client() as client:
            first = await client.get("/api/openapi.json")
            assert (await client.get("/api/openapi.json")).content == first.content
            texts.append(first.content)
    assert texts[0] == texts[1]


async def test_all_packages_together_are_described(serve):
    """With the parts' own types, as the service assembles them."""
    from lineshaft.web import app

    routes = package_routes()
    given = app.Litestar(
        route_handlers=routes,
        openapi_config=openapi.config(),
        logging_config=None,
        dependencies={
            name: app.Provide(lambda: None, sync_to_thread=False)
            for name in (*app.PARTS, "principal", "caller", "language")
        },
    )
    document = openapi.describe(given)
    for path, method, operation in openapi._operations(document):
        assert path.startswith("/api/v1/"), path
        assert operation["summary"], (method, path)
        assert operation.get("tags"), (method, path)
        for answer in operation["responses"].values():
            for kind, content in answer.get("content", {}).items():
                if kind == "application/json":
                    assert "example" in content, (method, path)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "enum": ["good", "bad"]}, "good"),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": ["null", "number"]}, 0),
        ({"oneOf": [{"type": "null"}, {"type": "boolean"}]}, True),
        ({"type": "array", "items": {"type": "integer"}}, [0]),
        ({"type": "string", "examples": {"a": {"value": "x"}}}, "x"),
        ({"type": "string", "default": "json"}, "json"),
        ({"$ref": "#/components/schemas/Loop"}, {"loop": None}),
        ({}, None),
    ],
)
def test_an_example_fits_its_schema_and_ends(schema, value):
    loop = {"Loop": {"type": "object", "properties": {"loop": {"$ref": "#/components/schemas/Loop"}}}}
    assert openapi.example(schema, loop) == value
