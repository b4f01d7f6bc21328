"""Inline proxies: foreign clients reach a device through the gateway, and no write of theirs passes the guard unseen.

`modbus` speaks Modbus/TCP on both sides, `opcua` ends the client's session and has one of its own with the device.
`passed` tells the audit trail what was let through; what was refused the guard tells itself. Both are gateway parts.
"""
