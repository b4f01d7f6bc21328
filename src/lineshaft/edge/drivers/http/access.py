"""How to reach an HTTP server: the options that every driver over HTTP has, and what of them can be judged beforehand."""

import ipaddress
import re
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Meta

from lineshaft.edge.driver import Faults

_HEADER: Final = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")
_OURS: Final = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "content-type", "accept-encoding")
)


class HttpAccess(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach a server and prove who we are."""

    secret: str = ""
    """Name of the secret with the credentials."""
    authentication: Literal["", "basic", "bearer", "header"] = ""
    """`basic`: the secret's user and password; `bearer`: its password as token; `header`: its password in `header`."""
    header: str = ""
    """Name of the header, such as `X-Api-Key`."""
    plaintext: bool = False
    """Without TLS beyond this machine: everybody on the way can read and change what is sent."""
    certificate: str = ""
    """PEM of the only authority or server certificate to accept; empty: those that this machine trusts."""
    timeout_seconds: Annotated[float, Meta(ge=0.1, le=120)] = 10.0
    """For a whole answer."""
    largest_bytes: Annotated[int, Meta(ge=1024, le=67_108_864)] = 16_777_216
    """Of one answer."""

    def judge(self, endpoint: str, faults: Faults) -> None:
        """Note what cannot be."""
        judge_url(endpoint, faults, plaintext=self.plaintext)
        if bool(self.secret) != bool(self.authentication):
            faults.add("options.secret", self.secret, "a secret and how it is used (`authentication`) come together")
        if self.authentication == "header" and not _HEADER.match(self.header):
            faults.add("options.header", self.header, "name the header that carries the secret's password")
        if self.header.lower() in _OURS:
            faults.add("options.header", self.header, "this header is part of the protocol")
        if self.header and self.authentication != "header":
            faults.add("options.header", self.header, "it is used with authentication `header` only")
        if self.certificate and "-----BEGIN CERTIFICATE-----" not in self.certificate:
            faults.add("options.certificate", self.certificate[:40], "it is a certificate in PEM")


def judge_url(endpoint: str, faults: Faults, *, plaintext: bool, field: str = "endpoint") -> SplitResult | None:
    """Note what is wrong with an address; its parts where it can be read."""
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        faults.add(field, endpoint, str(error))
        return None
    if parts.scheme not in ("http", "https") or not host or port == 0 or re.search(r"[\s\x00-\x1f\x7f]", endpoint):
        faults.add(field, endpoint, "it is https://host:port/path or http://host:port/path")
    elif "@" in parts.netloc:
        faults.add(field, endpoint.rpartition("@")[2], "user and password belong into a secret, not into the endpoint")
    elif parts.fragment:
        faults.add(field, endpoint, "the part after # belongs into points' addresses")
    elif parts.scheme == "http" and not is_loopback(host) and not plaintext:
        faults.add(
            field, endpoint, "beyond this machine it is https; say `plaintext: true` in the options to do without"
        )
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
