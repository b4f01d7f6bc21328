"""`lineshaft id sign` and `certify`: proofs that stay with the record."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption
from lineshaft.core.errors import InvalidInput
from lineshaft.resolution.cli import app
from lineshaft.resolution.cli.asking import (
    AsOption,
    AtOption,
    HandleArgument,
    KeyOption,
    RootsOption,
    SecretOption,
    client_of,
    identity_of,
    run,
)

if TYPE_CHECKING:
    from lineshaft.resolution.client import Client
    from lineshaft.resolution.model import HandleValue, Reference

_DAY = 86_400
_DAYS = 3650

ChainOption = Annotated[
    list[str] | None,
    typer.Option(
        "--chain", help="INDEX:HANDLE of an HS_CERT value on the way to the root, the nearest first; repeatable."
    ),
]
DaysOption = Annotated[int, typer.Option("--days", help="How long it holds.", min=1, max=_DAYS)]


@app.command()
def sign(
    handle: HandleArgument, who: AsOption = None, key: KeyOption = None, chain: ChainOption = None,
    days: DaysOption = 365, at: AtOption = None, roots: RootsOption = None, home: HomeOption = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Sign a record with the key of --as: the HS_SIGNATURE value that this adds proves what is in it now."""
    from lineshaft.resolution.client import KeyIdentity, parse_reference
    from lineshaft.resolution.trust import sign_record
    from lineshaft.resolution.values.claims import SIGNATURE_TYPE

    identity = identity_of(who, None, key)
    if not isinstance(identity, KeyIdentity):
        raise _key_missing()
    references = [parse_reference(one) for one in chain or ()]
    name = handle.encode()

    async def work() -> "HandleValue":
        async with client_of(at, roots, home, identity) as client:
            values = (await client.resolve(name, public=False, authoritative=True, follow_aliases=False)).values
            old = [one.index for one in values if one.type.upper() == SIGNATURE_TYPE]
            now = int(time.time())
            made = sign_record(
                name, values, identity.who, identity.key, now=now, expires=now + days * _DAY, chain=references,
                index=old[0] if old else None,
            )  # fmt: skip
            await _put(client, name, made, old)
            return made

    made = run(work, handle)
    console.output({"handle": handle, "index": made.index, "signer": str(identity.who)}, as_json=json)


@app.command()
def certify(
    subject: Annotated[str, typer.Argument(help="INDEX:HANDLE of the HS_PUBKEY value to certify.")],
    permission: Annotated[
        list[str],
        typer.Option(help="everything, or thisHandle=H, handlesUnderThisPrefix=0.NA/P, derivedPrefixes=0.NA/P; repeatable."),
    ],
    issuer: Annotated[str, typer.Option("--issuer", help="INDEX:HANDLE of the key that certifies.")],
    issuer_key: Annotated[typer.FileText, typer.Option("--issuer-key-file", help="PEM file with its private key.")],
    who: AsOption = None, secret: SecretOption = None, key: KeyOption = None, chain: ChainOption = None,
    days: DaysOption = 365, at: AtOption = None, roots: RootsOption = None, home: HomeOption = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Certify the key of a record: adds an HS_CERT value, by --as, that says what the key may sign."""
    from lineshaft.resolution.auth.keys import decode_public_key, load_private_key
    from lineshaft.resolution.client import parse_reference
    from lineshaft.resolution.trust import certificate
    from lineshaft.resolution.values.claims import CERTIFICATE_TYPE, Permission

    identity = identity_of(who, secret, key)
    named, by = parse_reference(subject), parse_reference(issuer)
    private = load_private_key(issuer_key.read())
    permissions = [Permission(*one.partition("=")[::2]) for one in permission]
    references: Sequence[Reference] = [parse_reference(one) for one in chain or ()]

    async def work() -> "HandleValue":
        async with client_of(at, roots, home, identity) as client:
            values = (await client.resolve(named.handle, authoritative=True, follow_aliases=False)).values
            holder = next(
                (one for one in values if one.index == named.index and one.type.upper() == b"HS_PUBKEY"), None
            )
            if holder is None:
                raise InvalidInput(
                    "resolution.no_public_key", f"{subject} holds no public key", "Name an HS_PUBKEY value.",
                    field="subject", value=subject,
                )  # fmt: skip
            old = [one.index for one in values if one.type.upper() == CERTIFICATE_TYPE]
            now = int(time.time())
            made = certificate(
                named, decode_public_key(holder.data), permissions, by, private, now=now, expires=now + days * _DAY,
                chain=references, index=old[0] if old else 400,
            )  # fmt: skip
            await _put(client, named.handle, made, old)
            return made

    made = run(work, subject)
    console.output({"subject": subject, "index": made.index, "issuer": issuer}, as_json=json)


async def _put(client: "Client", handle: bytes, value: "HandleValue", old: Sequence[int]) -> None:
    """Add the value, or put it in the place of the first of the old ones."""
    if old:
        await client.modify(handle, [value])
    else:
        await client.add(handle, [value])


def _key_missing() -> InvalidInput:
    return InvalidInput(
        "resolution.signing_key", "a record is signed with a private key", "Give --as INDEX:HANDLE and --key-file.",
        field="--key-file",
    )  # fmt: skip
