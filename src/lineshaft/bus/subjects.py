"""Subjects: where each kind of message lives on the bus.

ls.<tenant>.<site>.data.<gateway>.<group>           telemetry batches
ls.<tenant>.<site>.event.<package>.<type>           domain events
ls.<tenant>.<site>.event.history.held.<gateway>     what the history has of a gateway's batches
ls.<tenant>.<site>.config.<gateway>                 a gateway's configuration, the last one kept
ls.<tenant>.<site>.config.history.tags              which gateway has which tags, the last word kept
ls.<tenant>.<site>.cmd.<gateway>                    commands, never stored
ls.<tenant>.<site>.svc.<package>.<verb>.<caller>    requests; the server lets nobody but <caller> publish there
ls.<tenant>.<site>.flow.<package>.<caller>.<stream> credit of a streamed answer, from its caller to its giver
ls.<tenant>.<site>.gw.<gateway>.<verb>.<caller>     requests to one gateway, which alone hears and answers them
ls.<tenant>.<site>.gw.<gateway>.flow.<caller>.<stream> credit of its streamed answers
ls.<tenant>.<site>.dead.<package>                   what could not be decoded, with the reason
ls.<tenant>.<site>.raw.<device>.…                   what a device itself sends, in its own form
"""

import re

from lineshaft.core.errors import InvalidInput

_TOKEN = re.compile(r"[^\x00-\x20\x7f.*>]{1,128}")
_SUBJECT = re.compile(r"([^\x00-\x20\x7f.*>]+\.)*[^\x00-\x20\x7f.*>]+")
_FILTER = re.compile(r"(([^\x00-\x20\x7f.*>]+|\*)\.)*([^\x00-\x20\x7f.*>]+|\*|>)")


def check_token(text: str, *, field: str) -> str:
    """One token of a subject, returned unchanged.

    Raises:
        InvalidInput: empty, over 128 characters, or holding a dot, star, `>`, space or control character.
    """
    if not _TOKEN.fullmatch(text):
        raise InvalidInput(
            "bus.token_invalid", f"{field} {text!r} cannot be part of a bus subject",
            "Use 1 to 128 characters, none of them a dot, *, >, a space or a control character.",
            field=field, value=text,
        )  # fmt: skip
    return text


def check_subject(text: str, *, wildcards: bool = False) -> str:
    """A whole subject to publish on, or to listen on where `wildcards` stand for tokens; returned unchanged.

    Raises:
        InvalidInput: an empty token, a space or control character, or a wildcard where none may be.
    """
    if not (_FILTER if wildcards else _SUBJECT).fullmatch(text):
        raise InvalidInput(
            "bus.subject_invalid", f"{text!r} is not a bus subject to {'listen' if wildcards else 'publish'} on",
            "Tokens are joined by dots and hold no spaces; * stands for one whole token, > for all at the end.",
            field="subject", value=text,
        )  # fmt: skip
    return text


