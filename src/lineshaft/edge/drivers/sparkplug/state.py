"""STATE messages (specification 3.0, 6.4.27): whether a host application is online."""

import msgspec


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What a host says of itself."""

    online: bool
    timestamp: int
    """Milliseconds since 1970; of the connection that said so."""


def read_state(payload: bytes) -> State | None:
    """None for what is no such message, as the plain words of version 2."""
    try:
        return msgspec.json.decode(payload, type=State)
    except msgspec.MsgspecError:
        return None


class HostState:
    """A primary host as an edge node sees it."""

    def __init__(self) -> None:
        self.online = False
        self._newest_ms: int | None = None

    def take(self, payload: bytes) -> bool:
        """One STATE message; whether it changed anything. One older than the newest seen, or unreadable, does not."""
        state = read_state(payload)
        if state is None or (self._newest_ms is not None and state.timestamp < self._newest_ms):
            return False
        self._newest_ms = state.timestamp
        changed = state.online != self.online
        self.online = state.online
        return changed
