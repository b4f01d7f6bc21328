"""Messages on the wire: envelope, header, body, credential (RFC 3652 2.2), decoded strictly and encoded.

    envelope 20 bytes · header 24 bytes · [digest of the request] body · credential behind its length

`decode` takes a whole message; packets of a divided one are put together by `packets`. What a body holds is in
`messages`; who signed is in `auth.credentials`.
"""

import hashlib
import struct
from typing import Final

import msgspec

from lineshaft.resolution import codes
from lineshaft.resolution.fields import Malformed, Reader, counted
from lineshaft.resolution.messages import Body, body_reader

_ENVELOPE: Final = struct.Struct(">BBBBIIII")
_HEADER: Final = struct.Struct(">IIIHBBII")
_DIGEST_BYTES: Final = {codes.MD5: 16, codes.SHA1: 20, codes.SHA256: 32}

_ECHOED: Final = (
    codes.CERTIFIED | codes.ENCRYPTED | codes.CACHE_CERTIFIED | codes.PUBLIC_ONLY
    | codes.REQUEST_DIGEST | codes.DO_NOT_REFER
)  # fmt: skip


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What stands before a message, and before each packet of a divided one."""

    major: int = codes.MAJOR_VERSION
    minor: int = codes.MINOR_VERSION
    suggested_major: int = codes.MAJOR_VERSION
    """The best version that the sender speaks."""
    suggested_minor: int = codes.MINOR_VERSION
    flags: int = 0
    session: int = 0
    request: int = 0
    sequence: int = 0
    """Number of the packet, from 0."""
    length: int = 0
    """Bytes of the whole message behind the envelope."""

    def at_least(self, minor: int) -> bool:
        """Whether the message is of version 2.`minor` or later."""
        return (self.major, self.minor) >= (codes.MAJOR_VERSION, minor)


class Header(msgspec.Struct, frozen=True, kw_only=True):
    operation: int
    response_code: int = codes.RC_REQUEST
    flags: int = 0
    serial: int = codes.NO_SERIAL
    """Serial number of the site's description that the client goes by."""
    recursion: int = 0
    """How many servers have passed it on."""
    expiration: int = 0
    """Seconds since 1970 (unsigned) when the message is void; 0: never."""


class Digest(msgspec.Struct, frozen=True):
    """Digest of a request's header and body."""

    algorithm: int
    value: bytes


class Message(msgspec.Struct, frozen=True, kw_only=True):
    envelope: Envelope
    header: Header
    body: Body
    digest: Digest | None = None
    """In responses: of the request that they answer."""
    credential: bytes = b""
    """See `auth.credentials`."""
    covered: bytes = b""
    """Header, digest and body as they were received: what digests and signatures are made over. Empty in messages
    that were not decoded."""


def decode_envelope(data: bytes) -> Envelope:
    """The first 20 bytes.

    Raises:
        Malformed: fewer bytes, a length over 262,144, or a major version before 2.
    """
    if len(data) < codes.ENVELOPE_BYTES:
        raise Malformed(
            "resolution.cut_short", f"envelope needs {codes.ENVELOPE_BYTES} bytes, and {len(data)} are left",
            "The message or value is cut short, or lies about its length.",
            field="envelope", needed=codes.ENVELOPE_BYTES, left=len(data),
        )  # fmt: skip
    major, minor, flags, suggested, session, request, sequence, length = _ENVELOPE.unpack_from(data)
    if length > codes.MAX_MESSAGE_BYTES:
        raise Malformed(
            "resolution.message_too_long", f"the message says {length} bytes, and {codes.MAX_MESSAGE_BYTES} are allowed",
            "Send less at once.", field="message length", length=length, most=codes.MAX_MESSAGE_BYTES,
        )  # fmt: skip
    if major < codes.MAJOR_VERSION:
        raise Malformed(
            "resolution.version_unknown", f"version {major}.{minor} of the protocol is not spoken here",
            "Versions 2.0 to 2.11 are.", field="version", value=f"{major}.{minor}",
        )  # fmt: skip
    return Envelope(
        major=major, minor=minor, flags=flags & 0xE0,
        suggested_major=flags & 3 or major, suggested_minor=suggested if flags & 3 else minor,
        session=session, request=request, sequence=sequence, length=length,
    )  # fmt: skip


def encode_envelope(envelope: Envelope) -> bytes:
    return _ENVELOPE.pack(
        envelope.major, envelope.minor, envelope.flags | envelope.suggested_major & 3, envelope.suggested_minor,
        envelope.session, envelope.request, envelope.sequence, envelope.length,
    )  # fmt: skip


def decode(data: bytes) -> Message:
    """A whole message in clear.

    Raises:
        Malformed: it is anything else than one whole message, down to the last field of its body; or it is divided,
            compressed or encrypted (put it together or decrypt it first).
    """
    envelope = decode_envelope(data)
    payload = data[codes.ENVELOPE_BYTES :]
    if envelope.flags:
        raise Malformed(
            "resolution.envelope_flags", f"the envelope's flags are {envelope.flags:#x}, and a plain message has none",
            "Packets are put together and encrypted messages decrypted first; compression is not supported.",
            field="flags", value=f"{envelope.flags:#x}",
        )  # fmt: skip
    if envelope.length != len(payload):
        raise Malformed(
            "resolution.length_differs", f"the envelope says {envelope.length} bytes, and {len(payload)} came",
            "The message is cut short, or lies about its length.",
            field="message length", length=envelope.length, bytes=len(payload),
        )  # fmt: skip
    return decode_payload(envelope, payload)


