"""What a principal may do on the bus, put together from capabilities.

Each function below names exactly the NATS subjects that one capability needs, JetStream API subjects included, and
`access` joins them with `|` for each principal. Nobody gets a wildcard over another's inbox or another's consumer.
"""

import msgspec

from lineshaft.bus.subjects import Subjects, check_token, inbox_prefix

RESPOND_SECONDS = 120
"""How long a principal that may `respond` can answer on one reply subject."""


class Permissions(msgspec.Struct, frozen=True, kw_only=True):
    """Subjects that a user token admits; everything else is refused. `a | b` allows what either allows."""

    publish: list[str] = []
    subscribe: list[str] = []
    respond: bool = False
    """May answer requests that it received, on their reply subjects, for `RESPOND_SECONDS` each."""

    def __or__(self, other: "Permissions") -> "Permissions":
        return Permissions(
            publish=sorted({*self.publish, *other.publish}),
            subscribe=sorted({*self.subscribe, *other.subscribe}),
            respond=self.respond or other.respond,
        )


def join(*parts: Permissions) -> Permissions:
    """All of `parts` together."""
    result = Permissions()
    for part in parts:
        result |= part
    return result


def inbox(name: str) -> Permissions:
    """Receive answers. Every principal needs it; nothing below works without."""
    return Permissions(subscribe=[f"{inbox_prefix(name)}.>"])


def publish(*subjects: str) -> Permissions:
    """Publish on subjects; into a stream where one keeps them (the acknowledgement arrives in the inbox)."""
    return Permissions(publish=list(subjects))


def subscribe(*subjects: str) -> Permissions:
    """Receive live messages, not stored ones."""
    return Permissions(subscribe=list(subjects))


def stream_info(stream: str) -> Permissions:
    """See a stream's limits and state."""
    return Permissions(publish=[f"$JS.API.STREAM.INFO.{stream}"])


def read_stream(stream: str, name: str, reader: str = "") -> Permissions:
    """Read a stream by sequence without acknowledging, through the principal's own consumer `name[-reader]`."""
    consumer = consumer_name(name, reader)
    return stream_info(stream) | Permissions(
        publish=[
            f"$JS.API.CONSUMER.CREATE.{stream}.{consumer}",
            f"$JS.API.CONSUMER.INFO.{stream}.{consumer}",
            f"$JS.API.CONSUMER.DELETE.{stream}.{consumer}",
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}",
        ]
    )


def trim_stream(stream: str) -> Permissions:
    """Remove a stream's messages up to a sequence."""
    return Permissions(publish=[f"$JS.API.STREAM.PURGE.{stream}"])


def last_message(stream: str, *subjects: str) -> Permissions:
    """Get the last message kept on a subject."""
    return Permissions(publish=[f"$JS.API.DIRECT.GET.{stream}.{subject}" for subject in subjects])


def manage_streams(*streams: str) -> Permissions:
    """Make streams and change their limits; not delete them."""
    verbs = ("CREATE", "UPDATE", "INFO")
    return Permissions(publish=[f"$JS.API.STREAM.{verb}.{stream}" for stream in streams for verb in verbs])


def request(subjects: Subjects, caller: str, package: str, *verbs: str) -> Permissions:
    """Ask a package's verbs as `caller`, streamed answers included."""
    asked = [subjects.service(package, verb, caller) for verb in verbs]
    return Permissions(publish=[*asked, subjects.flows_from(package, caller)])


def serve(subjects: Subjects, package: str, *verbs: str) -> Permissions:
    """Answer a package's verbs, streamed answers included."""
    heard = [subjects.service_of_all(package, verb) for verb in verbs]
    return Permissions(subscribe=[*heard, subjects.flows_to(package)], respond=True)


def request_gateways(subjects: Subjects, caller: str, *verbs: str) -> Permissions:
    """Ask any gateway for verbs as `caller`, streamed answers included."""
    asked = [subjects.every_gateway(verb, caller) for verb in verbs]
    return Permissions(publish=[*asked, subjects.gateway_flows_from(caller)])


def serve_as_gateway(subjects: Subjects, gateway: str, *verbs: str) -> Permissions:
    """Answer what is asked of the gateway of that name and of no other, streamed answers included."""
    heard = [subjects.gateway_of_all(gateway, verb) for verb in verbs]
    return Permissions(subscribe=[*heard, subjects.gateway_flows_to(gateway)], respond=True)


def push_accounts() -> Permissions:
    """Give the server a new account token, and ask how it fares (system account only)."""
    return Permissions(publish=["$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.SERVER.PING.HEALTHZ"])


def consumer_name(name: str, reader: str = "") -> str:
    """The consumer that a principal reads a stream with; `reader` tells several of one principal apart."""
    check_token(name, field="name")
    return f"{name}-{check_token(reader, field='reader')}" if reader else name
