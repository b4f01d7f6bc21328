"""What the routes of identifiers give as JSON. Times are RFC 3339."""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from lineshaft.core.errors import LineshaftError
from lineshaft.core.http import problem
from lineshaft.resolution import codes
from lineshaft.resolution.auth import keys
from lineshaft.resolution.client import Answer, Hop, fingerprint, name_of
from lineshaft.resolution.inquiry import Inquiry, Registration
from lineshaft.resolution.model import ADMIN_READ, ADMIN_WRITE, PUBLIC_READ, PUBLIC_WRITE, TTL_ABSOLUTE, HandleValue
from lineshaft.resolution.site import decode_site
from lineshaft.resolution.trust import Proof, Verdict
from lineshaft.resolution.values.claims import CERTIFICATE_TYPE, SIGNATURE_TYPE, decode_claims
from lineshaft.resolution.values.json_form import data_to_json, date_text, reference_to_json
from lineshaft.resolution.values.location import decode_locations

_LONGEST: Final = 8192
"""Of what may stand for a handle: each of its 2,048 bytes can be a percent sign and two digits, in an address."""

Proved = Literal["proved", "registered", "changed", "unproved", "signature"]


class ResolveBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to resolve: a handle, also with `hdl:` or the address of a resolver before it."""

    identifier: Annotated[str, Meta(max_length=_LONGEST)]


class ProblemView(msgspec.Struct, frozen=True, kw_only=True):
    """Why something is not there, in the caller's language."""

    code: str
    title: str
    hint: str


class LocationView(msgspec.Struct, frozen=True, kw_only=True):
    """One of several places of a thing."""

    href: str
    weight: float
    attributes: dict[str, str]


class ReferenceView(msgspec.Struct, frozen=True, kw_only=True):
    handle: str
    index: int


