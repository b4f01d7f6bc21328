"""Lineshaft (天轴): an open-source industrial internet system.

The spine (`core`, `records`, `bus`, `ledger`, `access`) carries the capabilities (`edge`, `history`);
`web` and `cli` assemble them, `demo` is a plant to try them on. Each layer imports only those before it.
A program that uses a running Lineshaft needs one door of this package: `lineshaft.connect(url, token=…)`.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Client", "__version__", "connect"]

if TYPE_CHECKING:
    from lineshaft.client import Client, connect


def __getattr__(name: str) -> Any:
    if name in ("Client", "connect"):
        from lineshaft import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