class Subjects:
    """The subjects of one tenant's site. Every part given is checked, so that nobody can name a foreign subject."""

    def __init__(self, tenant: str, site: str) -> None:
        self.tenant = check_token(tenant, field="tenant")
        self.site = check_token(site, field="site")
        self._root = f"ls.{tenant}.{site}"

    def data(self, gateway: str, group: str) -> str:
        return f"{self._root}.data.{check_token(gateway, field='gateway')}.{check_token(group, field='group')}"

    def all_data(self) -> str:
        return f"{self._root}.data.>"

    def data_of(self, gateway: str) -> str:
        """Every group of one gateway."""
        return f"{self._root}.data.{check_token(gateway, field='gateway')}.>"

    def event(self, package: str, type_: str, about: str = "") -> str:
        subject = f"{self._root}.event.{check_token(package, field='package')}.{check_token(type_, field='type')}"
        return f"{subject}.{check_token(about, field='about')}" if about else subject

    def all_events(self) -> str:
        return f"{self._root}.event.>"

    def events_of(self, package: str) -> str:
        """Every type of one package."""
        return f"{self._root}.event.{check_token(package, field='package')}.>"

    def held(self, gateway: str) -> str:
        """What the history has made durable of one gateway's batches; the last one kept counts."""
        return self.event("history", "held", gateway)

    def config(self, gateway: str) -> str:
        return f"{self._root}.config.{check_token(gateway, field='gateway')}"

    def all_configs(self) -> str:
        return f"{self._root}.config.>"

    def tag_owners(self) -> str:
        """Which gateway has which tags; two tokens, so that no gateway's configuration lies there."""
        return f"{self._root}.config.history.tags"

    def command(self, gateway: str) -> str:
        return f"{self._root}.cmd.{check_token(gateway, field='gateway')}"

    def commands_below(self, device: str) -> str:
        """What a device may be told under topics of its own."""
        return f"{self.command(device)}.>"

    def raws_of(self, device: str) -> str:
        """Everything that one device itself sends."""
        return f"{self._root}.raw.{check_token(device, field='device')}.>"

    def identifier_changes(self, node: str) -> str:
        """What changed in the records of one server of identifiers."""
        return f"{self._root}.log.resolution.changes.{check_token(node, field='node')}"

    def dead(self, package: str) -> str:
        return f"{self._root}.dead.{check_token(package, field='package')}"

    def all_dead(self) -> str:
        return f"{self._root}.dead.>"

    def service(self, package: str, verb: str, caller: str) -> str:
        return f"{self._root}.svc.{self._verb(package, verb)}.{check_token(caller, field='caller')}"

    def service_of_all(self, package: str, verb: str) -> str:
        """What a service listens on for one verb: every caller."""
        return f"{self._root}.svc.{self._verb(package, verb)}.*"

    def gateway(self, gateway: str, verb: str, caller: str) -> str:
        """A request to one gateway."""
        return f"{self._root}.gw.{self._gateway_verb(gateway, verb)}.{check_token(caller, field='caller')}"

    def gateway_of_all(self, gateway: str, verb: str) -> str:
        """What a gateway listens on for one verb: every caller."""
        return f"{self._root}.gw.{self._gateway_verb(gateway, verb)}.*"

    def every_gateway(self, verb: str, caller: str) -> str:
        """What a caller that may ask any gateway publishes on."""
        return f"{self._root}.gw.*.{check_token(verb, field='verb')}.{check_token(caller, field='caller')}"

    def gateway_flow(self, gateway: str, caller: str, stream: str) -> str:
        caller = check_token(caller, field="caller")
        return f"{self._root}.gw.{check_token(gateway, field='gateway')}.flow.{caller}.{check_token(stream, field='stream')}"

    def gateway_flows_from(self, caller: str) -> str:
        """Credit for every stream that one caller takes from any gateway."""
        return f"{self._root}.gw.*.flow.{check_token(caller, field='caller')}.*"

    def gateway_flows_to(self, gateway: str) -> str:
        """Credit for every stream that a gateway gives."""
        return f"{self._root}.gw.{check_token(gateway, field='gateway')}.flow.*.*"

    def flow(self, package: str, caller: str, stream: str) -> str:
        caller = check_token(caller, field="caller")
        return (
            f"{self._root}.flow.{check_token(package, field='package')}.{caller}.{check_token(stream, field='stream')}"
        )

    def flows_from(self, package: str, caller: str) -> str:
        """Credit for every stream that one caller takes from a package."""
        return f"{self._root}.flow.{check_token(package, field='package')}.{check_token(caller, field='caller')}.*"

    def flows_to(self, package: str) -> str:
        """Credit for every stream that a package gives."""
        return f"{self._root}.flow.{check_token(package, field='package')}.>"

    @staticmethod
    def _gateway_verb(gateway: str, verb: str) -> str:
        return f"{check_token(gateway, field='gateway')}.{check_token(verb, field='verb')}"

    @staticmethod
    def _verb(package: str, verb: str) -> str:
        return f"{check_token(package, field='package')}.{check_token(verb, field='verb')}"


def inbox_prefix(name: str) -> str:
    """The prefix of the inboxes that only the principal `name` may listen on."""
    return f"_INBOX_{check_token(name, field='name')}"
