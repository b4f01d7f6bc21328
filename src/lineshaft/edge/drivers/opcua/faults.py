"""What the library and the server say, as errors of ours that name the device and what to do."""

import asyncio
from typing import Final

from asyncua import ua

from lineshaft.core.errors import Conflict, InvalidInput, LineshaftError, Unavailable

_Codes = ua.StatusCodes
_USER_REFUSED: Final = frozenset(
    (
        _Codes.BadIdentityTokenRejected,
        _Codes.BadUserAccessDenied,
        _Codes.BadIdentityTokenInvalid,
        _Codes.BadUserSignatureInvalid,
    )
)
_CERTIFICATE_REFUSED: Final = frozenset(
    (
        _Codes.BadSecurityChecksFailed, _Codes.BadCertificateUntrusted, _Codes.BadCertificateInvalid,
        _Codes.BadCertificateUriInvalid, _Codes.BadCertificateUseNotAllowed, _Codes.BadCertificateTimeInvalid,
        _Codes.BadCertificateChainIncomplete, _Codes.BadCertificateHostNameInvalid, _Codes.BadApplicationSignatureInvalid,
    )
)  # fmt: skip
_BUSY: Final = frozenset((_Codes.BadTooManySessions, _Codes.BadServerTooBusy, _Codes.BadTcpServerTooBusy))

_WHO: Final = {
    "password": "the user name or password of the secret {!r}",
    "certificate": "the user certificate of the secret {!r}",
    "anonymous": "anonymous access",
}


def unreachable(device: str, endpoint: str, reason: str) -> Unavailable:
    """Nobody answers there."""
    return Unavailable(
        "edge.device_unreachable", f"device {device!r} does not answer at {endpoint}: {reason}",
        "Check that the device runs, and address, port and firewall.", device=device, endpoint=endpoint, reason=reason,
    )  # fmt: skip


def lost(device: str, reason: str) -> Unavailable:
    """It answered and does not any more."""
    return Unavailable(
        "edge.device_lost", f"the connection to device {device!r} was lost: {reason}",
        "It is tried again until it works.", device=device, reason=reason,
    )  # fmt: skip


def status_name(code: int) -> str:
    """The standard's symbol of a status code."""
    return str(ua.status_codes.get_name_and_doc(code)[0])


def explain(
    error: BaseException, *, device: str, endpoint: str, identity: str, secret: str, fingerprint: str
) -> LineshaftError:
    """An error met while connecting.

    Args:
        identity: who we claimed to be: `password`, `certificate` or `anonymous`.
        secret: name of the secret that was to prove it.
        fingerprint: of our own application certificate.
    """
    if isinstance(error, LineshaftError):
        return error
    if isinstance(error, ua.UaStatusCodeError):
        code, name = error.code, status_name(error.code)
        if code in _USER_REFUSED:
            return InvalidInput(
                "edge.user_refused", f"the server of device {device!r} refused {_WHO[identity].format(secret)} ({name})",
                "Check user name and password: `lineshaft device secret` replaces them.",
                device=device, secret=secret, status=name,
            )  # fmt: skip
        if code in _CERTIFICATE_REFUSED:
            return Conflict(
                "edge.own_certificate_refused",
                f"the server of device {device!r} refused this gateway's certificate {fingerprint} ({name})",
                "Have the server trust it: it usually waits among the server's rejected certificates.",
                device=device, fingerprint=fingerprint, status=name,
            )  # fmt: skip
        if code in _BUSY:
            return unreachable(device, endpoint, f"the server has no place for another session ({name})")
        return unreachable(device, endpoint, f"the server answered {name}")
    return unreachable(device, endpoint, describe(error))


def describe(error: BaseException) -> str:
    """A reason in words, also for errors that carry none."""
    if isinstance(error, ua.UaStatusCodeError):
        return status_name(error.code)
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return str(error) or type(error).__name__
