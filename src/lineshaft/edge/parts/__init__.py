"""Gateway parts: what a gateway does beside reading devices (guard, commands, servers and proxies it offers).

Each has a name and a document. Documents are kept per gateway in the records, checked by a pure function, and travel
inside the gateway's configuration; in the gateway the part applies each new one as a whole.
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door

if TYPE_CHECKING:
    from lineshaft.edge.parts.model import GatewayPart as GatewayPart
    from lineshaft.edge.parts.model import Surroundings as Surroundings
    from lineshaft.edge.parts.model import check_document as check_document

__all__ = ["GatewayPart", "Surroundings", "check_document"]

__getattr__ = door(__name__, {"model": ("GatewayPart", "Surroundings", "check_document")})
