"""A gateway on a machine of its own: how it gets its certificate, its credentials for the bus, and keeps them.

`enrol` is done once, with a token from the server; `renewal` is a task of the gateway service. Knows the server only by
EST (RFC 7030) and one route of its device listener. Imports no database.
"""
