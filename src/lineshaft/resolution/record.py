"""A record as the store holds it, made so that the public answer is one slice of it.

    flags (1 byte) · public values (count, values)                                     where nothing is private
    flags (1 byte) · public values · private values (count, values) · places (u16 each) · start of private (u32)

Values are in wire form and in the order that they were given in, which answers keep; `places` are those of the private
values among all. The bytes behind the flags, up to the start of what is private, are the tail of the answer's body as it
goes out. Changing this form needs a migration of every store.
"""

from collections.abc import Iterable
from typing import Final

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution.fields import Malformed, Reader, u16, u32
from lineshaft.resolution.model import MAX_VALUES, HandleValue
from lineshaft.resolution.values.value import encode_values, read_values

HAS_PRIVATE: Final = 0x01
HAS_ALIAS: Final = 0x02
HAS_SITE: Final = 0x04
"""Some value says where handles are served: HS_SITE, HS_SERV, their .PREFIX forms, HS_NAMESPACE."""

_LOCATING: Final = frozenset((b"HS_SITE", b"HS_SITE.6", b"HS_SERV", b"HS_SITE.PREFIX", b"HS_SERV.PREFIX",
                              b"HS_NA_DELEGATE", b"HS_NAMESPACE"))  # fmt: skip


def pack_record(values: Iterable[HandleValue]) -> bytes:
    """The stored form.

    Raises:
        InvalidInput: an index occurs twice or is not 1 to 2³² - 1, or there are more than 2048 values.
    """
    found = list(values)
    check_indexes(found)
    places = [place for place, value in enumerate(found) if not value.public]
    types = {value.type.upper() for value in found}
    flags = (HAS_PRIVATE if places else 0) | (HAS_ALIAS if b"HS_ALIAS" in types else 0)
    flags |= HAS_SITE if types & _LOCATING else 0
    head = bytes((flags,)) + encode_values(value for value in found if value.public)
    if not places:
        return head
    return head + encode_values(found[place] for place in places) + b"".join(map(u16, places)) + u32(len(head))


def unpack_record(record: bytes) -> list[HandleValue]:
    """All values, in the order that they were given in.

    Raises:
        Malformed: not a stored record.
    """
    if not record:
        raise Malformed("resolution.record_empty", "a stored record is empty", "Restore the store from a backup.")
    if not record[0] & HAS_PRIVATE:
        reader = Reader(record, 1)
        values = list(read_values(reader))
        reader.finish("record")
        return values
    start = int.from_bytes(record[-4:])
    values = list(read_values(Reader(record, 1, min(start, len(record)))))
    reader = Reader(record, start, len(record) - 4)
    private = read_values(reader)
    for value in private:  # places rise, so each is right when its turn comes
        values.insert(reader.u16("place"), value)
    reader.finish("record")
    return values


def public_part(record: bytes) -> bytes:
    """Count and values that anybody may read, as they stand in an answer."""
    return record[1 : int.from_bytes(record[-4:])] if record[0] & HAS_PRIVATE else record[1:]


def insert_values(values: Iterable[HandleValue], added: Iterable[HandleValue]) -> list[HandleValue]:
    """The values with others added, each before the first with a larger index, as the reference server orders them."""
    found = list(values)
    for value in added:
        place = next((number for number, one in enumerate(found) if one.index > value.index), len(found))
        found.insert(place, value)
    return found


def check_indexes(values: Iterable[HandleValue]) -> None:
    """Refuse values that cannot stand in one record.

    Raises:
        InvalidInput: an index occurs twice or is not 1 to 2³² - 1, or there are more than 2048 values.
    """
    seen: set[int] = set()
    for value in values:
        if not 1 <= value.index <= 0xFFFFFFFF:
            raise InvalidInput(
                "resolution.index_range", f"index {value.index} is not between 1 and 4294967295",
                "Number values from 1.", field="index", value=value.index,
            )  # fmt: skip
        if value.index in seen:
            raise InvalidInput(
                "resolution.index_twice", f"index {value.index} occurs twice", "Give every value an index of its own.",
                field="index", value=value.index,
            )  # fmt: skip
        seen.add(value.index)
    if len(seen) > MAX_VALUES:
        raise InvalidInput(
            "resolution.too_many_values", f"the record has {len(seen)} values, and {MAX_VALUES} are allowed",
            "Divide it over several handles.", field="values", count=len(seen), most=MAX_VALUES,
        )  # fmt: skip
