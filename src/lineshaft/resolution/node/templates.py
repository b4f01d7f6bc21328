"""Values of handles that nobody registered: HS_NAMESPACE of the prefix, or of the base handle, says how they follow.

The prefix's record names the delimiter. A base handle with an HS_NAMESPACE of its own decides for what is appended to it:
one record that answers for a whole range of serial numbers.
"""

from collections.abc import Sequence
from typing import Final

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput
from lineshaft.resolution.model import HandleValue, handle_key, prefix_handle, prefix_of
from lineshaft.resolution.node.elsewhere import Elsewhere
from lineshaft.resolution.record import HAS_SITE, unpack_record
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.store import RecordStore
from lineshaft.resolution.values.namespace import Template, decode_namespace, expand, split_handle

NAMESPACE: Final = b"HS_NAMESPACE"
_KEPT_SECONDS: Final = 60.0
_MOST: Final = 10_000


class Templates:
    """The templates of the prefixes at home on one server.

    Args:
        store: of its records.
        elsewhere: asked for the records of prefixes that lie on other servers; each for a minute.
    """

    def __init__(self, store: RecordStore, elsewhere: Elsewhere | None) -> None:
        self._store = store
        self._elsewhere = elsewhere
        self._parsed: dict[bytes, tuple[bytes, Template | None]] = {}
        self._far: dict[bytes, tuple[float, Template | None]] = {}

    def none(self, prefix: bytes) -> bool:
        """Whether it is known, without asking anybody, that a prefix (in comparison form) has no template."""
        record = self._store.get(prefix_handle(prefix))
        if record is not None:
            return not record[0] & HAS_SITE or self._of_record(prefix, record) is None
        if self._elsewhere is None:
            return True
        until, template = self._far.get(prefix, (0.0, None))
        return template is None and until > clock.monotonic()

    async def values(self, handle: bytes) -> list[HandleValue] | None:
        """The values that follow for a handle without a record; None where none do."""
        template = await self._template(handle_key(prefix_of(handle)))
        parts = split_handle(template, handle) if template is not None else None
        if template is None or parts is None:
            return None
        record = self._store.get(handle_key(parts[0]))
        base = () if record is None else unpack_record(record)
        own = _decoded([value for value in base if value.type.upper() == NAMESPACE])
        if own is not None and own.delimiter == template.delimiter:
            template, base = own, [value for value in base if value.type.upper() != NAMESPACE]
        try:
            return expand(template, handle, base) or None
        except InvalidInput:
            return None

    async def _template(self, prefix: bytes) -> Template | None:
        record = self._store.get(prefix_handle(prefix))
        if record is not None:
            return self._of_record(prefix, record)
        if self._elsewhere is None:
            return None
        until, template = self._far.get(prefix, (0.0, None))
        if until > clock.monotonic():
            return template
        try:
            template = _decoded(await self._elsewhere.values(prefix_handle(prefix), [NAMESPACE]))
        except Refused:
            template = None
        if len(self._far) >= _MOST:
            self._far.clear()
        self._far[prefix] = (clock.monotonic() + _KEPT_SECONDS, template)
        return template

    def _of_record(self, prefix: bytes, record: bytes) -> Template | None:
        known = self._parsed.get(prefix)
        if known is not None and known[0] == record:
            return known[1]
        template = _decoded([value for value in unpack_record(record) if value.type.upper() == NAMESPACE])
        if len(self._parsed) >= _MOST:
            self._parsed.clear()
        self._parsed[prefix] = (record, template)
        return template


def _decoded(values: Sequence[HandleValue]) -> Template | None:
    """The first template among values of that type that can be used."""
    for value in values:
        if value.type.upper() == NAMESPACE:
            try:
                template = decode_namespace(value.data)
            except InvalidInput:
                continue
            if template is not None:
                return template
    return None
