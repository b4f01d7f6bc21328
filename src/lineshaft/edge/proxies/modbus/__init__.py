"""The gateway part `modbus_proxy`: Modbus/TCP clients reach a Modbus/TCP device, every request through the guard.

`document` says who may come where; `listener` takes clients in (`certificates`: over TLS), `client` takes their frames
apart, `requests` checks each and says what it would do, `points` in which units, `upstream` has the one connection to
the device. Nothing that is not understood whole is forwarded.
"""
