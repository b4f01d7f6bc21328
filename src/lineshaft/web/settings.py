"""Settings of the web service."""

from typing import Annotated, ClassVar

from msgspec import Meta

from lineshaft.core.settings import Section


class WebSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    SECTION: ClassVar[str] = "web"

    hosts: Annotated[
        tuple[str, ...], Meta(description="Addresses to listen on; beyond loopback TLS is mandatory.", min_length=1)
    ] = ("127.0.0.1", "::1")
    port: Annotated[int, Meta(description="Port of every address; 0 takes a free one.", ge=0, le=65535)] = 8420
    tls_certificate: Annotated[str, Meta(description="PEM file: the server's certificate and its chain.")] = ""
    tls_key: Annotated[str, Meta(description="PEM file: the certificate's private key.")] = ""
    device_hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="Addresses of the listener for devices, which prove themselves with certificates.", min_length=1
        ),
    ] = ("127.0.0.1", "::1")
    device_port: Annotated[
        int, Meta(description="Port of the listener for devices; 0 takes a free one.", ge=0, le=65535)
    ] = 8422
    device_url: Annotated[
        str,
        Meta(description="Address under which devices reach this server, where it is not the first of device_hosts."),
    ] = ""
    public_url: Annotated[
        str, Meta(description="Address under which people reach this server, where a proxy stands before it.")
    ] = ""
    connections: Annotated[int, Meta(description="Connections open at the same time.", ge=10)] = 2000
    head_bytes: Annotated[int, Meta(description="Largest request head.", ge=4096, le=1 << 20)] = 65536
    head_seconds: Annotated[float, Meta(description="A request head must be complete in this time.", gt=0)] = 10.0
    body_bytes: Annotated[int, Meta(description="Largest request body.", ge=1024)] = 16 << 20
    body_seconds: Annotated[float, Meta(description="A request body must be complete in this time.", gt=0)] = 60.0
    live_hertz: Annotated[float, Meta(description="Live messages per second and client, at most.", gt=0, le=10)] = 10.0
    live_clients: Annotated[int, Meta(description="Live connections open at the same time.", ge=1)] = 1000
    live_tags: Annotated[int, Meta(description="Tags that one live connection may subscribe to.", ge=1)] = 5000
