"""The Python client: a running Lineshaft over HTTP and its live socket.

    with lineshaft.connect() as client:                       # the installation on this machine
        table = client.history.raw(["plant/…/XMEAS_01"], "-15m", "now")
        for message in client.live(["plant/…/XMEAS_01"]):
            print(message.get("values"))

Elsewhere: `connect("https://plant.example:8420", token="ls_…")`, or LINESHAFT_URL and LINESHAFT_TOKEN; LINESHAFT_CA names
a file of certificates to trust instead of the system's. Certificates are always verified. What the server refuses is
raised as the same `LineshaftError` class it raised.
"""

import contextlib
import ipaddress
import os
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from lineshaft import __version__
from lineshaft.core import clock, texts
from lineshaft.core.errors import (
    DeadlineExceeded,
    Forbidden,
    InvalidInput,
    LineshaftError,
    Unauthenticated,
    Unavailable,
    from_wire,
)
from lineshaft.core.home import Home, default_home, read_json
from lineshaft.core.http import PROBLEM_JSON, error_from_problem

_USER_AGENT = f"lineshaft-python/{__version__}"
_ARROW = "application/vnd.apache.arrow.stream"
_QUERY_BYTES = 8000
_FIRST_RETRY_SECONDS = 0.3
_LONGEST_RETRY_SECONDS = 10.0
_SILENCE_SECONDS = 20.0  # the server says something every 5 s
_CLOSE_ERRORS: dict[int, type[LineshaftError]] = {4401: Unauthenticated, 4403: Forbidden}

Time = str | int
"""RFC 3339 text, an offset such as `-15m`, or microseconds since 1970."""
Sample = tuple[str, int, Any, int]
"""Path, microseconds since 1970, value, OPC UA StatusCode."""


def connect(
    url: str | None = None,
    token: str | None = None,
    *,
    home: str | Path | None = None,
    ca: str | Path | None = None,
    language: str | None = None,
    timeout: float = 30.0,
) -> "Client":
    """A client of a running Lineshaft.

    Args:
        url: address; LINESHAFT_URL where neither it nor `home` is given; else the installation in `home`.
        token: API token; LINESHAFT_TOKEN, or the running installation's own where the address comes from its home.
        home: home folder of an installation on this machine.
        ca: PEM file of the certificates to trust instead of the system's; LINESHAFT_CA.
        language: of error messages, `en` or `zh`; the environment's.
        timeout: seconds for each step of a request.

    Raises:
        Unavailable: nothing runs on the home.
        Unauthenticated: an address without a token.
        InvalidInput: an address that is none, or without TLS beyond this machine.
    """
    if url is None and home is None:
        url = os.environ.get("LINESHAFT_URL") or None
    token = token or os.environ.get("LINESHAFT_TOKEN") or None
    ca = ca or os.environ.get("LINESHAFT_CA") or None
    if url is None:
        place = _Place(Home(Path(home) if home is not None else default_home()), token, ca)
    else:
        place = _Place(_Address(url, token, ca=ca), token, ca)
    return Client(place, language or _language(), timeout)


