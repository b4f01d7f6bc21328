"""Routes under /api/v1/ledger: each log as C2SP tlog-tiles serves it, proofs, and this installation as a witness.

All of it is public: leaves are salted hashes, so neither tiles nor proofs tell what was logged.
"""

import base64
from collections.abc import Iterable
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError, NotFound, TooLarge
from lineshaft.core.home import Home
from lineshaft.core.http import PROBLEM_JSON, problem
from lineshaft.ledger import places
from lineshaft.ledger.messages import Cosign
from lineshaft.ledger.notes import LARGEST_NOTE
from lineshaft.ledger.tiles import Tile
from lineshaft.ledger.witnesses import SIZE_TYPE

_ROOT = "/api/v1/ledger"
_TAGS = ["ledger"]
_LOG = {"public": "a log is worth something because everybody can check it; its leaves are salted hashes"}
_WITNESS = {"public": "witnessing is for strangers: the log's signature and its proof are what is checked"}
_TEXT = "text/plain"  # the charset is added
_BINARY = "application/octet-stream"
_NOW = {"cache-control": "public, max-age=1"}
_FOR_A_DAY = {"cache-control": "public, max-age=86400"}
_FOR_EVER = {"cache-control": "public, max-age=31536000, immutable"}
_STATUS: Final = {"ledger.proof_rejected": 422}

Index = Annotated[int, QueryParameter(description="Number of the entry, from 0", ge=0)]
Size = Annotated[
    int | None, QueryParameter(description="Entries of the tree; those of the checkpoint where not given", ge=0)
]
Old = Annotated[int, QueryParameter(description="Entries of the earlier tree", ge=0)]
New = Annotated[
    int | None, QueryParameter(description="Entries of the later tree; of the checkpoint where not given", ge=0)
]


class LogView(msgspec.Struct, frozen=True, kw_only=True):
    """A log."""

    log: str
    origin: str
    size: int
    root: str
    """Base64."""
    key: str
    """The log's public key."""
    signed: str
    """When the checkpoint was written, RFC 3339; by this machine's clock."""


class LogList(msgspec.Struct, frozen=True, kw_only=True):
    """The logs of this installation."""

    items: list[LogView]


class InclusionProof(msgspec.Struct, frozen=True, kw_only=True):
    """That an entry is in a tree."""

    index: int
    size: int
    leaf: str
    """Hash of the entry, base64."""
    root: str
    """Of the tree of `size` entries, base64."""
    proof: list[str]
    """Base64, from the leaf up."""


class ConsistencyProof(msgspec.Struct, frozen=True, kw_only=True):
    """That one tree is the beginning of another."""

    old: int
    new: int
    old_root: str
    new_root: str
    proof: list[str]
    """Base64."""


@get(_ROOT, opt=_LOG, tags=_TAGS, sync_to_thread=True)
def list_logs(home: NamedDependency[Home]) -> LogList:
    """The logs that have a checkpoint."""
    items = []
    for reader in places.readers(home):
        try:
            head = reader.head()
        except NotFound:
            continue
        view = LogView(
            log=reader.folder.name,
            origin=head.origin,
            size=head.size,
            root=_text(head.root),
            key=reader.key(),
            signed=clock.rfc3339(reader.signed_us()),
        )
        items.append(view)
    return LogList(items=items)


@get(f"{_ROOT}/{{log:str}}/checkpoint", opt=_LOG, tags=_TAGS, sync_to_thread=True)
def get_checkpoint(home: NamedDependency[Home], log: FromPath[str]) -> Response[bytes]:
    """The latest signed checkpoint."""
    return Response(places.reader(home, log).checkpoint(), media_type=_TEXT, headers=_NOW)


@get(f"{_ROOT}/{{log:str}}/checkpoint.cosigned", opt=_LOG, tags=_TAGS, sync_to_thread=True)
def get_cosigned(home: NamedDependency[Home], log: FromPath[str]) -> Response[bytes]:
    """The latest checkpoint that a witness has cosigned."""
    return Response(places.reader(home, log).cosigned(), media_type=_TEXT, headers=_NOW)


