"""The gateway: runs the configured devices and sends their values to the bus.

It starts with the copy of its configuration on disk, so it needs neither bus nor database to begin; what the bus has
instead is applied when it comes. Only devices whose configuration changed are started anew.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, ClassVar, TypeVar

import msgspec

from lineshaft.bus import Bus, BusSettings, decode_body
from lineshaft.core.errors import LineshaftError, Unavailable
from lineshaft.core.health import Check
from lineshaft.core.service import Context, Service
from lineshaft.edge.attempts import Attempts
from lineshaft.edge.certificates import ApplicationCertificates
from lineshaft.edge.configuration import Configuration
from lineshaft.edge.driver import Tools
from lineshaft.edge.enrolment.renewal import keep_renewed
from lineshaft.edge.lane import GROUP, Lane
from lineshaft.edge.messages import (
    AskStatus,
    CertificateList,
    GatewayStatus,
    Inspect,
    Inspected,
    Look,
    NamedSecret,
    TestReport,
    Trust,
    Trusted,
    Try,
)
from lineshaft.edge.model import Device, GatewayConfig
from lineshaft.edge.parts import Surroundings
from lineshaft.edge.parts.keeper import PartsKeeper
from lineshaft.edge.revocations import Revocations
from lineshaft.edge.runner import DeviceRunner
from lineshaft.edge.secrets import Secrets
from lineshaft.edge.settings import EdgeSettings
from lineshaft.edge.tasks import end

if TYPE_CHECKING:
    from lineshaft.edge.forward import StoreAndForward

T = TypeVar("T")
_NAME_BYTES = 128
"""What a device's name takes of a message, with room to spare."""
_BUS_WAIT_SECONDS = 3.0


