"""A device that calls us: every call is proven, decoded whole, and answered once its rows are taken.

A call of which anything does not fit is refused with the field and the reason, and nothing of it is taken: who sends a
text where a number belongs must learn it.
"""

import asyncio
import base64
import binascii
import hmac
import ssl
import tempfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from lineshaft.core import clock
from lineshaft.core.errors import Conflict, InvalidInput, LineshaftError
from lineshaft.edge.columns import Columns
from lineshaft.edge.driver import Block, Plan, Sink, Tools
from lineshaft.edge.drivers.http import bodies, faults, listener
from lineshaft.edge.drivers.http.listener import REFUSED, Reply
from lineshaft.edge.drivers.http.options import HttpOptions
from lineshaft.edge.secrets import Secret, Secrets

_SHOWN: Final = 20
_REMEMBERED: Final = 10_000
_DIGEST: Final = 64
_BAD_BODY, _REPLAYED, _UNREADABLE_TYPE, _UNFIT, _NOT_READY = 400, 409, 415, 422, 503


class HookSource:
    """Implements `Source` for a caller."""

    def __init__(self, plan: Plan, tools: Tools) -> None:
        self._plan = plan
        self._device = plan.device
        self._options: HttpOptions = plan.options
        self._secrets = tools.secrets
        parts = urlsplit(plan.device.endpoint)
        self._place = (parts.hostname or "", parts.port or 0, parts.path)
        self._encrypted = parts.scheme == "https"
        self._proof: _Proof | None = None
        self._sink: Sink | None = None
        self._lost: asyncio.Future[LineshaftError] | None = None
        pairs = [pair for block in plan.blocks for pair in zip(block.points, block.detail[1], strict=True)]
        self._reader = bodies.Reader(
            plan.points, [index for index, _ in pairs], [pointer for _, pointer in pairs], self._options
        )

    # -- the gateway's side -----------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Listen.

        Raises:
            Unavailable: the address is taken. NotFound, Corrupt, Forbidden, Conflict: the secrets, or the path is taken.
        """
        self._lost = asyncio.get_running_loop().create_future()
        self._proof = _Proof(self._options, self._secrets.password(self._options.secret))
        context = server_context(self._options.listen_secret, self._secrets) if self._encrypted else None
        try:
            await listener.register(*self._place, self, context)
        except OSError as error:
            raise faults.unreachable(self._device, f"it cannot be listened there: {error}") from error
        except ValueError as error:
            raise faults.unusable(self._device, str(error)) from error

    async def subscribe(self, sink: Sink) -> None:
        self._sink = sink

    async def read(self, block: Block) -> Columns:  # nothing can be asked of a caller
        return Columns(1)

    async def lost(self) -> LineshaftError:
        assert self._lost is not None
        return await asyncio.shield(self._lost)

    async def close(self) -> None:
        self._sink = None
        await listener.withdraw(*self._place, self)

    # -- the caller's side ------------------------------------------------------------------------------------------------

    @property
    def largest(self) -> int:
        """Bytes of a body, at most."""
        return self._options.largest_bytes

    def admit(self, headers: Mapping[str, str]) -> Reply | None:
        """Judge a call by its head."""
        if self._proof is None or not self._proof.admits(headers):
            return REFUSED
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self.largest:
            return Reply(413, f"the body is larger than {self.largest} bytes")
        return None

    def take(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """Take a whole call, or nothing of it."""
        if self._sink is None or self._proof is None:
            return Reply(_NOT_READY, "the gateway is not ready; call again")
        refusal = self._proof.judge(headers, body)
        if refusal is not None:
            return refusal
        try:
            document = bodies.decode(body, headers.get("content-type", ""), self._options.format)
        except ValueError as error:
            known = "its type is" not in str(error)
            return Reply(_BAD_BODY if known else _UNREADABLE_TYPE, f"the body was not taken: {error}")
        columns, wrong = self._reader.rows(document, clock.now_us(), whole=False)
        if wrong:
            shown = [{"field": each.field, "reason": each.reason} for each in wrong[:_SHOWN]]
            return Reply(_UNFIT, f"nothing was taken: {wrong[0].field}: {wrong[0].reason}", {"errors": shown})
        if columns.rows == 0:
            return Reply(_UNFIT, "nothing was taken: none of the device's points is in it")
        self._proof.remember()
        self._hand_on(columns)
        return Reply()

    def _hand_on(self, columns: Columns) -> None:
        assert self._sink is not None
        if self._sink.doubtful:
            self._sink.confirm(columns)
        else:
            self._sink.take(columns)


class _Proof:
    """What a call must carry to be believed."""

    def __init__(self, options: HttpOptions, secret: Secret) -> None:
        self._options = options
        self._secret = secret
        self._seen: OrderedDict[str, int] = OrderedDict()
        """Signatures taken within the window, and when they can be forgotten."""
        self._present = ("", 0)

    def admits(self, headers: Mapping[str, str]) -> bool:
        """By the head alone; a signature is only looked for, it needs the body."""
        options, password = self._options, self._secret.password
        if options.signature_header:
            return bool(headers.get(options.signature_header.lower()))
        if options.authentication == "header":
            return _same(headers.get(options.header.lower(), ""), password)
        said = headers.get("authorization", "")
        scheme, _, value = said.partition(" ")
        if options.authentication == "bearer":
            return scheme.lower() == "bearer" and _same(value.strip(), password)
        try:
            user = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and _same(user, f"{self._secret.user}:{password}")

    def judge(self, headers: Mapping[str, str], body: bytes) -> Reply | None:
        """By the whole call; None where it is believed."""
        options = self._options
        if not options.signature_header:
            return None
        given = headers[options.signature_header.lower()].removeprefix("sha256=").lower()
        stamp = headers.get(options.timestamp_header.lower(), "") if options.timestamp_header else ""
        signed = f"{stamp}.".encode("latin-1") + body if options.timestamp_header else body
        wanted = hmac.new(self._secret.password.encode(), signed, "sha256").hexdigest()
        if len(given) != _DIGEST or not _same(given, wanted):
            return REFUSED
        return self._judge_time(stamp, given) if options.timestamp_header else None

    def remember(self) -> None:
        """The call was taken: the same one is not taken again."""
        signature, until = self._present
        if signature:
            self._seen[signature] = until

    def _judge_time(self, stamp: str, signature: str) -> Reply | None:
        now, window = clock.now_us(), int(self._options.window_seconds * clock.MICROSECONDS)
        try:
            said = int(stamp) * clock.MICROSECONDS if stamp.isascii() and stamp.isdigit() else clock.parse_time(stamp)
        except (InvalidInput, ValueError, IndexError):
            return Reply(_BAD_BODY, f"{self._options.timestamp_header} is {stamp[:40]!r}, and no time")
        if abs(said - now) > window:
            return Reply(
                _REPLAYED, f"the call is signed for a time more than {self._options.window_seconds:g} s from now"
            )
        while self._seen and next(iter(self._seen.values())) < now:
            self._seen.popitem(last=False)
        if signature in self._seen:
            return Reply(_REPLAYED, "this call was taken already")
        if len(self._seen) >= _REMEMBERED:
            return Reply(_NOT_READY, "more signed calls than can be told from repeats; call again later")
        self._present = (signature, now + 2 * window)
        return None


def server_context(name: str, secrets: Secrets) -> ssl.SSLContext:
    """The listener's side of TLS, from a secret with certificate and key.

    Raises:
        NotFound, Corrupt, Forbidden: the secret. Conflict: it has no certificate.
    """
    secret = secrets.get(name)
    if not secret.certificate:
        raise Conflict(
            "edge.listener_certificate_missing", f"the secret {name!r} has no certificate and key for a listener",
            "Keep one with certificate and private_key in PEM.", secret=name,
        )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.TemporaryDirectory() as folder:  # readable by the owner only; the library reads files alone
        file = Path(folder) / "listener.pem"
        file.touch(mode=0o600)
        file.write_text(f"{secret.certificate}\n{secret.private_key}\n")
        context.load_cert_chain(file)
    return context


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
