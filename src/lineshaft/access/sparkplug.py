"""What a principal that speaks Sparkplug B by the bus's MQTT may do: an edge node in its own name, a host in its group.

The principal's attribute says which it is: `node/GROUP/NODE`, or `host/GROUP/HOST`.
On the bus an MQTT topic's slash is a dot and its dot two slashes: `spBv1.0/g/NBIRTH/n` is `spBv1//0.g.NBIRTH.n`.
"""

from typing import Final

from lineshaft.bus.permissions import Permissions
from lineshaft.bus.subjects import check_token

ATTRIBUTE: Final = "sparkplug"
ROOT: Final = "spBv1//0."
_FROM_NODES: Final = ("NBIRTH", "NDEATH", "NDATA")
_FROM_DEVICES: Final = ("DBIRTH", "DDEATH", "DDATA")


def node(group: str, name: str) -> str:
    """The attribute of an edge node.

    Raises:
        InvalidInput: an id that no bus subject can have.
    """
    return "/".join(("node", *_checked(group, name)))


def host(group: str, name: str) -> str:
    """The attribute of a host application that reads and commands one group.

    Raises:
        InvalidInput: an id that no bus subject can have.
    """
    return "/".join(("host", *_checked(group, name)))


def permissions_of(attribute: str) -> Permissions:
    """What the attribute stands for; nothing where it is none of ours."""
    match attribute.split("/"):
        case ["node", group, name]:
            return Permissions(
                publish=[*_subjects(group, _FROM_NODES, name), *_subjects(group, _FROM_DEVICES, f"{name}.*")],
                subscribe=[f"{ROOT}{group}.NCMD.{name}", f"{ROOT}{group}.DCMD.{name}.*"],
            )
        case ["host", group, name]:
            return Permissions(
                publish=[f"{ROOT}{group}.NCMD.*", f"{ROOT}{group}.DCMD.*.*", f"{ROOT}STATE.{name}"],
                subscribe=[
                    *_subjects(group, _FROM_NODES, "*"), *_subjects(group, _FROM_DEVICES, "*.*"), f"{ROOT}STATE.{name}",
                ],
            )  # fmt: skip
        case _:
            return Permissions()


def _subjects(group: str, kinds: tuple[str, ...], rest: str) -> list[str]:
    return [f"{ROOT}{group}.{kind}.{rest}" for kind in kinds]


def _checked(*ids: str) -> list[str]:
    return [check_token(each.replace("/", " "), field="sparkplug id") for each in ids]
