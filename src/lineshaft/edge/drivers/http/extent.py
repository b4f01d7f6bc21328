"""What a point takes of an HTTP server: where it is written, and of a document the member that is set.

A query is a selector: many servers ignore one that they do not know. Parameters of a path are left out.
"""

import posixpath
import re
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from lineshaft.edge.drivers.http.options import HttpOptions, WriteTarget
from lineshaft.edge.drivers.http.pointer import join, read_address, read_pointer
from lineshaft.edge.extent import Extent, authority
from lineshaft.edge.model import Device, Point

_PORTS: Final = (80, 443)
_PARAMETERS: Final = re.compile(";[^/]*")


def extent(device: Device, point: Point) -> Extent:
    """A resource, however its path is written; method and scheme are no part of it."""
    options = msgspec.convert(dict(device.options), HttpOptions)
    target = options.writes.get(point.name)
    if target is None:
        address = read_address(point.address)
        target = WriteTarget(path=address.path, pointer=str(address.pointer))
    url = urlsplit(join(device.endpoint, target.path))
    path = posixpath.normpath("/" + _PARAMETERS.sub("", unquote(url.path)).lstrip("/"))
    where = authority(device.endpoint, *_PORTS)
    return Extent(place=("http", where, path, *read_pointer(target.pointer).steps), selector=unquote(url.query))
