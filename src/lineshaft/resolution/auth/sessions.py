"""Sessions: a key between one client and one server, numbered messages, and the exchange of the key (RFC 3652 3.6).

Keys are AES, exchanged with RSA. Refused are versions before 2.7 (whose codes do not cover the numbers of messages, so
that each could be sent again under another number; before 2.4 there was but DES) and Diffie-Hellman over finite fields, whose parameters the client chooses and which the cryptography library gives up;
clients then authenticate each request by a challenge.
"""

import secrets
from typing import Final

from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from lineshaft.core.errors import Forbidden, InvalidInput
from lineshaft.resolution.auth.challenges import new_number
from lineshaft.resolution.auth.table import Halves
from lineshaft.resolution.fields import Malformed, Reader, u32
from lineshaft.resolution.messages.sessions import DIFFIE_HELLMAN, SetUpSession
from lineshaft.resolution.model import Reference

AES: Final = 3
"""Number of the cipher before an exchanged key."""

_KEY_BYTES: Final = 32
_CIPHER_KEY_BYTES: Final = 16
_BLOCK_BYTES: Final = 16
_REMEMBERED: Final = 200
"""Counters behind the highest that a message may still have."""
_OAEP: Final = rsa_padding.OAEP(rsa_padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303  the protocol's


class Session:
    """One side of a session.

    Args:
        number: in the envelope of its messages.
        key: as exchanged; the cipher takes its first sixteen bytes, codes take all.
        identity: who was authenticated, or None.
        timeout: seconds without a message after which it ends.
        now: seconds on a clock that never steps.
    """

    def __init__(self, number: int, key: bytes, identity: Reference | None, timeout: float, now: float) -> None:
        self.number: Final = number
        self.key: Final = key
        self.identity = identity
        self.timeout: Final = timeout
        self.used = now
        self.key_from = ""
        """Address of whoever is to send another key, once; empty: nobody is."""
        self._sent = 0
        self._highest = 0
        self._seen: set[int] = set()

    def next_counter(self) -> int:
        """The counter of the next message sent."""
        self._sent += 1
        return self._sent

    def accept(self, counter: int) -> None:
        """Note the counter of a received message whose code was right.

        Raises:
            Forbidden: a message with it came before, or it is too far behind to tell (code 505).
        """
        if counter in self._seen or counter <= self._highest - _REMEMBERED or counter < 1:
            raise Forbidden(
                "resolution.session_replay", f"message {counter} of session {self.number} came before",
                "Number the messages of a session upwards.", counter=counter, session=self.number,
            )  # fmt: skip
        self._seen.add(counter)
        if counter > self._highest:
            self._highest = counter
            self._seen = {number for number in self._seen if number > counter - _REMEMBERED}

    def ended(self, now: float) -> bool:
        return now - self.used > self.timeout

    def encrypt(self, payload: bytes) -> bytes:
        """What stands behind the envelope, encrypted: initialisation vector, AES-CBC."""
        vector = secrets.token_bytes(_BLOCK_BYTES)
        padder = padding.PKCS7(_BLOCK_BYTES * 8).padder()
        encryptor = self._cipher(vector).encryptor()
        return vector + encryptor.update(padder.update(payload) + padder.finalize()) + encryptor.finalize()

    def decrypt(self, payload: bytes) -> bytes:
        """The opposite.

        Raises:
            Malformed: it was not encrypted with this key. Says nothing of where it fails, and must be answered as a
                wrong code is.
        """
        body = payload[_BLOCK_BYTES:]
        if not body or len(body) % _BLOCK_BYTES:
            raise _undecipherable()
        decryptor = self._cipher(payload[:_BLOCK_BYTES]).decryptor()
        unpadder = padding.PKCS7(_BLOCK_BYTES * 8).unpadder()
        try:
            return unpadder.update(decryptor.update(body) + decryptor.finalize()) + unpadder.finalize()
        except ValueError as error:
            raise _undecipherable() from error

    def _cipher(self, vector: bytes) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self.key[:_CIPHER_KEY_BYTES]), modes.CBC(vector))


