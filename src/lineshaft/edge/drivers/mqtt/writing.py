"""Points that are named places with typed values: what a write is for the guard, and what such points cannot have."""

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.driver import Faults, Plan, Write
from lineshaft.edge.guard.operation import Operation, millionths
from lineshaft.edge.model import Point


def named_operation(plan: Plan, write: Write, function: str) -> Operation:
    """The operation of one write to a point whose address names the place; a text carries no number to judge.

    Raises:
        InvalidInput: the value is no number that a rule could judge.
    """
    point = plan.points[write.point]
    values: tuple[int, ...] = ()
    if not isinstance(write.value, str):
        counted = millionths(write.value)
        if counted is None:
            raise cannot_hold(plan, write, "the value is no finite number of a size that can be written")
        values = (counted,)
    return Operation(
        protocol=plan.device.driver, device=plan.device.name, function=function, node=point.address, values=values,
        points=(point.name,),
    )  # fmt: skip


def cannot_hold(plan: Plan, write: Write, rule: str) -> InvalidInput:
    """The refusal of a value for a point."""
    point = plan.points[write.point]
    return InvalidInput(
        "edge.value_unfit", f"{write.value!r} cannot be written to {plan.device.name}/{point.name}: {rule}",
        "Correct the value; nothing was written.",
        field=point.name, device=plan.device.name, point=point.name, value=write.value, rule=rule,
    )  # fmt: skip


def refuse_raw(point: Point, faults: Faults) -> None:
    """Note what describes raw words, of which messages with typed values have none."""
    for field in ("type", "order", "scale", "offset", "sentinels", "length"):
        value = getattr(point, field)
        if value:
            faults.add(
                f"points.{point.name}.{field}",
                value,
                "the messages carry values, not raw words; calculate a tag from it",
            )
