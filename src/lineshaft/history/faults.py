"""The history's errors: what can go wrong, said once for everybody."""

import contextlib
import errno
import re
from collections.abc import Iterator

from lineshaft.core.errors import Conflict, Unavailable
from lineshaft.history.commits import Fence

_NO_SPACE = ("os error 28", "os error 122", "os error 27", "No space left", "quota exceeded", "File too large")
_STORE = "s3://"
_REFUSED = re.compile(
    r"lacked the necessary privileges|not authenticated|40[13] |ACCESS_DENIED|AccessDenied|SIGNATURE_DOES_NOT_MATCH"
    r"|INVALID_ACCESS_KEY|InvalidAccessKey|NO_SUCH_BUCKET|NoSuchBucket"
)
_ANSWER = re.compile(r"<Code>(?P<code>[^<]*)</Code>\s*<Message>(?P<message>[^<]*)</Message>")
_DECORATION = re.compile(r"\x1b\[[0-9;]*m|↳")
_NO_SPACE_NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def os_error(folder: object) -> Iterator[None]:
    """Turn what the system raises into our errors, with the folder in them."""
    try:
        yield
    except OSError as error:
        raise folder_error(error, folder) from error


@contextlib.contextmanager
def reading(storage: object) -> Iterator[None]:
    """Turn what an object store's client raises while a file is read into our errors; a file that is gone stays so."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if not str(storage).startswith(_STORE):
            raise
        raise store_error(error, str(storage)) from error


def folder_error(error: Exception, folder: object) -> Unavailable:
    """The error of ours for a system's error on a folder."""
    if str(folder).startswith(_STORE):
        return store_error(error, str(folder))
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if no_space(error):
        return disk_full(folder, reason)
    return Unavailable(
        "history.folder_unusable", f"the folder {folder} cannot be used: {reason}",
        "Check that it is mounted and that this user may write there.", path=str(folder), reason=reason,
    )  # fmt: skip


def store_error(error: Exception, url: str) -> Unavailable:
    """The error of ours for one on an object store."""
    reason = _store_reason(str(error))
    if _REFUSED.search(str(error)):
        return Unavailable(
            "history.store_refused", f"the object store refuses the history at {url}: {reason}",
            "Check that its keys are right (`lineshaft history credentials`), that the bucket is there, and that they may "
            "read, write, list and delete under this prefix.", path=url, reason=reason,
        )  # fmt: skip
    return Unavailable(
        "history.store_unreachable", f"the object store of {url} does not answer: {reason}",
        "Nothing is lost: the bus keeps what is not in the table, and writing goes on by itself once it answers.",
        path=url, reason=reason,
    )  # fmt: skip


def _store_reason(text: str) -> str:
    """What a store's client says, in one line and without the document that the store sent."""
    if answer := _ANSWER.search(text):
        return f"{answer['code']}: {answer['message']}"
    return " ".join(_DECORATION.sub(" ", text).split())[:300]


def no_space(error: BaseException) -> bool:
    """Whether an error of the system or of a library means that the disk, the quota or a file limit is full."""
    if isinstance(error, OSError) and error.errno in _NO_SPACE_NUMBERS:
        return True
    return any(text in str(error) for text in _NO_SPACE)


def disk_full(folder: object, reason: str) -> Unavailable:
    """The error that means: no space for the table."""
    return Unavailable(
        "history.disk_full", f"there is no space to write to {folder}: {reason}",
        "Free space on that disk. Nothing is lost: the bus keeps what is not in the table, and writing goes on by itself.",
        path=str(folder), reason=reason,
    )  # fmt: skip


def superseded(fence: Fence, sequence: int | None, epoch: int | None) -> Conflict:
    """The error of a writer that finds another one's commit."""
    return Conflict(
        "history.writer_superseded",
        f"another history writer has the table: it holds sequence {sequence} of writer {epoch}, "
        f"this is writer {fence.epoch} at sequence {fence.sequence}",
        "Run one history writer per table; this one stops.",
        application=fence.application, found_sequence=sequence, found_epoch=epoch,
        known_sequence=fence.sequence, known_epoch=fence.epoch,
    )  # fmt: skip


def commit_conflict(folder: object, reason: str) -> Conflict:
    """The error of a commit that another one overtook."""
    return Conflict(
        "history.commit_conflict", f"another commit to {folder} came first: {reason}",
        "It is tried again; if this repeats, look for a second writer or a foreign program on this table.",
        path=str(folder), reason=reason,
    )  # fmt: skip


def stream_replaced(sequence: int) -> Conflict:
    """The error of a writer that is given another message under a number that it knows."""
    return Conflict(
        "history.stream_replaced", f"the stream holds another message {sequence} than the one that was taken in",
        "An older copy of the bus was put back; the history goes on with what the stream holds now.", sequence=sequence,
    )  # fmt: skip


def not_ready(waiting_for: str) -> Unavailable:
    """The error of a service that has not opened its tables yet."""
    return Unavailable(
        "history.not_ready", f"the history is not ready yet: it waits for {waiting_for}",
        "Ask again in a moment; `lineshaft status` says what it waits for.", reason=waiting_for,
    )  # fmt: skip


def segment_gone(path: str) -> Unavailable:
    """The error of a query that lost the files it was reading, again and again."""
    return Unavailable(
        "history.segment_gone", f"the file {path.rpartition('/')[2]} left the table while it was being read",
        "Ask again; where this repeats, the history folder may be incomplete.", path=path,
    )  # fmt: skip
