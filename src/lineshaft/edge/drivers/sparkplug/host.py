"""A Sparkplug host application (specification 3.0, 5.3): one connection to a broker for all devices read through it.

It says that it is online by a retained STATE message, and has the broker say so when it is not any more. Hosts are
shared: sources that name the same broker, credentials and host id use one connection, which ends with the last of them.
"""

import asyncio
from typing import Final

import msgspec

from lineshaft.core import clock, logs
from lineshaft.core.errors import LineshaftError
from lineshaft.edge.driver import Tools
from lineshaft.edge.drivers.mqtt.broker import Broker, Will
from lineshaft.edge.drivers.sparkplug.options import SparkplugOptions
from lineshaft.edge.drivers.sparkplug.payloads import rebirth_request
from lineshaft.edge.drivers.sparkplug.session import Listener, NodeSession
from lineshaft.edge.drivers.sparkplug.state import State, read_state
from lineshaft.edge.drivers.sparkplug.topics import Topic, filters, read_topic, state_topic


class Host:
    """One host application on one broker."""

    def __init__(self, device: str, endpoint: str, options: SparkplugOptions, tools: Tools) -> None:
        self.users = 0
        self.sessions: dict[tuple[str, str], NodeSession] = {}
        self._options = options
        self._topic = state_topic(options.host_id)
        self._broker = Broker(device, endpoint, options, tools.secrets, self._receive)
        self._since_ms = 0
        self._going = False  # we said that we go: the broker tells us so too, and nobody is to be contradicted
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._log = logs.get("edge")

    async def connect(self) -> None:
        """Be connected: nothing where it is already.

        Raises:
            LineshaftError: as `Broker.connect` and `Broker.subscribe`.
        """
        async with self._lock:
            if self._broker.connected:
                return
            self._going = False
            self._since_ms = clock.now_us() // 1000
            await self._broker.connect(Will(topic=self._topic, payload=self._state(online=False), retain=True))
            wanted = [self._topic, *(each for key in self.sessions for each in filters(*key))]
            try:
                await self._broker.subscribe([(topic, 1) for topic in wanted])
                await self._say_online()
            except BaseException:  # a connection without its subscriptions would pass for one that is there
                await self._broker.close()
                raise
            self._watcher = asyncio.create_task(self._watch(), name="sparkplug host")
            for session in self.sessions.values():
                session.ask_rebirth()

    async def join(self, group: str, node: str, device: str, listener: Listener) -> NodeSession:
        """Have `listener` told of a device from now on, and its births asked for."""
        session = self.sessions.get((group, node))
        if session is None:
            session = NodeSession(
                group, node, self._options.reorder_seconds, lambda: self._start(self._ask(group, node))
            )
            self.sessions[group, node] = session
            session.add(device, listener)
            try:
                await self._broker.subscribe([(topic, 1) for topic in filters(group, node)])
            except BaseException:
                self.leave(session, device, listener)
                if (group, node) in self.sessions:  # somebody else joined it meanwhile: the next connection subscribes
                    await self._broker.close()
                raise
        else:
            session.add(device, listener)
        session.ask_rebirth()
        return session

    def leave(self, session: NodeSession, device: str, listener: Listener) -> None:
        """The opposite of `join`. The subscription stays until the host closes."""
        if session.remove(device, listener):
            session.close()
            self.sessions.pop((session.group, session.node), None)

    async def command(self, topic: Topic, payload: bytes) -> None:
        """Send an NCMD or DCMD.

        Raises:
            Unavailable: it did not leave.
        """
        await self._broker.publish(str(topic), payload)

    async def lost(self) -> LineshaftError:
        """Wait until the connection is gone; why it is."""
        return await self._broker.lost()

    async def close(self) -> None:
        """Say that we are offline, and hang up."""
        self._going = True
        for session in self.sessions.values():
            session.close()
        for task in list(self._tasks):
            task.cancel()
        if self._broker.connected:
            try:
                await self._broker.publish(self._topic, self._death(), qos=1, retain=True)
            except LineshaftError as error:
                self._log.debug("sparkplug_state_not_said", reason=error.message)
        await self._broker.close()
        if self._watcher is not None:
            await self._watcher

    # -- what comes -----------------------------------------------------------------------------------------------------

    def _receive(self, topic: str, payload: bytes, _retained: bool) -> None:  # noqa: FBT001  # the broker calls it so
        if topic == self._topic:
            state = read_state(payload)
            if not self._going and (
                state is None or not state.online
            ):  # the will of our connection before, or of somebody with our name
                self._start(self._say_online())
            return
        read = read_topic(topic)
        session = self.sessions.get((read.group, read.node)) if read is not None else None
        if read is not None and session is not None:
            session.take(read, payload)

    async def _watch(self) -> None:
        error = await self._broker.lost()
        for session in list(self.sessions.values()):
            session.forget(error.message)

    # -- what goes ------------------------------------------------------------------------------------------------------

    def _state(self, *, online: bool) -> bytes:
        return msgspec.json.encode(State(online=online, timestamp=self._since_ms))

    def _death(self) -> bytes:
        return msgspec.json.encode(State(online=False, timestamp=clock.now_us() // 1000))

    async def _say_online(self) -> None:
        await self._broker.publish(self._topic, self._state(online=True), qos=1, retain=True)

    async def _ask(self, group: str, node: str) -> None:
        self._log.info("sparkplug_rebirth_asked", group=group, node=node)
        await self.command(Topic(group, "NCMD", node), rebirth_request())

    def _start(self, work: "asyncio.Future[None] | object") -> None:
        """Run something that sends; a connection that breaks meanwhile is told by `lost`."""

        async def quietly() -> None:
            try:
                await work  # type: ignore[misc]
            except LineshaftError as error:
                self._log.debug("sparkplug_not_sent", reason=error.message)

        task = asyncio.create_task(quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Hosts:
    """The hosts of this process by what makes them the same."""

    def __init__(self) -> None:
        self._hosts: dict[tuple[object, ...], Host] = {}

    def take(self, device: str, endpoint: str, options: SparkplugOptions, tools: Tools) -> Host:
        """A host for one more user; give it back with `leave`."""
        key = self._key(endpoint, options, tools)
        host = self._hosts.get(key)
        if host is None:
            host = self._hosts[key] = Host(device, endpoint, options, tools)
        host.users += 1
        return host

    async def leave(self, host: Host) -> None:
        """One user less; the last one closes it."""
        host.users -= 1
        if host.users == 0:
            self._hosts = {key: each for key, each in self._hosts.items() if each is not host}
            await host.close()

    def _key(self, endpoint: str, options: SparkplugOptions, tools: Tools) -> tuple[object, ...]:
        connection = (options.identity, options.secret, options.authority, options.host_id)
        return (id(tools.secrets), endpoint, *connection)


HOSTS: Final = Hosts()
