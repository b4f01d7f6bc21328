"""The way of a gateway's audit events: its guard's journal, the bus, the audit trail of the installation.

`journal` keeps each event on the gateway's disk until the bus has it, `part` is the gateway part that does so, `trail`
enters what the bus has into the audit trail, in the web process. An event is entered once, also where it was sent twice.
"""
