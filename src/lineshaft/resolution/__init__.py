"""Identifier resolution (标识解析): the Handle protocol (RFC 3650–3652) and its nodes, compatible with RFC 3652.

Bytes first: `fields`, `codes`, `model`, then `values` (what values hold), `record` (as stored), `messages` and `wire` (what
is said), `packets` (in datagrams), `site` (who is responsible), `auth` (who asks), `dialect_cn`, `rest` (the same in JSON).
`hot` answers the common request without any of them. `store` keeps records.
May be imported by `history`, `edge`, `web`, `cli`, `demo`.
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door
from lineshaft.resolution import compiled

compiled.use()

if TYPE_CHECKING:
    from lineshaft.resolution.client import Answer as Answer
    from lineshaft.resolution.client import Client as Client
    from lineshaft.resolution.client import KeyIdentity as KeyIdentity
    from lineshaft.resolution.client import Patience as Patience
    from lineshaft.resolution.client import Roots as Roots
    from lineshaft.resolution.client import SecretIdentity as SecretIdentity
    from lineshaft.resolution.client import parse_address as parse_address
    from lineshaft.resolution.client import read_roots as read_roots
    from lineshaft.resolution.model import HandleValue as HandleValue
    from lineshaft.resolution.model import Reference as Reference
    from lineshaft.resolution.recursive import RecursiveResolver as RecursiveResolver
    from lineshaft.resolution.refused import Refused as Refused
    from lineshaft.resolution.trust import sign_record as sign_record
    from lineshaft.resolution.trust import verify_record as verify_record

__all__ = [
    "Answer",
    "Client",
    "HandleValue",
    "KeyIdentity",
    "Patience",
    "RecursiveResolver",
    "Reference",
    "Refused",
    "Roots",
    "SecretIdentity",
    "parse_address",
    "read_roots",
    "sign_record",
    "verify_record",
]

__getattr__ = door(
    __name__,
    {
        "client": (
            "Answer",
            "Client",
            "KeyIdentity",
            "Patience",
            "Roots",
            "SecretIdentity",
            "parse_address",
            "read_roots",
        ),
        "model": ("HandleValue", "Reference"),
        "recursive": ("RecursiveResolver",),
        "refused": ("Refused",),
        "trust": ("sign_record", "verify_record"),
    },
)
