"""The error tree.

LineshaftError
  InvalidInput        400  a value given by the caller breaks a rule
  Unauthenticated     401  nobody, or somebody who could not prove who they are
  Forbidden           403  known, but not allowed
  NotFound            404  no such object, or one the caller must not know of
  MethodNotAllowed    405  the resource is there, but not for this method
  RequestTimeout      408  the caller took too long to say what it wants
  Conflict            409  the object is in a state that does not admit this
  PreconditionFailed  412  the object changed since the caller read it
  TooLarge            413  over a stated limit
  UnsupportedMedia    415  a body of a kind that is not read here
  Unprocessable       422  understood, but beyond a limit that holds for this object
  TooMany             429  over a stated rate
  Unavailable         503  a part that is needed does not answer
  DeadlineExceeded    504  a part answered too late
  Corrupt             500  stored data is not what it must be

Every error carries a stable code, an English message, a hint on what to do, and the facts both were made from.
The Chinese texts are looked up by code in `core.texts`; a test walks the sources so that none is missing.
"""

from typing import Any, ClassVar

from lineshaft.core import texts


class LineshaftError(Exception):
    """Root of every error that Lineshaft raises on purpose.

    Args:
        code: stable dotted key, `package.what_happened`.
        message: one English sentence: what is wrong, with field, value and rule where input is at fault.
        hint: what the reader can do about it.
        **facts: the values named in the sentence; placeholders of the translated text.
    """

    status: ClassVar[int] = 500
    """HTTP status of the problem document."""
    exit_code: ClassVar[int] = 1
    """Exit status of the command line."""

    def __init__(self, code: str, message: str, hint: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.facts = facts

    def text(self, language: str) -> tuple[str, str]:
        """Message and hint in `language` (`en`, `zh`); English where no translation exists."""
        return texts.render(language, self.code, self.message, self.hint, self.facts)

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"


class InvalidInput(LineshaftError):
    status = 400
    exit_code = 2


class Unauthenticated(LineshaftError):
    status = 401
    exit_code = 3


class Forbidden(LineshaftError):
    status = 403
    exit_code = 3


class NotFound(LineshaftError):
    status = 404
    exit_code = 4


class MethodNotAllowed(LineshaftError):
    status = 405
    exit_code = 2


class RequestTimeout(LineshaftError):
    status = 408
    exit_code = 6


class Conflict(LineshaftError):
    status = 409
    exit_code = 5


class PreconditionFailed(LineshaftError):
    status = 412
    exit_code = 5


class TooLarge(LineshaftError):
    status = 413
    exit_code = 2


class UnsupportedMedia(LineshaftError):
    status = 415
    exit_code = 2


class Unprocessable(LineshaftError):
    status = 422
    exit_code = 2


class TooMany(LineshaftError):
    status = 429
    exit_code = 6


class Corrupt(LineshaftError):
    status = 500
    exit_code = 7


class Unavailable(LineshaftError):
    status = 503
    exit_code = 6


class DeadlineExceeded(LineshaftError):
    status = 504
    exit_code = 6


def plain_facts(error: LineshaftError) -> dict[str, Any]:
    """An error's facts as they are kept beside its English sentence, so that it can be said in other languages later."""
    return {key: fact if isinstance(fact, str | int | float | bool) else str(fact) for key, fact in error.facts.items()}


def from_wire(code: str, message: str, hint: str, status: int, facts: dict[str, Any]) -> LineshaftError:
    """Rebuild an error that crossed the bus or HTTP; the class follows from the status."""
    for kind in (
        InvalidInput, Unauthenticated, Forbidden, NotFound, MethodNotAllowed, RequestTimeout, Conflict,
        PreconditionFailed, TooLarge, UnsupportedMedia, Unprocessable, TooMany, Unavailable, DeadlineExceeded,
    ):  # fmt: skip
        if kind.status == status:
            return kind(code, message, hint, **facts)
    return LineshaftError(code, message, hint, **facts)
