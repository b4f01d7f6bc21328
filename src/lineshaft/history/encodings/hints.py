"""What the last segments showed of each tag, so that the next one need not look again."""

import numpy as np

_FIRST_SIZE = 1024
_FIRST_WAIT, _LONGEST_WAIT = 8, 64
"""Segments between two looks at a tag, doubled each time."""


class Hints:
    """Scale and measured costs by tag number; of a tag never seen, nothing."""

    def __init__(self) -> None:
        self.segments = 0
        """How many segments have been encoded."""
        self.mul = np.full(_FIRST_SIZE, np.nan)
        """NaN where no scale is known."""
        self.div = np.full(_FIRST_SIZE, np.nan)
        self.dictionary = np.zeros(_FIRST_SIZE, np.float32)
        """Bytes per value in a dictionary, of tags without a scale."""
        self.split = np.zeros(_FIRST_SIZE, np.float32)
        """Bytes per value split into byte streams."""
        self._wait = np.zeros(_FIRST_SIZE, np.uint8)
        self._due = np.zeros(_FIRST_SIZE, np.int64)

    def reach(self, tag: int) -> None:
        """Have room for tag numbers up to this one."""
        size = len(self.mul)
        if tag < size:
            return
        size = max(tag + 1, 2 * size)
        for name in ("mul", "div", "dictionary", "split", "_wait", "_due"):
            old = getattr(self, name)
            column = np.full(size, np.nan) if name in ("mul", "div") else np.zeros(size, old.dtype)
            column[: len(old)] = old
            setattr(self, name, column)

    def due(self, tags: np.ndarray) -> np.ndarray:
        """Which of the tags are to be looked at anew: now and then each, one never seen at once."""
        return np.asarray(self._due[tags] <= self.segments)

    def found(
        self, tags: np.ndarray, mul: np.ndarray, div: np.ndarray, dictionary: np.ndarray, split: np.ndarray
    ) -> None:
        """Remember what a look at the tags gave."""
        self.mul[tags], self.div[tags] = mul, div
        self.dictionary[tags], self.split[tags] = dictionary, split
        wait = np.clip(2 * self._wait[tags].astype(np.int64), _FIRST_WAIT, _LONGEST_WAIT)
        self._wait[tags] = wait
        self._due[tags] = self.segments + wait + tags % (wait + 1)  # not all of them in one segment

    def failed(self, tags: np.ndarray) -> None:
        """The tags' scales no longer hold: look again soon if that happens again."""
        self._wait[tags] = 0