class ValueView(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a record."""

    index: int
    type: str
    format: str
    """`string`, `base64`, `admin`, `vlist`, `site`, `key`, `claims`, `locations` or `secret`, which has no data."""
    data: Any
    ttl: int | None
    """Seconds that it may be kept."""
    ttl_until: str | None
    """Until when it may be kept, where that is a moment."""
    changed: str
    admin_read: bool
    admin_write: bool
    public_read: bool
    public_write: bool
    references: list[ReferenceView]
    key: str
    """SHA-256 of the public key that it holds; empty where it holds none."""
    locations: list[LocationView]
    """Of a 10320/loc value."""
    proved: Proved
    """`signature` is a value that proves others."""


class AnswerView(msgspec.Struct, frozen=True, kw_only=True):
    """Who answered, and how."""

    server: str
    protocol: str
    milliseconds: float
    authoritative: bool
    """From a server that holds the record, not from a cache."""
    signed: bool
    """By the server's key, and verified."""
    stale: bool
    aliases: list[str]
    """Handles that were followed."""


class HopView(msgspec.Struct, frozen=True, kw_only=True):
    """One question to a server on the way."""

    handle: str
    zone: str
    """The prefix whose servers were asked; empty: the roots."""
    server: str
    protocol: str
    answer: str
    """What came back, in words of the protocol; empty where nothing did."""
    milliseconds: float
    signed: bool
    key: str
    """SHA-256 of the key that signed."""
    note: str
    """Why nothing came back."""


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a chain of certificates."""

    key: str
    subject: str
    issuer: str
    """Empty: a root's key."""
    permissions: list[str]
    expires: str | None


class SignatureView(msgspec.Struct, frozen=True, kw_only=True):
    """What one signature in the record is worth."""

    index: int
    signer: str
    valid: bool
    reason: str
    chain: list[LinkView]
    """From the signer's key to the root's."""
    covers: list[int]
    withheld: list[int]
    """Signed, but not shown to who asks as the public, or not there any more."""


class RegistrationView(msgspec.Struct, frozen=True, kw_only=True):
    """The proof of registration that the servers give, checked here."""

    holds: bool
    problem: ProblemView | None
    origin: str
    time: str | None
    key: str
    source: str
    """Where that key is known from: `roots`, `node`, or the prefix whose servers have it."""
    log: str
    """Name of the transparency log; empty where it is in none yet."""
    entry: int | None
    size: int | None
    root: str


class ResolvedView(msgspec.Struct, frozen=True, kw_only=True):
    """What an identifier leads to, the way there, and what is proved."""

    handle: str
    state: Literal["found", "missing", "unanswered"]
    problem: ProblemView | None
    answer: AnswerView | None
    values: list[ValueView]
    hops: list[HopView]
    signatures: list[SignatureView]
    checked: bool
    """False: the signatures could not be checked in time."""
    registration: RegistrationView | None


def resolved_view(inquiry: Inquiry, language: str, seconds: float) -> ResolvedView:
    """An inquiry for people.

    Args:
        inquiry: what came of it.
        language: of problems.
        seconds: the time, in seconds since 1970.
    """
    answer, verdict = inquiry.answer, inquiry.verdict
    registered = inquiry.registration is not None and inquiry.registration.proof is not None
    status = inquiry.problem.status if inquiry.problem is not None else 200
    return ResolvedView(
        handle=inquiry.handle if answer is None else answer.handle.decode("utf-8", "replace"),
        state="found" if answer is not None else "missing" if status == 404 else "unanswered",
        problem=_problem(inquiry.problem, language),
        answer=None if answer is None else _answer(answer, seconds),
        values=[] if answer is None else [_value(one, verdict, registered=registered) for one in answer.values],
        hops=[_hop(one) for one in inquiry.trail],
        signatures=[] if verdict is None else [_signature(one) for one in verdict.proofs],
        checked=verdict is not None,
        registration=None if inquiry.registration is None else _registration(inquiry.registration, language),
    )  # fmt: skip


def _problem(error: LineshaftError | None, language: str) -> ProblemView | None:
    if error is None:
        return None
    said = problem(error, language)
    return ProblemView(code=said["code"], title=said["title"], hint=said["hint"])


def _answer(answer: Answer, seconds: float) -> AnswerView:
    return AnswerView(
        server=answer.server, protocol=answer.protocol, milliseconds=round(answer.seconds * 1000, 2),
        authoritative=bool(answer.flags & codes.AUTHORITATIVE), signed=answer.signed, stale=answer.stale(seconds),
        aliases=[one.decode("utf-8", "replace") for one in answer.aliases],
    )  # fmt: skip


def _hop(hop: Hop) -> HopView:
    return HopView(
        handle=hop.handle.decode("utf-8", "replace"), zone=hop.zone.decode("utf-8", "replace"), server=hop.server,
        protocol=hop.protocol, answer="" if hop.code is None else name_of(hop.code) or str(hop.code),
        milliseconds=round(hop.seconds * 1000, 2), signed=hop.signed, key=hop.key, note=hop.note,
    )  # fmt: skip


def _value(value: HandleValue, verdict: Verdict | None, *, registered: bool) -> ValueView:
    form, data = _data(value)
    absolute = value.ttl_type == TTL_ABSOLUTE
    return ValueView(
        index=value.index, type=value.type.decode("utf-8", "replace"), format=form, data=data,
        ttl=None if absolute else value.ttl, ttl_until=date_text(value.ttl) if absolute else None,
        changed=date_text(value.timestamp), admin_read=bool(value.permissions & ADMIN_READ),
        admin_write=bool(value.permissions & ADMIN_WRITE), public_read=bool(value.permissions & PUBLIC_READ),
        public_write=bool(value.permissions & PUBLIC_WRITE),
        references=[ReferenceView(**reference_to_json(one)) for one in value.references], key=_key(value),
        locations=_locations(value), proved=_proved(value, verdict, registered=registered),
    )  # fmt: skip


def _data(value: HandleValue) -> tuple[str, Any]:
    """Format and data; statements and locations taken apart, keys of servers by their fingerprints."""
    kind = value.type.upper()
    if kind == b"HS_SECKEY":
        return "secret", None
    if kind in {SIGNATURE_TYPE, CERTIFICATE_TYPE}:
        try:
            return "claims", msgspec.to_builtins(decode_claims(value.data).claims)
        except LineshaftError:
            pass
    shown = data_to_json(value.type, value.data)
    if shown["format"] == "site":
        servers = zip(shown["value"]["servers"], decode_site(value.data).servers, strict=True)
        for described, server in servers:
            described["fingerprint"] = fingerprint(server.public_key) if server.public_key else ""
    return ("locations" if _locations(value) else shown["format"]), shown["value"]


def _locations(value: HandleValue) -> list[LocationView]:
    if value.type.upper() != b"10320/LOC":
        return []
    try:
        found = decode_locations(value.data).locations
    except LineshaftError:
        return []
    return [
        LocationView(
            href=one.href, weight=one.weight,
            attributes={name: text for name, text in one.attributes.items() if name not in {"href", "weight"}},
        )
        for one in found
    ]  # fmt: skip


def _key(value: HandleValue) -> str:
    if value.type.upper() != b"HS_PUBKEY":
        return ""
    try:
        return fingerprint(keys.encode_public_key(keys.decode_public_key(value.data)))
    except LineshaftError:
        return ""


def _proved(value: HandleValue, verdict: Verdict | None, *, registered: bool) -> Proved:
    if value.type.upper() == SIGNATURE_TYPE:
        return "signature"
    if verdict is not None and value.index in verdict.contradicted:
        return "changed"
    if verdict is not None and value.index in verdict.proved:
        return "proved"
    return "registered" if registered and value.public else "unproved"


def _signature(proof: Proof) -> SignatureView:
    links = [
        LinkView(
            key=one.key, subject=one.subject, issuer=one.issuer, permissions=list(one.permissions),
            expires=_date(one.expires),
        )
        for one in proof.chain
    ]  # fmt: skip
    return SignatureView(
        index=proof.index, signer=proof.signer, valid=proof.valid, reason=proof.reason, chain=links,
        covers=list(proof.right), withheld=list(proof.absent),
    )  # fmt: skip


def _date(seconds: int | None) -> str | None:
    """A time that somebody stated; None for one that no calendar has."""
    try:
        return None if seconds is None else date_text(seconds)
    except (ValueError, OverflowError, OSError):
        return None


def _registration(found: Registration, language: str) -> RegistrationView:
    proof = found.proof
    return RegistrationView(
        holds=proof is not None, problem=_problem(found.problem, language), origin="" if proof is None else proof.origin,
        time=None if proof is None else _date(proof.seconds), key="" if proof is None else proof.key,
        source=found.source, log="" if proof is None or proof.log_index is None else proof.log_origin,
        entry=None if proof is None else proof.log_index, size=None if proof is None else proof.log_size,
        root="" if proof is None else proof.log_root,
    )  # fmt: skip
