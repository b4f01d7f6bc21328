"""What of a record is proved, by whom, and what is not.

A signature proves the values whose digests it holds, when its key is certified by a chain of HS_CERT values that ends at a
root's key, each of them valid now and allowed to sign for the handle. A part of a record can be verified: values that an
asker may not see are just not there.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from lineshaft.core.errors import LineshaftError
from lineshaft.resolution.auth import keys
from lineshaft.resolution.client.identity import parse_reference
from lineshaft.resolution.client.roots import fingerprint
from lineshaft.resolution.model import HandleValue, same_handle
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.trust.permissions import covers
from lineshaft.resolution.values.claims import (
    CERTIFICATE_TYPE,
    SIGNATURE_TYPE,
    Claims,
    Digests,
    Signed,
    check_digests,
    decode_claims,
)

Fetch = Callable[[bytes], Awaitable[Sequence[HandleValue]]]
"""The public values of a handle; raises `Refused` where there are none."""
_LONGEST_CHAIN: Final = 10


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a chain, and who says that it may sign."""

    key: str
    """SHA-256 of it, as HS_PUBKEY holds it."""
    subject: str
    issuer: str
    """Empty: the key is a root's."""
    permissions: tuple[str, ...] = ()
    expires: int | None = None


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What one HS_SIGNATURE value proves."""

    index: int
    """Of the value."""
    signer: str
    valid: bool
    reason: str = ""
    """Why it proves nothing."""
    chain: tuple[Link, ...] = ()
    """From the signer's key to the root's."""
    right: tuple[int, ...] = ()
    """Indexes of values as they were signed."""
    wrong: tuple[int, ...] = ()
    """Indexes of values that were changed since."""
    absent: tuple[int, ...] = ()
    """Indexes that were signed, of values that are not shown or not there any more."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    proofs: tuple[Proof, ...]
    proved: tuple[int, ...]
    """Indexes of values that a valid signature proves, and none contradicts."""
    contradicted: tuple[int, ...]
    unproved: tuple[int, ...]
    """Indexes of values that nobody signed, whose key leads to a root; signatures themselves are not counted."""

    @property
    def holds(self) -> bool:
        """Something is proved, and nothing contradicted."""
        return bool(self.proved) and not self.contradicted


class _Unproved(Exception):
    """A signature proves nothing; why is its text."""


async def verify_record(
    handle: bytes, values: Sequence[HandleValue], roots: Sequence[keys.PublicKey], fetch: Fetch, now: int
) -> Verdict:  # fmt: skip
    """What of a record, or of the part that is shown, is proved.

    Args:
        handle: whose.
        values: as retrieved.
        roots: keys that chains may end at.
        fetch: finds the records that certificates are in.
        now: seconds since 1970.
    """
    plain = [value for value in values if value.type.upper() != SIGNATURE_TYPE]
    proofs = [
        await _proof(handle, value, plain, roots, fetch, now) for value in values
        if value.type.upper() == SIGNATURE_TYPE
    ]  # fmt: skip
    valid = [proof for proof in proofs if proof.valid]
    wrong = {index for proof in valid for index in proof.wrong}
    right = {index for proof in valid for index in proof.right} - wrong
    everything = {value.index for value in plain}
    return Verdict(
        proofs=tuple(proofs), proved=tuple(sorted(right)), contradicted=tuple(sorted(wrong)),
        unproved=tuple(sorted(everything - right - wrong)),
    )  # fmt: skip


async def _proof(
    handle: bytes, value: HandleValue, plain: Sequence[HandleValue], roots: Sequence[keys.PublicKey], fetch: Fetch, now: int
) -> Proof:  # fmt: skip
    signer = ""
    try:
        signed = decode_claims(value.data)
        signer = signed.claims.iss
        digests = _digests(handle, signed)
        _check_time(signed, now)
        chain = await _chain(handle, signed, roots, fetch, now)
    except (LineshaftError, _Unproved) as error:
        return Proof(index=value.index, signer=signer, valid=False, reason=str(error))
    right, wrong, _ = check_digests(digests, plain)
    there = {one.index for one in plain}
    absent = [one.index for one in digests.digests if one.index not in there]
    return Proof(
        index=value.index, signer=signer, valid=True, chain=chain, right=tuple(right), wrong=tuple(wrong),
        absent=tuple(absent),
    )  # fmt: skip


def _digests(handle: bytes, signed: Signed) -> Digests:
    """What a signature says of the handle's values.

    Raises:
        _Unproved: nothing.
    """
    if not same_handle(signed.claims.sub.encode(), handle):
        raise _Unproved(f"it is about {signed.claims.sub}")
    if signed.claims.digests is None:
        raise _Unproved("it holds no digests")
    return signed.claims.digests


async def _chain(
    handle: bytes, signed: Signed, roots: Sequence[keys.PublicKey], fetch: Fetch, now: int
) -> tuple[Link, ...]:  # fmt: skip
    """The keys from the one that signed to a root's.

    Raises:
        _Unproved: they do not lead there.
    """
    links: list[Link] = []
    references = list(signed.claims.chain or ())
    for _ in range(_LONGEST_CHAIN):
        root = next((key for key in roots if signed.verify(key)), None)
        if root is not None:
            links.append(Link(key=_name(root), subject=signed.claims.iss, issuer=""))
            return tuple(links)
        reference = references.pop(0) if references else signed.claims.iss
        issued, key = await _issued(signed, reference, fetch)
        _check_time(issued, now)
        if not covers(issued.claims.perms, handle):
            raise _Unproved(f"the certificate of {issued.claims.sub} does not let it sign for {handle.decode()}")
        links.append(_link(issued.claims, key))
        references = list(issued.claims.chain or references)
        signed = issued
    raise _Unproved(f"the chain of certificates has more than {_LONGEST_CHAIN} links")


async def _issued(signed: Signed, named: str, fetch: Fetch) -> tuple[Signed, keys.PublicKey]:
    """The certificate whose key made the signature: the value named, or any of the signer's record."""
    reference = parse_reference(named)
    try:
        values = await fetch(reference.handle)
    except Refused as refused:
        raise _Unproved(f"the certificate {named} cannot be had: {refused.message or refused.code}") from refused
    reasons = ["there is no certificate of the signer"]
    for value in values:
        if value.type.upper() != CERTIFICATE_TYPE:
            continue
        try:
            issued = decode_claims(value.data)
            key = keys.from_jwk(issued.claims.public_key)
        except LineshaftError as error:
            reasons.append(error.message)
            continue
        if not _same_reference(issued.claims.sub, signed.claims.iss):
            continue
        if signed.verify(key):
            return issued, key
        reasons.append("the certified key did not make the signature")
    raise _Unproved(f"{named}: {reasons[-1]}")


def _check_time(signed: Signed, now: int) -> None:
    if not signed.valid_at(now):
        raise _Unproved(f"the statement of {signed.claims.iss} about {signed.claims.sub} is not valid at this time")


def _same_reference(one: str, other: str) -> bool:
    try:
        left, right = parse_reference(one), parse_reference(other)
    except LineshaftError:
        return False
    return left.index == right.index and same_handle(left.handle, right.handle)


def _link(claims: Claims, key: keys.PublicKey) -> Link:
    return Link(
        key=_name(key), subject=claims.sub, issuer=claims.iss, expires=claims.exp,
        permissions=tuple(" ".join(filter(None, (one.perm, one.handle))) for one in claims.perms),
    )  # fmt: skip


def _name(key: keys.PublicKey) -> str:
    return fingerprint(keys.encode_public_key(key))
