"""The disturbances IDV 1 … 28 that can be switched on and off while the plant runs (Downs and Vogel 1993, 1 to 20;
Bathelt, Ricker and Jelali 2015, 21 to 28).
"""

import re

from lineshaft.core.errors import InvalidInput

DISTURBANCES: tuple[str, ...] = (
    "A/C feed ratio steps, B composition constant (stream 4)",
    "B composition steps, A/C ratio constant (stream 4)",
    "D feed temperature steps (stream 2)",
    "Reactor cooling water inlet temperature steps",
    "Condenser cooling water inlet temperature steps",
    "A feed is lost (stream 1); trips the plant within hours",
    "C header pressure falls, less feed (stream 4)",
    "A, B, C feed composition varies at random (stream 4)",
    "D feed temperature varies at random (stream 2)",
    "C feed temperature varies at random (stream 4)",
    "Reactor cooling water inlet temperature varies at random",
    "Condenser cooling water inlet temperature varies at random",
    "Reaction kinetics drift slowly",
    "Reactor cooling water valve sticks",
    "Condenser cooling water valve sticks",
    "Stripper heat transfer varies at random",
    "Reactor heat transfer varies at random",
    "Condenser heat transfer varies at random",
    "Several valves stick",
    "Unknown to the operator",
    "A feed temperature varies at random (stream 1)",
    "E feed temperature varies at random (stream 3)",
    "A feed flow varies at random (stream 1)",
    "D feed flow varies at random (stream 2)",
    "E feed flow varies at random (stream 3)",
    "A and C feed flow varies at random (stream 4)",
    "Reactor cooling water flow varies at random",
    "Condenser cooling water flow varies at random",
)

_NAME = re.compile(r"^(?:idv[_ -]?)?(\d{1,2})$", re.IGNORECASE)


def name_of(number: int) -> str:
    """`idv_01` of 1."""
    return f"idv_{number:02d}"


def number_of(name: str) -> int:
    """1 … 28 of a disturbance's name: `idv_01`, `IDV 1`, `1`.

    Raises:
        InvalidInput: no such disturbance.
    """
    match = _NAME.match(name.strip())
    number = int(match.group(1)) if match else 0
    if not 1 <= number <= len(DISTURBANCES):
        raise InvalidInput(
            "demo.disturbance_unknown",
            f"there is no disturbance {name!r}: the plant has idv_01 to idv_{len(DISTURBANCES)}",
            "`lineshaft demo status --all` lists them.",
            field="disturbance", value=name, last=len(DISTURBANCES),
        )  # fmt: skip
    return number
