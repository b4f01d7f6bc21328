"""What went wrong between here and the server, in our words; and what the server refused, as it raised it."""

import contextlib
import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec

from lineshaft.core.errors import DeadlineExceeded, LineshaftError, Unavailable
from lineshaft.core.http import PROBLEM_JSON, error_from_problem


@contextlib.contextmanager
def network_errors(url: str) -> Iterator[None]:
    """Say in our words what went wrong on the way."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise DeadlineExceeded(
            "client.timeout", f"{url} did not answer in time", "Ask for less at once, or pass a longer `timeout`.",
            url=url,
        ) from error  # fmt: skip
    except httpx.TransportError as error:
        raise unreachable(url, error) from error


def unreachable(url: str, error: BaseException) -> Unavailable:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unavailable(
                "client.certificate_refused", f"the certificate of {url} is not trusted: {cause.verify_message}",
                "LINESHAFT_CA names a file with the certificate of the authority that signed it.",
                url=url, reason=cause.verify_message,
            )  # fmt: skip
        cause = cause.__cause__ or cause.__context__
    return Unavailable(
        "client.unreachable", f"{url} cannot be reached: {error}", "`lineshaft status` on that machine says whether it runs.",
        url=url, reason=str(error),
    )  # fmt: skip


def raise_for(response: httpx.Response) -> None:
    if response.is_success:
        return
    response.read()
    if response.headers.get("content-type", "").startswith(PROBLEM_JSON):
        with contextlib.suppress(msgspec.MsgspecError):
            raise error_from_problem(msgspec.json.decode(response.content, type=dict[str, Any]))
    raise unexpected(response)


def unexpected(response: httpx.Response) -> LineshaftError:
    return Unavailable(
        "client.answer_unexpected", f"{response.request.url} answered with status {response.status_code}, not as expected",
        "Is this the address of a Lineshaft?", url=str(response.request.url), status=response.status_code,
    )  # fmt: skip
