"""Computes points whose inputs have changed, once per period of their group, and says of what quality the results are.

A result has the time of its newest input and the quality of its worst: computed from uncertain values it is uncertain,
and of a bad one there is no value. A point is computed when every input has had a value.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from lineshaft.core import clock, logs, quality
from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.edge.board import Sample
from lineshaft.edge.columns import KIND_NAMES, Columns
from lineshaft.edge.driver import Block, Plan, Sink, Tools
from lineshaft.edge.formula import Formula, Value
from lineshaft.edge.tasks import end

_CODE: Final = 0xFFFF0000
"""Of a StatusCode: the code without remarks that are only true of the value that carries them."""
_NONE: Final = float("nan")


class CalculatedSource:
    """See the module."""

    def __init__(self, plan: Plan, tools: Tools) -> None:
        self._plan = plan
        self._board = tools.board
        self._formulas: dict[int, Formula] = {
            point: formula for block in plan.blocks for point, formula in zip(block.points, block.detail, strict=True)
        }
        self._inputs = {point: self._board.slots(formula.inputs).tolist() for point, formula in self._formulas.items()}
        self._readers: dict[int, set[int]] = {}
        for point, slots in self._inputs.items():
            for slot in slots:
                self._readers.setdefault(slot, set()).add(point)
        self._waiting: set[int] = set()
        """Points of which an input has changed."""
        self._failed: set[int] = set()
        self._told: set[int] = set()
        """Points that have had a result."""
        self._forget: Callable[[], None] = lambda: None
        self._tasks: list[asyncio.Task[NoReturn]] = []
        self._log = logs.get("edge")

    async def open(self) -> None:
        """There is nothing to connect to."""

    async def subscribe(self, sink: Sink) -> None:
        """Compute everything once, then what changes."""
        await self.close()
        self._waiting = set(self._formulas)
        self._forget = self._board.listen(self._changed)
        for block in self._plan.blocks:
            self._tasks.append(asyncio.create_task(self._compute_on(block, sink)))

    async def read(self, block: Block) -> Columns:
        """The results on the values of now."""
        return self._results(block.points)

    async def lost(self) -> LineshaftError:
        """Never returns while the points are computed, nor where there are none."""
        if not self._tasks:
            await asyncio.Event().wait()
        await asyncio.gather(*self._tasks)
        raise AssertionError  # computing never ends by itself

    async def close(self) -> None:
        """No longer compute."""
        self._forget()
        self._forget = lambda: None
        tasks, self._tasks = self._tasks, []
        await end(*tasks)

    def _changed(self, slots: Any, _rows: Columns) -> None:
        for slot in self._readers.keys() & set(slots.tolist()):
            self._waiting |= self._readers[slot]

    async def _compute_on(self, block: Block, sink: Sink) -> NoReturn:
        period = block.group.period_ms / 1000
        mine = set(block.points)
        while True:
            # Taking results makes those wait that read them: no more turns than the longest chain of points.
            for _ in block.points:
                due = sorted(self._waiting & mine)
                if not due:
                    break
                self._waiting -= mine
                sink.take(self._results(due))
            await asyncio.sleep(period)

    def _results(self, points: Any) -> Columns:
        columns = Columns(max(len(points), 1))
        for point in points:
            samples = [self._board.sample(slot) for slot in self._inputs[point]]
            known = [sample for sample in samples if sample is not None]
            if known and len(known) == len(samples):
                self._told.add(point)
                self._compute(point, known, columns)
            elif point in self._told:  # what it was computed from is not read any more
                now = clock.now_us()
                columns.add(point, now, now, quality.BAD_NO_DATA)
        return columns

    def _compute(self, point: int, inputs: list[Sample], columns: Columns) -> None:
        ts, arrival = max(sample.ts for sample in inputs), max(sample.arrival for sample in inputs)
        worst = max(inputs, key=lambda sample: sample.q >> 30).q & _CODE
        if worst >= quality.BAD:
            columns.add(point, ts, arrival, worst)
            return
        formula = self._formulas[point]
        values: Mapping[str, object] = dict(zip(formula.inputs, (sample.value for sample in inputs), strict=True))
        try:
            value = formula.evaluate(values)
        except InvalidInput as error:
            if point not in self._failed:
                self._failed.add(point)
                self._log.warning(
                    "edge_not_computed", device=self._plan.device.name, point=self._plan.points[point].name,
                    reason=str(error.facts["reason"]),
                )  # fmt: skip
            columns.add(point, ts, arrival, quality.BAD_OUT_OF_RANGE)
            return
        self._failed.discard(point)
        kind = _kind_of(value, self._plan.points[point].kind)
        columns.add(point, ts, arrival, worst, kind, value)


def _kind_of(value: Value, declared: str) -> int:
    """The kind of a result; a whole number is an integer where the point says so."""
    if isinstance(value, bool):
        return KIND_NAMES.index("boolean")
    if isinstance(value, str):
        return KIND_NAMES.index("text")
    whole = declared == "integer" and float(value).is_integer() and abs(value) < 2**63
    return KIND_NAMES.index("integer" if whole else "number")
