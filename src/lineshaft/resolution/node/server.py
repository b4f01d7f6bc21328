"""What one server answers to a whole message: the long way, for everything that `hot` does not answer at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution import codes, dialect_cn, hot, wire
from lineshaft.resolution.administration import NOTHING_KNOWN, Known, Registrar
from lineshaft.resolution.auth.challenges import Pending
from lineshaft.resolution.auth.credentials import sign_with_key, sign_with_secret
from lineshaft.resolution.auth.keys import PrivateKey
from lineshaft.resolution.auth.sessions import Session
from lineshaft.resolution.fields import Malformed
from lineshaft.resolution.homes import Homes
from lineshaft.resolution.messages import (
    AnswerChallenge,
    Body,
    ChangeValues,
    Created,
    Empty,
    HandleList,
    Login,
    OfHandle,
    Raw,
    Referral,
    Refusal,
    RemoveValues,
    Resolve,
    Resolved,
    SetUpSession,
    Verified,
    VerifyAnswer,
)
from lineshaft.resolution.model import (
    HandleValue,
    Reference,
    check_handle,
    handle_key,
    is_prefix_handle,
    matches_type,
    parent_prefix,
    prefix_handle,
    prefix_of,
    same_handle,
    suffix_of,
)
from lineshaft.resolution.node.elsewhere import Elsewhere, Nowhere, Recursive
from lineshaft.resolution.node.identity import Challenged, Identities
from lineshaft.resolution.node.templates import Templates
from lineshaft.resolution.record import HAS_SITE, unpack_record
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.site import Site, encode_site
from lineshaft.resolution.store import RecordStore
from lineshaft.resolution.values.admin import decode_admin
from lineshaft.resolution.values.references import decode_references
from lineshaft.resolution.wire import Message

EXPIRATION_SECONDS: Final = 12 * 3600
"""How long a response may be taken for one."""
STALE_SECONDS: Final = 30
"""The same, of one with values whose time is over: that is how a recursive server marks them."""
_FLAGS_AT: Final = codes.ENVELOPE_BYTES + 8
_CERTIFIED: Final = codes.CERTIFIED >> 24
_LISTED: Final = 1000
"""Handles in one message of a list."""
_LISTED_BYTES: Final = codes.MAX_MESSAGE_BYTES // 2
"""Of handles in one."""
_SERVICE: Final = (b"HS_SITE", b"HS_SERV")
_DELEGATION: Final = (b"HS_SITE.PREFIX", b"HS_SERV.PREFIX", b"HS_NA_DELEGATE")
_GROUPS: Final = 50
_ADMINISTRATION: Final = frozenset((
    codes.OC_CREATE_HANDLE, codes.OC_DELETE_HANDLE, codes.OC_ADD_VALUE, codes.OC_REMOVE_VALUE, codes.OC_MODIFY_VALUE,
    codes.OC_LIST_HANDLES, codes.OC_HOME_PREFIX, codes.OC_UNHOME_PREFIX, codes.OC_LIST_PREFIXES,
))  # fmt: skip
"""What is taken by connection only, as the description of a site says."""


Stream = Callable[[bytes], Awaitable[None]]
"""Sends one message of several; returns when there is room for another one."""

_COPIES: Final = frozenset((
    codes.OC_NEXT_TRANSACTION, codes.OC_RETRIEVE_TRANSACTIONS, codes.OC_DUMP_HANDLES, codes.OC_BACKUP_SERVER,
))  # fmt: skip
_COPYING: Final = "records are copied and backed up by other ways here, not by this protocol"


class NodeKeys(msgspec.Struct, frozen=True):
    """Keys of a server; None where answers are not signed."""

    private: PrivateKey | None = None


class Asked(msgspec.Struct, frozen=True):
    """A request in clear: who asks, in which session, from where."""

    message: Message
    who: Reference | None
    session: Session | None
    source: str
    dialect: bool = False
    """Whether the connection it came by speaks the Chinese dialect."""


class Node:
    """One server of a site.

    Args:
        store: its records.
        homes: what it is responsible for, and the site's description.
        registrar: changes the records.
        keys: to sign with.
        elsewhere: other servers; a server on its own knows nothing of them.
        recursive: resolves for others what is not here, where this server does.
        seconds: the time, in seconds since 1970.
    """

    def __init__(
        self, store: RecordStore, homes: Homes, registrar: Registrar, keys: NodeKeys = NodeKeys(),  # noqa: B008
        *, elsewhere: Elsewhere | None = None, recursive: Recursive | None = None,
        seconds: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.store = store
        self.homes = homes
        self.registrar = registrar
        self.identities = Identities(store, elsewhere or Nowhere(), keys.private)
        self._keys = keys
        self._elsewhere = elsewhere
        self._recursive = recursive
        self._templates = Templates(store, elsewhere)
        self._seconds = seconds
        self.cached = recursive.lookup if recursive is not None else None
        """Finds what was learned of other servers, for `hot.answer`; None where nothing is resolved for others."""

    @property
    def site(self) -> Site:
        return self.homes.site

    def quick(self) -> tuple[Callable[[bytes], bytes | None], int]:
        """What `hot.answer` is to look in first, and with which standing: the store, or what was learned of others."""
        if self.cached is not None and not self.homes:
            return self.cached, hot.CACHING
        return self.find, hot.AUTHORITATIVE

    @property
    def find(self) -> Callable[[bytes], bytes | None]:
        """Finds a record that is this server's to answer: copies of others' lie here while a site is divided anew."""
        return self.store.get if self.homes.whole else self._find_ours

    def _find_ours(self, key: bytes) -> bytes | None:
        return self.store.get(key) if self.homes.ours(key) else None

    def learned(self, packet: bytes, now: int) -> bytes | None:
        """The answer from what was learned of other servers, to what `hot` calls missing here."""
        if self.cached is None or not self.homes:
            return None
        expiration = now + EXPIRATION_SECONDS
        found = hot.answer(packet, self.cached, now, expiration, self.site.serial, hot.CACHING)
        return found if isinstance(found, bytes) else None

    def signed(self, packet: bytes, now: int) -> bytes | None:
        """The signed answer to a request that is the common case but for that; None: it takes the long way."""
        key = self._keys.private
        if key is None or len(packet) <= _FLAGS_AT or not packet[_FLAGS_AT] & _CERTIFIED:
            return None
        plain = packet[:_FLAGS_AT] + bytes((packet[_FLAGS_AT] & ~_CERTIFIED,)) + packet[_FLAGS_AT + 1 :]
        lookup, standing = self.quick()
        found = hot.answer(plain, lookup, now, now + EXPIRATION_SECONDS, self.site.serial, standing)
        if not isinstance(found, bytes):
            return None
        envelope, covered = wire.decode_envelope(found), found[codes.ENVELOPE_BYTES : -4]
        return wire.assemble(envelope, covered, sign_with_key(envelope, covered, key))

    def missing(self, packet: bytes, expiration: int) -> bytes | None:
        """The answer to what `hot` calls missing where it is plainly "no such handle"; None: it takes the long way."""
        key = packet[48 : 48 + int.from_bytes(packet[44:48])].upper()
        prefix, slash, _ = key.partition(b"/")
        if not slash or prefix not in self.homes or is_prefix_handle(key) or not self.homes.whole:
            return None
        try:
            key.decode()
        except UnicodeDecodeError:
            return None
        if not self._templates.none(prefix):
            return None
        return hot.refuse(packet, codes.RC_HANDLE_NOT_FOUND, expiration, self.site.serial)

    async def answer(
        self, data: bytes, source: str, *, administration: bool = True,
        connection: dialect_cn.Connection | None = None, works: Callable[[int], bool] | None = None,
        stream: Stream | None = None,
    ) -> Sequence[bytes]:  # fmt: skip
        """The message that answers one whole message; none to one that is void.

        Args:
            data: as it came; packets of a divided message put together.
            source: address of the peer.
            administration: whether this interface takes requests that change records.
            connection: what is remembered of the connection it came by, where there is one.
            works: whether the source may have an operation done; asked of what came encrypted, which nobody could see before.
            stream: takes the messages of a long answer but for the last; without it lists are refused.

        Raises:
            Malformed: not a message of the protocol: drop it on UDP, code 4 and hang up on TCP.
        """
        try:
            message, session = self.identities.open(data)
        except Refused as refused:
            return [_bare_refusal(data, refused)]
        if message.header.response_code != codes.RC_REQUEST:
            raise _not_a_request(message.header.response_code)
        if wire.expired(message.header, int(self._seconds())):
            return []
        asked = self._asked(message, session, source, connection)
        try:
            if session is not None:
                self.identities.check_session(message, session)
                if works is not None and wire.decode_envelope(data).flags & codes.ENCRYPTED_ENVELOPE:
                    _charge(works, message.header.operation)
            if isinstance(message.body, AnswerChallenge):
                asked, pending = self._challenged(asked)
                asked = await self._proved(asked, message.body, pending, connection)
        except Refused as refused:
            return [self._encoded(asked, refused.code, Refusal(refused.message))]
        return await self._answers(asked, stream, administration=administration)

    def _asked(
        self, message: Message, session: Session | None, source: str, connection: dialect_cn.Connection | None
    ) -> Asked:
        """A request, and who asks as far as session or connection tell."""
        who = session.identity if session is not None else None
        if connection is None:
            return Asked(message, who, session, source, dialect_cn.speaks_dialect(message))
        connection.note(message)
        return Asked(message, who or connection.identity, session, source, connection.dialect)

    def _challenged(self, answer: Asked) -> tuple[Asked, Pending]:
        """The request whose challenge is answered.

        Raises:
            Refused: 405; 407 in the dialect.
        """
        try:
            request, pending = self.identities.challenged(answer.message, answer.source)
        except Refused as refused:
            if answer.dialect:
                raise Refused(codes.RC_LOGIN_AGAIN) from refused
            raise
        return msgspec.structs.replace(answer, message=request, session=None), pending

    async def _proved(
        self, asked: Asked, answer: AnswerChallenge, pending: Pending, connection: dialect_cn.Connection | None
    ) -> Asked:
        """The request with who asks it.

        Raises:
            Refused: 403.
        """
        request = asked.message
        who = await self.identities.prove_directly(answer, pending, asked.source)
        if isinstance(request.body, Login):
            if not _is_same(who, Reference(request.body.handle, request.body.index)):
                raise Refused(codes.RC_AUTHENTICATION_FAILED)
            if connection is not None:
                connection.logged_in(who)
        return msgspec.structs.replace(asked, who=who)

    async def _answers(self, asked: Asked, stream: Stream | None, *, administration: bool) -> Sequence[bytes]:
        operation = asked.message.header.operation
        self.store.renew()
        try:
            self._admit(asked.message, administration=administration)
            if operation == codes.OC_LIST_HANDLES:
                return [await self._listing(asked, stream)]
            if operation == codes.OC_SESSION_SETUP:
                return [await self._session(asked)]
            body = await self._done(asked)
        except Challenged as challenged:
            return [self._encoded(asked, codes.RC_AUTHENTICATION_NEEDED, challenged.body, number=challenged.number)]
        except Refused as refused:
            return [self._encoded(asked, refused.code, Refusal(refused.message))]
        code = codes.RC_SUCCESS
        if isinstance(body, Referral):
            service = body.values and body.values[0].type.upper() in _SERVICE
            code = codes.RC_SERVICE_REFERRAL if service else codes.RC_PREFIX_REFERRAL
        return [self._encoded(asked, code, body)]

    async def _done(self, asked: Asked) -> Body:  # noqa: C901, PLR0911, PLR0912  # one case for each operation
        """Do what is asked; the body of the answer."""
        message, body = asked.message, asked.message.body
        match message.header.operation, body:
            case codes.OC_RESOLUTION, Resolve():
                return await self.resolve(asked, body)
            case codes.OC_GET_SITE_INFO, _:
                return Raw(encode_site(self.site))
            case codes.OC_VERIFY_ANSWER, VerifyAnswer():
                return Verified(self.identities.verify(body, asked.source))
            case ((codes.OC_LOGIN | codes.OC_LOGIN_SYSTEM), Login()):
                self._somebody(asked)
                return Raw(b"")
            case codes.OC_CREATE_HANDLE, ChangeValues():
                who, known = await self._administrator(asked, body.handle)
                flags = message.header.flags
                handle = await self._written(
                    self.registrar.create, body.handle, body.values, who, known,
                    overwrite=bool(flags & codes.OVERWRITE), mint=bool(flags & codes.MINT_SUFFIX),
                )  # fmt: skip
                return Created(handle if message.envelope.at_least(7) else None)
            case codes.OC_DELETE_HANDLE, OfHandle():
                await self._written(self.registrar.delete, body.handle, *await self._administrator(asked, body.handle))
            case codes.OC_ADD_VALUE, ChangeValues():
                who, known = await self._administrator(asked, body.handle)
                await self._written(self.registrar.add, body.handle, body.values, who, known)
            case codes.OC_MODIFY_VALUE, ChangeValues():
                who, known = await self._administrator(asked, body.handle)
                await self._written(self.registrar.modify, body.handle, body.values, who, known)
            case codes.OC_REMOVE_VALUE, RemoveValues():
                who, known = await self._administrator(asked, body.handle)
                await self._written(self.registrar.remove, body.handle, body.indexes, who, known)
            case codes.OC_HOME_PREFIX, OfHandle():
                await self._homed(self.registrar.home, asked, body)
            case codes.OC_UNHOME_PREFIX, OfHandle():
                await self._homed(self.registrar.unhome, asked, body)
            case codes.OC_LIST_PREFIXES, OfHandle():
                return self._prefixes(asked)
            case codes.OC_SESSION_EXCHANGE_KEY, _:
                return self.identities.exchange(message, message.envelope.session, asked.source)
            case codes.OC_SESSION_TERMINATE, _:
                self.identities.end(message.envelope.session)
            case operation, _:
                raise Refused(codes.RC_NOT_SUPPORTED, _COPYING if operation in _COPIES else "")
        return Empty()

    # -- reading ------------------------------------------------------------------------------------------------------

    async def resolve(self, asked: Asked, body: Resolve) -> Body:
        """The values that were asked for, as far as the asker may read them; or where to ask instead.

        Raises:
            Refused: 100, 102, 200, 301, 401.
            Challenged: private values were asked for.
        """
        try:
            check_handle(body.handle)
        except InvalidInput as error:
            raise Refused(codes.RC_INVALID_HANDLE, error.message) from error
        record = self.find(handle_key(body.handle))
        if record is None:
            return await self._missing(asked, body)
        return await self._allowed(asked, body, unpack_record(record))

    async def _allowed(self, asked: Asked, body: Resolve, record: Sequence[HandleValue]) -> Resolved:
        """The values of a record that were asked for; 401 where the asker may not read one of them."""
        values = chosen(record, body.indexes, body.types)
        if asked.message.header.flags & codes.PUBLIC_ONLY:
            values = [value for value in values if value.public]
        elif not all(value.public for value in values):
            who = self._somebody(asked)
            readable = self.registrar.readable(record, who, await self._known(body.handle, record))
            if any(value not in readable for value in values):
                raise Refused(codes.RC_NOT_PERMITTED)
        if not values:
            raise Refused(codes.RC_VALUES_NOT_FOUND)
        return Resolved(body.handle, tuple(values))

    async def _missing(self, asked: Asked, body: Resolve) -> Body:
        """An answer about a handle that is not here."""
        header = asked.message.header
        referral = None if header.flags & codes.DO_NOT_REFER else self._referral(body.handle)
        if self.homes.responsible(body.handle):
            if not self.homes.ours(body.handle):
                raise Refused(codes.RC_NOT_RESPONSIBLE)
            values = await self._templates.values(body.handle)
            if values is not None:
                return await self._allowed(asked, body, values)
            if referral is not None:
                return referral
            raise Refused(codes.RC_HANDLE_NOT_FOUND)
        recursive = self._recursive
        if referral is not None and (recursive is None or not header.flags & codes.RECURSIVE):
            return referral
        if recursive is None or (header.recursion and not header.flags & codes.RECURSIVE):
            raise Refused(codes.RC_NOT_RESPONSIBLE)
        learned = await recursive.values(body.handle, authoritative=bool(header.flags & codes.AUTHORITATIVE))
        found = chosen(learned, body.indexes, body.types)
        if not found:
            raise Refused(codes.RC_VALUES_NOT_FOUND)
        return Resolved(body.handle, tuple(found))

    def _referral(self, handle: bytes) -> Referral | None:
        """Who serves a handle's prefix, or what is below the nearest prefix above, as far as records here say. What is below
        a prefix at home here is here, or nowhere.
        """
        if is_prefix_handle(handle):
            ancestor = parent_prefix(suffix_of(handle))
        else:
            prefix = prefix_of(handle)
            values = self._public(prefix, _SERVICE)
            if values and prefix not in self.homes:
                return Referral(prefix_handle(prefix), values)
            ancestor = parent_prefix(prefix)
        while ancestor is not None and ancestor not in self.homes:
            values = self._public(ancestor, _DELEGATION)
            if values:
                return Referral(prefix_handle(ancestor), values)
            ancestor = parent_prefix(ancestor)
        return None

    def _public(self, prefix: bytes, types: Sequence[bytes]) -> tuple[HandleValue, ...]:
        """Public values of a prefix's record, where it is here, of some types; the site's before the service's."""
        record = self.store.get(handle_key(prefix_handle(prefix)))
        if record is None or not record[0] & HAS_SITE:
            return ()
        values = [one for one in unpack_record(record) if one.public and one.type.upper() in types]
        return tuple(sorted(values, key=lambda one: types.index(one.type.upper())))

    async def _listing(self, asked: Asked, stream: Stream | None) -> bytes:
        """Handles of a prefix, in as many messages as it takes; the last of them is returned."""
        body = asked.message.body
        assert isinstance(body, OfHandle)
        if stream is None:
            raise Refused(codes.RC_PROTOCOL_ERROR, "this interface gives no lists")
        prefix = _prefix_named(body.handle)
        who = self._somebody(asked)
        self.registrar.check_listing(prefix, who, await self._known(prefix + b"/", ()))
        # keys are read beside the loop, and others have their turn between two messages
        keys = (key for key, _ in self.store.scan(handle_key(prefix) + b"/"))
        page = await asyncio.to_thread(_taken, keys)
        while following := await asyncio.to_thread(_taken, keys):
            await stream(self._encoded(asked, codes.RC_SUCCESS, HandleList(page), flags=codes.CONTINUED))
            page = following
        return self._encoded(asked, codes.RC_SUCCESS, HandleList(page))

    def _prefixes(self, asked: Asked) -> HandleList:
        if not self.registrar.is_operator(self._somebody(asked)):
            raise Refused(codes.RC_NOT_PERMITTED)
        return HandleList(tuple(prefix_handle(prefix) for prefix in self.homes))

    # -- who asks -----------------------------------------------------------------------------------------------------

    def _somebody(self, asked: Asked) -> Reference:
        """Who asks; whoever has not said is challenged."""
        if asked.who is None:
            raise self.identities.challenge(asked.message, asked.source)
        return asked.who

    async def _administrator(self, asked: Asked, handle: bytes) -> tuple[Reference, Known]:
        """Who asks to change a record, and what is known elsewhere of those who may."""
        who = self._somebody(asked)
        record = self.store.get(handle_key(handle))
        return who, await self._known(handle, () if record is None else unpack_record(record))

    async def known(self, handle: bytes) -> Known:
        """What is known elsewhere of those who may change a record, or register handles of its prefix."""
        record = self.store.get(handle_key(handle))
        return await self._known(handle, () if record is None else unpack_record(record))

    async def _known(self, handle: bytes, values: Sequence[HandleValue]) -> Known:
        """Records of other servers that decide on rights: the prefix's, and groups of administrators.

        Nobody who cannot be asked gives a right.
        """
        if self._elsewhere is None:
            return NOTHING_KNOWN
        known: dict[bytes, Sequence[HandleValue]] = {}
        prefix = prefix_of(handle)
        if is_prefix_handle(handle):
            prefix = parent_prefix(suffix_of(handle)) or prefix
        found = await self._look_up(prefix_handle(prefix), known)
        waiting = _administrators([*values, *found])
        for _ in range(_GROUPS):
            if not waiting:
                break
            group = waiting.pop()
            if group.handle.upper() not in known:
                waiting += _members(await self._look_up(group.handle, known))
        return known

    async def _look_up(self, handle: bytes, known: dict[bytes, Sequence[HandleValue]]) -> Sequence[HandleValue]:
        record = self.store.get(handle_key(handle))
        if record is not None:
            return unpack_record(record)
        assert self._elsewhere is not None
        try:
            known[handle_key(handle)] = await self._elsewhere.values(handle)
        except Refused:
            known[handle_key(handle)] = ()
        return known[handle_key(handle)]

    async def _session(self, asked: Asked) -> bytes:
        body = asked.message.body
        assert isinstance(body, SetUpSession)
        who = asked.who
        if body.identity:
            who = self._somebody(asked)
            if not _is_same(who, Reference(body.identity, body.index)):
                raise Refused(codes.RC_AUTHENTICATION_FAILED)
        number, answer = await self.identities.set_up(asked.message, who, asked.source)
        return self._encoded(asked, codes.RC_SUCCESS, answer, number=number)

    # -- writing ------------------------------------------------------------------------------------------------------

    async def _written(self, write: Callable[..., Any], *arguments: object, **options: object) -> Any:
        """Change records beside the loop: the disk takes its time, and another process may be writing."""
        done = await asyncio.to_thread(write, *arguments, **options)
        self.store.renew()
        return done

    async def _homed(self, write: Callable[[bytes, Reference], bool], asked: Asked, body: OfHandle) -> None:
        """Make a prefix at home here, or no longer, and go by it at once."""
        await self._written(write, _prefix_named(body.handle), self._somebody(asked))
        self.homes.renew()

    def _admit(self, message: Message, *, administration: bool) -> None:
        """Refuse what has come too far, by an old map, or in at the wrong door."""
        header = message.header
        if header.recursion > codes.MOST_RECURSION:
            raise Refused(codes.RC_RECURSION_TOO_DEEP)
        if header.operation != codes.OC_GET_SITE_INFO and header.serial not in {codes.NO_SERIAL, self.site.serial}:
            raise Refused(codes.RC_OUT_OF_DATE_SITE)
        if header.operation in _ADMINISTRATION and not administration:
            raise Refused(codes.RC_PROTOCOL_ERROR, "this interface takes no administration")

    def _holds(self, body: Body) -> bool:
        """Whether a request is about what this server holds itself."""
        return not isinstance(body, Resolve) or self.homes.responsible(body.handle)

    def _encoded(self, asked: Asked, code: int, body: Body, *, number: int | None = None, flags: int = 0) -> bytes:
        """A response in the form that its request wants: signed, in its session, encrypted."""
        request, session = asked.message, asked.session
        code = dialect_cn.code_for(code, dialect=asked.dialect)
        expiration = int(self._seconds()) + EXPIRATION_SECONDS
        if (
            self._recursive is not None
            and isinstance(body, Resolved)
            and self._recursive.stale(handle_key(body.handle))
        ):
            expiration += STALE_SECONDS - EXPIRATION_SECONDS
        message = wire.reply(request, code, body, serial=self.site.serial, expiration=expiration)
        envelope, header = message.envelope, message.header
        if number is not None:
            envelope = msgspec.structs.replace(envelope, session=number)
        flags |= header.flags
        if self._recursive is not None and not self._holds(request.body):
            flags &= ~codes.AUTHORITATIVE
        message = msgspec.structs.replace(
            message, envelope=envelope, header=msgspec.structs.replace(header, flags=flags)
        )
        covered = wire.cover(message)
        if session is not None:
            return _in_session(envelope, covered, session, encrypted=bool(request.header.flags & codes.ENCRYPTED))
        credential = b""
        if request.header.flags & codes.CERTIFIED and self._keys.private is not None:
            credential = sign_with_key(envelope, covered, self._keys.private)
        return wire.assemble(envelope, covered, credential)


