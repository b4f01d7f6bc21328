"""Policies: Cedar texts in force, decided by action and zone, changed by upload, with a second person where one asks so.

Not here: who somebody is (`access`), what zones and conduits there are (`access.zones`; its texts come in as a source).
`Access` decides by it; the rest of the system asks `Access`.
"""
