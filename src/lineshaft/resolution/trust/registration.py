"""Whose key a proof of registration must be signed with: a key that the roots lead to, or one that is given."""

from collections.abc import Collection
from pathlib import Path

import msgspec

from lineshaft.core.errors import Corrupt, InvalidInput
from lineshaft.resolution import codes
from lineshaft.resolution.auth import keys
from lineshaft.resolution.client import Client, Hop, Roots, Trail, fingerprint
from lineshaft.resolution.client.reach import Reach
from lineshaft.resolution.client.walk import Zone
from lineshaft.resolution.proofs import Verified, verify_proof


class Registrars(msgspec.Struct, frozen=True, kw_only=True):
    """Keys that may sign registrations of a handle, by SHA-256 of the form that HS_PUBKEY holds them in."""

    keys: frozenset[str]
    source: str
    """Where they come from: `given`, `roots`, or the prefix whose site's description has them."""


async def registrars(handle: bytes, roots: Roots, reach: Reach | None = None) -> Registrars:
    """The keys of the servers that hold a handle, as signed answers tell, the first by a root's key; and the roots' own.

    Raises:
        Refused: the servers cannot be found.
    """
    trail: Trail = []
    async with Client(roots, reach=reach) as client:
        zone = await client.walk.zone_of(handle, trail)
        return await registrars_of(client, roots, zone, trail)


async def registrars_of(client: Client, roots: Roots, zone: Zone, trail: Trail) -> Registrars:
    """The same, where the zone that holds the handle is known already.

    Args:
        client: that found the zone.
        roots: where it began.
        zone: that holds the handle.
        trail: every question by which the zone was found; keys are believed where all answers were signed.
    """
    own = {fingerprint(keys.encode_public_key(one)) for one in await client.root_keys(roots)}
    heard = [hop for hop in trail if _counts(hop)]
    if not heard or not all(hop.signed for hop in heard):
        return Registrars(keys=frozenset(own), source="roots")
    servers = [server for site in zone.sites for server in site.servers if server.public_key]
    found = own | {fingerprint(server.public_key) for server in servers}
    return Registrars(keys=frozenset(found), source=zone.prefix.decode("utf-8", "replace") or "roots")


def given_key(text: str) -> str:
    """SHA-256 of a key, from those 64 digits themselves or a file with the key in PEM.

    Raises:
        InvalidInput: neither.
    """
    if len(text) == 64 and text.isascii() and not text.strip("0123456789abcdefABCDEF"):
        return text.lower()
    try:
        return fingerprint(keys.encode_public_key(keys.load_public_key(Path(text).expanduser().read_text("ascii"))))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "resolution.proof_key_form", f"{text!r} is neither the SHA-256 of a key nor a file with one in PEM: {error}",
            "Give the 64 digits that `lineshaft id site` shows, or a file.", field="--proof-key", value=text,
            reason=str(error),
        ) from error  # fmt: skip


def verify_registration(given: object, handle: bytes, allowed: Registrars, log_key: str | None = None) -> Verified:
    """Check a proof of registration of a handle, by the keys that may sign it.

    Args:
        given: the proof, from JSON.
        handle: that it must be of.
        allowed: see `registrars`.
        log_key: text of the public key of the log that the batch must be in.

    Raises:
        InvalidInput: not a proof.
        Corrupt: it does not hold, is of another handle, or signed with another key.
    """
    found = verify_proof(given, handle=handle, log_key=log_key)
    if found.key not in allowed.keys:
        raise Corrupt(
            "resolution.proof_key_foreign", f"the proof is signed with the key {found.key}, which is not of the servers "
            f"that hold {handle.decode('utf-8', 'replace')}",
            "Do not rely on it. Where you know the key otherwise, give it as --proof-key.", key=found.key,
            handle=handle.decode("utf-8", "replace"), known=_listed(allowed.keys),
        )  # fmt: skip
    return found


def _counts(hop: Hop) -> bool:
    """Whether anything was learned from an answer."""
    return hop.code is not None and hop.code != codes.RC_SERVER_BUSY


def _listed(found: Collection[str]) -> str:
    return ", ".join(sorted(found))
