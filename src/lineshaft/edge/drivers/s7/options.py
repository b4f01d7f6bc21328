"""Options of an S7 controller, and what of them can be judged without asking it."""

from typing import Annotated, Final, Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Meta

from lineshaft.edge.driver import Faults

PORT: Final = 102


class S7Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to connect to a controller."""

    rack: Annotated[int, Meta(ge=0, le=7)] | None = None
    """0 where neither this nor the endpoint says it."""
    slot: Annotated[int, Meta(ge=0, le=31)] | None = None
    """Of the CPU: usually 2 in an S7-300 and S7-400, 1 in an S7-1200 and S7-1500. 1 where nothing says it."""
    connection: Literal["op", "pg", "basic"] = "op"
    """As what we connect; controllers keep a number of connections for each kind."""
    secret: str = ""
    """Name of the secret whose password opens the controller (S7-300 and S7-400); its user name is not used."""
    pdu: Annotated[int, Meta(ge=240, le=960)] = 960
    """Greatest PDU to ask for, bytes; the controller may grant less."""
    at_once: Annotated[int, Meta(ge=1, le=32)] = 8
    """Requests on the way at a time, to ask for; the controller may grant fewer, down to one (AmQ, calling)."""
    gap: Annotated[int, Meta(ge=0, le=200)] = 16
    """Bytes between two points up to which they are read as one item: an item costs 12 bytes to ask for."""
    state_seconds: Annotated[float, Meta(ge=0.1, le=600)] = 5.0
    """How often the controller is asked whether it runs; that is also how a dead connection is noticed."""
    timeout_seconds: Annotated[float, Meta(ge=0.2, le=60)] = 5.0
    """How long to wait for an answer."""


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a controller is."""

    host: str
    port: int
    rack: int
    slot: int


def read_endpoint(endpoint: str, options: S7Options, faults: Faults) -> Address | None:
    """The controller that `s7://host:102?rack=0&slot=1` and the options name; faults are noted."""
    try:
        parts = urlsplit(endpoint)
        port = parts.port or PORT
        said = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError as error:
        faults.add("endpoint", endpoint.rpartition("@")[2], f"an S7 endpoint is s7://host:102?rack=0&slot=1 ({error})")
        return None
    if "@" in parts.netloc:
        faults.add("endpoint", endpoint.rpartition("@")[2], "a password belongs into a secret, not into the endpoint")
    if parts.scheme != "s7" or not parts.hostname or parts.path not in ("", "/") or parts.fragment:
        faults.add("endpoint", endpoint.rpartition("@")[2], "an S7 endpoint is s7://host:102?rack=0&slot=1")
        return None
    if ":" in parts.hostname:
        faults.add("endpoint", endpoint, "S7 controllers are reached by IPv4 address or name")
    for name in said.keys() - {"rack", "slot"}:
        faults.add("endpoint", endpoint, f"it says {name}; only rack and slot can stand there, the rest are options")
    rack = _number("rack", said, options.rack, 0, 7, faults)
    slot = _number("slot", said, options.slot, 1, 31, faults)
    return Address(host=parts.hostname, port=port, rack=rack, slot=slot)


def _number(name: str, said: dict[str, str], option: int | None, default: int, most: int, faults: Faults) -> int:
    """What the endpoint or the option says."""
    text = said.get(name)
    if text is None:
        return default if option is None else option
    if not text.isdecimal() or not text.isascii() or int(text) > most:
        faults.add("endpoint", f"{name}={text}", f"a {name} is a number from 0 to {most}")
        return default
    if option is not None and option != int(text):
        faults.add(f"options.{name}", option, f"the endpoint says {text}")
    return int(text)
