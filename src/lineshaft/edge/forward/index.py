"""The index: which batches lie where in the store, as runs; and how far the history has them."""

from bisect import bisect_right

import msgspec

from lineshaft.history.model import Held, HeldBoot


class Span(msgspec.Struct):
    """Batches of one boot that lie one after the other, numbers and positions alike."""

    position: int
    boot: str
    """Empty: nothing lies there."""
    seq: int
    count: int

    @property
    def end(self) -> int:
        """The position after the last."""
        return self.position + self.count


class Index:
    """What is known of the store; positions may be noted in any order, each once or more often."""

    def __init__(self) -> None:
        self._spans: list[Span] = []

    def note(self, position: int, boot: str, seq: int) -> None:
        """A batch lies at a position."""
        self._add(Span(position, boot, seq, 1))

    def void(self, first: int, end: int) -> None:
        """Nothing lies at positions from `first` to before `end`."""
        self._add(Span(first, "", 0, end - first))

    def forget(self, position: int) -> None:
        """Everything up to a position has left the store."""
        while self._spans and self._spans[0].end <= position + 1:
            self._spans.pop(0)
        if self._spans and self._spans[0].position <= position:
            span, gone = self._spans[0], position + 1 - self._spans[0].position
            self._spans[0] = Span(position + 1, span.boot, span.seq + gone, span.count - gone)

    def held_up_to(self, held: Held) -> int:
        """Position up to which the history has everything that lies here; 0 where it does not have the first."""
        boots = {boot.boot: boot for boot in held.boots}
        over = max((index for index, span in enumerate(self._spans) if _entered(boots.get(span.boot))), default=-1)
        over_boot = self._spans[over].boot if over >= 0 else ""
        position = 0
        for index, span in enumerate(self._spans):
            if position and span.position != position + 1:  # what lies between is not known yet
                break
            if not span.boot or (index < over and span.boot != over_boot):
                position = span.end - 1
                continue
            boot = boots.get(span.boot)
            count = 0 if boot is None else _held_from(boot, span.seq, span.count)
            if count:
                position = span.position + count - 1
            if count < span.count:
                break
        return position

    def _add(self, span: Span) -> None:
        at = bisect_right(self._spans, span.position, key=lambda each: each.position)
        before = self._spans[at - 1] if at else None
        if before is not None and span.position < before.end:
            return
        if before is not None and _continues(before, span):
            before.count += span.count
        else:
            self._spans.insert(at, span)


def holds(held: Held, boot: str, seq: int) -> bool:
    """Whether the history has a batch, as far as it says."""
    return any(each.boot == boot and _held_from(each, seq, 1) for each in held.boots)


def _continues(before: Span, after: Span) -> bool:
    if before.boot != after.boot or before.end != after.position:
        return False
    return not before.boot or before.seq + before.count == after.seq


def _entered(boot: HeldBoot | None) -> bool:
    return boot is not None and not boot.pending


def _held_from(boot: HeldBoot, seq: int, count: int) -> int:
    """How many batches from `seq` on the history has one after the other, `count` at most."""
    for first, last in [(1, boot.seq), *boot.ahead]:
        if first <= seq <= last:
            return min(count, last - seq + 1)
    return 0