def _charge(works: Callable[[int], bool], operation: int) -> None:
    if not works(operation):
        raise Refused(codes.RC_SERVER_BUSY)


def chosen(
    values: Sequence[HandleValue], indexes: Sequence[int], types: Sequence[bytes]
) -> list[HandleValue]:  # fmt: skip
    """The values that either list asks for; all where both are empty."""
    if not indexes and not types:
        return list(values)
    return [
        value for value in values
        if value.index in indexes or any(matches_type(wanted, value.type) for wanted in types)
    ]  # fmt: skip


def _taken(keys: Iterator[bytes]) -> tuple[bytes, ...]:
    """The next keys of one message of a list."""
    page: list[bytes] = []
    size = 0
    for key in keys:
        page.append(key)
        size += 4 + len(key)
        if len(page) >= _LISTED or size >= _LISTED_BYTES:
            break
    return tuple(page)


def _in_session(envelope: wire.Envelope, covered: bytes, session: Session, *, encrypted: bool) -> bytes:
    credential = sign_with_secret(envelope, covered, session.key, session.next_counter())
    whole = wire.assemble(envelope, covered, credential)
    if not encrypted:
        return whole
    payload = session.encrypt(whole[codes.ENVELOPE_BYTES :])
    flags = envelope.flags | codes.ENCRYPTED_ENVELOPE
    return wire.encode_envelope(msgspec.structs.replace(envelope, flags=flags, length=len(payload))) + payload


