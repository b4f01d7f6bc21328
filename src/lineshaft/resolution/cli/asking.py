"""What commands that ask by the protocol share: whom to ask, who asks, and errors in place of response codes."""

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from lineshaft.core.console import home_of
from lineshaft.core.errors import InvalidInput
from lineshaft.resolution.refused import Refused

if TYPE_CHECKING:
    from lineshaft.resolution.client import Client, Identity, Reach, Roots, Trail
    from lineshaft.resolution.settings import ResolutionSettings

T = TypeVar("T")

HandleArgument = Annotated[str, typer.Argument(help="The handle, prefix/suffix.")]
AtOption = Annotated[
    str | None,
    typer.Option(
        "--at", "--server", "--recursive", help="Ask this server, ADDRESS:PORT, instead of starting at the roots."
    ),
]
RootsOption = Annotated[
    Path | None, typer.Option("--roots", help="File of root sites [default: the setting resolution.roots_file].")
]
AsOption = Annotated[str | None, typer.Option("--as", help="Who asks, INDEX:HANDLE; shows what only they may read.")]
SecretOption = Annotated[Path | None, typer.Option("--secret-file", help="File with the secret of --as.")]
KeyOption = Annotated[Path | None, typer.Option("--key-file", help="PEM file with the private key of --as.")]


def roots_of(file: Path | None, home: Path | None) -> "Roots":
    """The roots in a file, or in the one that the settings name.

    Raises:
        InvalidInput: neither is given, or it cannot be used.
    """
    from lineshaft.resolution.client import read_roots

    if file is None:
        named = _settings(home).roots_file
        if not named:
            raise InvalidInput(
                "resolution.nowhere_to_start", "it is not known where resolution starts",
                "Give --roots FILE or --at ADDRESS:PORT, or set resolution.roots_file.", field="roots",
            )  # fmt: skip
        file = Path(named)
    return read_roots(file.expanduser())


def identity_of(who: str | None, secret: Path | None, key: Path | None) -> "Identity | None":
    """Who asks.

    Raises:
        InvalidInput: without a proof, or a proof without somebody.
    """
    from lineshaft.resolution.auth.keys import load_private_key
    from lineshaft.resolution.client import KeyIdentity, SecretIdentity, parse_reference

    if who is None:
        if secret is not None or key is not None:
            raise InvalidInput(
                "resolution.nobody_named", "a secret or key is given, but not whose it is", "Add --as INDEX:HANDLE.",
                field="--as",
            )  # fmt: skip
        return None
    reference = parse_reference(who)
    if key is not None:
        return KeyIdentity(who=reference, key=load_private_key(_content(key).decode()))
    if secret is not None:
        return SecretIdentity(who=reference, secret=_content(secret).strip(b"\r\n"))
    raise InvalidInput(
        "resolution.identity_unproved",
        f"nothing proves {who}",
        "Add --secret-file or --key-file.",
        field="--as",
        value=who,
    )


def client_of(
    at: str | None, roots: Path | None, home: Path | None, identity: "Identity | None" = None, *, start: bool = True
) -> "Client":
    """A client that asks one server, or starts at the roots.

    Args:
        at: address of the server.
        roots, home: see `roots_of`.
        identity: who asks.
        start: whether it needs to know where to start at all.
    """
    from lineshaft.resolution.client import Client, Roots, parse_address

    if at is not None:
        site = parse_address(at)
        return Client(Roots(), identity=identity, at=site, reach=reach_for([site.servers[0].address], home))
    known = roots_of(roots, home) if start else Roots()
    return Client(known, identity=identity, reach=reach_for(known.starts, home))


def reach_for(starts: Sequence[str], home: Path | None) -> "Reach":
    """Which servers may be asked that records name, by the settings and the addresses where resolution starts."""
    from lineshaft.resolution.client import reach_of

    return reach_of(_settings(home).reach, starts)


def run(work: Callable[[], Awaitable[T]], handle: str, trail: "Trail | None" = None) -> T:
    """Run what asks; a response code becomes an error with a hint.

    Raises:
        LineshaftError: what the code means for the handle.
    """

    async def whole() -> T:
        return await work()

    try:
        return asyncio.run(whole())
    except Refused as refused:
        from lineshaft.resolution.refusals import error_of

        raise error_of(refused, handle, trail or ()) from None


def nearest_types(wanted: Sequence[str], found: Sequence[str]) -> list[str]:
    """The types that were probably meant."""
    folded = {one.upper(): one for one in found}
    close = [name for one in wanted for name in difflib.get_close_matches(one.upper(), folded, n=2, cutoff=0.5)]
    return [folded[one] for one in dict.fromkeys(close)] or sorted(set(found))


def _settings(home: Path | None) -> "ResolutionSettings":
    from lineshaft.core.settings import Settings
    from lineshaft.resolution.settings import ResolutionSettings

    settings = Settings.load([ResolutionSettings], file=home_of(home).settings_file, partial=True)
    return settings.of(ResolutionSettings)


def _content(path: Path) -> bytes:
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        raise InvalidInput(
            "resolution.file_unreadable", f"{path} cannot be read: {error.strerror}", "Check its name and permissions.",
            field="file", path=str(path), reason=str(error.strerror),
        ) from error  # fmt: skip
