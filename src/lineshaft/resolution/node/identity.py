"""Who asks: challenges, their answers, sessions (RFC 3652 3.5, 3.6)."""

import hmac
from collections.abc import Callable
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa

from lineshaft.core import clock
from lineshaft.core.errors import Forbidden, InvalidInput, LineshaftError
from lineshaft.resolution import codes, wire
from lineshaft.resolution.auth import keys
from lineshaft.resolution.auth.backoff import BackOff
from lineshaft.resolution.auth.challenges import PUBLIC_KEY, SECRET_KEY, Challenges, Pending, check_key, check_secret
from lineshaft.resolution.auth.credentials import Credential, verify_with_secret
from lineshaft.resolution.auth.sessions import (
    Session,
    Sessions,
    check_set_up,
    new_key,
    unwrap_key,
    wrap_key,
)
from lineshaft.resolution.fields import Malformed
from lineshaft.resolution.messages import (
    AnswerChallenge,
    Body,
    Challenge,
    Empty,
    ExchangeKey,
    OldChallenge,
    SessionReady,
    SetUpSession,
    VerifyAnswer,
)
from lineshaft.resolution.messages.sessions import CLIENT_KEY, HANDLE_KEY, SERVER_KEY
from lineshaft.resolution.model import HandleValue, Reference, handle_key
from lineshaft.resolution.node.elsewhere import Elsewhere
from lineshaft.resolution.record import unpack_record
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.store import RecordStore
from lineshaft.resolution.wire import Message

_DIGEST_OF_OLD: Final = (2, 1)


class Challenged(Exception):
    """The request must come from somebody: here is the challenge.

    Args:
        number: of the session under which the answer is to come.
        body: of the response.
    """

    def __init__(self, number: int, body: Body) -> None:
        super().__init__(number)
        self.number = number
        self.body = body


