"""The views with an installation's own address filled in; of an object store also how to reach it, never its keys."""

from importlib.resources import files
from typing import Literal
from urllib.parse import urlsplit

from lineshaft.history.storage import Place, path_of

Engine = Literal["duckdb", "polars", "spark"]
_FILES: dict[Engine, tuple[str, str]] = {
    "duckdb": ("duckdb.sql", "duckdb_s3.sql"),
    "polars": ("polars_view.txt", "polars_s3.txt"),
    "spark": ("spark_view.txt", "spark_s3.txt"),
}


def view(engine: Engine, place: Place) -> str:
    """The text to copy."""
    main, store = (files("lineshaft.history.views").joinpath(name).read_text("utf-8") for name in _FILES[engine])
    if not place.url.startswith("s3://"):
        return _filled(main, history=str(path_of(place.url)), store="", arguments="")
    address = place.url.replace("s3://", "s3a://", 1) if engine == "spark" else place.url
    options = {"duckdb": _duckdb, "polars": _polars, "spark": _spark}[engine](place)
    reached = _filled(store, history=address, options=options)
    return _filled(main, history=address, store=reached, arguments=", storage_options=OPTIONS")


def _filled(text: str, **parts: str) -> str:
    for name, part in parts.items():
        text = text.replace(f"{{{name}}}", part)
    return text


def _duckdb(place: Place) -> str:
    options = [("REGION", place.region or "us-east-1"), ("URL_STYLE", "path" if place.path_style else "vhost")]
    text = "".join(f", {name} '{value}'" for name, value in options)
    if place.endpoint:
        address = urlsplit(place.endpoint)
        text += f", ENDPOINT '{address.netloc}', USE_SSL {str(address.scheme == 'https').lower()}"
    return text


def _polars(place: Place) -> str:
    options = {
        "AWS_REGION": place.region or "us-east-1",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": str(not place.path_style).lower(),
    }
    if place.endpoint:
        options["AWS_ENDPOINT_URL"] = place.endpoint
        options["AWS_ALLOW_HTTP"] = str(place.endpoint.startswith("http://")).lower()
    return ", ".join(f'"{name}": "{value}"' for name, value in options.items())


def _spark(place: Place) -> str:
    options = {
        "endpoint.region": place.region or "us-east-1",
        "path.style.access": str(place.path_style).lower(),
        "aws.credentials.provider": "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider",
    }
    if place.endpoint:
        options["endpoint"] = place.endpoint
        options["connection.ssl.enabled"] = str(place.endpoint.startswith("https://")).lower()
    return "\n".join(f'store.set("fs.s3a.{name}", "{value}")' for name, value in options.items())
