"""The PostgreSQL engine: psycopg 3, serialisable transactions, connections checked before use."""

import math
from typing import Any

import msgspec
from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.pool import QueuePool

from lineshaft.core.errors import LineshaftError, Unavailable
from lineshaft.records import faults
from lineshaft.records.json import to_json

_CLASSES = {
    "08": faults.unreachable,  # connection exception
    "28": faults.unreachable,  # invalid authorisation
    "57": faults.unreachable,  # operator intervention: shutting down, starting up
    "58": faults.disk_error,  # system error outside PostgreSQL
    "XX": faults.damaged,  # internal error, data corrupted
}
_STATES = {
    "22003": faults.value_refused,  # number out of range
    "22021": faults.value_refused,  # character not in repertoire
    "25006": faults.read_only,  # read only transaction: a standby
    "3D000": faults.unreachable,  # no such database
    "53100": faults.disk_full,
    "53300": faults.unreachable,  # too many connections
}
_COLLISIONS = ("40001", "40P01")  # serialisation failure, deadlock
_LOCKED = ("55P03", "57014")  # lock not available in time, statement cancelled


def open_engine(url: URL, wait_seconds: float, connections: int) -> Engine:
    """An engine on the server; connects at first use.

    Raises:
        Unavailable: psycopg is not installed.
    """
    try:
        import psycopg
    except ImportError as error:
        raise Unavailable(
            "records.psycopg_missing", "records in PostgreSQL need psycopg, which is not installed",
            "pip install 'lineshaft[postgres]'", reason=str(error),
        ) from error  # fmt: skip
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        poolclass=QueuePool, pool_size=connections, max_overflow=connections, pool_timeout=wait_seconds,
        json_serializer=to_json, json_deserializer=msgspec.json.decode,
        pool_pre_ping=True, isolation_level="SERIALIZABLE",
        connect_args={
            "connect_timeout": math.ceil(wait_seconds),
            "options": f"-c lock_timeout={round(wait_seconds * 1000)} -c timezone=UTC",
        },
    )  # fmt: skip
    place = url.render_as_string(hide_password=True)
    faults.translate(engine, lambda error: fault(error, place, wait_seconds, psycopg))
    return engine


def fault(error: BaseException, place: str, wait_seconds: float, psycopg: Any) -> LineshaftError | None:
    """The error of ours for one of the driver's; None where a statement, not the engine, is at fault."""
    state: str | None = getattr(error, "sqlstate", None)
    if state in _COLLISIONS:
        return faults.collision(place)
    if state in _LOCKED:
        return faults.busy(place, wait_seconds)
    if state is not None:
        make = _STATES.get(state) or _CLASSES.get(state[:2])
    elif isinstance(error, psycopg.DataError | UnicodeEncodeError):  # refused before it was sent
        make = faults.value_refused
    else:  # lost or never made: there is no server to name a state
        make = faults.unreachable if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) else None
    return make(place, _line(error)) if make else None


def _line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]
