"""One subscription of a server (IEC 62541-4, 5.13 and 5.14): its items, and which of its messages have come."""

import math
from collections.abc import Iterator
from typing import Any, Final

from asyncua import ua

from lineshaft.core import clock
from lineshaft.edge.driver import Block
from lineshaft.edge.drivers.opcua.options import OpcUaOptions
from lineshaft.edge.drivers.opcua.session import Session

_LARGEST_SEQUENCE: Final = 2**32 - 1
_FAR: Final = 2**31
MISSES: Final = 3
"""Keep-alives that may be missing before a subscription counts as dead."""
MOST_MISSING: Final = 1000
_SLACK_SECONDS: Final = 2.0
_LONGEST_QUEUE: Final = 10_000
_FASTEST_MS: Final = 100
"""Sampling assumed where a point is sampled as fast as the server can, to size its queue."""


class Subscription:
    """One block of points.

    Client handles are the points' indexes plus one, because some servers take 0 for "none".
    """

    def __init__(self, block: Block, options: OpcUaOptions) -> None:
        self.block = block
        self.id = 0
        self.expected = 1
        """Sequence number of the next message."""
        self.missing: set[int] = set()
        """Messages that later ones have overtaken."""
        self.given_up = 0
        """Messages overtaken by so many at once that no server still has them."""
        self.heard = 0.0
        """When the server last said anything about this subscription, on the monotonic clock."""
        self.newest_us = 0
        self.interval_ms = float(block.group.period_ms)
        self.shortest_queue = 0
        self.slowest_sampling_ms = 0.0
        self._options = options
        self._silence_seconds = 0.0

    # -- making ---------------------------------------------------------------------------------------------------------

    async def create(self, session: Session, nodes: dict[int, Any]) -> list[tuple[int, int]]:
        """Make the subscription and its items on the server.

        Args:
            nodes: the library's node identifier of each point of the block that the server has.

        Returns:
            (index, status) of every point that the server refused.
        """
        period = self.block.group.period_ms
        keep_alive = max(1, math.ceil(self._options.keep_alive_seconds * 1000 / period))
        request = ua.CreateSubscriptionRequest()
        request.Parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=period,
            RequestedLifetimeCount=max(3 * keep_alive, math.ceil(self._options.lifetime_seconds * 1000 / period)),
            RequestedMaxKeepAliveCount=keep_alive, MaxNotificationsPerPublish=0, PublishingEnabled=True, Priority=0,
        )  # fmt: skip
        made = (await session.call(request, ua.CreateSubscriptionResponse)).Parameters
        self.id = made.SubscriptionId
        self.interval_ms = float(made.RevisedPublishingInterval)
        self._silence_seconds = self.interval_ms * made.RevisedMaxKeepAliveCount / 1000 * MISSES + _SLACK_SECONDS
        self.expected, self.missing, self.shortest_queue = 1, set(), _LONGEST_QUEUE
        self.touch()
        refused = []
        points = list(nodes)
        portion = session.limits.items_per_call
        for start in range(0, len(points), portion):
            refused += await self._create_items(session, nodes, points[start : start + portion])
        return refused

    async def _create_items(self, session: Session, nodes: dict[int, Any], points: list[int]) -> list[tuple[int, int]]:
        sampling, queue = self.block.group.sampling_ms, self.queue_wanted
        request = ua.CreateMonitoredItemsRequest()
        request.Parameters.SubscriptionId = self.id
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        request.Parameters.ItemsToCreate = [
            ua.MonitoredItemCreateRequest(
                ItemToMonitor=ua.ReadValueId(NodeId=nodes[point], AttributeId=ua.AttributeIds.Value),
                MonitoringMode=ua.MonitoringMode.Reporting,
                RequestedParameters=ua.MonitoringParameters(
                    ClientHandle=point + 1, SamplingInterval=float(sampling), QueueSize=queue, DiscardOldest=True
                ),
            )
            for point in points
        ]
        results = (await session.call(request, ua.CreateMonitoredItemsResponse)).Results
        refused = []
        for point, result in zip(points, results, strict=True):
            if not result.StatusCode.is_good():
                refused.append((point, int(result.StatusCode.value)))
                continue
            self.shortest_queue = min(self.shortest_queue, int(result.RevisedQueueSize))
            self.slowest_sampling_ms = max(self.slowest_sampling_ms, float(result.RevisedSamplingInterval))
        return refused

    @property
    def queue_wanted(self) -> int:
        """Queue length that bridges the wanted time at the sampling rate, and never less than one publishing interval."""
        group = self.block.group
        sampling = {0: _FASTEST_MS, -1: group.period_ms}.get(group.sampling_ms, group.sampling_ms)
        if self._options.queue_size:
            return self._options.queue_size
        bridged = max(self._options.queue_seconds * 1000, 2 * self.interval_ms)
        return min(max(math.ceil(bridged / sampling), 2), _LONGEST_QUEUE)

    @property
    def queue_too_short(self) -> bool:
        """The server's revised queue cannot hold what its revised sampling makes in one publishing interval."""
        sampling = self.slowest_sampling_ms
        return bool(self.shortest_queue) and sampling > 0 and self.shortest_queue < self.interval_ms / sampling

    # -- following ------------------------------------------------------------------------------------------------------

    def touch(self) -> None:
        """The server has said something about this subscription."""
        self.heard = clock.monotonic()

    @property
    def silent(self) -> bool:
        """Too many keep-alives are missing."""
        return bool(self.id) and clock.monotonic() - self.heard > self._silence_seconds

    def accept(self, sequence: int, *, keep_alive: bool) -> bool:
        """Note a message's number; whether its values are to be taken. What is missing before it lands in `missing`."""
        if sequence in self.missing:
            self.missing.discard(sequence)
            return True
        ahead = (sequence - self.expected) & _LARGEST_SEQUENCE
        if ahead >= _FAR:  # had it already
            return False
        if ahead > MOST_MISSING:
            self.given_up += ahead
        else:
            self.missing.update(self._until(sequence))
        self.expected = sequence if keep_alive else following(sequence)
        return True

    def _until(self, sequence: int) -> Iterator[int]:
        number = self.expected
        while number != sequence:
            yield number
            number = following(number)


def following(sequence: int) -> int:
    """The next sequence number; after the last comes 1 (IEC 62541-4, 7.22)."""
    return 1 if sequence >= _LARGEST_SEQUENCE else sequence + 1
