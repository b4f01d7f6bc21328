"""The Python client: a running Lineshaft over HTTP and its live socket.

    with lineshaft.connect() as client:                       # the installation on this machine
        table = client.history.raw(["plant/…/XMEAS_01"], "-15m", "now")
        for message in client.live(["plant/…/XMEAS_01"]):
            print(message.get("values"))

Elsewhere: `connect("https://plant.example:8420", token="ls_…")`, or LINESHAFT_URL and LINESHAFT_TOKEN; LINESHAFT_CA names
a file of certificates to trust instead of the system's. Certificates are always verified. What the server refuses is
raised as the same `LineshaftError` class it raised.
"""

import os
from pathlib import Path

from lineshaft.client.address import Address, Place
from lineshaft.client.calls import Client
from lineshaft.core import texts
from lineshaft.core.home import Home, default_home

__all__ = ["Client", "connect"]


def connect(
    url: str | None = None,
    token: str | None = None,
    *,
    home: str | Path | None = None,
    ca: str | Path | None = None,
    language: str | None = None,
    timeout: float = 30.0,
) -> "Client":
    """A client of a running Lineshaft.

    Args:
        url: address; LINESHAFT_URL where neither it nor `home` is given; else the installation in `home`.
        token: API token; LINESHAFT_TOKEN, or the running installation's own where the address comes from its home.
        home: home folder of an installation on this machine.
        ca: PEM file of the certificates to trust instead of the system's; LINESHAFT_CA.
        language: of error messages, `en` or `zh`; the environment's.
        timeout: seconds for each step of a request.

    Raises:
        Unavailable: nothing runs on the home.
        Unauthenticated: an address without a token.
        InvalidInput: an address that is none, or without TLS beyond this machine.
    """
    if url is None and home is None:
        url = os.environ.get("LINESHAFT_URL") or None
    token = token or os.environ.get("LINESHAFT_TOKEN") or None
    ca = ca or os.environ.get("LINESHAFT_CA") or None
    if url is None:
        place = Place(Home(Path(home) if home is not None else default_home()), token, ca)
    else:
        place = Place(Address(url, token, ca=ca), token, ca)
    return Client(place, language or _language(), timeout)


def _language() -> str:
    for variable in ("LINESHAFT_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(variable):
            return texts.preferred(os.environ[variable])
    return "en"