class Identities:
    """Finds out who asks, on one server."""

    def __init__(
        self, store: RecordStore, elsewhere: Elsewhere, key: keys.PrivateKey | None,
        now: Callable[[], float] = clock.monotonic,
    ) -> None:  # fmt: skip
        self._store = store
        self._elsewhere = elsewhere
        self._key = key
        self._now = now
        self._challenges = Challenges()
        self._sessions = Sessions()
        self._backoff = BackOff()
        self._verifying = BackOff(by_source=False)
        """The same of answers that other servers got."""

    # -- challenges ---------------------------------------------------------------------------------------------------

    def challenge(self, request: Message, source: str) -> Challenged:
        """The challenge to a request that came without an identity; raise it."""
        number, pending = self._challenges.issue(request, source, self._now())
        if (request.envelope.major, request.envelope.minor) < _DIGEST_OF_OLD:
            return Challenged(number, OldChallenge(pending.nonce, pending.digest.value))
        return Challenged(number, Challenge(pending.nonce))

    def challenged(self, message: Message, source: str) -> tuple[Message, Pending]:
        """The request that a challenge answer is about, as if it came now, and its challenge, which is used up.

        Raises:
            Refused: 405 no such challenge (any more).
        """
        pending = self._challenges.take(message.envelope.session, source, self._now())
        if pending is None:
            raise Refused(codes.RC_AUTHENTICATION_TIMEOUT)
        envelope = msgspec.structs.replace(pending.request.envelope, request=message.envelope.request, session=0)
        return msgspec.structs.replace(pending.request, envelope=envelope), pending

    async def prove_directly(self, body: AnswerChallenge, pending: Pending, source: str) -> Reference:
        """Who proves to ask, by the answer to a challenge however it was sent.

        Raises:
            Refused: 403 not proved, or too many wrong answers.
        """
        who = Reference(body.handle, body.index)
        await self._prove(body, pending, who, source)
        return who

    async def check_password(self, who: Reference, secret: bytes, source: str) -> None:
        """Whether somebody knows the secret key of value `index` of a handle that is at home here.

        Raises:
            Refused: 403.
        """
        identity = _identity_key(who)
        self._wait(identity, source)
        value = self._here(who)
        known = value.data if value is not None and value.type.upper() == SECRET_KEY else None
        if known is None or not hmac.compare_digest(known, secret):
            self._backoff.failed(identity, source, self._now())
            raise Refused(codes.RC_AUTHENTICATION_FAILED)
        self._backoff.succeeded(identity, source)

    async def check_key(self, who: Reference, key: keys.PublicKey, source: str) -> None:
        """Whether a public key, whose private one TLS has seen at work, is that of value `index` of a handle.

        Raises:
            Refused: 403.
        """
        identity = _identity_key(who)
        self._wait(identity, source)
        try:
            known = keys.decode_public_key((await self._public_key(who)).data)
        except (Refused, LineshaftError):
            known = None
        if known is None or keys.encode_public_key(known) != keys.encode_public_key(key):
            self._backoff.failed(identity, source, self._now())
            raise Refused(codes.RC_AUTHENTICATION_FAILED)
        self._backoff.succeeded(identity, source)

    async def _prove(self, body: AnswerChallenge, pending: Pending, who: Reference, source: str) -> None:
        identity = _identity_key(who)
        self._wait(identity, source)
        try:
            proved = await self._proved(body, pending, who)
        except Refused:  # nobody could be asked: it is not proved, and it is nobody's guess either
            raise Refused(codes.RC_AUTHENTICATION_FAILED, "the identity could not be looked up") from None
        except LineshaftError:
            proved = False
        if not proved:
            self._backoff.failed(identity, source, self._now())
            raise Refused(codes.RC_AUTHENTICATION_FAILED)
        self._backoff.succeeded(identity, source)

    def _wait(self, identity: bytes, source: str, backoff: BackOff | None = None) -> None:
        seconds = (backoff or self._backoff).seconds(identity, source, self._now())
        if seconds > 0:
            raise Refused(
                codes.RC_AUTHENTICATION_FAILED, f"too many wrong answers; try again in {seconds:.0f} seconds"
            )  # fmt: skip

    async def _proved(self, body: AnswerChallenge, pending: Pending, who: Reference) -> bool:
        value = self._here(who)
        kind = body.kind.upper()
        if kind == SECRET_KEY:
            if value is None and self._store.get(handle_key(who.handle)) is None:
                question = VerifyAnswer(who.handle, who.index, pending.nonce, pending.digest.value, body.answer)
                return await self._elsewhere.verify(question)
            secret = value.data if value is not None and value.type.upper() == SECRET_KEY else None
            return check_secret(body.answer, pending.challenged, secret)
        if kind != PUBLIC_KEY:
            return False
        if value is None:
            found = await self._elsewhere.values(who.handle, [PUBLIC_KEY])
            value = next((one for one in found if one.index == who.index), None)
        return (
            value is not None
            and value.type.upper() == PUBLIC_KEY
            and check_key(body.answer, pending.challenged, value.data)
        )

    def verify(self, question: VerifyAnswer, source: str) -> bool:
        """Whether an answer that another server got proves a secret that is kept here.

        Raises:
            Refused: 403 too many wrong answers for this value from this source; nothing is worked out then.
        """
        who = Reference(question.handle, question.index)
        identity = _identity_key(who)
        self._wait(identity, source, self._verifying)
        proved = self._verified(question, self._here(who))
        if proved:
            self._verifying.succeeded(identity, source)
        else:
            self._verifying.failed(identity, source, self._now())
        return proved

    @staticmethod
    def _verified(question: VerifyAnswer, value: HandleValue | None) -> bool:
        secret = value.data if value is not None and value.type.upper() == SECRET_KEY else None
        try:
            return check_secret(question.answer, question.nonce + question.digest, secret)
        except LineshaftError:
            return False

    def _here(self, who: Reference) -> HandleValue | None:
        record = self._store.get(handle_key(who.handle))
        if record is None:
            return None
        return next((value for value in unpack_record(record) if value.index == who.index), None)

    # -- sessions -----------------------------------------------------------------------------------------------------

    def open(self, data: bytes) -> tuple[Message, Session | None]:
        """A message in clear, and the session that it belongs to.

        Raises:
            Malformed: not a message.
            Refused: 500 no such session, 501 not encrypted with its key.
        """
        envelope = wire.decode_envelope(data)
        if not envelope.flags & codes.ENCRYPTED_ENVELOPE:
            message = wire.decode(data)
            return message, self._session_of(message)
        session = self._sessions.find(envelope.session, self._now())
        if session is None:
            raise Refused(codes.RC_SESSION_TIMEOUT)
        try:
            payload = session.decrypt(data[codes.ENVELOPE_BYTES :])
            plain = msgspec.structs.replace(envelope, flags=envelope.flags & ~codes.ENCRYPTED_ENVELOPE)
            message = wire.decode_payload(plain, payload)
        except Malformed as error:
            raise Refused(codes.RC_SESSION_FAILED) from error
        return message, session

    def check_session(self, message: Message, session: Session) -> None:
        """Refuse a message that does not come from the other side of its session, or came before.

        Raises:
            Refused: 501 not signed with its key, 505 said before.
        """
        try:
            credential = Credential.decode(message.credential)
        except Malformed as error:
            raise Refused(codes.RC_SESSION_FAILED, "a message in a session needs a credential") from error
        if not verify_with_secret(message.envelope, message.covered, credential, session.key):
            raise Refused(codes.RC_SESSION_FAILED)
        try:
            session.accept(credential.counter)
        except Forbidden as error:
            raise Refused(codes.RC_SESSION_REJECTED, error.message) from error

    async def set_up(self, message: Message, who: Reference | None, source: str) -> tuple[int, Body]:
        """Open a session: its number, and the answer.

        Raises:
            Refused: 502, 504, 5.
        """
        body = message.body
        assert isinstance(body, SetUpSession)
        if body.mode == SERVER_KEY and (who is not None or body.identity):
            raise Refused(
                codes.RC_INVALID_SESSION_SETUP,
                "a session whose key the client sends carries no identity: anybody may send it",
            )
        try:
            check_set_up(body, message.envelope.major, message.envelope.minor)
            key, data = await self._agreed(body)
        except InvalidInput as error:
            raise Refused(codes.RC_INVALID_SESSION_SETUP, error.message) from error
        session = self._sessions.open(key, who, body.timeout, source, self._now())
        if body.mode == SERVER_KEY:
            session.key_from = source
        return session.number, SessionReady(body.mode, data)

    def exchange(self, message: Message, number: int, source: str) -> Body:
        """Take the key of a session that the client made.

        Raises:
            Refused: 500, 502.
        """
        body = message.body
        assert isinstance(body, ExchangeKey)
        session = self._sessions.find(number, self._now())
        if session is None or session.key_from != source or not isinstance(self._key, rsa.RSAPrivateKey):
            raise Refused(codes.RC_SESSION_TIMEOUT)
        session.key_from = ""
        try:
            key = unwrap_key(body.key, self._key, named=False)
        except InvalidInput as error:
            raise Refused(codes.RC_INVALID_SESSION_KEY) from error
        self._sessions.rekey(session, key)
        return Empty()

    def end(self, number: int) -> None:
        self._sessions.close(number)

    async def _agreed(self, body: SetUpSession) -> tuple[bytes, bytes]:
        """Session key, and what the client needs to have it too."""
        if body.mode in {CLIENT_KEY, HANDLE_KEY}:
            public = body.public_key
            if body.mode == HANDLE_KEY:
                public = (await self._public_key(Reference(body.key_handle, body.key_index))).data
            recipient = keys.decode_public_key(public)
            if not isinstance(recipient, rsa.RSAPublicKey):
                raise Refused(codes.RC_NEED_RSA_KEY)
            key = new_key()
            return key, wrap_key(key, recipient)
        if body.mode == SERVER_KEY and isinstance(self._key, rsa.RSAPrivateKey):
            return new_key(), keys.encode_public_key(self._key.public_key())
        raise Refused(codes.RC_NOT_SUPPORTED, f"key exchange mode {body.mode} is not supported here")

    async def _public_key(self, who: Reference) -> HandleValue:
        """The HS_PUBKEY value that a reference names, here or elsewhere.

        Raises:
            Refused: 502 there is none, or its server does not answer.
        """
        value = self._here(who)
        if value is None:
            value = next((one for one in await self._elsewhere.values(who.handle) if one.index == who.index), None)
        if value is None or value.type.upper() != PUBLIC_KEY:
            raise Refused(codes.RC_INVALID_SESSION_KEY)
        return value

    def _session_of(self, message: Message) -> Session | None:
        number = message.envelope.session
        if not number or message.header.operation in {codes.OC_CHALLENGE_ANSWER, codes.OC_SESSION_EXCHANGE_KEY}:
            return None
        session = self._sessions.find(number, self._now())
        if session is None:
            raise Refused(codes.RC_SESSION_TIMEOUT)
        return session


def _identity_key(who: Reference) -> bytes:
    return b"%d:%s" % (who.index, handle_key(who.handle))
