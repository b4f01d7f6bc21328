"""The vocabulary of guard policies, as a Cedar schema.

No attribute is optional. What is not known of an operation counts as everything it could be: an address as the whole
space, a value as the whole range, a change as the greatest. So a permit for what lies inside a box (`start >=`, `end <=`,
`minimum >=`, `maximum <=`) does not hold for it, and a forbid of what touches one (`end >=`, `start <=`) does.
"""

import functools
from typing import TYPE_CHECKING, Final

from lineshaft.edge.guard.functions import CONSEQUENCES, FUNCTIONS, PROTOCOLS

if TYPE_CHECKING:
    import cedarpy

LEAST: Final = -(2**63)
GREATEST: Final = 2**63 - 1

OPERATION_NUMBERS: Final = ("start", "end", "minimum", "maximum")
"""Of one operation: first and last address, least and greatest value in millionths."""
MEMORY_NUMBERS: Final = ("change", "change_per_second", "count_last_minute")
"""What the guard remembers of earlier operations."""
MOMENT_NUMBERS: Final = ("minute_of_day", "minute_of_week", "approvals", "presence")
"""The same for all operations of one check; `presence` is a boolean."""
NUMBERS: Final = (*OPERATION_NUMBERS, *MEMORY_NUMBERS, *MOMENT_NUMBERS)
TEXTS: Final = ("space", "node", "mode")

PRINCIPAL_TEXTS: Final = ("name", "kind", "zone")
PRINCIPAL_BOOLEANS: Final = ("foreign",)
CONTEXT_BOOLEANS: Final = ("presence",)

_ENTITIES: Final = """\
entity Role, Zone, Gateway, Place;
entity Principal in [Role, Zone] {
  name: String,
  kind: String,
  zone: String,
  foreign: Bool,
};
entity Device in [Gateway, Place];
"""


@functools.cache
def schema_text() -> str:
    """The schema in Cedar's own notation."""
    fields = [f"  {name}: String,\n" for name in TEXTS]
    fields += [f"  {name}: {'Bool' if name in CONTEXT_BOOLEANS else 'Long'},\n" for name in NUMBERS]
    lines = [_ENTITIES, "type Operation = {\n", *fields, "};\n"]
    lines.append("action " + ", ".join([*CONSEQUENCES, *PROTOCOLS]) + ";\n")
    for function, groups in FUNCTIONS.items():
        lines.append(
            f'action "{function}" in [{", ".join(sorted(groups))}]'
            " appliesTo { principal: [Principal], resource: [Device], context: Operation };\n"
        )
    return "".join(lines)


@functools.cache
def schema() -> "cedarpy.Schema":
    """The schema, parsed."""
    import cedarpy

    return cedarpy.Schema.from_str(schema_text())
