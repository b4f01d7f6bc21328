"""Endpoints of Modbus devices.

modbus-tcp://host:502
modbus-rtu-tcp://host:port
modbus-rtu:///dev/ttyS0?baud=9600&parity=E&stop=1
"""

from typing import Final, Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

PORT: Final = 502
_BAUD: Final = (300, 500_000)
_PARAMETERS: Final = frozenset(("baud", "parity", "stop"))


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a device is, and how frames travel there."""

    transport: Literal["modbus-tcp", "modbus-rtu", "modbus-rtu-tcp"]
    host: str = ""
    port: int = PORT
    path: str = ""
    """Of the serial line."""
    baud: int = 9600
    parity: Literal["N", "E", "O"] = "E"
    stop: int = 1

    @property
    def framing_silence(self) -> float:
        """Seconds of silence between frames on the line: 3.5 characters, 1.75 ms above 19200 baud (serial line guide 2.5.1.1)."""
        if self.transport != "modbus-rtu":
            return 0.0
        return 0.00175 if self.baud > 19_200 else 3.5 * 11 / self.baud


def read_endpoint(text: str) -> Endpoint:
    """An endpoint.

    Raises:
        ValueError: it is none; says why.
    """
    parts = urlsplit(text)
    if "@" in parts.netloc:
        raise ValueError("Modbus knows no user or password")
    if parts.scheme == "modbus-rtu":
        return _serial(parts.netloc, parts.path, parse_qs(parts.query, keep_blank_values=True))
    if parts.scheme not in ("modbus-tcp", "modbus-rtu-tcp"):
        raise ValueError(
            "an endpoint is modbus-tcp://host:502, modbus-rtu-tcp://host:port or modbus-rtu:///dev/ttyS0?baud=9600&parity=E"
        )
    if not parts.hostname:
        raise ValueError("it names no host")
    if parts.path.strip("/") or parts.query:
        raise ValueError("nothing comes after the port; the unit is an option")
    if parts.scheme == "modbus-tcp":
        return Endpoint(transport="modbus-tcp", host=parts.hostname, port=parts.port or PORT)
    if parts.port is None:
        raise ValueError("RTU over TCP has no port of its own: name it")
    return Endpoint(transport="modbus-rtu-tcp", host=parts.hostname, port=parts.port)


def _serial(netloc: str, path: str, query: dict[str, list[str]]) -> Endpoint:
    if netloc or not path.startswith("/dev/") or ".." in path.split("/"):
        raise ValueError("a serial line is named by its path below /dev after three slashes: modbus-rtu:///dev/ttyS0")
    if strange := sorted(set(query) - _PARAMETERS):
        raise ValueError(f"{strange[0]} is not one of {', '.join(sorted(_PARAMETERS))}")
    given = {name: values[-1] for name, values in query.items()}
    baud, parity, stop = given.get("baud", "9600"), given.get("parity", "E"), given.get("stop", "")
    if not baud.isdecimal() or not _BAUD[0] <= int(baud) <= _BAUD[1]:
        raise ValueError(f"baud is {_BAUD[0]} to {_BAUD[1]}")
    if parity not in ("N", "E", "O"):
        raise ValueError("parity is N, E or O")
    stop = stop or ("2" if parity == "N" else "1")
    if stop not in ("1", "2"):
        raise ValueError("stop is 1 or 2 bits")
    return Endpoint(transport="modbus-rtu", path=path, baud=int(baud), parity=parity, stop=int(stop))  # type: ignore[arg-type]
