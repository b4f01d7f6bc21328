"""Who asks, and how it is proved."""

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution import codes
from lineshaft.resolution.auth.challenges import answer_with_key, answer_with_secret
from lineshaft.resolution.auth.keys import PrivateKey
from lineshaft.resolution.messages import AnswerChallenge
from lineshaft.resolution.model import Reference, check_handle


class SecretIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Holds the secret of an HS_SECKEY value."""

    who: Reference
    secret: bytes
    form: int = codes.PBKDF2_HMAC_SHA1
    """Of the code, see `auth.macs`."""
    old_digests: bool = False
    """Answer challenges over MD5 or SHA-1 of the request, too, as servers before version 2.7 make them."""

    def answer(self, challenged: bytes) -> AnswerChallenge:
        return answer_with_secret(self.who.handle, self.who.index, self.secret, challenged, self.form)


class KeyIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Holds the private key to an HS_PUBKEY value."""

    who: Reference
    key: PrivateKey
    old_digests: bool = False
    """See `SecretIdentity`."""

    def answer(self, challenged: bytes) -> AnswerChallenge:
        return answer_with_key(self.who.handle, self.who.index, self.key, challenged)


Identity = SecretIdentity | KeyIdentity


def parse_reference(text: str) -> Reference:
    """`300:0.NA/88.1` as a reference.

    Raises:
        InvalidInput: no number before the first colon, or no handle behind it.
    """
    index, colon, handle = text.partition(":")
    if not colon or not index.isascii() or not index.isdigit() or int(index) > 0xFFFFFFFF:
        raise InvalidInput(
            "resolution.reference", f"{text!r} does not name a value", "Write INDEX:HANDLE, such as 300:0.NA/88.1.",
            field="reference", value=text,
        )  # fmt: skip
    return Reference(check_handle(handle.encode()), int(index))
