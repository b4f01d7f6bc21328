"""The audit trail's part of the access service: keeps its ledger, signs checkpoints, answers questions about entries."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from lineshaft.access.parts import Surroundings, Verb
from lineshaft.access.trail import queries
from lineshaft.access.trail.keys import ledger_signer, witness_signer
from lineshaft.access.trail.messages import (
    Bodies,
    Body,
    ErasePerson,
    FoundEntries,
    PruneTrail,
    ReadBodies,
    ReadEntry,
    SearchTrail,
)
from lineshaft.access.trail.sequencer import Sequencer
from lineshaft.access.trail.settings import AuditSettings
from lineshaft.access.trail.upkeep import Upkeep
from lineshaft.access.vault import Vault
from lineshaft.core import logs
from lineshaft.core.errors import LineshaftError, NotFound
from lineshaft.core.health import Check
from lineshaft.ledger.log import Log
from lineshaft.ledger.messages import AddCheckpoint, Cosigned
from lineshaft.ledger.places import FOLDER, publish_witness_key
from lineshaft.ledger.settings import LedgerSettings
from lineshaft.ledger.trust import trusted_logs
from lineshaft.ledger.witness import Witness
from lineshaft.ledger.witnesses import Cosigner

KIND: Final = "audit"
READ: Final = "access:audit"
_PERIOD_SECONDS: Final = 1.0
_LARGEST_PAGE: Final = 1000


class TrailPart:
    """See `parts.Part`."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._here = surroundings
        self._tenant = surroundings.context.identity.tenant
        self._settings = surroundings.context.settings.of(AuditSettings)
        self._fault: LineshaftError | None = None
        self._log = logs.get("access")

    async def start(self) -> None:
        home = self._here.context.home
        self._vault = await asyncio.to_thread(Vault, home, self._here.database)
        self._ledger = await asyncio.to_thread(self._open)
        self._here.stack.callback(self._ledger.close)
        self._sequencer = Sequencer(self._here.database, self._tenant, self._ledger, self._vault)
        settings = self._here.context.settings.of(LedgerSettings)
        self._cosigner = Cosigner(self._ledger, settings)
        signer = await asyncio.to_thread(witness_signer, home, self._here.context.identity)
        self._witness = Witness(self._here.database, signer, trusted_logs(settings.witnessed))
        await self._witness.start()
        publish_witness_key(home, signer.vkey)
        self._upkeep = Upkeep(self._here.database, self._tenant, self._settings, self._vault, self._here.administration)
        recovered = await asyncio.to_thread(self._sequencer.recover)
        if recovered:
            self._log.info("trail_recovered", entries=recovered)

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "audit_search": Verb(SearchTrail, self._search),
            "audit_entry": Verb(ReadEntry, self._entry),
            "audit_bodies": Verb(ReadBodies, self._bodies),
            "audit_prune": Verb(PruneTrail, self._upkeep.prune),
            "witness": Verb(AddCheckpoint, self._cosign),
            "erase_person": Verb(ErasePerson, self._upkeep.erase_person),
        }

    def tasks(self) -> Sequence[Coroutine[Any, Any, None]]:
        return [self._keep_sequenced(), self._cosigner.run()]

    def checks(self) -> list[Check]:
        ledger = Check.of("audit ledger", self._fault, "Changes and commands stop after 30 s; reading goes on.")
        return [ledger, *self._cosigner.checks(), self._witness.check()]

    def _open(self) -> Log:
        identity, home = self._here.context.identity, self._here.context.home
        signer = ledger_signer(home, identity, KIND)
        return Log.open(home.folder(FOLDER) / KIND, signer.name, signer)

    # -- writing ----------------------------------------------------------------------------------------------------

    async def _keep_sequenced(self) -> None:
        """Give entries their places once a second, or without a pause while more than one batch waits."""
        while True:
            given = 0
            try:
                given = await asyncio.to_thread(self._step)
            except LineshaftError as error:
                self._note_fault(error)
            else:
                self._note_fault(None)
            if given < self._settings.checkpoint_entries:
                await asyncio.sleep(_PERIOD_SECONDS)

    def _step(self) -> int:
        before = self._ledger.size
        given = self._sequencer.step(self._settings.checkpoint_entries)
        if self._ledger.size > before or self._fault is not None:
            self._ledger.checkpoint()
            self._cosigner.notice()
        return given

    def _note_fault(self, fault: LineshaftError | None) -> None:
        if fault is not None and self._fault is None:
            self._log.error("trail_not_recorded", code=fault.code, message=fault.message)
        if fault is None and self._fault is not None:
            self._log.info("trail_recorded_again")
        self._fault = fault

    async def _cosign(self, asked: AddCheckpoint) -> Cosigned:
        return Cosigned(await self._witness.add_checkpoint(asked.body))

    # -- reading ----------------------------------------------------------------------------------------------------

    async def _search(self, asked: SearchTrail) -> FoundEntries:
        await self._here.administration.decide(asked.actor, READ, "audit")
        return FoundEntries(entries=await self._here.database.query(self._found, asked))

    def _found(self, connection: Connection, asked: SearchTrail) -> list[Any]:
        limit = min(asked.limit, _LARGEST_PAGE)
        return queries.search(connection, self._vault, self._tenant, asked.wanted, before=asked.before, limit=limit)

    async def _entry(self, asked: ReadEntry) -> Body:
        """The body of one entry, to prove it with.

        Raises:
            Forbidden. NotFound: there is none, it is pruned, or it has no place yet.
        """
        await self._here.administration.decide(asked.actor, READ, asked.entry[:80])
        row = await self._here.database.query(queries.get_row, self._tenant, asked.entry)
        if row.body is None:
            raise NotFound(
                "access.audit_entry_unplaced", f"the entry {row.id} has no place in the ledger yet",
                "It gets one within a second: try again.", value=row.id,
            )  # fmt: skip
        return Body(place=row.leaf, salt=row.salt, body=row.body)

    async def _bodies(self, asked: ReadBodies) -> Bodies:
        await self._here.administration.decide(asked.actor, READ, "audit")
        limit = max(1, min(asked.limit, _LARGEST_PAGE))
        rows = await self._here.database.query(queries.bodies_from, self._tenant, asked.place, limit)
        items = [Body(place=place, salt=salt, body=body) for place, salt, body in rows]
        return Bodies(items=items, next=items[-1].place + 1 if len(items) == limit else None)
