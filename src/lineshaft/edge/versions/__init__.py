"""Versions of a gateway's configuration: what each held, what differs between two, and going back to one."""
