"""How many steps are due: real time times speed, counted from one anchor so that rounding never accumulates."""

STEP_SECONDS = 1.0
"""Simulated time of one step of the process."""
MINIMUM_SPEED = 0.1
MAXIMUM_SPEED = 100.0
CATCH_UP_SECONDS = 5.0
"""Real time that is made up for after a stall; what is beyond is left out and counted."""


class Pace:
    """Turns readings of a monotonic clock into steps.

    Args:
        speed: simulated seconds per real second.
        now: the clock's reading at the start.
    """

    def __init__(self, speed: float, now: float) -> None:
        self.speed = speed
        self.left_out_seconds = 0.0
        self._anchor = now
        self._taken = 0

    def due(self, now: float) -> int:
        """Steps to take now; counts them as taken."""
        late = now - self._anchor - self._taken * STEP_SECONDS / self.speed
        if late > CATCH_UP_SECONDS + STEP_SECONDS / self.speed:
            self.left_out_seconds += late - CATCH_UP_SECONDS
            self._anchor += late - CATCH_UP_SECONDS
        steps = int((now - self._anchor) * self.speed / STEP_SECONDS) - self._taken
        self._taken += steps
        return steps

    def change(self, speed: float, now: float) -> None:
        """Go on at another speed from `now`; a begun step keeps its fraction."""
        fraction = (now - self._anchor) * self.speed / STEP_SECONDS - self._taken
        self._anchor, self._taken, self.speed = now - fraction * STEP_SECONDS / speed, 0, speed
