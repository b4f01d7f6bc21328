"""One question to one server: request numbers, proofs of who asks, sessions, and what an answer must be to be believed.

An answer is believed when it has the request's number and operation, came from the address that was asked, and holds the
handle that was asked for; where it is asked to be signed, when it also holds the digest of the request and is signed by
the key that the site's description gives for the server.
"""

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Final

import msgspec

from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.resolution import codes, wire
from lineshaft.resolution.auth import keys
from lineshaft.resolution.auth.credentials import Credential, sign_with_secret, verify_with_key, verify_with_secret
from lineshaft.resolution.auth.sessions import Session
from lineshaft.resolution.client.identity import Identity
from lineshaft.resolution.client.sessions import ClientSessions, proposal
from lineshaft.resolution.client.transport import Patience, Transport
from lineshaft.resolution.client.waiting import Question
from lineshaft.resolution.messages import Body, Challenge, OldChallenge, Resolve, Resolved, SessionReady
from lineshaft.resolution.model import Reference, same_handle
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.site import ADMINISTRATION, RESOLUTION, TCP, Server
from lineshaft.resolution.wire import Message

_PROTECTED: Final = codes.CERTIFIED | codes.REQUEST_DIGEST
_SESSION_LOST: Final = frozenset((codes.RC_SESSION_TIMEOUT, codes.RC_SESSION_FAILED, codes.RC_SESSION_REJECTED))
_ENCRYPTED: Final = codes.ENCRYPTED_ENVELOPE
_WEAK: Final = ("md5", "sha1")
"""Digests of requests before version 2.7."""


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """A request, before it has a number."""

    operation: int
    body: Body
    flags: int = 0
    use: int = RESOLUTION
    """Which interfaces of the server take it."""
    identity: Identity | None = None
    """Who answers a challenge."""
    in_session: bool = False
    encrypted: bool = False
    """Within the session."""
    serial: int = codes.NO_SERIAL
    recursion: int = 0
    only_tcp: bool = False