class Sessions:
    """The sessions of a server: bounded, those unused for longest go first; none with an identity for one without.

    Args:
        most: how many there may be with an identity, and as many without.
        longest: seconds; no client gets a longer timeout.
        most_of_one: of a source network.
    """

    def __init__(self, most: int = 10_000, longest: float = 86_400.0, most_of_one: int = 1000) -> None:
        self._longest = longest
        self._sessions: Halves[int, Session] = Halves(most, most_of_one, Session.ended)

    def open(self, key: bytes, identity: Reference | None, timeout: float, source: str, now: float) -> Session:
        """A new session.

        Args:
            source: address of the peer.
        """
        session = Session(new_number(self._sessions), key, identity, min(timeout or self._longest, self._longest), now)
        self._sessions.put(session.number, session, source, now, proved=identity is not None)
        return session

    def find(self, number: int, now: float) -> Session | None:
        """The session of that number, now used; None where there is none any more (code 500)."""
        session = self._sessions.get(number)
        if session is None:
            return None
        if session.ended(now):
            self._sessions.pop(number)
            return None
        session.used = now
        self._sessions.use(number)
        return session

    def rekey(self, session: Session, key: bytes) -> None:
        """Go on under another key, which the client made."""
        again = Session(session.number, key, session.identity, session.timeout, session.used)
        self._sessions.replace(session.number, again)

    def close(self, number: int) -> None:
        self._sessions.pop(number)

    def __len__(self) -> int:
        return len(self._sessions)


def check_set_up(request: SetUpSession, major: int, minor: int) -> None:
    """Refuse sessions whose messages could be replayed, and keys agreed by Diffie-Hellman.

    Raises:
        InvalidInput: before 2.7, or in that mode (code 504).
    """
    if request.mode == DIFFIE_HELLMAN:
        raise InvalidInput(
            "resolution.session_agreement", "keys of sessions are not agreed by Diffie-Hellman here",
            "Exchange them with an RSA key, or answer challenges.", field="mode", value=request.mode,
        )  # fmt: skip
    if (major, minor) < (2, 7):
        raise InvalidInput(
            "resolution.session_version", f"messages of sessions of version {major}.{minor} can be replayed",
            "Use version 2.7 or later, or answer challenges.", field="version", value=f"{major}.{minor}",
        )  # fmt: skip


def new_key() -> bytes:
    return secrets.token_bytes(_KEY_BYTES)


def wrap_key(key: bytes, recipient: rsa.RSAPublicKey) -> bytes:
    """A session key encrypted for its recipient: number of the cipher and key, RSA-OAEP."""
    return recipient.encrypt(u32(AES) + key, _OAEP)


def unwrap_key(wrapped: bytes, key: rsa.RSAPrivateKey, *, named: bool = True) -> bytes:
    """The session key that was encrypted for us.

    Args:
        wrapped: as received.
        key: ours.
        named: the number of the cipher stands before the key; clients that make the key themselves leave it out.

    Raises:
        Malformed: not encrypted for this key (code 502). InvalidInput: for another cipher than AES.
    """
    try:
        clear = key.decrypt(wrapped, _OAEP)
    except ValueError as error:
        raise _undecipherable() from error
    if named:
        reader = Reader(clear)
        _check_cipher(reader.u32("cipher"))
        clear = clear[4:]
    if len(clear) < _CIPHER_KEY_BYTES:
        raise _undecipherable()
    return clear


def _check_cipher(cipher: int) -> None:
    if cipher != AES:
        raise InvalidInput(
            "resolution.session_cipher", f"cipher {cipher} is not accepted for sessions", "Use AES (3).",
            field="cipher", value=cipher,
        )  # fmt: skip


def _undecipherable() -> Malformed:
    return Malformed(
        "resolution.session_undecipherable", "the message cannot be decrypted", "It was not encrypted with this key."
    )