@get(f"{_ROOT}/{{log:str}}/key", opt=_LOG, tags=_TAGS, sync_to_thread=True)
def get_key(home: NamedDependency[Home], log: FromPath[str]) -> Response[str]:
    """The log's public key. Whoever wants to be sure gets it from people they know, not from here."""
    return Response(places.reader(home, log).key() + "\n", media_type=_TEXT, headers=_NOW)


@get(f"{_ROOT}/{{log:str}}/tile/{{path:path}}", opt=_LOG, tags=_TAGS, sync_to_thread=True)
def get_tile(home: NamedDependency[Home], log: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """A hash tile `<level>/<number>[.p/<width>]`, or a bundle of entries `entries/<number>[.p/<width>]`."""
    reader, name = places.reader(home, log), str(path).removeprefix("/")
    tile = Tile.parse(name)
    if tile is None:
        raise NotFound(
            "ledger.tile_unknown", f"the log has no tile {name[:100]}", "The checkpoint says how far the log reaches.",
            tile=name[:100],
        )  # fmt: skip
    return Response(reader.tile(tile), media_type=_BINARY, headers=_FOR_EVER if tile == tile.full else _FOR_A_DAY)


@get(f"{_ROOT}/{{log:str}}/proof/inclusion", opt=_LOG, tags=_TAGS, sync_to_thread=True)
def prove_inclusion(home: NamedDependency[Home], log: FromPath[str], index: Index, size: Size = None) -> InclusionProof:
    """Proof that an entry is in the log."""
    reader = places.reader(home, log)
    size = reader.head().size if size is None else size
    proof = reader.inclusion(index, size)
    return InclusionProof(
        index=index, size=size, leaf=_text(reader.leaf(index)), root=_text(reader.root(size)), proof=_texts(proof)
    )


@get(f"{_ROOT}/{{log:str}}/proof/consistency", opt=_LOG, tags=_TAGS, sync_to_thread=True)
def prove_consistency(home: NamedDependency[Home], log: FromPath[str], old: Old, new: New = None) -> ConsistencyProof:
    """Proof that the log only grew from one size to the other."""
    reader = places.reader(home, log)
    new = reader.head().size if new is None else new
    proof = reader.consistency(old, new)
    return ConsistencyProof(
        old=old, new=new, old_root=_text(reader.root(old)), new_root=_text(reader.root(new)), proof=_texts(proof)
    )


@get(f"{_ROOT}/witness/key", opt=_WITNESS, tags=_TAGS, sync_to_thread=True)
def get_witness_key(home: NamedDependency[Home]) -> Response[str]:
    """Public key that this installation cosigns other installations' logs with."""
    return Response(places.witness_key(home) + "\n", media_type=_TEXT, headers=_NOW)


@post(f"{_ROOT}/witness/add-checkpoint", opt=_WITNESS, tags=_TAGS, status_code=200)
async def add_checkpoint(request: Request[Any, Any, Any], witness: NamedDependency[Cosign]) -> Response[bytes]:
    """Cosign a foreign log's checkpoint (c2sp.org/tlog-witness): old size, consistency proof, checkpoint."""
    body = await request.body()
    if len(body) > LARGEST_NOTE:
        raise TooLarge(
            "ledger.request_too_large", f"the request has {len(body)} bytes, more than {LARGEST_NOTE}",
            "A proof and a checkpoint are smaller.", size=len(body), maximum=LARGEST_NOTE,
        )  # fmt: skip
    try:
        return Response(await witness(body), media_type=_TEXT)
    except LineshaftError as error:
        if error.code == "ledger.witness_size":
            return Response(b"%d\n" % error.facts["size"], status_code=409, media_type=SIZE_TYPE)
        if error.code not in _STATUS:
            raise
        document = msgspec.json.encode(problem(error, "en", request.scope["path"]))
        return Response(document, status_code=_STATUS[error.code], media_type=PROBLEM_JSON)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _texts(values: Iterable[bytes]) -> list[str]:
    return [_text(value) for value in values]


ROUTES = [
    list_logs, get_checkpoint, get_cosigned, get_key, get_tile, prove_inclusion, prove_consistency, get_witness_key,
    add_checkpoint,
]  # fmt: skip
