"""Challenge and answer: who asks proves to hold a secret or private key, over a nonce and a digest of the request.

The answer with a secret is one byte that names the form and the code (`macs`); before 2.1 it is an MD5, which is not
accepted here. The answer with a key is the digest's name and the signature, each behind its length.
"""

import secrets
from typing import Final

import msgspec

from lineshaft.core.errors import LineshaftError
from lineshaft.resolution import codes
from lineshaft.resolution.auth import keys, macs
from lineshaft.resolution.auth.table import Table
from lineshaft.resolution.fields import Reader, counted
from lineshaft.resolution.messages import AnswerChallenge
from lineshaft.resolution.wire import Digest, Message, request_digest

NONCE_BYTES: Final = 16
SECRET_KEY: Final = b"HS_SECKEY"
PUBLIC_KEY: Final = b"HS_PUBKEY"

_PLACE_BYTES: Final = 4096
"""Of a request that waits for its answer."""
_NOBODY: Final = secrets.token_bytes(32)
"""Stands for the secret of who has none, so that the answer to a guess takes as long."""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge that was sent and not yet answered."""

    request: Message
    nonce: bytes
    digest: Digest
    source: str
    """Who was challenged: address of the peer. An answer from elsewhere does not count."""
    expires: float

    @property
    def challenged(self) -> bytes:
        """What the proof is over."""
        return self.nonce + self.digest.value


class Challenges:
    """Challenges that wait for their answers: each is good once, for a short time; the oldest go first when full.

    Args:
        most: how many may wait; a long request takes a place for each `_PLACE_BYTES`.
        patience: seconds that one is good for.
        most_of_one: of a source network.
    """

    def __init__(self, most: int = 10_000, patience: float = 60.0, most_of_one: int = 1000) -> None:
        self._patience = patience
        self._waiting: Table[int, Pending] = Table(most, most_of_one, lambda pending, now: pending.expires <= now)

    def issue(self, request: Message, source: str, now: float) -> tuple[int, Pending]:
        """A new challenge, and the session number under which its answer is to come.

        Args:
            request: what asked, as decoded.
            source: address of the peer.
            now: seconds on a clock that never steps.
        """
        number = new_number(self._waiting)
        envelope = request.envelope
        pending = Pending(
            request=request, nonce=secrets.token_bytes(NONCE_BYTES), source=source, expires=now + self._patience,
            digest=request_digest(envelope.major, envelope.minor, request.covered),
        )  # fmt: skip
        self._waiting.put(number, pending, source, now, weight=1 + len(request.covered) // _PLACE_BYTES)
        return number, pending

    def take(self, number: int, source: str, now: float) -> Pending | None:
        """The challenge that an answer belongs to; from then on it is used up. None: there is none (code 405).

        An answer from elsewhere than who was challenged uses nothing up.
        """
        pending = self._waiting.get(number)
        if pending is None or pending.source != source:
            return None
        self._waiting.pop(number)
        return None if pending.expires <= now else pending

    def __len__(self) -> int:
        return len(self._waiting)


def new_number(taken: object) -> int:
    """A session number that nobody can guess: 1 to 2³¹ - 1, not among `taken`."""
    while True:
        number = 1 + secrets.randbelow(0x7FFFFFFF)
        if number not in taken:  # type: ignore[operator]
            return number


def answer_with_secret(
    handle: bytes, index: int, secret: bytes, challenged: bytes, form: int = codes.PBKDF2_HMAC_SHA1
) -> AnswerChallenge:
    """A client's answer with the secret that value `index` of `handle` holds.

    Args:
        challenged: nonce and request digest of the challenge.
        form: of the code; servers before 2.7 know 0x02 and 0x03.
    """
    return AnswerChallenge(SECRET_KEY, handle, index, bytes((form,)) + macs.make(form, secret, challenged))


def answer_with_key(handle: bytes, index: int, key: keys.PrivateKey, challenged: bytes) -> AnswerChallenge:
    """A client's answer with the private key to the public one that value `index` of `handle` holds."""
    digest, signature = keys.sign(key, challenged)
    return AnswerChallenge(PUBLIC_KEY, handle, index, counted(digest) + counted(signature))


def check_secret(answer: bytes, challenged: bytes, secret: bytes | None) -> bool:
    """Whether an answer proves the secret; None, where there is no such secret, takes as long as a wrong one.

    Raises:
        LineshaftError: of no accepted form.
    """
    proved = len(answer) > 1 and macs.check(
        answer[0], _NOBODY if secret is None else secret, challenged, answer[1:]
    )  # fmt: skip
    return proved and secret is not None


def check_key(answer: bytes, challenged: bytes, public_key: bytes) -> bool:
    """Whether an answer proves the private key to the public one that an HS_PUBKEY value holds."""
    try:
        reader = Reader(answer)
        digest, signature = reader.bytes("digest"), reader.bytes("signature")
        reader.finish("answer")
        return keys.verify(keys.decode_public_key(public_key), digest, signature, challenged)
    except LineshaftError:
        return False
