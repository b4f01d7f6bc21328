"""One live connection: what it shows, and at which pace it takes it."""

from collections.abc import Mapping
from typing import Protocol

from lineshaft.web.live import messages
from lineshaft.web.live.board import Board, Selection

SLOWEST_SECONDS = 2.0


class TextSocket(Protocol):
    """The part of `protocols.LiveSocket` that a listener needs."""

    def write_text(self, payload: bytes) -> bool: ...

    @property
    def unsent(self) -> int: ...


class Tick:
    """What changed in one tick, as messages: clients that show the same tags get the same one, made once."""

    def __init__(self, fresh: Mapping[int, bytes]) -> None:
        self._fresh = fresh
        self._made: dict[Selection, bytes | None] = {}

    def message(self, shown: Selection) -> bytes | None:
        """The message for a client that shows these tags; None where none of them changed."""
        if shown not in self._made:
            rows = [row for row in map(self._fresh.get, shown.as_list) if row is not None]
            self._made[shown] = messages.values(rows)
        return self._made[shown]


class Listener:
    """Holds one client's subscription; `offer` sends what changed since the client last got something.

    While the socket still holds unsent bytes nothing is added to them: the interval doubles up to two seconds and
    what changes meanwhile is conflated. Once the client keeps up, the interval halves back to every tick.
    """

    def __init__(self, socket: TextSocket, board: Board, tick_seconds: float) -> None:
        self._socket = socket
        self._board = board
        self._fastest = tick_seconds
        self._interval = tick_seconds
        self._due = 0.0
        self._seen_tick = board.tick
        self.tags: dict[int, str] = {}
        """Subscribed tags: number → path."""
        self._shown = board.selection(())

    @property
    def behind(self) -> bool:
        """Whether a tick was closed that the client has not been given."""
        return self._seen_tick != self._board.tick

    def subscribe(self, tags: Mapping[int, str]) -> None:
        """Add tags and send their present values at once."""
        added = {number: path for number, path in tags.items() if number not in self.tags}
        self._board.watch(added)
        self._set({**self.tags, **added})
        message = messages.values(self._board.present(added))
        if message is not None:
            self._socket.write_text(message)

    def unsubscribe(self, paths: set[str]) -> None:
        """Remove tags; paths that are not subscribed are passed over."""
        removed = {number: path for number, path in self.tags.items() if path in paths}
        self._board.unwatch(removed)
        self._set({number: path for number, path in self.tags.items() if number not in removed})

    def close(self) -> None:
        """Give the subscription up."""
        self._board.unwatch(self.tags)
        self._set({})

    def offer(self, tick: Tick, now: float) -> bool:
        """Take the tick that the board has just closed, at `now` monotonic seconds; True where something was sent."""
        if now < self._due:
            return False
        if self._socket.unsent:
            self._interval = min(self._interval * 2, SLOWEST_SECONDS)
            self._due = now + self._interval
            return False
        if self._seen_tick == self._board.tick - 1:
            message = tick.message(self._shown)
        else:
            message = messages.values(self._board.changed_since(self._shown, self._seen_tick))
        self._seen_tick = self._board.tick
        self._interval = max(self._interval / 2, self._fastest)
        self._due = now + self._interval if self._interval > self._fastest else 0.0
        return message is not None and self._socket.write_text(message)

    def tell(self, message: bytes) -> None:
        """Send a small message about the connection itself, unless the socket is backed up."""
        if not self._socket.unsent:
            self._socket.write_text(message)

    def _set(self, tags: dict[int, str]) -> None:
        self.tags = tags
        self._shown = self._board.selection(sorted(tags))
