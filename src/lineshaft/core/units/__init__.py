"""Engineering units: common codes of UNECE Recommendation 20, their symbols, names and other spellings.

A unit is kept by its code, shown by its symbol, and recognised by either. The table holds the common ones; what is not
in it is no error of the world's, so whoever reads it from a device keeps it as text. Pure; used by every package.
"""

from lineshaft.core.units.table import (
    NAMESPACE,
    Unit,
    code_of_number,
    find,
    is_code,
    nearest,
    number_of,
    says_more,
    spelled,
    units,
)

__all__ = [
    "NAMESPACE", "Unit", "code_of_number", "find", "is_code", "nearest", "number_of", "says_more", "spelled", "units",
]  # fmt: skip
