"""Calculated tags: points whose value is an expression over other points of the same gateway.

To the gateway it is a driver like others, so calculated tags have identifiers, qualities, report by exception and a
history like measured ones. Its device needs no connection: it reads the gateway's board.
"""

from lineshaft.edge.drivers.calculated.driver import DRIVER

__all__ = ["DRIVER"]
