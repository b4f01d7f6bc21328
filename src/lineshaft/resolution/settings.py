"""Settings of a resolution node."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from lineshaft.core.settings import Section
from lineshaft.resolution.store import Kind

Role = Literal["top", "second-level", "enterprise", "recursive"]
PORT = 2641
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  what listens everywhere is asked here


class ResolutionSettings(Section, frozen=True):
    """Table `resolution`. Without roles no node runs."""

    SECTION: ClassVar[str] = "resolution"

    roles: Annotated[
        tuple[Role, ...],
        Meta(description="What this node is: top, second-level, enterprise, recursive, in any mix; empty: no node."),
    ] = ()
    hosts: Annotated[
        tuple[str, ...], Meta(description="IPv4 and IPv6 addresses to listen on; 0.0.0.0 and :: are all.", min_length=1)
    ] = ("127.0.0.1",)
    address: Annotated[
        str, Meta(description="IP address by which others reach this node; empty: the first of `hosts`.")
    ] = ""
    port: Annotated[int, Meta(description="Port of UDP and TCP.", ge=1, le=65535)] = PORT
    dialect_port: Annotated[
        int,
        Meta(description="A second port of TCP, by convention 3641 in the Chinese dialect; 0: none.", ge=0, le=65535),
    ] = 0
    http_port: Annotated[int, Meta(description="Port of the JSON API in clear; 0: none.", ge=0, le=65535)] = 0
    https_port: Annotated[int, Meta(description="Port of the JSON API over TLS; 0: none.", ge=0, le=65535)] = 0
    tls_certificate: Annotated[
        str,
        Meta(description="Certificate chain of the JSON API, PEM; empty: one of this node's own, made at the start."),
    ] = ""
    tls_key: Annotated[str, Meta(description="Private key to it, PEM.")] = ""
    client_authorities: Annotated[
        str,
        Meta(description="Certificates, PEM, that clients' certificates end at, or are; empty: none are asked for."),
    ] = ""
    store: Annotated[
        Kind, Meta(description="lmdb; rocksdb for thousands of millions of records; memory forgets at the end.")
    ] = "lmdb"
    folder: Annotated[str, Meta(description="Folder of the records; empty: `resolution` in the home.")] = ""
    workers: Annotated[
        int, Meta(description="Processes that answer; only lmdb lets several share the records.", ge=1, le=64)
    ] = 2
    operators: Annotated[
        tuple[str, ...], Meta(description="Administrators of this node, index:handle, as 300:0.NA/88.100.")
    ] = ()
    prefixes: Annotated[tuple[str, ...], Meta(description="Prefixes made at home here at the start, as 88.100.")] = ()
    roots_file: Annotated[
        str, Meta(description="File that describes the root's sites, in JSON; a recursive node needs it.")
    ] = ""
    reach: Annotated[
        tuple[str, ...],
        Meta(
            description="Networks in which servers that records name are asked, beside public addresses: 10.1.0.0/16."
        ),
    ] = ()
    key_file: Annotated[
        str, Meta(description="Private key of this node, PKCS #8 in PEM; empty: made at the first start.")
    ] = ""
    key_type: Annotated[
        Literal["p256", "ed25519", "rsa"],
        Meta(description="Kind of key that is made; only with rsa can clients send keys of sessions."),
    ] = "p256"
    site_file: Annotated[
        str,
        Meta(description="Description of a site with several servers, HS_SITE in JSON; empty: this node is the site."),
    ] = ""
    site_serial: Annotated[
        int, Meta(description="Serial number of the site's description; raise it with every change.", ge=1, le=65534)
    ] = 1
    server_number: Annotated[int, Meta(description="Number of this node within its site.", ge=1)] = 1
    name: Annotated[
        str,
        Meta(
            description="Name of this server on the bus: `resolution`, and `resolution-2` to `resolution-8` of further ones.",
            pattern=r"^resolution(-[2-8])?\Z",
        ),
    ] = "resolution"
    replicate: Annotated[
        bool, Meta(description="Publish every change on the bus, for mirrors and for sites divided anew; lmdb only.")
    ] = False
    mirror_of: Annotated[
        str, Meta(description="Name on the bus of the server whose copy this node is; empty: it is a primary.")
    ] = ""
    follow: Annotated[
        tuple[str, ...],
        Meta(
            description="Names on the bus of servers whose changes a recursive node follows, to forget what is new; lmdb only."
        ),
    ] = ()
    watch: Annotated[
        tuple[str, ...],
        Meta(description="HTTP addresses of further nodes whose load the console shows, as http://192.0.2.7:8000."),
    ] = ()
    watchers: Annotated[
        tuple[str, ...],
        Meta(description="Networks that this node tells its load, beside its own machine: 10.1.0.0/16."),
    ] = ()
    bytes_per_second: Annotated[
        float, Meta(description="Answers by UDP to one network (IPv4 /24, IPv6 /64); beyond, they are cut.", gt=0)
    ] = 2_000_000
    signatures_per_second: Annotated[
        float, Meta(description="Signed answers to one network; beyond, the answer is 'busy'.", gt=0)
    ] = 200
    missing_per_second: Annotated[
        float, Meta(description="'No such handle' to one network; beyond, the alarm is raised.", gt=0)
    ] = 500
    connections: Annotated[int, Meta(description="Open TCP connections of one network.", ge=1)] = 256

    @property
    def local_host(self) -> str:
        """By which the node that runs here is asked on this machine."""
        return _EVERYWHERE.get(self.hosts[0], self.hosts[0])
