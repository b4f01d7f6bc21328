"""What the OPC UA proxy offers, and to whom. Imports no OPC UA library."""

from typing import Annotated

import msgspec
from msgspec import Meta

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.model import Name
from lineshaft.edge.opcua_server.document import strange_client
from lineshaft.edge.parts.model import Document


class OpcUaProxyDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Document of the part `opcua_proxy`. Nobody gets in who is not named: by certificate, and by user name."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 4842
    """0: any free one; the gateway's status says which."""
    device: Name
    """Name of a device of this gateway with the driver `opcua`."""
    users: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Names of secrets on the gateway, each a user name and password that may sign in."""
    clients: Annotated[tuple[str, ...], Meta(min_length=1)]
    """SHA-256 fingerprints of the application certificates of the clients that may connect."""


def read_document(document: Document) -> OpcUaProxyDocument:
    """The document in its own type.

    Raises:
        InvalidInput: names the field, what it is and what it must be.
    """
    try:
        read = msgspec.convert(dict(document), OpcUaProxyDocument)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from error
    strange = strange_client(read.clients)
    if strange:
        raise invalid(strange)
    return read


def check(document: Document) -> None:
    """See `edge.parts.check_document`."""
    read_document(document)


def invalid(reason: str) -> InvalidInput:
    """Why the proxy cannot be configured so."""
    return InvalidInput(
        "edge.opcua_proxy_invalid", f"the OPC UA proxy cannot be configured so: {reason}",
        "See docs/proxies.md; nothing was changed.", field="document", reason=reason,
    )  # fmt: skip
