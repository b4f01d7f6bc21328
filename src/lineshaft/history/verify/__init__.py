"""Verification of the tables: every file opened and held against what the table says of it.

`check` looks at files, `worker` is the process that does it (it reads everything; nothing of it stays in a service),
`job` is the work as a job of the web server. What is damaged leaves the table as maintenance has it leave. Not here: repair;
a file that was set aside is kept, and what the bus or a gateway still has comes again through the writer.
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door

if TYPE_CHECKING:
    from lineshaft.history.verify.job import Verification as Verification

__all__ = ["Verification"]

# Lazy: the process imports this package and must not carry what the web server needs.
__getattr__ = door(__name__, {"job": ("Verification",)})
