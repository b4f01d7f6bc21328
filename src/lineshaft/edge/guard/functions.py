"""What can be done to devices: every function that a rule can name, and the groups it is in.

A function is in its protocol's group and in one group of consequence. What stands in no table is in neither: only a
rule about every action can permit it.
"""

import functools
from collections.abc import Mapping
from typing import Final, Literal

Consequence = Literal["read", "write", "call", "program", "mode"]
"""read: changes nothing. write: values. call: methods. program: what the device does from now on. mode: whether it runs."""

CONSEQUENCES: Final[Mapping[Consequence, str]] = {
    "read": "changes nothing in the device",
    "write": "changes values",
    "call": "calls methods or runs commands",
    "program": "changes programs, configuration or files",
    "mode": "starts, stops or resets the device",
}

_COMMON: Final[Mapping[str, Consequence]] = {"read": "read", "write": "write"}

_MORE: Final[Mapping[str, Mapping[str, Consequence]]] = {
    "modbus": {
        "read_coils": "read", "read_discrete_inputs": "read", "read_holding_registers": "read",
        "read_input_registers": "read", "read_exception_status": "read", "get_comm_event_counter": "read",
        "get_comm_event_log": "read", "report_server_id": "read", "read_file_record": "read",
        "read_fifo_queue": "read", "read_device_identification": "read", "write_single_coil": "write",
        "write_single_register": "write", "write_multiple_coils": "write", "write_multiple_registers": "write",
        "mask_write_register": "write", "read_write_multiple_registers": "write", "write_file_record": "program",
        "encapsulated_interface": "program", "diagnostics": "mode",
    },
    "opcua": {
        "browse": "read", "subscribe": "read", "history_read": "read", "call": "call", "history_update": "program",
        "manage_nodes": "program",
    },
    "s7": {
        "list": "read", "upload": "read", "download": "program", "delete": "program", "plc_start": "mode",
        "plc_stop": "mode", "write_clock": "mode",
    },
    "sparkplug": {"dcmd": "write", "ncmd": "write"},
    "mqtt": {"publish": "write", "subscribe": "read"},
    "http": {"put": "write", "post": "write", "patch": "write", "delete": "program"},
    "coap": {"observe": "read", "put": "write", "post": "write", "delete": "program"},
    "lorawan": {"downlink": "write"},
    "snmp": {"walk": "read", "set": "write"},
    "mtconnect": {},
}  # fmt: skip

PROTOCOLS: Final = tuple(_MORE)

FUNCTIONS: Final[Mapping[str, frozenset[str]]] = {
    f"{protocol}.{function}": frozenset((protocol, group))
    for protocol, more in _MORE.items()
    for function, group in {**_COMMON, **more}.items()
}
"""`protocol.function` with its groups."""


@functools.cache
def reads(protocol: str, function: str) -> bool:
    """Whether a function is known to change nothing."""
    return "read" in FUNCTIONS.get(f"{protocol}.{function}", ())
