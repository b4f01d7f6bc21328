"""Under which address a browser reached us. What a stranger writes into `Host` is never believed."""

import ipaddress
from urllib.parse import urlsplit

from lineshaft.access.answers import AnyRequest, address_of
from lineshaft.access.people.messages import Place
from lineshaft.core.errors import Conflict
from lineshaft.core.home import Home, read_json


def place_of(request: AnyRequest, home: Home) -> Place:
    """Where the browser is, and the origin of our pages in it (blocking: reads a small file).

    That is the public address where one is set, loopback under any name of it, or the name of our own certificate.

    Raises:
        Conflict: reached under another name: which of them is ours cannot be known.
    """
    listening = read_json(home.run / "web.json") or {}
    return Place(address=address_of(request), origin=_origin(request, listening))


def _origin(request: AnyRequest, listening: dict[str, object]) -> str:
    host = request.headers.get("host", "").lower()
    name = urlsplit(f"//{host}").hostname or ""
    here = f"{request.url.scheme}://{host}"
    ours = _is_loopback(name) or name == str(listening.get("server_name") or "").lower() != ""
    public = "/".join(str(listening.get("public_url") or "").split("/")[:3]).lower()
    # A proxy may call us by a loopback name: then the page it came from tells.
    if public and not (ours and request.headers.get("origin") == here):
        return public
    if not ours:
        raise Conflict(
            "access.address_unknown", f"this server does not know that it is reached as {name[:200]!r}",
            "Set web.public_url to the address that people use, and begin there.", value=name[:200],
        )  # fmt: skip
    return here


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
