"""Prints the description of the interface, without running anything: `python -m lineshaft.web.describe`.

What is made from it, such as the console's types, is held against it in CI.
"""

import sys

import msgspec

from lineshaft.web import openapi
from lineshaft.web.app import PARTS, package_routes, routed


def description() -> bytes:
    """The same document as at /api/openapi.json."""
    return msgspec.json.encode(openapi.describe(routed(dict.fromkeys(PARTS), package_routes())))


if __name__ == "__main__":
    sys.stdout.buffer.write(description())
