"""What a server counts of its requests; plain integers, because they are raised for every one."""

import msgspec


class Counts(msgspec.Struct):
    udp: int = 0
    """Datagrams."""
    tcp: int = 0
    """Messages over TCP."""
    http: int = 0
    """Requests over HTTP."""
    answered: int = 0
    """Resolutions answered with values."""
    missing: int = 0
    """Resolutions of handles that are not there."""
    enumerating: int = 0
    """Such resolutions beyond the budget of their source: it is trying out numbers."""
    alarms: int = 0
    """How often that was reported."""
    slow: int = 0
    """Requests that took the long way: administration, sessions, signatures, recursion."""
    malformed: int = 0
    """Dropped: not messages of the protocol, or expired."""
    over_budget: int = 0
    """Answers cut to one packet, or refused, because their source had no budget left."""
    dropped: int = 0
    """Answers that could not be sent, or requests not taken, because too much was under way."""
    connections: int = 0
    """Open connections, by TCP and HTTP."""
    refused_connections: int = 0
