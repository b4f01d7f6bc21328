"""Asking witnesses: after a new checkpoint each is shown that the log only grew, and its cosignature is kept.

Appending never waits for this: it runs beside, and a witness that is away is asked again later. A witness that refuses
the proof has seen another past of this log than the one on disk: that is an alarm, until it agrees again.
"""

import asyncio
import base64
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from lineshaft.core import logs
from lineshaft.core.errors import InvalidInput, LineshaftError, NotFound
from lineshaft.core.health import Check
from lineshaft.ledger import checkpoints
from lineshaft.ledger.checkpoints import Checkpoint
from lineshaft.ledger.log import Log
from lineshaft.ledger.notes import parse_signatures
from lineshaft.ledger.reader import LogReader
from lineshaft.ledger.settings import LedgerSettings
from lineshaft.ledger.trust import TrustedWitness, trusted_witnesses

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

SIZE_TYPE: Final = "text/x.tlog.size"
_LARGEST_ANSWER: Final = 1 << 16
_TRIES: Final = 4

State = Literal["waiting", "agrees", "away", "refuses", "disagrees"]


class Standing(msgspec.Struct):
    """How it is with one witness."""

    witness: TrustedWitness
    state: State = "waiting"
    size: int = 0
    """Entries that it has cosigned, as far as we know."""
    detail: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What a witness answered."""

    status: int
    kind: str
    body: bytes


class Cosigner:
    """Keeps one log's checkpoints cosigned."""

    def __init__(self, log: Log, settings: LedgerSettings) -> None:
        """Raises InvalidInput where the setting `ledger.witnesses` cannot be read."""
        self._log = log
        self._reader = LogReader(log.folder)
        self._every = settings.cosign_seconds
        self._timeout = settings.witness_timeout_seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._new = asyncio.Event()
        self._events = logs.get("ledger")
        self.standings = [Standing(witness) for witness in trusted_witnesses(settings.witnesses)]

    def notice(self) -> None:
        """There is a new checkpoint; returns at once, and may be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._new.set)

    async def run(self) -> None:
        """Ask at the start, after each new checkpoint, and again where somebody was away, until cancelled."""
        if not self.standings:
            return
        self._loop = asyncio.get_running_loop()
        async with self._client() as client:
            while True:
                self._new.clear()
                await self._ask_all(client)
                await asyncio.sleep(self._every)
                if self._settled():
                    await self._new.wait()

    async def ask(self) -> None:
        """One round: every witness once."""
        async with self._client() as client:
            await self._ask_all(client)

    def checks(self) -> list[Check]:
        """One for each witness: not well where it disagrees with the log, or does not want it."""
        return [_check(standing, self._log.origin) for standing in self.standings]

    def _client(self) -> "httpx.AsyncClient":
        import httpx

        return httpx.AsyncClient(timeout=self._timeout)

    def _settled(self) -> bool:
        return all(standing.state == "agrees" for standing in self.standings)

    async def _ask_all(self, client: "httpx.AsyncClient") -> None:
        await asyncio.gather(*(self._ask_one(client, standing) for standing in self.standings))

    async def _ask_one(self, client: "httpx.AsyncClient", standing: Standing) -> None:
        """Ask one witness and note how it stands; nothing that goes wrong there reaches anybody else."""
        import httpx

        before = standing.state
        try:
            state, detail = await self._negotiate(client, standing)
        except NotFound:
            return  # nothing is signed yet
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            state, detail = "away", str(error) or type(error).__name__
        except LineshaftError as error:
            state, detail = "refuses", error.message
        if state == "away" and before == "disagrees":
            return  # what it said stands until it says something else
        standing.state, standing.detail = state, detail
        if state != before:
            level = self._events.info if state == "agrees" else self._events.warning
            level("witness_" + state, witness=standing.witness.key.name, origin=self._log.origin, detail=detail)

    async def _negotiate(self, client: "httpx.AsyncClient", standing: Standing) -> tuple[State, str]:
        """Show the latest checkpoint with a proof from where the witness is."""
        signed = await asyncio.to_thread(self._reader.checkpoint)
        for _ in range(_TRIES):
            head = checkpoints.read(signed)[1]
            if standing.size > head.size:
                return self._ahead(standing, head)
            proof = await asyncio.to_thread(self._reader.consistency, standing.size, head.size)
            answer = await self._send(client, standing, signed, proof)
            if answer.status == 200:
                await self._keep(standing, signed, head, answer.body)
                return "agrees", f"{head.size} entries"
            size = _size_of(answer)
            if size is None or size == standing.size:
                return _refusal(answer, head)
            standing.size = size
            signed = await asyncio.to_thread(self._reader.checkpoint)
        return "away", "it moved on at every try"

    def _ahead(self, standing: Standing, head: Checkpoint) -> tuple[State, str]:
        size, standing.size = standing.size, 0  # asked afresh the next time
        return "disagrees", f"it has cosigned {size} entries, and this log has {head.size}: entries were lost here"

    async def _send(
        self, client: "httpx.AsyncClient", standing: Standing, signed: bytes, proof: "Sequence[bytes]"
    ) -> Answer:
        lines = [b"old %d" % standing.size, *map(base64.b64encode, proof), b"", signed]
        url = f"{standing.witness.url}/add-checkpoint"
        async with client.stream("POST", url, content=b"\n".join(lines)) as response:
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > _LARGEST_ANSWER:
                    raise _strange("its answer is too long")
        return Answer(response.status_code, response.headers.get("content-type", ""), body)

    async def _keep(self, standing: Standing, signed: bytes, head: Checkpoint, body: bytes) -> None:
        """Take the witness's own signatures out of its answer."""
        key = standing.witness.key
        lines = [
            line
            for line in parse_signatures(body)
            if (line.name, line.key_id) == (key.name, key.key_id) and key.verify(head.text, line.signature)
        ]
        if not lines:
            raise _strange("its signature is not by the key in the setting ledger.witnesses")
        await asyncio.to_thread(self._log.add_cosignatures, signed, lines)
        standing.size = head.size


