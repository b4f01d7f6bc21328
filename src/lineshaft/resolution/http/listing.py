"""What there is on a node: the handles of a prefix, its prefixes, the description of its site, proofs of registration."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Final

from lineshaft.resolution import changes, codes, rest
from lineshaft.resolution.administration import Known
from lineshaft.resolution.http.authorization import Authorization
from lineshaft.resolution.http.request import Answer, Request, answer, decoded, wrong_parameter
from lineshaft.resolution.model import Reference, check_handle, handle_key, prefix_handle
from lineshaft.resolution.node import Node
from lineshaft.resolution.proofs import Proofs
from lineshaft.resolution.record import unpack_record
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.values.json_form import compact, value_to_json
from lineshaft.resolution.values.site_json import site_to_json

_PART: Final = 1000
"""Handles of a list made beside the loop at a time."""
_LINES: Final = 50
"""Records of an export made in one turn of the loop."""
_MOST_PAGES: Final = 10**9
_PROOFS: Final = len(b"/api/v1/resolution/proofs/")


class Listing:
    """The routes that read and are about no single record."""

    def __init__(self, node: Node, authorization: Authorization, proofs: Proofs | None) -> None:
        self._node = node
        self._authorization = authorization
        self._proofs = proofs

    async def handles(self, request: Request) -> Answer:
        """`GET /api/handles?prefix=…&page=…&pageSize=…`; without a page all of them, as they are read."""
        _reading(request)
        prefix = (request.first("prefix") or "").encode()
        if not prefix:
            raise wrong_parameter("prefix", "", "the prefix whose handles are wanted")
        page, size = request.number("page", -1, _MOST_PAGES), request.number("pageSize", -1, 1_000_000)
        if prefix.upper().startswith(b"0.NA/"):
            prefix = prefix[5:]
        who = await self._somebody(request)
        self._node.registrar.check_listing(prefix, who, await self._node.known(prefix + b"/"))
        total = changes.digest_of(self._node.store, prefix).records
        empty = compact(rest.handle_page(prefix, total, page, size, ()))
        found = self._keys(handle_key(prefix) + b"/", page, size)
        return Answer(
            status=200, headers=[(b"content-type", b"application/json;charset=utf-8")],
            stream=_listed(empty, found),
        )  # fmt: skip

    def _keys(self, beginning: bytes, page: int, size: int) -> Iterator[bytes]:
        keys = (key for key, _ in self._node.store.scan(beginning))
        if size == 0:
            return iter(())
        if page < 0 or size < 0:
            return keys
        return islice(keys, page * size, (page + 1) * size)

    async def export(self, request: Request) -> Answer:
        """`GET /api/v1/resolution/handles?prefix=…&after=…`: every record as one line of NDJSON, by handle."""
        _reading(request)
        prefix, after = (request.first("prefix") or "").encode(), (request.first("after") or "").encode()
        who = await self._somebody(request)
        known = await self._node.known(prefix + b"/")
        self._node.registrar.check_listing(prefix, who, known)
        records = self._node.store.scan(handle_key(prefix) + b"/", handle_key(after))
        lines = (self._line(key, record, who, known) for key, record in records)
        return Answer(status=200, headers=[(b"content-type", b"application/x-ndjson")], stream=_joined(lines))

    def _line(self, key: bytes, record: bytes, who: Reference, known: Known) -> bytes:
        values = self._node.registrar.readable(unpack_record(record), who, known)
        return compact({"handle": key.decode(), "values": [value_to_json(value) for value in values]}) + b"\n"

    async def prefixes(self, request: Request) -> Answer:
        """`GET /api/prefixes`, for operators."""
        _reading(request)
        if not self._node.registrar.is_operator(await self._somebody(request)):
            raise Refused(codes.RC_NOT_PERMITTED)
        return answer(rest.prefix_list(prefix_handle(prefix) for prefix in self._node.homes))

    async def site(self, request: Request) -> Answer:
        """`GET /api/site`: the description of the site, as an HS_SITE value has it in JSON."""
        _reading(request)
        return answer(site_to_json(self._node.site), pretty=bool(request.flag("pretty")))

    async def proof(self, request: Request) -> Answer:
        """`GET /api/v1/resolution/proofs/{handle}`: that the record was registered as it is now."""
        _reading(request)
        handle = check_handle(decoded(request.path[_PROOFS:]))
        record = self._node.store.get(handle_key(handle))
        if record is None:
            raise Refused(codes.RC_HANDLE_NOT_FOUND)
        proof = self._proofs.proof_of(self._node.store, handle, record) if self._proofs is not None else None
        if proof is None:
            site = self._node.site
            primary = "" if site.primary or site.multi_primary else "; its primary may have it already"
            raise Refused(codes.RC_VALUES_NOT_FOUND, f"this node has no proof of the record as it is now{primary}")
        return answer(proof)

    async def _somebody(self, request: Request) -> Reference:
        who = await self._authorization.identity(request)
        if who is None:
            raise Refused(codes.RC_AUTHENTICATION_NEEDED)
        return who


def _reading(request: Request) -> None:
    if request.method not in {"GET", "HEAD"}:
        raise Refused(codes.RC_NOT_SUPPORTED)


async def _joined(lines: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Lines, some at a time, between which others have their turn."""
    while part := b"".join(islice(lines, _LINES)):
        yield part
        await asyncio.sleep(0)


async def _listed(empty: bytes, keys: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The document with the handles in its empty list, some at a time; read beside the loop."""
    head, tail = empty[:-2], empty[-2:]
    separator = b""
    yield head
    while part := await asyncio.to_thread(lambda: [*islice(keys, _PART)]):
        yield separator + b",".join(compact(key.decode("utf-8", "replace")) for key in part)
        separator = b","
    yield tail
