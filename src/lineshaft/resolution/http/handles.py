"""`/api/handles/{handle}`: reading, registering, changing and deleting one record."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution import codes, rest
from lineshaft.resolution.administration import Known
from lineshaft.resolution.http.authorization import Authorization
from lineshaft.resolution.http.request import Answer, Request, answer, decoded, wrong_parameter
from lineshaft.resolution.messages import Referral, Resolve
from lineshaft.resolution.model import HandleValue, Reference, check_handle, handle_key, matches_type
from lineshaft.resolution.node import Node
from lineshaft.resolution.node.identity import Challenged
from lineshaft.resolution.node.server import Asked
from lineshaft.resolution.record import unpack_record
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.values.json_form import value_from_json
from lineshaft.resolution.wire import Envelope, Header, Message

_PREFIX = len(b"/api/handles/")


class Handles:
    """The routes of single handles."""

    def __init__(self, node: Node, authorization: Authorization) -> None:
        self._node = node
        self._authorization = authorization

    async def answer(self, request: Request) -> Answer:
        """Answer one request.

        Raises:
            Refused, InvalidInput.
        """
        handle = decoded(request.path[_PREFIX:])
        if request.method in {"GET", "HEAD"}:
            return await self._get(request, handle)
        if request.method == "PUT":
            return await self._put(request, handle)
        if request.method == "DELETE":
            return await self._delete(request, handle)
        raise Refused(codes.RC_NOT_SUPPORTED)

    # -- reading ------------------------------------------------------------------------------------------------------

    async def _get(self, request: Request, handle: bytes) -> Answer:
        who = await self._authorization.identity(request)
        public_only = request.flag("publicOnly")
        pretty = bool(request.flag("pretty"))
        indexes, types = indexes_of(request), [one.encode() for one in request.all("type")]
        if public_only is False and who is None:
            await self.record(handle, request)  # that there is none, is said to everybody
            raise Refused(codes.RC_AUTHENTICATION_NEEDED)
        values = await self.record(handle, request)
        if who is None or public_only:
            values = [value for value in values if value.public]
        else:
            values = self._node.registrar.readable(values, who, await self._node.known(handle))
        if indexes or types:
            values = [
                value for value in values
                if value.index in indexes or any(matches_type(wanted, value.type) for wanted in types)
            ]  # fmt: skip
        return answer(rest.resolved(handle, values), pretty=pretty)

    async def record(self, handle: bytes, request: Request) -> Sequence[HandleValue]:
        """All values of a handle that is here; else the public ones, as the node finds them.

        Raises:
            Refused: 100, 102, 301, 302.
        """
        try:
            check_handle(handle)
        except InvalidInput as error:
            raise Refused(codes.RC_INVALID_HANDLE, error.message) from error
        record = self._node.store.get(handle_key(handle))
        if record is not None:
            return unpack_record(record)
        flags = codes.PUBLIC_ONLY | codes.RECURSIVE | (codes.AUTHORITATIVE if request.flag("auth") else 0)
        body = Resolve(handle, (), ())
        message = Message(envelope=Envelope(), header=Header(operation=codes.OC_RESOLUTION, flags=flags), body=body)
        try:
            found = await self._node.resolve(Asked(message, None, None, request.source), body)
        except Challenged as challenged:
            raise Refused(codes.RC_AUTHENTICATION_NEEDED) from challenged
        if isinstance(found, Referral):
            raise Refused(codes.RC_PREFIX_REFERRAL, f"another server has it; {found.handle.decode()} says which")
        values: Sequence[HandleValue] = getattr(found, "values", ())
        return values

    # -- changing -----------------------------------------------------------------------------------------------------

    async def _put(self, request: Request, handle: bytes) -> Answer:
        who, known = await self._administrator(request, handle)
        mint, overwrite = bool(request.flag("mintNewSuffix")), request.flag("overwrite")
        indexes = request.all("index")
        values = values_from(await request.body())
        registrar = self._node.registrar
        if indexes:
            if indexes != ["various"] and {value.index for value in values} != set(indexes_of(request)):
                raise wrong_parameter("index", ", ".join(indexes), "various, or the indexes of the values sent")
            fresh = await self._written(registrar.put, handle, values, who, known, overwrite=overwrite is not False)
            return answer(rest.about(codes.RC_SUCCESS, handle), 201 if fresh else 200)
        there = not mint and self._node.store.get(handle_key(handle)) is not None
        handle = await self._written(
            registrar.create, handle, values, who, known, overwrite=overwrite is not False and not mint, mint=mint
        )
        return answer(rest.about(codes.RC_SUCCESS, handle), 200 if there else 201)

    async def _delete(self, request: Request, handle: bytes) -> Answer:
        who, known = await self._administrator(request, handle)
        indexes = indexes_of(request)
        if indexes:
            await self._written(self._node.registrar.remove, handle, indexes, who, known)
        else:
            await self._written(self._node.registrar.delete, handle, who, known)
        return answer(rest.about(codes.RC_SUCCESS, handle))

    async def _administrator(self, request: Request, handle: bytes) -> tuple[Reference, Known]:
        """Who asks to change a record, and what is known elsewhere of those who may.

        Raises:
            Refused: 402, 403.
        """
        who = await administrator(self._authorization, request)
        return who, await self._node.known(handle)

    async def _written(self, write: Callable[..., Any], *arguments: object, **options: object) -> Any:
        """Change records beside the loop: the disk takes its time, and another process may be writing."""
        done = await asyncio.to_thread(write, *arguments, **options)
        self._node.store.renew()
        return done


async def administrator(authorization: Authorization, request: Request) -> Reference:
    """Who asks for a change.

    Raises:
        Refused: 402 nobody has said, or the connection is not one that changes may come by; 403 not proved.
    """
    if not authorization.may_write(request):
        raise Refused(codes.RC_AUTHENTICATION_NEEDED)
    who = await authorization.identity(request)
    if who is None:
        raise Refused(codes.RC_AUTHENTICATION_NEEDED)
    return who


def indexes_of(request: Request) -> list[int]:
    """The indexes that a query names.

    Raises:
        InvalidInput: one is no number.
    """
    found = []
    for given in request.all("index"):
        if not given.isdecimal() or len(given) > 10 or int(given) > 0xFFFFFFFF:
            raise wrong_parameter("index", given, "a number from 0 to 4294967295")
        found.append(int(given))
    return found


def values_from(body: bytes) -> list[HandleValue]:
    """The values in a request: `{"values": […]}`, a list, or one value.

    Raises:
        InvalidInput: none of these; names the field.
    """
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "resolution.http_json", f"the request's body is not JSON: {error}", 'Send {"values": […]}.', field="body",
            reason=str(error),
        ) from error  # fmt: skip
    if isinstance(given, dict):
        given = given.get("values", [given])
    if not isinstance(given, list):
        raise InvalidInput(
            "resolution.http_values",
            "the request's body holds no list of values",
            'Send {"values": […]}.',
            field="values",
        )
    return [value_from_json(one) for one in given]


__all__ = ["Handles", "administrator", "indexes_of", "values_from"]
