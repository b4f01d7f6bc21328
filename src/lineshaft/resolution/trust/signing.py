"""Signing records when they are written, and certifying the keys that do."""

from collections.abc import Iterable, Sequence
from typing import Final

from lineshaft.resolution.auth import keys
from lineshaft.resolution.model import HandleValue, Reference
from lineshaft.resolution.values.claims import (
    CERTIFICATE_TYPE,
    SIGNATURE_TYPE,
    Claims,
    Permission,
    digest_values,
    sign_claims,
)

SIGNATURE_INDEX: Final = 400
CERTIFICATE_INDEX: Final = 400
"""Where these values begin, by custom."""


def sign_record(
    handle: bytes, values: Iterable[HandleValue], signer: Reference, key: keys.PrivateKey, *,
    now: int, expires: int | None = None, chain: Sequence[Reference] = (), index: int | None = None,
) -> HandleValue:  # fmt: skip
    """An HS_SIGNATURE value over the others.

    Args:
        handle: whose values they are.
        values: all of the record; signatures among them are not signed.
        signer: the value that holds the public key.
        key: the private one.
        now: seconds since 1970.
        expires: until when it holds; without end where left out.
        chain: the HS_CERT values that lead to a root: the signer's first.
        index: of the new value; the first that is free from 400 where left out.
    """
    found = list(values)
    taken = {value.index for value in found}
    claims = Claims(
        iss=str(signer), sub=handle.decode(), iat=now, nbf=now, exp=expires,
        digests=digest_values(value for value in found if value.type.upper() != SIGNATURE_TYPE),
        chain=tuple(map(str, chain)) or None,
    )  # fmt: skip
    if index is None:
        index = next(number for number in range(SIGNATURE_INDEX, 1 << 32) if number not in taken)
    return HandleValue(index=index, type=SIGNATURE_TYPE, data=sign_claims(claims, key), timestamp=now)


def certificate(
    subject: Reference, public_key: keys.PublicKey, permissions: Sequence[Permission],
    issuer: Reference, key: keys.PrivateKey, *,
    now: int, expires: int | None = None, chain: Sequence[Reference] = (), index: int = CERTIFICATE_INDEX,
) -> HandleValue:  # fmt: skip
    """An HS_CERT value: what a key may sign.

    Args:
        subject: the value that holds the key.
        public_key: the key.
        permissions: what it may sign.
        issuer: the value that holds the key that certifies it.
        key: the private one to that.
        now: seconds since 1970.
        expires: until when it holds.
        chain: the HS_CERT values that lead on to a root: the issuer's first; empty where the issuer is a root.
        index: of the value.
    """
    claims = Claims(
        iss=str(issuer), sub=str(subject), iat=now, nbf=now, exp=expires, public_key=dict(keys.to_jwk(public_key)),
        perms=tuple(permissions), chain=tuple(map(str, chain)) or None,
    )  # fmt: skip
    return HandleValue(index=index, type=CERTIFICATE_TYPE, data=sign_claims(claims, key), timestamp=now)
