"""The HTTP application: assembles every package's routes behind one gate, pushes live values, serves the pages.

    listeners → protocols → front (headers, paths that are not Litestar's) → Litestar: limits → gate → idempotency → route

Each route says which action it needs; the gate finds out who calls, asks `access`, and lets nothing else through.
It knows no capability from inside: routes come from each package's `api.py`, their parts are injected by name.
Only `cli` and `demo` may import it. Litestar is imported here and in `api.py` modules, nowhere else.
"""

from typing import TYPE_CHECKING, Any

from lineshaft.web.settings import WebSettings

__all__ = ["WebService", "WebSettings"]

if TYPE_CHECKING:
    from lineshaft.web.service import WebService


def __getattr__(name: str) -> Any:
    if name == "WebService":
        from lineshaft.web.service import WebService

        return WebService
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