class GatewayService(Service):
    """See the module."""

    NAME: ClassVar[str] = "gateway"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.settings = context.settings.of(EdgeSettings)
        folder = context.home.folder("edge")
        certificates = ApplicationCertificates(folder / "certificates", self.settings.gateway)
        self.tools = Tools(
            certificates=certificates, secrets=Secrets(folder / "secrets"), log=self.log, folder=folder / "drivers"
        )
        self._configuration = Configuration(folder / "config.json", self.settings.gateway)
        self._revocations = Revocations(context.home, self.log)
        certificates.is_revoked = self._revocations.revoked
        self._attempts = Attempts(self.tools)
        self._parts = PartsKeeper()
        self._runners: dict[str, DeviceRunner] = {}
        self._refused: dict[str, LineshaftError] = {}
        self._unread: dict[str, int] = {}
        """Since when devices that were connected are not read, because they are refused now."""
        self._version = 0
        self._own_fingerprint = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._forwarding: asyncio.Task[None] | None = None
        self._forward: StoreAndForward | None = None
        self._bus: Bus
        self._lane: Lane

    async def start(self) -> None:
        own = await asyncio.to_thread(self.tools.certificates.own)
        await asyncio.to_thread(self._revocations.load)
        self._own_fingerprint = own.fingerprint
        settings = self.context.settings.of(BusSettings)
        self._bus = await Bus.connect(settings, self.context.home, self.settings.gateway, wait=_BUS_WAIT_SECONDS)
        subject = self._bus.subjects.data(self.settings.gateway, GROUP)
        if self.settings.store:
            from lineshaft.edge.forward import StoreAndForward

            self._forward = await StoreAndForward.open(self.context.home, self.settings, self._bus, self.log)
        self._lane = Lane(self._forward.store if self._forward else self._bus, subject, self.settings)
        self._lane.complete_us = self._complete_us
        self._lane.start()
        self._parts.make(
            Surroundings(
                context=self.context, gateway=self.settings.gateway, bus=self._bus, tools=self.tools,
                runner=self._runners.get, part=self._parts.part,
            )
        )  # fmt: skip
        kept = self._configuration.kept()
        await self._apply(kept or GatewayConfig(gateway=self.settings.gateway, version=0, created=""))
        await self._serve()
        renewal = keep_renewed(self.context.home, self.log)
        revocations = self._revocations.follow(self._bus, self.hang_up_revoked)
        for work in (self._configuration.follow(self._bus), self._apply_changes(), renewal, revocations):
            self._tasks.append(asyncio.create_task(self._guarded(work)))
        if self._forward is not None:
            self._forwarding = asyncio.create_task(self._guarded(self._forward.run()))

    async def stop(self) -> None:
        await end(*self._tasks)
        await self._parts.close()
        await asyncio.gather(*(runner.stop() for runner in self._runners.values()))
        wanted = self.failure is None
        if hasattr(self, "_lane") and not await self._lane.close(self.settings.stop_seconds, last=wanted):
            self.log.warning("edge_stopped_unsent", waiting_bytes=self._lane.waiting_bytes)
        await end(self._forwarding)
        if self._forward is not None:
            await self._forward.close()
        if hasattr(self, "_bus"):
            await self._bus.close()

    async def checks(self) -> list[Check]:
        """The bus is reached, there is a configuration, every device can be run. A lost device is no fault of ours."""
        refused = ", ".join(sorted(self._refused))
        return [
            self._bus.check(),
            Check(
                name="configuration", ok=not self._refused, detail=f"cannot run: {refused}" if refused else "",
                hint=next(iter(self._refused.values())).message if self._refused else "",
            ),
            *self._parts.checks(),
            *(self._forward.checks() if self._forward is not None else []),
        ]  # fmt: skip

    async def _guarded(self, work: object) -> None:
        """A background task that ends unexpectedly ends the process: the supervisor starts it anew."""
        try:
            await work  # type: ignore[misc]
        except Exception as error:  # noqa: BLE001  # the boundary of the service
            self.fail(error)

    # -- configuration --------------------------------------------------------------------------------------------------

    async def _apply_changes(self) -> None:
        while True:
            config = await self._configuration.changes.get()
            await self._apply(config)
            await asyncio.to_thread(self._configuration.keep, config)

    async def _apply(self, config: GatewayConfig) -> None:
        """Run what the configuration says; devices that it leaves as they are run on."""
        wanted = {device.name: device for device in config.devices}
        changed = [name for name, runner in self._runners.items() if wanted.get(name) != runner.device]
        if self.tools.admission.rules != config.rules:
            self.tools.admission.rules = config.rules
            changed += [name for name in self._runners if name not in changed and await self._must_leave(name)]
            self._retry_refused()
        stopped = {name: self._runners.pop(name) for name in changed}
        await asyncio.gather(*(runner.stop() for runner in stopped.values()))
        self._unread = {name: since for name, since in self._unread.items() if name in wanted}
        self._lane.flush()  # rows of before carry the version of before
        self._lane.config = self._version = config.version
        self._refused.clear()
        for device in config.devices:
            if device.name not in self._runners:
                self._run(device, stopped.get(device.name))
        for name in stopped.keys() - self._runners.keys():
            stopped[name].intake.retire()
        await self._parts.apply(config)
        self.log.info(
            "edge_configuration_applied", version=config.version, devices=len(self._runners), changed=len(changed),
            refused=sorted(self._refused),
        )  # fmt: skip

    async def _must_leave(self, name: str) -> bool:
        """Whether a running device lies outside the zones that the rules of now admit."""
        return await self.tools.admission.refuses(self._runners[name].device)

    def _run(self, device: Device, before: DeviceRunner | None) -> None:
        if before is not None and before.unread_us is not None:
            self._unread.setdefault(device.name, before.unread_us)
        try:
            runner = DeviceRunner(device, self._lane, self.tools, self.settings)
        except LineshaftError as error:  # a driver that is not installed here, or options of another release
            self._refuse(device, error)
            return
        except Exception as error:  # a fault of a driver must not end the gateway's other devices
            self.log.exception("edge_driver_failed", device=device.name)
            self._refuse(device, Unavailable(
                "edge.driver_failed", f"the driver of device {device.name!r} failed: {error!r}",
                "The gateway's log has the details; please report them.", device=device.name, reason=repr(error),
            ))  # fmt: skip
            return
        if before is not None:
            runner.intake.inherit(before.intake)
        runner.succeed(self._unread.pop(device.name, None))
        self._runners[device.name] = runner
        runner.start()

    def _refuse(self, device: Device, error: LineshaftError) -> None:
        self._refused[device.name] = error
        self.log.error("edge_device_refused", device=device.name, code=error.code, message=error.message)

    # -- what may be asked ------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        await self._bus.serve_stream("edge", "browse", self._browse, gateway=self.settings.gateway)
        for verb, answer in (
            ("inspect", self._inspect), ("test", self._test), ("status", self._status),
            ("certificates", self._certificates), ("trust", self._trust), ("secret", self._secret),
        ):  # fmt: skip
            await self._bus.serve("edge", verb, answer, gateway=self.settings.gateway)

    async def _browse(self, _caller: str, body: bytes) -> AsyncIterator[tuple[dict[str, str], bytes]]:
        look = decode_body(body, Look)
        async for page in self._attempts.browse(look.device, look.request):
            yield {}, msgspec.json.encode(page)

    async def _inspect(self, _caller: str, body: bytes) -> Inspected:
        asked = decode_body(body, Inspect)
        return Inspected(found=await self._attempts.inspect(asked.device, asked.addresses))

    async def _test(self, _caller: str, body: bytes) -> TestReport:
        return await self._attempts.test(decode_body(body, Try).device)

    async def _status(self, _caller: str, body: bytes) -> GatewayStatus:
        return self.status(decode_body(body, AskStatus) if body else AskStatus())

    async def _certificates(self, _caller: str, _body: bytes) -> CertificateList:
        return CertificateList(certificates=await asyncio.to_thread(self.tools.certificates.known))

    async def _trust(self, caller: str, body: bytes) -> Trusted:
        asked = decode_body(body, Trust)
        change = self.tools.certificates.trust_rejected if asked.trusted else self.tools.certificates.distrust
        fingerprint = await asyncio.to_thread(change, asked.fingerprint)
        self.log.info("edge_certificate_trust_changed", fingerprint=fingerprint, trusted=asked.trusted, caller=caller)
        self._retry_refused()
        return Trusted(fingerprint=fingerprint)

    async def _secret(self, caller: str, body: bytes) -> None:
        asked = decode_body(body, NamedSecret)
        if asked.secret is None:
            await asyncio.to_thread(self.tools.secrets.forget, asked.name)
        else:
            await asyncio.to_thread(self.tools.secrets.keep, asked.name, asked.secret)
        self.log.info("edge_credentials_changed", name=asked.name, kept=asked.secret is not None, caller=caller)
        self._retry_refused()

    async def hang_up_revoked(self) -> None:
        """End the connections to servers whose certificate was revoked; their next attempts are refused."""
        for name in self.tools.certificates.no_longer_accepted():
            runner = self._runners.get(name)
            if runner is None:
                continue
            self.log.warning("edge_device_certificate_revoked", device=name)
            await runner.stop()
            if self._runners.get(name) is runner:  # else a new configuration replaced it meanwhile
                self._run(runner.device, runner)

    def _retry_refused(self) -> None:
        """Something that devices were refused for has changed: try them now."""
        for runner in self._runners.values():
            runner.retry()

    def _complete_us(self) -> int | None:
        return min((runner.complete_us() for runner in self._runners.values()), default=None)

    def status(self, asked: AskStatus = AskStatus()) -> GatewayStatus:  # noqa: B008  # immutable
        """How the gateway and its devices stand."""
        wanted = None if asked.devices is None else frozenset(asked.devices)
        shown = (
            []
            if asked.states
            else [runner.status() for name, runner in self._runners.items() if wanted is None or name in wanted]
        )
        states, more = self._states(asked.after) if asked.states else ({}, "")
        return GatewayStatus(
            gateway=self.settings.gateway, boot=self._lane.boot, version=self._version, sent=self._lane.sent_seq,
            waiting_bytes=self._lane.waiting_bytes, own_fingerprint=self._own_fingerprint, devices=shown,
            secrets=self.tools.secrets.names(), states=states, more=more,
            parts=self._parts.status() | ({"forward": self._forward.status()} if self._forward is not None else {}),
        )  # fmt: skip

    def _states(self, after: str) -> tuple[dict[str, list[str]], str]:
        """Names of devices by their state, as many as one message of the bus takes, and the last where more follow."""
        behind = sorted(name for name in self._runners if name > after)
        shown = behind[: max(1, self._bus.max_payload // _NAME_BYTES)]
        states: dict[str, list[str]] = {}
        for name in shown:
            states.setdefault(self._runners[name].state, []).append(name)
        return states, shown[-1] if len(shown) < len(behind) else ""
