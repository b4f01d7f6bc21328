"""Asking the access service, from the web server's side; says clearly when it does not answer."""

from typing import Any, Final, TypeVar

from lineshaft.bus.client import Bus
from lineshaft.core.errors import DeadlineExceeded, Unavailable

TIMEOUT_SECONDS: Final = 10.0
"""Longer than the service's full queue of passwords takes."""

T = TypeVar("T")


async def ask_to_sign_in(bus: Bus, verb: str, body: Any, reply: type[T]) -> T:
    """`sign_in`, `redeem` or `change_password`.

    Raises:
        Unavailable: the access service does not answer. Else what the service raised.
    """
    try:
        return await bus.request("access", verb, body, reply, timeout=TIMEOUT_SECONDS)
    except (Unavailable, DeadlineExceeded) as error:
        if not error.code.startswith("bus."):
            raise
        raise Unavailable(
            "access.unreachable", "Sign-in is not possible at the moment: the access service does not answer",
            "Whoever is signed in stays so. `lineshaft status` shows what is wrong; try again in a few seconds.",
            reason=error.code, retry_seconds=5,
        ) from error  # fmt: skip


async def ask_to_change(bus: Bus, verb: str, body: Any, reply: type[T]) -> T:
    """Any other verb.

    Raises:
        Unavailable: the access service does not answer. Else what the service raised.
    """
    try:
        return await bus.request("access", verb, body, reply, timeout=TIMEOUT_SECONDS)
    except (Unavailable, DeadlineExceeded) as error:
        if not error.code.startswith("bus."):
            raise
        raise Unavailable(
            "access.change_unconfirmed", "the access service does not answer: whether the change was made is not known",
            "`lineshaft status` shows what is wrong. Look at the present state before you repeat the change.",
            reason=error.code, retry_seconds=5,
        ) from error  # fmt: skip
