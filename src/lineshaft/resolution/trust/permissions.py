"""What a certificate lets its key sign."""

from collections.abc import Iterable

from lineshaft.resolution.model import is_prefix_handle, prefix_of, same_handle, suffix_of
from lineshaft.resolution.values.claims import DERIVED_PREFIXES, EVERYTHING, THIS_HANDLE, UNDER_PREFIX, Permission


def covers(permissions: Iterable[Permission], handle: bytes) -> bool:
    """Whether any of the permissions lets records of the handle be signed.

    `handlesUnderThisPrefix` of 0.NA/88.100 covers 88.100/x; `derivedPrefixes` covers 0.NA/88.100.5 and 88.100.5/x.
    """
    return any(_covers(one, handle) for one in permissions)


def _covers(permission: Permission, handle: bytes) -> bool:
    named = permission.handle.encode()
    if permission.perm == EVERYTHING:
        return True
    if permission.perm == THIS_HANDLE:
        return same_handle(named, handle)
    prefix = (suffix_of(named) if is_prefix_handle(named) else named).upper()
    own = (suffix_of(handle) if is_prefix_handle(handle) else prefix_of(handle)).upper()
    if permission.perm == UNDER_PREFIX:
        return own == prefix and not is_prefix_handle(handle)
    return permission.perm == DERIVED_PREFIXES and own.startswith(prefix + b".")
