"""One command makes a machine a gateway: certificate, identity, settings, credentials.

Every step looks before it acts and leaves something whole behind. Killed anywhere, the command is repeated: with the
same token while it is valid (the pending key is the same, so the server answers again), or by the certificate.
"""

import tomllib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from lineshaft.access.est.messages import Joined
from lineshaft.bus.client import credentials_file
from lineshaft.bus.settings import is_loopback
from lineshaft.core.errors import Conflict, InvalidInput, LineshaftError, Unauthenticated
from lineshaft.core.home import FORMAT, Home, Identity, write_file
from lineshaft.edge.enrolment.conversation import Conversation, authority_of
from lineshaft.edge.enrolment.papers import Papers, Server
from lineshaft.edge.enrolment.token import EnrolmentToken

_FOLDERS = ("keys", "run", "edge", "logs")


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    name: str
    server: str
    gateway: bool
    """It has credentials for the bus, and `lineshaft edge run` works from this home."""
    expires: str
    """When the certificate ends, RFC 3339; it is renewed at two thirds of its life."""


def enrol(home: Home, token: EnrolmentToken) -> Enrolment:
    """Do whatever of it is still to do.

    Raises:
        Conflict: the home is another installation's, or the server does not accept the token.
        Forbidden: the server is not the one that the token names. Unavailable: it does not answer.
    """
    _check_home(home)
    papers = Papers(home)
    server = Server(url=token.url, authority=token.authority, name=token.name)
    if _server_of(papers) != server or not papers.authority.exists():
        papers.keep_server(server, authority_of(token.url, token.authority))
        papers.identity.unlink(missing_ok=True)  # another server's
    conversation = Conversation(papers)
    joined = _by_certificate(papers, conversation)
    if joined is None:
        papers.keep_certificate(conversation.enrol(papers.request(token.name), token.name, token.secret))
        joined = _join(conversation)
    return finish(home, papers, joined)


def renew(home: Home) -> Enrolment:
    """A new key and certificate in place of those in force.

    Raises:
        Unavailable: this machine has not enrolled, or the server does not answer.
        Conflict: the server does not accept the certificate.
    """
    papers = Papers(home)
    server = papers.server()
    if papers.in_force() is None:
        raise Conflict(
            "edge.certificate_ended", f"the certificate of {server.name!r} has expired: it cannot renew itself",
            "Make a new token on the server with `lineshaft edge invite`, and enrol with it.", name=server.name,
        )  # fmt: skip
    papers.keep_certificate(Conversation(papers).renew(papers.request(server.name)))
    return _outcome(papers, gateway=credentials_file(home, server.name).exists())


def finish(home: Home, papers: Papers, joined: Joined | None) -> Enrolment:
    """Write identity, settings and credentials of a gateway; a plain device needs none."""
    if joined is None:
        return _outcome(papers, gateway=False)
    _check_reachable(papers.server(), joined)
    for name in _FOLDERS:
        home.folder(name)
    bus_ca = papers.folder / "bus-ca.pem"
    if joined.bus_ca:
        write_file(bus_ca, joined.bus_ca.encode())
    _write_settings(home, {
        "bus": {"url": joined.bus_url, **({"tls_ca": str(bus_ca)} if joined.bus_ca else {})},
        "edge": {"gateway": joined.name},
    })  # fmt: skip
    write_file(credentials_file(home, joined.name), joined.credentials.encode())
    identity = Identity(
        format=FORMAT, tenant=joined.tenant, site=joined.site, prefix=joined.prefix, created=joined.created
    )
    write_file(home.path / "identity.json", msgspec.json.format(msgspec.json.encode(identity)))
    return _outcome(papers, gateway=True)


def _server_of(papers: Papers) -> Server | None:
    try:
        return papers.server()
    except LineshaftError:
        return None


def _by_certificate(papers: Papers, conversation: Conversation) -> Joined | None:
    """What an earlier, interrupted run leads to; None where the token is needed."""
    if papers.in_force() is None:
        return None
    try:
        return conversation.join()
    except (Unauthenticated, Conflict):
        return None


def _join(conversation: Conversation) -> Joined | None:
    try:
        return conversation.join()
    except Conflict as error:
        if error.code != "access.machine_without_bus":
            raise
        return None


def _outcome(papers: Papers, *, gateway: bool) -> Enrolment:
    server, certificate = papers.server(), papers.certificate()
    ends = "" if certificate is None else f"{certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
    return Enrolment(name=server.name, server=server.url, gateway=gateway, expires=ends)


def _check_home(home: Home) -> None:
    """Refuse the home of a box, and one that is not ours."""
    home.check()
    if (home.path / "records.db").exists() or (home.path / "keys/operator.nk").exists():
        raise Conflict(
            "edge.home_is_box", f"{home.path} is the home of a whole installation, not of a gateway alone",
            "Give the gateway a home of its own: --home FOLDER.", path=str(home.path),
        )  # fmt: skip
    home.path.mkdir(mode=0o700, parents=True, exist_ok=True)


def _check_reachable(server: Server, joined: Joined) -> None:
    bus, device = urlsplit(joined.bus_url).hostname or "", urlsplit(server.url).hostname or ""
    if is_loopback(bus) and not is_loopback(device):
        raise Conflict(
            "edge.bus_local_only", f"the bus of {server.url} listens on {bus} only, which this machine cannot reach",
            "On the server set bus.host, bus.tls_certificate and bus.tls_key, restart it, and enrol again.",
            url=server.url, host=bus,
        )  # fmt: skip


def _write_settings(home: Home, wanted: Mapping[str, Mapping[str, str]]) -> None:
    """See that the settings file has these values; everything else in it stays.

    Raises:
        InvalidInput: the file is not TOML. Conflict: it sets one of them otherwise.
    """
    file = home.settings_file
    text = file.read_text("utf-8") if file.exists() else ""
    try:
        present: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(
            "edge.settings_unreadable", f"{file} is not TOML: {error}", "Mend or remove it.", path=str(file),
            reason=str(error),
        ) from error  # fmt: skip
    added = ""
    for table, fields in wanted.items():
        kept = present.get(table)
        if kept is None:
            added += f"\n[{table}]\n" + "".join(f"{key} = {_quoted(value)}\n" for key, value in fields.items())
            continue
        for key, value in fields.items():
            if kept.get(key) != value:
                raise Conflict(
                    "edge.settings_differ", f"{file} has {table}.{key} = {kept.get(key)!r}; the server says {value!r}",
                    f"Set {table}.{key} to that value, or remove the table, and enrol again.",
                    path=str(file), key=f"{table}.{key}", value=value,
                )  # fmt: skip
    if added:
        write_file(file, (text + added).lstrip().encode())


def _quoted(value: str) -> str:
    return msgspec.json.encode(value).decode()  # a JSON string is a TOML basic string
