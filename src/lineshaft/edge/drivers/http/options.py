"""Options of an HTTP device: one that is polled, or one that calls us."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult

import msgspec
from msgspec import Meta

from lineshaft.edge.driver import Faults
from lineshaft.edge.drivers.http.access import HttpAccess, judge_url
from lineshaft.edge.drivers.http.pointer import Pointer, join, read_pointer
from lineshaft.edge.model import Device

_HEADER: Final = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")
HOOKS: Final = "/hooks/"


class WriteTarget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a point is written."""

    path: str
    """Relative to the endpoint."""
    method: Literal["put", "post"] = "put"
    pointer: str = ""
    """Where in the JSON body the value stands; empty: the body is the value."""


class HttpOptions(HttpAccess, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to read a server, or to be called by a machine."""

    format: Literal["auto", "json", "cbor"] = "auto"
    """`auto`: as the content type says."""
    records: str = ""
    """JSON pointer to a list of records, in each of which points and time are looked up; empty: the body is the record."""
    time: str = ""
    """JSON pointer to the source time; empty: the time of the answer, or of the call."""
    time_unit: Literal["rfc3339", "seconds", "milliseconds", "microseconds"] = "rfc3339"
    """How that time is written: as text, or as a number since 1970."""
    writes: Mapping[str, WriteTarget] = {}
    """How points are written, by their names."""
    signature_header: str = ""
    """Webhook only: header with the HMAC-SHA256 of the call, `sha256=<hex>`, made with the secret's password."""
    timestamp_header: str = "X-Timestamp"
    """Webhook only: header with the time of the call, seconds since 1970 or RFC 3339. It is part of what is signed,
    `<timestamp>.<body>`. Empty: the body alone is signed, and a call that somebody recorded can be sent again."""
    window_seconds: Annotated[float, Meta(gt=0, le=3600)] = 300.0
    """Webhook only: how far the time of a signed call may be from ours."""
    listen_secret: str = ""
    """Webhook only: secret with the certificate and key of our listener; needed beyond this machine."""

    def judge_device(self, device: Device, faults: Faults) -> None:
        """Note what cannot be."""
        modes = {group.mode for group in device.groups}
        if len(modes) > 1:
            faults.add("groups", sorted(modes), "a device is polled or calls us; make two devices of it")
        if modes == {"subscribe"}:
            self._judge_hook(device, faults)
        else:
            self.judge(device.endpoint, faults)
            self._judge_poll(device, faults)
        for name in ("records", "time"):
            try:
                read_pointer(getattr(self, name))
            except ValueError as error:
                faults.add(f"options.{name}", getattr(self, name), str(error))

    def pointer(self, name: str) -> Pointer | None:
        """`records` or `time`; None where it is not given."""
        text = getattr(self, name)
        return read_pointer(text) if text else None

    def _judge_poll(self, device: Device, faults: Faults) -> None:
        for name in ("signature_header", "listen_secret"):
            if getattr(self, name):
                faults.add(
                    f"options.{name}", getattr(self, name), "only a device that calls us (mode subscribe) has it"
                )
        writable = {point.name for point in device.points if point.access != "read"}
        for name in sorted(writable - set(self.writes)):
            faults.add(f"points.{name}.access", "write", "say in options.writes where it is written")
        for name, target in self.writes.items():
            if name not in writable:
                faults.add("options.writes", name, "no point of this name can be written (its access is read)")
            try:
                join(device.endpoint, target.path)
                read_pointer(target.pointer)
            except ValueError as error:
                faults.add(f"options.writes.{name}", target.path, str(error))

    def _judge_hook(self, device: Device, faults: Faults) -> None:
        parts = judge_url(device.endpoint, faults, plaintext=False)
        if parts is not None:
            self._judge_listener(parts, device, faults)
        if not self.secret:
            faults.add("options.secret", "", "name the secret by which a call proves who it is from")
        if bool(self.authentication) == bool(self.signature_header):
            faults.add(
                "options.authentication", self.authentication, "either authentication or signature_header, one of them"
            )
        for name in ("header", "signature_header", "timestamp_header"):
            value = getattr(self, name)
            if value and not _HEADER.match(value):
                faults.add(f"options.{name}", value, "it is the name of a header")
        if self.authentication == "header" and not self.header:
            faults.add("options.header", "", "name the header that carries the secret's password")
        if self.writes or any(point.access != "read" for point in device.points):
            faults.add("options.writes", sorted(self.writes), "a device that calls us cannot be written")

    def _judge_listener(self, parts: SplitResult, device: Device, faults: Faults) -> None:
        if parts.path != HOOKS + device.name:
            faults.add(
                "endpoint", device.endpoint,
                f"a device that calls us calls http://host:port{HOOKS}{device.name}; for one that is asked, the mode is poll",
            )  # fmt: skip
        if parts.port is None:
            faults.add("endpoint", device.endpoint, "name the port on which to listen")
        if parts.scheme == "https" and not self.listen_secret:
            faults.add("options.listen_secret", "", "name the secret with the certificate and key of the listener")
        if self.plaintext:
            faults.add("options.plaintext", self.plaintext, "a listener beyond this machine is https")
