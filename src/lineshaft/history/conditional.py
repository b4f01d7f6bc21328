"""Whether an object store honours a conditional PUT: without it, of two commits at once one would vanish silently.

The libraries send the condition only when two commits meet, so it is tried here with two plain requests, signed as
"Signature Version 4" of AWS says.
"""

import hashlib
import hmac
import time
from datetime import UTC
from urllib.parse import quote, urlsplit

from lineshaft.core import clock
from lineshaft.core.errors import Unavailable
from lineshaft.history.credentials import Credentials
from lineshaft.history.faults import store_error

_SECONDS = 10.0
_DONE = (200,)
_REFUSALS = (409, 412)
_BUSY = (429, 500, 502, 503, 504)
_ATTEMPTS = 4
_PAUSE_SECONDS = 0.1


def honours_condition(url: str, region: str, credentials: Credentials) -> bool:
    """Whether the store refuses the second of two PUTs of a file that must not be there yet.

    Args:
        url: of a file that is not there; it is there afterwards.

    Raises:
        Unavailable: the store does not answer, or refuses the first.
    """
    _put(url, region, credentials, _DONE)
    return _put(url, region, credentials, (*_DONE, *_REFUSALS)) in _REFUSALS


def _put(url: str, region: str, credentials: Credentials, expected: tuple[int, ...]) -> int:
    import httpx

    pause = _PAUSE_SECONDS
    for attempt in range(_ATTEMPTS):
        headers = {**signed("PUT", url, region, credentials), "If-None-Match": "*"}
        try:
            answer = httpx.put(url, headers=headers, content=b"", timeout=_SECONDS)
            if answer.status_code not in _BUSY:
                break
        except httpx.HTTPError as error:
            if attempt == _ATTEMPTS - 1:
                raise store_error(error, url) from error
        time.sleep(pause)
        pause *= 2
    if answer.status_code not in expected:
        raise store_error(OSError(f"{answer.status_code} {answer.text}"), url)
    return answer.status_code


def signed(method: str, url: str, region: str, credentials: Credentials) -> dict[str, str]:
    """Headers of a request without a body."""
    parts, moment = urlsplit(url), clock.now().astimezone(UTC)
    day, stamp = moment.strftime("%Y%m%d"), moment.strftime("%Y%m%dT%H%M%SZ")
    empty = hashlib.sha256(b"").hexdigest()
    headers = {"host": parts.netloc, "x-amz-content-sha256": empty, "x-amz-date": stamp}
    if credentials.session_token:
        headers["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = "\n".join([method, quote(parts.path, safe="/-_.~%"), "", lines, names, empty])
    scope = f"{day}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


def unsafe(url: str) -> Unavailable:
    """The error of a store that ignores the condition."""
    return Unavailable(
        "history.store_unsafe", f"the object store of {url} overwrites a file although it is asked not to: "
        "it ignores `If-None-Match`, so of two commits at once one would be lost",
        "Use a store, or a release of it, that honours conditional PUT; until then nothing is written there.", path=url,
    )  # fmt: skip
