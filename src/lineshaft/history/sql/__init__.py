"""SQL over the history: one statement, in a process of its own that holds the caller's rows and nothing else.

`queries` finds what the caller may read and asks; `process` is the parent's side of the process, `worker` the process
itself: DuckDB without files, network or extensions, held to memory and time by the system. `statement` says what a
statement may name. The process lives for one statement. Not here: the rows themselves (`history.reader`).
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door

if TYPE_CHECKING:
    from lineshaft.history.sql.queries import SqlQueries as SqlQueries
    from lineshaft.history.sql.queries import SqlRequest as SqlRequest

__all__ = ["SqlQueries", "SqlRequest"]

# Lazy: the process of a statement imports this package and must not carry what the web server needs.
__getattr__ = door(__name__, {"queries": ("SqlQueries", "SqlRequest")})
