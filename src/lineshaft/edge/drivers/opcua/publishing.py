"""Publishing: keeps requests waiting at the server, takes what comes back, and finds what did not come.

A message is acknowledged when its values are in the sink. One that is missing is asked for again (republish); one that
the server has no more becomes a gap.
"""

import asyncio
from typing import Any, Final

import numpy as np
from asyncua import ua

from lineshaft.bus import Gap
from lineshaft.core import clock, logs
from lineshaft.edge.columns import Columns
from lineshaft.edge.driver import Sink
from lineshaft.edge.drivers.opcua import answers, faults
from lineshaft.edge.drivers.opcua.answers import Notification
from lineshaft.edge.drivers.opcua.session import Session
from lineshaft.edge.drivers.opcua.subscription import Subscription
from lineshaft.edge.tasks import end

_MOST_REQUESTS: Final = 20
_WATCH_SECONDS: Final = 0.5


class Publishing:
    """Publishing of all subscriptions of one session.

    Args:
        points: how many points the plan has; a client handle beyond is not ours.
    """

    def __init__(self, session: Session, sink: Sink, points: int) -> None:
        self._session = session
        self._subscriptions: dict[int, Subscription] = {}
        self._sink = sink
        self._points = points
        self._columns = Columns(4096)
        self._acknowledge: list[Any] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._log = logs.get("edge")

    @property
    def subscriptions(self) -> list[Subscription]:
        return list(self._subscriptions.values())

    def add(self, subscription: Subscription) -> None:
        """Follow a subscription that the server has."""
        subscription.touch()
        self._subscriptions[subscription.id] = subscription

    def start(self) -> None:
        """Send publish requests from now on: two for each subscription, so that none waits for our answer."""
        for number in range(min(2 * len(self._subscriptions), _MOST_REQUESTS)):
            self._start(self._request(number))
        self._start(self._watch())

    async def stop(self) -> None:
        await end(*self._tasks)
        self._tasks.clear()

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work, name=f"opcua publishing {self._session.device}")
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """A task of ours that fails leaves the device without values: begin anew, and tell what nobody foresaw."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._log.error("edge_publishing_failed", device=self._session.device, exc_info=error)
            self._session.lose(f"publishing failed: {error!r}")

    # -- what comes -------------------------------------------------------------------------------------------------------

    async def _request(self, number: int) -> None:
        """Keep one publish request at the server, for ever."""
        while True:
            request = ua.PublishRequest()
            request.Parameters.SubscriptionAcknowledgements, self._acknowledge = self._acknowledge, []
            try:
                answer = await self._session.ask(request, patient=True)
                message = answers.read_publish(answer, self._columns)
            except ua.UaStatusCodeError as error:
                if error.code == ua.StatusCodes.BadTooManyPublishRequests:
                    if number > 0:
                        return
                    await asyncio.sleep(_WATCH_SECONDS)
                    continue
                if error.code == ua.StatusCodes.BadTimeout:  # the request's own time was up at the server
                    continue
                self._session.lose(f"publishing ended with {faults.status_name(error.code)}")
                return
            except (OSError, TimeoutError) as error:
                self._session.lose(faults.describe(error))
                return
            except ValueError as error:
                self._columns.clear()
                self._undecodable(str(error))
                continue
            self._take(message, self._columns)
            self._columns.clear()

    def _take(self, message: Notification, columns: Columns) -> None:
        """Hand a message's values to the sink, in the order of arrival."""
        subscription = self._subscriptions.get(message.subscription)
        if subscription is None:
            return
        subscription.touch()
        if not subscription.accept(message.sequence, keep_alive=message.keep_alive):
            return
        if message.status is not None and message.status & ua.StatusCodes.Bad:
            self._session.lose(f"the server ended the subscription: {faults.status_name(message.status)}")
            return
        if message.undecodable:
            self._undecodable(message.undecodable)
        if columns.rows:
            self._deliver(columns, subscription)
        if not message.keep_alive:
            self._acknowledge.append(
                ua.SubscriptionAcknowledgement(SubscriptionId=message.subscription, SequenceNumber=message.sequence)
            )

    def _deliver(self, columns: Columns, subscription: Subscription) -> None:
        keys = columns.key[: columns.rows]
        keys -= 1
        foreign = (keys < 0) | (keys >= self._points)
        if foreign.any():
            columns.keep(~foreign)
        if columns.rows:
            subscription.newest_us = max(subscription.newest_us, int(np.max(columns.arrival[: columns.rows])))
            self._sink.take(columns)

    def _undecodable(self, reason: str) -> None:
        now = clock.now_us()
        since = min((each.newest_us or now for each in self._subscriptions.values()), default=now)
        self._sink.gap(Gap(cause="undecodable", from_ts=since, to_ts=now, detail=f"{self._session.device}: {reason}"))

    # -- what did not come --------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Ask again for messages that stay missing, and give up on a server that has gone silent."""
        overdue: dict[int, set[int]] = {}
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for subscription in self._subscriptions.values():
                if subscription.silent:
                    self._session.lose("the server's keep-alive messages stopped")
                    return
                # Answers under way may still bring it: only what was missing a moment ago as well is asked for.
                still = overdue.get(subscription.id, set()) & subscription.missing
                overdue[subscription.id] = set(subscription.missing)
                if still or subscription.given_up:
                    await self._recover(subscription, still)

    async def _recover(self, subscription: Subscription, numbers: set[int]) -> None:
        """Republish what is missing; what cannot be had becomes a gap."""
        lost, subscription.given_up = subscription.given_up, 0
        for number in sorted(numbers):
            if number not in subscription.missing:
                continue
            try:
                came = await self.republish(subscription, number)
            except (OSError, TimeoutError):
                return  # the connection is going; it comes back with all of this still missing
            if not came:
                subscription.missing.discard(number)
                lost += 1
        if lost:
            self._sink.gap(
                Gap(
                    cause="sequence", from_ts=subscription.newest_us or clock.now_us(), to_ts=clock.now_us(),
                    detail=f"{self._session.device}: {lost} notification messages never came",
                )
            )  # fmt: skip

    async def take_back(self, subscription: Subscription) -> None:
        """Follow a subscription again after a lost connection, beginning with what was sent and did not arrive."""
        self.add(subscription)
        while await self.republish(subscription, subscription.expected):
            pass

    async def republish(self, subscription: Subscription, number: int) -> bool:
        """Ask for one message again; whether it came."""
        request = ua.RepublishRequest()
        request.Parameters.SubscriptionId = subscription.id
        request.Parameters.RetransmitSequenceNumber = number
        columns = Columns(4096)
        try:
            answer = await self._session.ask(request)
            message = answers.read_republish(answer, columns, subscription.id)
        except ua.UaStatusCodeError:
            return False
        except ValueError as error:
            self._undecodable(str(error))
            return False
        if message is None or message.sequence != number:
            return False
        self._take(message, columns)
        return True