def _language() -> str:
    for variable in ("LINESHAFT_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(variable):
            return texts.preferred(os.environ[variable])
    return "en"


class _Address:
    """Where a server is, how it is proved, and by what we are known there."""

    def __init__(
        self, url: str, token: str | None, *, ca: str | Path | None = None,
        pinned: str | None = None, server_name: str | None = None,
    ) -> None:  # fmt: skip
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(
                "client.url_invalid", f"{url!r} is not an address such as https://plant.example:8420",
                "Give scheme, host and port.", field="url", value=url,
            )  # fmt: skip
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise InvalidInput(
                "client.tls_required", f"{url!r} would carry the token without TLS", "Use https://.",
                field="url", value=url,
            )  # fmt: skip
        if not token:
            raise Unauthenticated(
                "client.token_missing", f"there is no API token for {url}",
                "Pass `token` or set LINESHAFT_TOKEN; `lineshaft access token create` makes one.", url=url,
            )  # fmt: skip
        self.url = f"{parts.scheme}://{parts.netloc}"
        self.token = token
        self.server_name = server_name
        self.tls = _tls(ca, pinned) if parts.scheme == "https" else None

    @property
    def live_url(self) -> str:
        return f"ws{self.url.removeprefix('http')}/api/v1/live"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _tls(ca: str | Path | None, pinned: str | None) -> ssl.SSLContext:
    """A verifying context that trusts the system, or a given file, or the one certificate of the local installation."""
    file = ca or pinned
    try:
        context = ssl.create_default_context(cafile=str(file) if file else None)
    except OSError as error:
        raise InvalidInput(
            "client.ca_unreadable", f"the file of certificates {str(file)!r} cannot be read: {error}",
            "`ca` or LINESHAFT_CA names a PEM file.", field="ca", value=str(file), reason=str(error),
        ) from error  # fmt: skip
    if pinned and not ca:
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return context


class _Place:
    """An address that is fixed, or found in a home where it changes with every start."""

    def __init__(self, source: Home | _Address, token: str | None, ca: str | Path | None) -> None:
        self._source = source
        self._token = token
        self._ca = ca

    def find(self) -> _Address:
        """The address as of now."""
        if isinstance(self._source, _Address):
            return self._source
        home = self._source
        listening = read_json(home.run / "web.json")
        if listening is None or home.running_pid() is None:
            home.identity()  # says where there is no installation at all
            raise Unavailable(
                "client.not_running", f"Lineshaft does not run on {home.path}", "`lineshaft up` starts it.",
                path=str(home.path),
            )  # fmt: skip
        token = self._token or self._local_token(home)
        return _Address(
            str(listening["url"]), token, ca=self._ca,
            pinned=_text(listening.get("certificate")), server_name=_text(listening.get("server_name")),
        )  # fmt: skip

    @staticmethod
    def _local_token(home: Home) -> str | None:
        try:
            return (home.run / "local.token").read_text("ascii").strip()
        except PermissionError:
            raise Forbidden(
                "client.home_foreign", f"the home {home.path} belongs to another user of this machine",
                "Use that user's account, or an API token with LINESHAFT_URL and LINESHAFT_TOKEN.", path=str(home.path),
            ) from None  # fmt: skip
        except FileNotFoundError:
            return None


def _text(value: object) -> str | None:
    return str(value) if value else None


class Client:
    """Calls on one server. Not for several threads at once, except `live`, which has a connection of its own."""

    def __init__(self, place: _Place, language: str, timeout: float) -> None:
        self._place = place
        self._language = language
        self._timeout = timeout
        self._address = place.find()
        self._http = self._open()
        self.history = History(self)
        self.devices = Devices(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    @property
    def url(self) -> str:
        """Address of the server."""
        return self._address.url

    def request(
        self, method: str, path: str, *, params: Any = None, json: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """One call; returns the decoded JSON answer, None where there is none.

        Raises:
            LineshaftError: what the server raised; Unavailable, DeadlineExceeded where it does not answer.
        """
        with self.stream(method, path, params=params, json=json, headers=headers) as response:
            body = response.read()
        return msgspec.json.decode(body) if body else None

    @contextlib.contextmanager
    def stream(
        self, method: str, path: str, *, params: Any = None, json: Any = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[httpx.Response]:
        """One call whose answer is read in parts: `with client.stream("GET", "/api/v1/…") as response: …`.

        Raises:
            LineshaftError: as `request`.
        """
        with _network_errors(self._address.url), self._send(method, path, params, json, headers) as response:
            yield response

    @contextlib.contextmanager
    def _send(
        self, method: str, path: str, params: Any, json: Any, headers: Mapping[str, str] | None
    ) -> Iterator[httpx.Response]:
        request = self._build(method, path, params, json, headers)
        response = self._http.send(request, stream=True)
        if response.status_code == httpx.codes.UNAUTHORIZED and self._renew():
            response.close()  # the installation was started anew: its own token is another one
            response = self._http.send(self._build(method, path, params, json, headers), stream=True)
        try:
            _raise_for(response)
            yield response
        finally:
            response.close()

    def _build(
        self, method: str, path: str, params: Any, json: Any, headers: Mapping[str, str] | None
    ) -> httpx.Request:
        given = dict(headers or {})
        content = None
        if json is not None:
            content = msgspec.json.encode(json)
            given.setdefault("Content-Type", "application/json")
        # By this name the certificate is checked where the local installation is reached by its address.
        extensions = {"sni_hostname": self._address.server_name} if self._address.server_name else {}
        return self._http.build_request(
            method, path, params=params, content=content, headers=given, extensions=extensions
        )

    def _open(self) -> httpx.Client:
        fields = {
            "Authorization": f"Bearer {self._address.token}",
            "Accept-Language": self._language,
            "User-Agent": _USER_AGENT,
        }
        # No proxy or netrc from the environment: the token goes to the address given and nowhere else.
        return httpx.Client(
            base_url=self._address.url, headers=fields, timeout=self._timeout, trust_env=False,
            verify=self._address.tls or True,
        )  # fmt: skip

    def _renew(self) -> bool:
        """Look the address up again; True where it or the token is another one now."""
        address = self._place.find()
        if (address.url, address.token) == (self._address.url, self._address.token):
            return False
        self._http.close()
        self._address = address
        self._http = self._open()
        return True

    def pages(self, path: str, params: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Every item of a paged list."""
        cursor: dict[str, str] = {}
        while True:
            page = self.request("GET", path, params={**(params or {}), **cursor})
            yield from page["items"]
            if not page.get("next"):
                return
            cursor = {"cursor": page["next"]}

    def tags(self, prefixes: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """Tags whose path is, or is below, one of the given; all where none is given."""
        found: dict[str, dict[str, Any]] = {}
        for prefix in [""] if prefixes is None else prefixes:
            for tag in self.pages("/api/v1/history/tags", {"prefix": prefix, "limit": 1000}):
                if not prefix or tag["path"] == prefix or tag["path"].startswith(prefix.rstrip("/") + "/"):
                    found[tag["path"]] = tag
        return list(found.values())

    def live(self, paths: Sequence[str], *, until: threading.Event | None = None) -> Iterator[dict[str, Any]]:
        """Messages of the live socket for these tags, for ever or until the event is set.

        After a lost connection it connects again, with a growing pause; meanwhile, and while the server's own source of
        values is lost, messages carry a sentence for people under `notice`.

        Raises:
            LineshaftError: the first connection failed, or the token ended or was revoked.
        """
        return _Live(self._place, list(paths), until, self._language).messages()


class History:
    """Stored and present values."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def latest(self, tags: Sequence[str]) -> list[Sample]:
        """The newest sample of each tag that has one."""
        samples: list[Sample] = []
        for part in _parts(tags):
            answer = self._client.request("GET", "/api/v1/history/latest", params=[("tag", path) for path in part])
            samples += [_sample(item) for item in answer["items"]]
        return samples

    def raw(self, tags: Sequence[str], start: Time, end: Time = "now", *, limit: int | None = None) -> Any:
        """Samples of the tags from `start` up to `end`, as a `pyarrow.Table`.

        Raises:
            NotFound: no such tag.
        """
        import pyarrow as pa
        import pyarrow.ipc

        params = [*(("tag", path) for path in tags), ("from", _time(start)), ("to", _time(end))]
        if limit is not None:
            params.append(("limit", str(limit)))
        headers = {"Accept": _ARROW}
        with self._client.stream("GET", "/api/v1/history/raw", params=params, headers=headers) as response:
            source = pa.PythonFile(_Reader(response), mode="r")
            with pyarrow.ipc.open_stream(source) as reader:
                return reader.read_all()

    def status(self) -> dict[str, Any]:
        """State of the history writer."""
        return dict(self._client.request("GET", "/api/v1/history/status"))


class Devices:
    """Devices of the gateways."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self) -> list[dict[str, Any]]:
        """Every device."""
        return [*self._client.pages("/api/v1/edge/devices")]

    def get(self, name: str) -> dict[str, Any]:
        """One device.

        Raises:
            NotFound: no such device.
        """
        return dict(self._client.request("GET", f"/api/v1/edge/devices/{quote(name, safe='')}"))


def _parts(paths: Sequence[str]) -> Iterator[list[str]]:
    """Paths in groups that fit into one address."""
    part: list[str] = []
    size = 0
    for path in paths:
        if part and size + len(quote(path)) > _QUERY_BYTES:
            yield part
            part, size = [], 0
        part.append(path)
        size += len(quote(path)) + 5
    if part:
        yield part


def _sample(item: Mapping[str, Any]) -> Sample:
    return item["path"], clock.parse_time(item["time"]), item["value"], item["quality"]


def _time(moment: Time) -> str:
    return moment if isinstance(moment, str) else clock.rfc3339(moment)


class _Reader:
    """A response's body as the file object that Arrow reads from."""

    closed = False

    def __init__(self, response: httpx.Response) -> None:
        self._parts = response.iter_bytes()
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        gathered = [self._rest]
        have = len(self._rest)
        while size < 0 or have < size:
            part = next(self._parts, None)
            if part is None:
                break
            gathered.append(part)
            have += len(part)
        data = b"".join(gathered)
        cut = len(data) if size < 0 else size
        self._rest = data[cut:]
        return data[:cut]

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


@contextlib.contextmanager
def _network_errors(url: str) -> Iterator[None]:
    """Say in our words what went wrong on the way."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise DeadlineExceeded(
            "client.timeout", f"{url} did not answer in time", "Ask for less at once, or pass a longer `timeout`.",
            url=url,
        ) from error  # fmt: skip
    except httpx.TransportError as error:
        raise _unreachable(url, error) from error


def _unreachable(url: str, error: BaseException) -> Unavailable:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unavailable(
                "client.certificate_refused", f"the certificate of {url} is not trusted: {cause.verify_message}",
                "LINESHAFT_CA names a file with the certificate of the authority that signed it.",
                url=url, reason=cause.verify_message,
            )  # fmt: skip
        cause = cause.__cause__ or cause.__context__
    return Unavailable(
        "client.unreachable", f"{url} cannot be reached: {error}", "`lineshaft status` on that machine says whether it runs.",
        url=url, reason=str(error),
    )  # fmt: skip


def _raise_for(response: httpx.Response) -> None:
    if response.is_success:
        return
    response.read()
    if response.headers.get("content-type", "").startswith(PROBLEM_JSON):
        with contextlib.suppress(ValueError):
            raise error_from_problem(response.json())
    raise from_wire(
        "client.answer_unexpected", f"{response.request.url} answered with status {response.status_code}",
        "Is this the address of a Lineshaft?", response.status_code,
        {"url": str(response.request.url), "status": response.status_code},
    )  # fmt: skip


class _Live:
    """One subscription over as many connections as it takes."""

    def __init__(self, place: _Place, paths: list[str], until: threading.Event | None, language: str) -> None:
        self._place = place
        self._paths = paths
        self._until = until or threading.Event()
        self._language = language
        self._address: _Address | None = None
        self._heard = 0.0

    def messages(self) -> Iterator[dict[str, Any]]:
        """What the server says, and notices of our own."""
        pause = _FIRST_RETRY_SECONDS
        was_connected = False
        while not self._until.is_set():
            try:
                for message in self._one_connection():
                    was_connected, pause = True, _FIRST_RETRY_SECONDS
                    yield message
            except Unavailable as error:
                if not was_connected:
                    raise
                yield {
                    "notice": self._say("client.live_lost", f"connection lost, trying again: {error.message}", error)
                }
                self._until.wait(pause)
                pause = min(pause * 2, _LONGEST_RETRY_SECONDS)

    def _one_connection(self) -> Iterator[dict[str, Any]]:
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
        from websockets.sync.client import connect as open_socket

        address = self._place.find()
        fields = {"Authorization": f"Bearer {address.token}", "Accept-Language": self._language}
        try:
            with open_socket(
                address.live_url, additional_headers=fields, user_agent_header=_USER_AGENT, compression=None, proxy=None,
                ssl=address.tls, server_hostname=address.server_name if address.tls else None,
                open_timeout=10, close_timeout=2, max_size=None,
            ) as socket:  # fmt: skip
                self._address = address
                socket.send(msgspec.json.encode({"subscribe": self._paths}).decode(), text=True)
                yield from self._receive(socket, address)
        except InvalidStatus as refusal:
            raise _refused(refusal.response, address.url) from refusal
        except ConnectionClosed as closing:
            self._check_closed(closing.rcvd.code if closing.rcvd else None, address)
            raise _unreachable(address.url, closing) from closing
        except (OSError, InvalidHandshake) as error:
            raise _unreachable(address.url, error) from error

    def _receive(self, socket: Any, address: _Address) -> Iterator[dict[str, Any]]:
        stale = False
        heard = time.monotonic()
        while not self._until.is_set():
            try:
                message = msgspec.json.decode(socket.recv(timeout=0.5), type=dict[str, Any])
            except TimeoutError:
                if time.monotonic() - heard > _SILENCE_SECONDS:
                    raise _unreachable(address.url, TimeoutError("it fell silent")) from None
                continue
            heard = time.monotonic()
            stale = message.get("stale", stale)
            if stale:
                message["notice"] = self._say("client.live_stale", "no new values: the server has lost its bus")
            yield message

    def _check_closed(self, code: int | None, address: _Address) -> None:
        """Raise where the server ended the connection for good; a token of a new start is worth another try."""
        kind = _CLOSE_ERRORS.get(code or 0)
        if kind is not None and self._place.find().token == address.token:
            raise kind(
                "client.live_ended", f"{address.url} ended the live connection: the token ended or was revoked",
                "Sign in again, or make a new token.", url=address.url, status=kind.status,
            )  # fmt: skip

    def _say(self, key: str, message: str, error: LineshaftError | None = None) -> str:
        reason = error.text(self._language)[0] if error else ""
        return texts.render(self._language, key, message, "", {"reason": reason})[0]


def _refused(response: Any, url: str) -> LineshaftError:
    """The error with which a server refused to open the socket; a server that is stopping is worth another try."""
    try:
        return error_from_problem(msgspec.json.decode(response.body or b"", type=dict[str, Any]))
    except msgspec.MsgspecError:
        return Unavailable(
            "client.unreachable", f"{url} cannot be reached: status {response.status_code}",
            "`lineshaft status` on that machine says whether it runs.", url=url, reason=f"status {response.status_code}",
        )  # fmt: skip


__all__ = ["Client", "Devices", "History", "connect"]
