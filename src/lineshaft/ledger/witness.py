"""Being a witness (C2SP tlog-witness): a foreign log's checkpoint is cosigned only where it follows from the last one.

So a log cannot show one past to one reader and another to the next: a witness that cosigned the first refuses the second.
The comparison with the last checkpoint and its replacement are one transaction; of two forks at once, one wins.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from lineshaft.core import clock, logs
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, LineshaftError, NotFound
from lineshaft.core.health import Check
from lineshaft.ledger import checkpoints, merkle
from lineshaft.ledger.checkpoints import Checkpoint
from lineshaft.ledger.notes import Note, NoteSigner
from lineshaft.ledger.store import WITNESSED
from lineshaft.ledger.trust import TrustedLog
from lineshaft.records import Database

MOST_PROOF_LINES: Final = 63
_OLD: Final = re.compile(rb"old (0|[1-9]\d{0,18})", re.ASCII)


class Request(msgspec.Struct, frozen=True):
    """What somebody sent to `add-checkpoint`."""

    old: int
    proof: tuple[bytes, ...]
    note: Note
    head: Checkpoint

    @classmethod
    def parse(cls, body: bytes) -> "Request":
        """Read a request's body; raises InvalidInput where it is not of the form."""
        lines, _, rest = body.partition(b"\n\n")
        first, *proof_lines = lines.split(b"\n")
        old = _OLD.fullmatch(first)
        if old is None or len(proof_lines) > MOST_PROOF_LINES:
            raise _bad_request("it does not begin with a line `old SIZE` and at most 63 lines of proof")
        proof = [checkpoints.parse_hash(line.decode("ascii", "replace")) for line in proof_lines]
        if None in proof:
            raise _bad_request("a line of the proof is not base64 of a hash")
        note, head = checkpoints.read(rest)
        return cls(int(old[1]), tuple(value for value in proof if value is not None), note, head)


class Witness:
    """Cosigns for the logs that the settings name."""

    def __init__(self, database: Database, signer: NoteSigner, trusted: Sequence[TrustedLog]) -> None:
        """`signer` has a key of the kind `COSIGNATURE`."""
        self._database = database
        self._signer = signer
        self._trusted = {log.origin: log for log in trusted}
        self._forked: set[str] = set()
        self._log = logs.get("ledger")

    @property
    def vkey(self) -> str:
        """Public key, which the logs' installations need to know."""
        return self._signer.vkey

    async def start(self) -> None:
        """Recall which logs were caught."""
        self._forked = set(await self._database.query(_forked))

    async def add_checkpoint(self, body: bytes) -> bytes:
        """Cosign a checkpoint; returns the signature lines.

        Raises:
            InvalidInput: malformed, or the old size lies above the checkpoint's (400).
            Forbidden: no key trusted for this log signed it (403). NotFound: the log is none that we witness (404).
            Conflict: the old size is not that of the last checkpoint cosigned (`ledger.witness_size`, with `size`), or
                the log signed another tree of the same size (`ledger.witness_fork`) (409).
            LineshaftError: the proof does not show that the log only grew (`ledger.proof_rejected`, 422).
        """
        request = Request.parse(body)
        self._authenticate(request)
        refusal = await self._advance(request)
        if refusal is not None:
            if refusal.code == "ledger.witness_fork":
                self._forked.add(request.head.origin)
            self._log.warning("checkpoint_refused", origin=request.head.origin, code=refusal.code)
            raise refusal
        return bytes(self._signer.sign(request.note.text))

    def check(self) -> Check:
        """Whether a log that we witness was caught signing two pasts."""
        if not self._forked:
            return Check(name="witness", ok=True, detail=f"witness of {len(self._trusted)} logs")
        names = ", ".join(sorted(self._forked))
        return Check(
            name="witness", ok=False, detail=f"two different trees of one size were signed by {names}",
            hint="`lineshaft ledger witness` shows both checkpoints; take it up with who runs that log.",
        )  # fmt: skip

    def _authenticate(self, request: Request) -> None:
        log = self._trusted.get(request.head.origin)
        if log is None:
            raise NotFound(
                "ledger.origin_unknown", f"this installation is no witness of the log {request.head.origin!r}",
                "Whoever runs it adds the log to the setting ledger.witnessed.", origin=request.head.origin,
            )  # fmt: skip
        if not any(request.note.signed_by(key) for key in log.keys):
            raise Forbidden(
                "ledger.signature_untrusted", f"no key that is trusted for the log {log.origin!r} signed this checkpoint",
                "Compare the log's key with the setting ledger.witnessed of the witness.", origin=log.origin,
            )  # fmt: skip
        if request.old > request.head.size:
            raise _bad_request("the old size is above the checkpoint's")

    async def _advance(self, request: Request) -> LineshaftError | None:
        try:
            return await self._database.write(_advance, request)
        except IntegrityError:  # another request put the log's first row there at the same moment
            return await self._database.write(_advance, request)


def _advance(connection: Connection, request: Request) -> LineshaftError | None:
    """Put the checkpoint in the place of the last one, in the caller's transaction; the refusal where it may not be."""
    head, now = request.head, clock.now_us()
    row = connection.execute(select(WITNESSED).where(WITNESSED.c.origin == head.origin)).one_or_none()
    size, root = (0, merkle.EMPTY_ROOT) if row is None else (row.size, row.root)
    if request.old != size:
        return Conflict(
            "ledger.witness_size", f"the last checkpoint cosigned of {head.origin!r} has {size} entries, not {request.old}",
            "Send a proof from that size.", origin=head.origin, size=size, old=request.old,
        )  # fmt: skip
    if head.size == size and head.root != root:
        _dispute(connection, request, now, forked=True)
        return Conflict(
            "ledger.witness_fork", f"the log {head.origin!r} has signed two different trees of {size} entries",
            "One of them is not what the log was: compare both copies entry by entry.", origin=head.origin, size=size,
        )  # fmt: skip
    if not merkle.verify_consistency(size, head.size, request.proof, root, head.root):
        _dispute(connection, request, now, forked=False)
        return LineshaftError(
            "ledger.proof_rejected",
            f"nothing shows that the tree of {head.size} entries of {head.origin!r} begins with the {size} cosigned before",
            "Send the consistency proof between these sizes; where there is none, the log was changed.",
            origin=head.origin, size=head.size, old=size,
        )  # fmt: skip
    values: dict[str, Any] = {"size": head.size, "root": head.root, "checkpoint": bytes(request.note), "time": now}
    if row is None:
        connection.execute(insert(WITNESSED).values(origin=head.origin, **values))
    else:
        connection.execute(update(WITNESSED).where(WITNESSED.c.origin == head.origin).values(**values))
    return None


def _dispute(connection: Connection, request: Request, now: int, *, forked: bool) -> None:
    """Keep what the log signed: with `forked` it is evidence, else perhaps only a bad proof that anybody may send."""
    values = {"disputed": bytes(request.note), "disputed_time": now} | ({"forked": True} if forked else {})
    known = WITNESSED.c.origin == request.head.origin
    # Evidence is never replaced by less.
    connection.execute(update(WITNESSED).where(known if forked else known & ~WITNESSED.c.forked).values(**values))


def _forked(connection: Connection) -> Sequence[str]:
    return connection.scalars(select(WITNESSED.c.origin).where(WITNESSED.c.forked)).all()


def _bad_request(reason: str) -> InvalidInput:
    return InvalidInput(
        "ledger.witness_request_invalid", f"this is no request for a cosignature: {reason}",
        "c2sp.org/tlog-witness says how it looks.", reason=reason,
    )  # fmt: skip
