"""What the access service is asked about datasets and keys. Only `web` may ask; on whose behalf stands in `actor`."""

import msgspec

from lineshaft.access.model import Actor


class CreateDataset(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    name: str
    place: str
    project: str = ""
    """Empty: `main`, or the only project that the actor is a member of."""


class OfDataset(msgspec.Struct, frozen=True, kw_only=True):
    """For `erase_dataset` and `new_file_key`."""

    actor: Actor
    name: str
    reason: str = ""


class OpenFileKey(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    name: str
    key: str
    """Id of the key that the file's header names."""
    wrapped: bytes


class FileKeyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A file's key, given out to encrypt or decrypt that file."""

    dataset: str
    key: str
    file_key: bytes
    wrapped: bytes


class PseudonymKeyOf(msgspec.Struct, frozen=True, kw_only=True):
    purpose: str
    recipient: str


class PseudonymKey(msgspec.Struct, frozen=True, kw_only=True):
    key: bytes
