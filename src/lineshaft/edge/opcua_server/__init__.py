"""The OPC UA server of a gateway: its tags, offered to the control systems that a factory has already.

`document` says what is offered to whom, `address_space` makes nodes of points, `recent` keeps what can be read back,
`server` puts them together, `part` is the gateway part. `guarded` closes what the library leaves open; the demonstration
plant's server stands on it as well.
"""