class Exchanged(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a request."""

    messages: tuple[Message, ...]
    protocol: str
    seconds: float
    signed: bool
    """By the server's key, and verified."""
    server: str = ""
    """Address and port."""

    @property
    def last(self) -> Message:
        return self.messages[-1]

    @property
    def code(self) -> int:
        return self.last.header.response_code


class Exchange:
    """Asks servers.

    Args:
        patience: how long to wait for them.
        seconds: the time, in seconds since 1970.
    """

    def __init__(
        self, patience: Patience = Patience(), seconds: Callable[[], float] = time.time,  # noqa: B008
    ) -> None:  # fmt: skip
        self.transport = Transport(patience)
        self._seconds = seconds
        self._sessions: dict[Reference, ClientSessions] = {}

    async def ask(self, server: Server, asking: Asking) -> Exchanged:
        """The answer of a server, whatever its response code; a challenge is answered first, where somebody can.

        Raises:
            Unreachable: none came that may be believed.
        """
        began = clock.monotonic()
        if asking.in_session and asking.identity is not None:
            found = await self._in_session(server, asking, asking.identity)
        else:
            found = await self._asked(server, asking)
        return msgspec.structs.replace(found, seconds=clock.monotonic() - began, server=address_of(server))

    async def close(self) -> None:
        await self.transport.close()

    # -- without a session --------------------------------------------------------------------------------------------

    async def _asked(self, server: Server, asking: Asking) -> Exchanged:
        if asking.identity is not None:  # an answer to a challenge that is sent twice is refused the second time
            asking = msgspec.structs.replace(asking, only_tcp=True)
        found, challenged = await self._sent(server, asking)
        if found.code != codes.RC_AUTHENTICATION_NEEDED or asking.identity is None:
            return found
        answer = asking.identity.answer(challenged)
        reply = msgspec.structs.replace(asking, operation=codes.OC_CHALLENGE_ANSWER, body=answer)  # fmt: skip
        # The result is that of the request: its operation is that of the request, too.
        found, _ = await self._sent(
            server, reply, session=found.last.envelope.session, answers=asking.operation, about=asking.body
        )
        return found

    async def _sent(
        self, server: Server, asking: Asking, *, session: int = 0, answers: int | None = None, about: Body | None = None
    ) -> tuple[Exchanged, bytes]:  # fmt: skip
        """An exchange of messages, and what a challenge, if it is one, wants proved."""
        request = _request(asking, session)
        covered = wire.cover(request)
        digest = wire.request_digest(request.envelope.major, request.envelope.minor, covered)
        key = _key_of(server) if asking.flags & codes.CERTIFIED else None
        operation = asking.operation if answers is None else answers
        signed = False

        def accept(data: bytes) -> Message | None:
            nonlocal signed
            message = wire.decode(data)
            if not self._belongs(message, request, operation, about or asking.body):
                return None
            if key is not None and message.header.response_code != codes.RC_SERVER_BUSY:
                signed = _signed_by(message, key) and (answers is not None or message.digest == digest)
                return message if signed else None
            return message

        question = Question(request.envelope.request, wire.assemble(request.envelope, covered), accept, asking.only_tcp)
        messages, protocol = await self.transport.ask(server, question, asking.use)
        last = messages[-1]
        challenged = b"" if asking.identity is None else _challenged(last, covered, asking.identity)
        return Exchanged(messages=tuple(messages), protocol=protocol, seconds=0, signed=signed), challenged

    def _belongs(self, message: Message, request: Message, operation: int, body: Body) -> bool:
        """Whether a message answers a request, as far as anybody can tell who did not see the request."""
        header = message.header
        if header.response_code == codes.RC_REQUEST or wire.expired(header, int(self._seconds())):
            return False
        if message.envelope.request != request.envelope.request or header.operation not in {operation, 0}:
            return False
        if header.operation == 0 and header.response_code in {codes.RC_SUCCESS, codes.RC_AUTHENTICATION_NEEDED}:
            return False  # only refusals of what could not be read name no operation
        if isinstance(message.body, Resolved) and isinstance(body, Resolve):
            return same_handle(message.body.handle, body.handle)
        return True

    # -- in a session -------------------------------------------------------------------------------------------------

    async def _in_session(self, server: Server, asking: Asking, identity: Identity) -> Exchanged:
        sessions = self._sessions.setdefault(identity.who, ClientSessions())
        for _ in range(2):
            async with sessions.lock(server):
                session = sessions.find(server) or await self._set_up(server, sessions, identity)
            found = await self._said(server, asking, session)
            if found.code not in _SESSION_LOST:
                return found
            sessions.drop(server)  # the server forgot it, or another process of it answered
        return found

    async def _set_up(self, server: Server, sessions: ClientSessions, identity: Identity) -> Session:
        asking = Asking(
            operation=codes.OC_SESSION_SETUP, body=await proposal(identity), use=ADMINISTRATION, identity=identity
        )  # fmt: skip
        found = await self._asked(server, asking)
        ready = found.last.body
        if not isinstance(ready, SessionReady):
            raise Refused(found.code, "the server sets no session up")
        try:
            return sessions.opened(server, found.last.envelope.session, ready, identity)
        except LineshaftError as error:
            raise Refused(codes.RC_INVALID_SESSION_KEY, error.message) from error

    async def _said(self, server: Server, asking: Asking, session: Session) -> Exchanged:
        flags = asking.flags | (codes.ENCRYPTED if asking.encrypted else 0)
        request = _request(msgspec.structs.replace(asking, flags=flags), session.number)
        covered, envelope = wire.cover(request), request.envelope
        data = wire.assemble(
            envelope, covered, sign_with_secret(envelope, covered, session.key, session.next_counter())
        )
        if asking.encrypted:
            data = _encrypted(envelope, data, session)
        session.used = clock.monotonic()

        def accept(data: bytes) -> Message | None:
            message = _opened(data, session)
            if message.header.response_code in _SESSION_LOST:
                return message
            believed = _of_session(message, session) and self._belongs(message, request, asking.operation, asking.body)
            return message if believed else None

        question = Question(envelope.request, data, accept, only_tcp=True)
        messages, protocol = await self.transport.ask(server, question, asking.use)
        return Exchanged(messages=tuple(messages), protocol=protocol, seconds=0, signed=False)


def _challenged(message: Message, covered: bytes, identity: Identity) -> bytes:
    """What a challenge wants proved: its nonce, and the digest of our own request; nothing where it is no challenge.

    Raises:
        Refused: 2 its digest is not SHA-256 and the identity allows no other, or is of another request: who signs what a
            server chose may be proving something else, to somebody else.
    """
    body = message.body
    ours = hashlib.sha256(covered).digest()
    if isinstance(body, Challenge):
        wanted = ours if message.digest is None else message.digest.value
    elif isinstance(body, OldChallenge):
        wanted = body.digest
    else:
        return b""
    if wanted == ours:
        return body.nonce + ours
    weak = {hashlib.new(name, covered, usedforsecurity=False).digest(): name for name in _WEAK}.get(wanted)
    if weak is None:
        raise Refused(codes.RC_ERROR, "the server's challenge is about another request than the one it answers")
    if not identity.old_digests:
        raise Refused(
            codes.RC_ERROR, f"the server wants who asks proved over the {weak.upper()} of the request, which can be forged; "
            "set old_digests of the identity where that has to do"
        )  # fmt: skip
    return body.nonce + wanted


def address_of(server: Server) -> str:
    """Address and port, for people."""
    interface = server.interface(TCP) or next(iter(server.interfaces), None)
    address = f"[{server.address}]" if ":" in server.address else server.address
    return address if interface is None else f"{address}:{interface.port}"


def _request(asking: Asking, session: int) -> Message:
    flags = asking.flags | (_PROTECTED if asking.flags & codes.CERTIFIED else 0)
    return Message(
        envelope=wire.Envelope(session=session, request=secrets.randbits(32)),
        header=wire.Header(
            operation=asking.operation, flags=flags, serial=asking.serial, recursion=asking.recursion
        ),
        body=asking.body,
    )  # fmt: skip


def _key_of(server: Server) -> keys.PublicKey:
    try:
        return keys.decode_public_key(server.public_key)
    except LineshaftError as error:
        raise Refused(
            codes.RC_ERROR, f"server {server.number} at {server.address} has no key to verify its answers with"
        ) from error  # fmt: skip


def _signed_by(message: Message, key: keys.PublicKey) -> bool:
    credential = Credential.decode(message.credential)
    return verify_with_key(message.envelope, message.covered, credential, key)


def _encrypted(envelope: wire.Envelope, data: bytes, session: Session) -> bytes:
    payload = session.encrypt(data[codes.ENVELOPE_BYTES :])
    head = msgspec.structs.replace(envelope, flags=envelope.flags | _ENCRYPTED, length=len(payload))
    return wire.encode_envelope(head) + payload


def _opened(data: bytes, session: Session) -> Message:
    envelope = wire.decode_envelope(data)
    if not envelope.flags & _ENCRYPTED:
        return wire.decode(data)
    payload = session.decrypt(data[codes.ENVELOPE_BYTES :])
    return wire.decode_payload(msgspec.structs.replace(envelope, flags=envelope.flags & ~_ENCRYPTED), payload)


def _of_session(message: Message, session: Session) -> bool:
    credential = Credential.decode(message.credential)
    return message.envelope.session == session.number and verify_with_secret(
        message.envelope, message.covered, credential, session.key
    )  # fmt: skip