def decode_payload(envelope: Envelope, payload: bytes) -> Message:
    """A message from what stands behind its envelope (decrypted, if it was encrypted).

    Raises:
        Malformed: as `decode`.
    """
    reader = Reader(payload)
    operation, code, flags, serial, recursion, _, expiration, body_bytes = _HEADER.unpack(
        reader.take(codes.HEADER_BYTES, "header")
    )
    start = reader.offset
    reader.take(body_bytes, "body")
    credential = reader.bytes("credential")
    reader.finish("credential")
    body = Reader(payload, start, start + body_bytes)
    digest = _read_digest(body) if code != codes.RC_REQUEST and flags & codes.REQUEST_DIGEST else None
    code = _newer_code(envelope, code)
    read = body_reader(operation, code, (envelope.major, envelope.minor))
    decoded = read(body)
    body.finish("body")
    return Message(
        envelope=envelope,
        header=Header(
            operation=operation, response_code=code, flags=flags, serial=serial, recursion=recursion,
            expiration=expiration,
        ),
        body=decoded, digest=digest, credential=credential, covered=payload[: start + body_bytes],
    )  # fmt: skip


def cover(message: Message) -> bytes:
    """Header, digest and body, encoded: what is signed, and what a digest of a request is made over."""
    header, digest = message.header, b""
    if message.digest is not None and header.flags & codes.REQUEST_DIGEST:
        digest = _encode_digest(message.digest)
    body = digest + message.body.encode()
    return _HEADER.pack(
        header.operation, _older_code(message.envelope, header.response_code), header.flags, header.serial,
        header.recursion, 0, header.expiration, len(body),
    ) + body  # fmt: skip


def assemble(envelope: Envelope, covered: bytes, credential: bytes = b"") -> bytes:
    """A whole message from its encoded parts; the envelope's length is set."""
    payload = covered + counted(credential)
    return encode_envelope(msgspec.structs.replace(envelope, length=len(payload))) + payload


def encode(message: Message) -> bytes:
    """A whole message, its envelope's length set."""
    return assemble(message.envelope, cover(message), message.credential)


def negotiate(major: int, minor: int) -> tuple[int, int]:
    """The version to answer in: the asker's, at most ours. Some very old clients call 2.0 5.0."""
    if major == 5:
        return codes.MAJOR_VERSION, 0
    return min((major, minor), (codes.MAJOR_VERSION, codes.MINOR_VERSION))


def reply(request: Message, code: int, body: Body, *, serial: int, expiration: int) -> Message:
    """A response to `request` in its version, with a digest of it where it asked for one or is being challenged.

    Args:
        request: as decoded.
        code: response code.
        body: of the kind that belongs to the code.
        serial: of the site's description.
        expiration: seconds since 1970.
    """
    asked = request.envelope
    major, minor = negotiate(asked.major, asked.minor)
    flags = codes.AUTHORITATIVE | codes.RECURSIVE | request.header.flags & _ECHOED
    if code == codes.RC_AUTHENTICATION_NEEDED:
        flags |= codes.REQUEST_DIGEST
    if (major, minor) < (2, 1):
        flags &= ~codes.REQUEST_DIGEST
    return Message(
        envelope=Envelope(major=major, minor=minor, session=asked.session, request=asked.request),
        header=Header(
            operation=request.header.operation, response_code=code, flags=flags, serial=serial, expiration=expiration
        ),
        body=body,
        digest=request_digest(major, minor, request.covered) if flags & codes.REQUEST_DIGEST else None,
    )  # fmt: skip


def request_digest(major: int, minor: int, covered: bytes) -> Digest:
    """Digest of a request's header and body as that version makes it: MD5 before 2.1, SHA-1 before 2.7, then SHA-256."""
    if (major, minor) < (2, 1):
        return Digest(codes.MD5_OLD, hashlib.md5(covered, usedforsecurity=False).digest())
    if (major, minor) < (2, 7):
        return Digest(codes.SHA1, hashlib.sha1(covered, usedforsecurity=False).digest())
    return Digest(codes.SHA256, hashlib.sha256(covered).digest())


def expired(header: Header, now: int) -> bool:
    """Whether a message is void at `now`, seconds since 1970."""
    return 0 < header.expiration < now


def _read_digest(reader: Reader) -> Digest:
    algorithm = reader.u8("request digest")
    if algorithm == codes.MD5_OLD:  # the first byte of a length
        reader.offset -= 1
        return Digest(algorithm, reader.bytes("request digest"))
    size = _DIGEST_BYTES.get(algorithm)
    if size is None:
        raise Malformed(
            "resolution.digest_unknown", f"there is no digest algorithm {algorithm}", "MD5, SHA-1 and SHA-256 are used.",
            field="request digest", value=algorithm,
        )  # fmt: skip
    return Digest(algorithm, reader.take(size, "request digest"))


def _encode_digest(digest: Digest) -> bytes:
    if digest.algorithm == codes.MD5_OLD:
        return counted(digest.value)
    return bytes((digest.algorithm,)) + digest.value


def _newer_code(envelope: Envelope, code: int) -> int:
    if code == codes.RC_PREFIX_REFERRAL and not envelope.at_least(5):
        return codes.RC_SERVER_BACKUP  # what 303 meant before 2.5
    return code


def _older_code(envelope: Envelope, code: int) -> int:
    if envelope.at_least(5):
        return code
    return {
        codes.RC_SERVER_BACKUP: codes.RC_PREFIX_REFERRAL,
        codes.RC_INVALID_VALUE: codes.RC_VALUE_EXISTS,
    }.get(code, code)