def _size_of(answer: Answer) -> int | None:
    """The size that a witness says it is at; None where it says something else."""
    if answer.status != 409 or not answer.kind.startswith(SIZE_TYPE):
        return None
    text = answer.body.strip()
    return int(text) if text.isdigit() and len(text) < 20 else None


def _refusal(answer: Answer, head: Checkpoint) -> tuple[State, str]:
    if answer.status in (409, 422):
        return "disagrees", f"it has seen another past of this log than the {head.size} entries on disk"
    if answer.status >= 500 or answer.status == 429:
        return "away", f"it answered {answer.status}"
    known = {403: "it does not trust this log's key", 404: "it is no witness of this log"}
    return "refuses", known.get(answer.status, f"it answered {answer.status}")


def _strange(reason: str) -> InvalidInput:
    return InvalidInput(
        "ledger.witness_answer_invalid", f"a witness answered what is no cosignature: {reason}",
        "Compare the setting ledger.witnesses with `lineshaft ledger key` of the witness.", reason=reason,
    )  # fmt: skip


def _check(standing: Standing, origin: str) -> Check:
    name = f"witness {standing.witness.key.name}"
    hints = {
        "disagrees": "Somebody changed the log, or an old backup was restored: keep both copies, and compare them with "
        "`lineshaft ledger verify`.",
        "refuses": "Whoever runs the witness adds this log's key to the setting ledger.witnessed.",
    }
    if standing.state in hints:
        return Check(name=name, ok=False, detail=f"{origin}: {standing.detail}", hint=hints[standing.state])
    return Check(
        name=name, ok=True, detail=f"{standing.state}: {standing.detail}" if standing.detail else standing.state
    )