def _is_same(one: Reference, other: Reference) -> bool:
    return one.index == other.index and same_handle(one.handle, other.handle)


def _prefix_named(handle: bytes) -> bytes:
    """The prefix that a prefix handle, or a bare prefix, names."""
    return suffix_of(handle) if is_prefix_handle(handle) else handle.rstrip(b"/")


def _administrators(values: Sequence[HandleValue]) -> list[Reference]:
    """Who the HS_ADMIN values name; each may be a group."""
    found = []
    for value in values:
        if value.type.upper() == b"HS_ADMIN":
            try:
                found.append(decode_admin(value.data).reference)
            except Malformed:
                continue
    return found


def _members(values: Sequence[HandleValue]) -> list[Reference]:
    found: list[Reference] = []
    for value in values:
        if value.type.upper() == b"HS_VLIST":
            try:
                found += decode_references(value.data)
            except Malformed:
                continue
    return found


def _bare_refusal(data: bytes, refused: Refused) -> bytes:
    """A refusal of a message that could not be opened: only its envelope is known."""
    envelope = wire.decode_envelope(data)
    header = wire.Header(operation=0, response_code=refused.code)
    major, minor = wire.negotiate(envelope.major, envelope.minor)
    answer = Message(
        envelope=wire.Envelope(major=major, minor=minor, session=envelope.session, request=envelope.request),
        header=header, body=Refusal(refused.message),
    )  # fmt: skip
    return wire.encode(answer)


def _not_a_request(code: int) -> Malformed:
    return Malformed(
        "resolution.not_a_request", f"the message is a response (code {code})", "Send requests: response code 0.",
        field="response code", value=code,
    )  # fmt: skip
