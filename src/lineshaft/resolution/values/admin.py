"""HS_ADMIN: who administers a record, and may do what to it (RFC 3651 3.2.1)."""

from typing import Final

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution.fields import Reader, counted, u16, u32
from lineshaft.resolution.model import Reference

ADD_HANDLE: Final = 0x0001
DELETE_HANDLE: Final = 0x0002
ADD_PREFIX: Final = 0x0004
DELETE_PREFIX: Final = 0x0008
MODIFY_VALUE: Final = 0x0010
REMOVE_VALUE: Final = 0x0020
ADD_VALUE: Final = 0x0040
MODIFY_ADMIN: Final = 0x0080
REMOVE_ADMIN: Final = 0x0100
ADD_ADMIN: Final = 0x0200
READ_VALUE: Final = 0x0400
LIST_HANDLES: Final = 0x0800
EVERYTHING: Final = 0x0FFF

BITS: Final = 12


class Admin(msgspec.Struct, frozen=True, kw_only=True):
    permissions: int
    handle: bytes
    """Of the administrator, or of the group (HS_VLIST) of administrators."""
    index: int
    """Of its key, secret or group; 0: any."""
    legacy: bool = False
    """Two further bytes follow, as old records have."""

    @property
    def reference(self) -> Reference:
        return Reference(self.handle, self.index)


def encode_admin(admin: Admin) -> bytes:
    tail = b"\0\0" if admin.legacy else b""
    return u16(admin.permissions) + counted(admin.handle) + u32(admin.index) + tail


def decode_admin(data: bytes) -> Admin:
    """The data of an HS_ADMIN value.

    Raises:
        Malformed: anything else.
    """
    reader = Reader(data)
    permissions, handle, index = reader.u16("permissions"), reader.bytes("handle"), reader.u32("index")
    legacy = reader.left == 2
    if not legacy:
        reader.finish("administrator")
    return Admin(permissions=permissions, handle=handle, index=index, legacy=legacy)


def to_bits(permissions: int) -> str:
    """Twelve digits, the highest bit first: 0x07f3 is `011111110011`."""
    return format(permissions & EVERYTHING, f"0{BITS}b")


def from_bits(text: str) -> int:
    """The opposite.

    Raises:
        InvalidInput: not twelve binary digits.
    """
    if len(text) != BITS or set(text) - {"0", "1"}:
        raise InvalidInput(
            "resolution.admin_bits", f"{text!r} is not a set of permissions", "Write twelve digits 0 or 1.",
            field="permissions", value=text,
        )  # fmt: skip
    return int(text, 2)
