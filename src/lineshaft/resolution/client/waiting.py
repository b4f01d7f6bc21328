"""A request under way, and the messages that answer it so far."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from lineshaft.core.errors import LineshaftError
from lineshaft.resolution import codes
from lineshaft.resolution.wire import Message

MOST_MESSAGES: Final = 10_000
"""Messages of one answer; a list of handles comes in thousands each."""


class Truncated(Exception):
    """The server keeps its answer short until the address is proved: ask again by TCP."""


class Question(msgspec.Struct, frozen=True):
    """An encoded request."""

    number: int
    """Of the request, in its envelope."""
    data: bytes
    accept: Callable[[bytes], Message | None]
    """The message, where it answers this request; None, or an error, where it is to be ignored."""
    only_tcp: bool = False


class Waiting:
    """What waits for the answer to one question."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.done: asyncio.Future[list[Message]] = asyncio.get_running_loop().create_future()
        self.begun = False
        """Part of an answer has come."""
        self.refused = 0
        """Messages that were no answers to it."""
        self._messages: list[Message] = []

    def deliver(self, data: bytes) -> None:
        """Take a whole message; one that does not answer the question changes nothing."""
        if self.done.done():
            return
        try:
            message = self.question.accept(data)
        except LineshaftError:
            message = None
        if message is None:
            self.refused += 1
            return
        self._messages.append(message)
        more = message.header.flags & codes.CONTINUED and len(self._messages) < MOST_MESSAGES
        if not more:
            self.done.set_result(self._messages)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
