"""Topics of Sparkplug B (specification 3.0, 4): `spBv1.0/group/type/edge node[/device]`, and the ids in them."""

from typing import Final, Literal, get_args

import msgspec

NAMESPACE: Final = "spBv1.0"
MessageType = Literal["NBIRTH", "NDEATH", "NDATA", "NCMD", "DBIRTH", "DDEATH", "DDATA", "DCMD"]
_TYPES: Final = frozenset(get_args(MessageType))
FROM_NODES: Final = ("NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA")
_RESERVED: Final = frozenset("+/#")
_LONGEST: Final = 255


class Topic(msgspec.Struct, frozen=True):
    """What a message is, and whose."""

    group: str
    type: MessageType
    node: str
    device: str = ""
    """Empty for messages of the node itself."""

    def __str__(self) -> str:
        topic = f"{NAMESPACE}/{self.group}/{self.type}/{self.node}"
        return f"{topic}/{self.device}" if self.device else topic


def read_topic(text: str) -> Topic | None:
    """The topic of a node's or device's message; None for every other, such as STATE or one with a level too many."""
    levels = text.split("/")
    if not 4 <= len(levels) <= 5 or levels[0] != NAMESPACE or levels[2] not in _TYPES or not all(levels):
        return None
    if (len(levels) == 5) != levels[2].startswith("D"):
        return None
    return Topic(levels[1], levels[2], *levels[3:])  # type: ignore[arg-type]


def state_topic(host_id: str) -> str:
    """Where a host application says whether it is online."""
    return f"{NAMESPACE}/STATE/{host_id}"


def id_fault(text: str) -> str:
    """Which rule a group, edge node, device or host id breaks; empty where it breaks none."""
    if not text:
        return "it must not be empty"
    if _RESERVED & set(text):
        return "it must not have +, / or #"
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in text):
        return "it must not have control characters"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "it must be UTF-8"
    return f"it has at most {_LONGEST} bytes" if size > _LONGEST else ""


def filters(group: str, node: str) -> list[str]:
    """The topics to subscribe to for everything that an edge node and its devices say."""
    return [f"{NAMESPACE}/{group}/{kind}/{node}" + ("/+" if kind.startswith("D") else "") for kind in FROM_NODES]
