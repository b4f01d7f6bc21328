"""What a point takes of an HTTP server: where it is written, and of a document the member that is set."""

import posixpath
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from lineshaft.edge.drivers.http.options import HttpOptions, WriteTarget
from lineshaft.edge.drivers.http.pointer import join, read_address, read_pointer
from lineshaft.edge.extent import Extent, authority
from lineshaft.edge.model import Device, Point

_PORTS: Final = {"http": 80, "https": 443}


def extent(device: Device, point: Point) -> Extent:
    """A resource, however its path is written; method and scheme are no part of it."""
    options = msgspec.convert(dict(device.options), HttpOptions)
    target = options.writes.get(point.name)
    if target is None:
        address = read_address(point.address)
        target = WriteTarget(path=address.path, pointer=str(address.pointer))
    url = urlsplit(join(device.endpoint, target.path))
    path = posixpath.normpath("/" + unquote(url.path).lstrip("/"))
    resource = f"{path}?{unquote(url.query)}" if url.query else path
    where = authority(device.endpoint, _PORTS.get(url.scheme.lower()))
    return Extent(place=("http", where, resource, *read_pointer(target.pointer).steps))
