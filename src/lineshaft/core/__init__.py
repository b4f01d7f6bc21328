"""The ground floor: errors, settings, clock, identifiers, logs, texts, HTTP helpers, services, supervisor, jobs.

It imports nothing of Lineshaft; everything may import it, module by module (`from lineshaft.core import clock`).
Not here: anything that knows a database, the bus, or a protocol.
"""
