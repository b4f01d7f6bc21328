"""What an administrator may do to a record: the bits of HS_ADMIN, and the four of each value (RFC 3651 3.2.1, 3.1)."""

from collections.abc import Callable, Iterable
from typing import Final

from lineshaft.resolution.fields import Malformed
from lineshaft.resolution.model import ADMIN_READ, ADMIN_WRITE, PUBLIC_WRITE, HandleValue, Reference, same_handle
from lineshaft.resolution.values import admin as bits
from lineshaft.resolution.values.admin import decode_admin

ADMIN_TYPE: Final = b"HS_ADMIN"
_DEEPEST: Final = 10
"""Groups within groups."""
_MOST_GROUPS: Final = 100

Groups = Callable[[Reference], Iterable[Reference]]
"""The members of the HS_VLIST that a reference names; none where it names none."""


def permissions_of(values: Iterable[HandleValue], who: Reference, groups: Groups) -> int:
    """The bits that the HS_ADMIN values of a record give to who was authenticated, all together; 0: no administrator.

    Args:
        values: of the record, or of the prefix's where the right is about the prefix.
        who: handle and index of the secret or key that was proved.
        groups: how to see who is in a group.
    """
    granted = 0
    for value in values:
        if value.type.upper() != ADMIN_TYPE:
            continue
        try:
            admin = decode_admin(value.data)
        except Malformed:
            continue  # grants nothing
        if admin.permissions & ~granted and _is_or_contains(admin.reference, who, groups):
            granted |= admin.permissions
    return granted


def is_same(one: Reference, who: Reference) -> bool:
    """Whether a reference in a record means who was authenticated; index 0 means any."""
    return one.index in {0, who.index} and same_handle(one.handle, who.handle)


def may_read(value: HandleValue, permissions: int) -> bool:
    """Whether an administrator with these bits may read the value."""
    return value.public or bool(permissions & bits.READ_VALUE and value.permissions & ADMIN_READ)


def may_add(value: HandleValue, permissions: int) -> bool:
    return bool(permissions & (bits.ADD_ADMIN if is_admin(value) else bits.ADD_VALUE))


def may_modify(old: HandleValue, new: HandleValue, permissions: int) -> bool:
    """Whether one value may take the other's place: an administrator needs to be one for either, where one is."""
    if old.permissions & PUBLIC_WRITE and not is_admin(old) and not is_admin(new):
        return True
    needed = bits.MODIFY_VALUE
    if is_admin(old) and is_admin(new):
        needed = bits.MODIFY_ADMIN
    elif is_admin(old):
        needed = bits.REMOVE_ADMIN | bits.ADD_VALUE
    elif is_admin(new):
        needed = bits.REMOVE_VALUE | bits.ADD_ADMIN
    return permissions & needed == needed and bool(old.permissions & ADMIN_WRITE)


def may_remove(value: HandleValue, permissions: int) -> bool:
    if value.permissions & PUBLIC_WRITE and not is_admin(value):
        return True
    needed = bits.REMOVE_ADMIN if is_admin(value) else bits.REMOVE_VALUE
    return bool(permissions & needed and value.permissions & ADMIN_WRITE)


def is_admin(value: HandleValue) -> bool:
    return value.type.upper() == ADMIN_TYPE


def _is_or_contains(named: Reference, who: Reference, groups: Groups) -> bool:
    """Whether a reference means `who`, or a group that has it, however deep; asks for each group once."""
    seen: set[tuple[bytes, int]] = set()
    level = [named]
    for _ in range(_DEEPEST):
        if any(is_same(reference, who) for reference in level):
            return True
        following: list[Reference] = []
        for reference in level:
            key = (reference.handle.upper(), reference.index)
            if key not in seen and len(seen) < _MOST_GROUPS:
                seen.add(key)
                following += groups(reference)
        if not following:
            return False
        level = following
    return False
