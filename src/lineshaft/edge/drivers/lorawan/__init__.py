"""LoRaWAN 1.0.x network and application server for the devices of a gateway, behind Semtech packet forwarders (UDP).

The way of a value: `forwarder` (datagrams) → `node` (session, counters) → `frames` (MIC, decryption) → `payload`
(expressions) → the sink. Writes nothing to devices beside join accepts and acknowledgements.
"""

from lineshaft.edge.drivers.lorawan.driver import DRIVER

__all__ = ["DRIVER"]
