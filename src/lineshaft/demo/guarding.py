"""What foreign Modbus clients may do to the utilities: read everything, and move the steam valve a little."""

from typing import TYPE_CHECKING, Any, Final

from lineshaft.core.errors import NotFound
from lineshaft.demo.installation import HOST, Installation
from lineshaft.demo.stations import UTILITIES

if TYPE_CHECKING:
    from lineshaft.edge import PartDocuments
    from lineshaft.edge.store import Change

GUARD, PROXY = "guard", "modbus_proxy"

_POLICY: Final = """
// Of the demonstration plant: a foreign Modbus client may put the stripper's steam valve (XMV_09, the first holding
// register of the utilities) between 40 and 60 %, in steps of at most 5 %. It may write nothing else.
@id("demo-steam")
permit (
  principal,
  action in [Action::"modbus.write_single_register", Action::"modbus.write_multiple_registers"],
  resource == Device::"utilities"
) when {
  principal.foreign == true && context.space == "holding" && context.start >= 0 && context.end <= 0 &&
  context.minimum >= 40000000 && context.maximum <= 60000000 && context.change <= 5000000
};
"""


async def put(parts: "PartDocuments", gateway: str, installed: Installation, change: "Change") -> None:
    """Configure guard and proxy where nobody has; of a proxy that there is only our listener's port is mended."""
    from lineshaft.edge.guard import defaults

    if await _find(parts, gateway, GUARD) is None:
        await parts.put(gateway, GUARD, {"policy": defaults.text() + _POLICY}, change)
    listener = {"host": HOST, "port": installed.proxy_port, "device": UTILITIES}
    present = await _find(parts, gateway, PROXY)
    if present is None:
        await parts.put(gateway, PROXY, {"listeners": [listener]}, change)
        return
    mended = [{**each, "port": installed.proxy_port} if _is_ours(each) else each for each in present["listeners"]]
    if mended != present["listeners"]:
        await parts.put(gateway, PROXY, {**present, "listeners": mended}, change)


def _is_ours(listener: dict[str, Any]) -> bool:
    return listener.get("device") == UTILITIES and listener.get("host") == HOST and "tls" not in listener


async def _find(parts: "PartDocuments", gateway: str, name: str) -> dict[str, Any] | None:
    try:
        return dict((await parts.get(gateway, name)).document)
    except NotFound:
        return None
