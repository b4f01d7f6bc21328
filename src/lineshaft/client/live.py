"""Live values over as many connections as it takes."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from lineshaft.client.address import USER_AGENT, Address, Place
from lineshaft.client.failures import unreachable
from lineshaft.core.errors import LineshaftError, Unauthenticated, Unavailable
from lineshaft.core.http import error_from_problem

_FIRST_RETRY_SECONDS = 0.3
_LONGEST_RETRY_SECONDS = 10.0
_SILENCE_SECONDS = 20.0  # the server says something every 5 s
_ENDED_FOR_GOOD = (4401, 4403)


class LiveValues:
    """One subscription over as many connections as it takes."""

    def __init__(self, place: Place, paths: list[str], until: threading.Event | None, language: str) -> None:
        self._place = place
        self._paths = paths
        self._until = until or threading.Event()
        self._language = language
        self._address: Address | None = None
        self._heard = 0.0

    def messages(self) -> Iterator[dict[str, Any]]:
        """What the server says, and notices of our own."""
        pause = _FIRST_RETRY_SECONDS
        was_connected = False
        while not self._until.is_set():
            try:
                for message in self._one_connection():
                    was_connected, pause = True, _FIRST_RETRY_SECONDS
                    yield message
            except Unavailable as error:
                if not was_connected:
                    raise
                yield {"notice": self._lost(error)}
                self._until.wait(pause)
                pause = min(pause * 2, _LONGEST_RETRY_SECONDS)

    def _one_connection(self) -> Iterator[dict[str, Any]]:
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
        from websockets.sync.client import connect as open_socket

        address = self._place.find()
        fields = {"Authorization": f"Bearer {address.token}", "Accept-Language": self._language}
        try:
            with open_socket(
                address.live_url, additional_headers=fields, user_agent_header=USER_AGENT, compression=None, proxy=None,
                ssl=address.tls, server_hostname=address.server_name if address.tls else None,
                open_timeout=10, close_timeout=2, max_size=None,
            ) as socket:  # fmt: skip
                self._address = address
                socket.send(msgspec.json.encode({"subscribe": self._paths}).decode(), text=True)
                yield from self._receive(socket, address)
        except InvalidStatus as refusal:
            raise _refused(refusal.response, address.url) from refusal
        except ConnectionClosed as closing:
            self._check_closed(closing.rcvd.code if closing.rcvd else None, address)
            raise unreachable(address.url, closing) from closing
        except (OSError, InvalidHandshake) as error:
            raise unreachable(address.url, error) from error

    def _receive(self, socket: Any, address: Address) -> Iterator[dict[str, Any]]:
        stale = False
        heard = time.monotonic()
        while not self._until.is_set():
            try:
                message = msgspec.json.decode(socket.recv(timeout=0.5), type=dict[str, Any])
            except TimeoutError:
                if time.monotonic() - heard > _SILENCE_SECONDS:
                    raise unreachable(address.url, TimeoutError("it fell silent")) from None
                continue
            heard = time.monotonic()
            stale = message.get("stale", stale)
            if stale:
                message["notice"] = self._stale()
            yield message

    def _check_closed(self, code: int | None, address: Address) -> None:
        """Raise where the server ended the connection for good; a token of a new start is worth another try."""
        if code in _ENDED_FOR_GOOD and self._place.find().token == address.token:
            raise Unauthenticated(
                "client.live_ended", f"{address.url} ended the live connection: the token ended or was revoked",
                "Sign in again, or make a new token.", url=address.url,
            )  # fmt: skip

    def _lost(self, error: LineshaftError) -> str:
        reason = error.text(self._language)[0]
        notice = Unavailable("client.live_lost", f"connection lost, trying again: {reason}", reason=reason)
        return notice.text(self._language)[0]

    def _stale(self) -> str:
        return Unavailable("client.live_stale", "no new values: the server has lost its bus").text(self._language)[0]


def _refused(response: Any, url: str) -> LineshaftError:
    """The error with which a server refused to open the socket; a server that is stopping is worth another try."""
    try:
        return error_from_problem(msgspec.json.decode(response.body or b"", type=dict[str, Any]))
    except msgspec.MsgspecError:
        return Unavailable(
            "client.unreachable", f"{url} cannot be reached: status {response.status_code}",
            "`lineshaft status` on that machine says whether it runs.", url=url, reason=f"status {response.status_code}",
        )  # fmt: skip
