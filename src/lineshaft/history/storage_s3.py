"""A prefix of an S3-compatible object store.

A file is durable when its PUT is answered, whole and with its name; there is nothing to sync. Commits are made by
conditional PUT (`If-None-Match`), which the store must honour. Requests are tried again with growing pauses for some
seconds; after that the caller's own retry goes on, so that an outage is seen and said.
"""

import contextlib
import ipaddress
import re
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from lineshaft.core import ids
from lineshaft.core.errors import InvalidInput
from lineshaft.history.conditional import honours_condition, unsafe
from lineshaft.history.credentials import Credentials, load
from lineshaft.history.storage import Place, Stored

DEFAULT_REGION = "us-east-1"
_ADDRESS = re.compile(r"^s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>(/[A-Za-z0-9!_.*'()=-]+)*)/?$")
_ATTEMPTS = 4
_CONNECT_SECONDS = 3.0
_REQUEST_SECONDS = 30.0
_PIECE_BYTES = 1 << 20


class S3Prefix:
    """What lies under `s3://bucket/prefix`. Make it with `S3Prefix.at`."""

    def __init__(self, place: Place, client: "Client") -> None:
        self._place = place
        self._client = client
        self._base = place.url.removeprefix("s3://")

    @classmethod
    def at(cls, place: Place) -> "S3Prefix":
        """The storage of an address; neither the store nor its keys are asked for yet.

        Raises:
            InvalidInput: no such address.
        """
        place = checked(place)
        return cls(place, Client(place))

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"S3Prefix({self.url!r})"

    @property
    def url(self) -> str:
        return self._place.url

    @property
    def place(self) -> Place:
        return self._place

    @property
    def folder(self) -> Path | None:
        return None

    def child(self, name: str) -> "S3Prefix":
        place = Place(
            url=f"{self.url}/{name}", endpoint=self._place.endpoint, region=self._place.region,
            path_style=self._place.path_style, credentials=self._place.credentials,
        )  # fmt: skip
        return S3Prefix(place, self._client)

    def prepare(self) -> None:
        """Nothing: a prefix is there when something is under it."""

    def check(self) -> None:
        name = f"probe-{ids.new_id()}"
        credentials = load(self._place.credentials)
        safe = honours_condition(f"{_address(self._place)}/{name}", self._place.region, credentials)
        with contextlib.suppress(OSError):
            self.delete(name)
        if not safe:
            raise unsafe(self.url)

    def write(self, name: str, make: Callable[[Path], None]) -> int:
        with tempfile.TemporaryDirectory(prefix="lineshaft-upload-") as folder:
            path = Path(folder) / name
            make(path)
            with path.open("rb") as source, self._client.files().open_output_stream(self._key(name)) as target:
                try:
                    while piece := source.read(_PIECE_BYTES):
                        target.write(piece)
                except BaseException:
                    target.abort()
                    raise
            return path.stat().st_size

    def open(self, name: str) -> Any:
        return self._client.files().open_input_file(self._key(name))

    def read(self, name: str) -> bytes:
        with self.open(name) as source:
            return bytes(source.read())

    def replace(self, name: str, data: bytes) -> None:
        with self._client.files().open_output_stream(self._key(name)) as target:
            target.write(data)

    def delete(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._client.files().delete_file(self._key(name))

    def names(self) -> list[Stored]:
        from pyarrow.fs import FileSelector, FileType

        found = self._client.files().get_file_info(FileSelector(self._base, allow_not_found=True))
        files = [
            Stored(info.base_name, info.size, (info.mtime_ns or 0) // 1000) for info in found if info.type == FileType.File
        ]  # fmt: skip
        return sorted(files, key=lambda stored: stored.name)

    def sync(self, written: Sequence[str] = ()) -> None:
        """Nothing: an answered PUT is durable."""

    def table_arguments(self) -> tuple[str, dict[str, str] | None]:
        credentials = load(self._place.credentials)
        options = {
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_REGION": self._place.region,
            "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": str(not self._place.path_style).lower(),
            "aws_conditional_put": "etag",
            "connect_timeout": f"{_CONNECT_SECONDS}s",
            "timeout": f"{_REQUEST_SECONDS}s",
            "max_retries": str(_ATTEMPTS),
            "retry_timeout": "15s",
            "backoff_config.init_backoff": "100ms",
            "backoff_config.max_backoff": "2s",
        }
        if credentials.session_token:
            options["AWS_SESSION_TOKEN"] = credentials.session_token
        if self._place.endpoint:
            options["AWS_ENDPOINT_URL"] = self._place.endpoint
            options["AWS_ALLOW_HTTP"] = str(self._place.endpoint.startswith("http://")).lower()
        return self.url, options

    def _key(self, name: str) -> str:
        return f"{self._base}/{name}"


class Client:
    """Arrow's client of one store, made when it is first needed and made anew when the keys have changed."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._credentials: Credentials | None = None
        self._files: Any = None
        self._lock = threading.Lock()

    def files(self) -> Any:
        """The store as a file system. Raises as `credentials.load` does."""
        credentials = load(self._place.credentials)
        with self._lock:
            if credentials != self._credentials:
                self._files, self._credentials = _file_system(self._place, credentials), credentials
            return self._files


def checked(place: Place) -> Place:
    """The place, its address tidied and its region filled in.

    Raises:
        InvalidInput: address or endpoint are none, hold keys, or would send them in clear text over a network.
    """
    found = _ADDRESS.match(place.url)
    if found is None:
        shown = re.sub(r"//[^/@]*@", "//…@", place.url)  # somebody may have put keys there
        raise InvalidInput(
            "history.store_address_invalid", f"setting history.url is {shown!r}, which is no place in an object store",
            "Give s3://bucket/prefix, without keys in it.", field="history.url", value=shown,
        )  # fmt: skip
    url = f"s3://{found['bucket']}{found['prefix']}"
    if not found["prefix"]:
        raise InvalidInput(
            "history.store_prefix_missing", f"setting history.url is {url!r}, which names a whole bucket",
            "Name a prefix of it: s3://bucket/history.", field="history.url", value=url,
        )  # fmt: skip
    _check_endpoint(place.endpoint)
    return Place(
        url=url, endpoint=place.endpoint.rstrip("/"), region=place.region or DEFAULT_REGION,
        path_style=place.path_style, credentials=place.credentials,
    )  # fmt: skip


def _address(place: Place) -> str:
    """The prefix as an address of HTTP."""
    bucket, _, prefix = place.url.removeprefix("s3://").partition("/")
    endpoint = urlsplit(place.endpoint or f"https://s3.{place.region}.amazonaws.com")
    prefix = quote(prefix, safe="/-_.~")
    if place.path_style:
        return f"{endpoint.scheme}://{endpoint.netloc}/{bucket}/{prefix}"
    return f"{endpoint.scheme}://{bucket}.{endpoint.netloc}/{prefix}"


def _check_endpoint(endpoint: str) -> None:
    if not endpoint:
        return
    parts = urlsplit(endpoint)
    whole = parts.scheme in ("http", "https") and parts.hostname and not parts.path.strip("/") and not parts.query
    if not whole or parts.username or parts.password:
        shown = f"{parts.scheme}://{parts.hostname}"
        raise InvalidInput(
            "history.endpoint_invalid", f"setting history.endpoint is {shown!r}, which is no address of an object store",
            "Give https://host or https://host:port, without keys in it.", field="history.endpoint", value=shown,
        )  # fmt: skip
    if parts.scheme == "http" and not _is_here(str(parts.hostname)):
        raise InvalidInput(
            "history.endpoint_insecure", f"setting history.endpoint is {endpoint!r}: data would cross the network in clear text",
            "Use https:// for a store on another machine.", field="history.endpoint", value=endpoint,
        )  # fmt: skip


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _file_system(place: Place, credentials: Credentials) -> Any:
    """Arrow's client of the store; it connects when it is first asked for something."""
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    endpoint = urlsplit(place.endpoint)
    return S3FileSystem(
        access_key=credentials.access_key, secret_key=credentials.secret_key,
        session_token=credentials.session_token or None, region=place.region,
        scheme=endpoint.scheme or "https", endpoint_override=endpoint.netloc or None,
        force_virtual_addressing=not place.path_style,
        connect_timeout=_CONNECT_SECONDS, request_timeout=_REQUEST_SECONDS,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
        background_writes=False, allow_delayed_open=True,
    )  # fmt: skip
