"""The part of the access service that needs the vault: datasets, their erasure, keys of files and of pseudonyms.

In the background it erases what is past its retention, and looks whether the clock of a leak notice has run out.
"""

import asyncio
import secrets
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from lineshaft.access import principals
from lineshaft.access.labels import datasets, holds, leaks
from lineshaft.access.labels.administration import note
from lineshaft.access.labels.book import LabelBook
from lineshaft.access.labels.datasets import Dataset
from lineshaft.access.labels.labels import Snapshot
from lineshaft.access.labels.leaks import Leak
from lineshaft.access.labels.messages import (
    CreateDataset,
    FileKeyAnswer,
    OfDataset,
    OpenFileKey,
    PseudonymKey,
    PseudonymKeyOf,
)
from lineshaft.access.labels.model import Subject
from lineshaft.access.labels.settings import LabelSettings
from lineshaft.access.model import Actor
from lineshaft.access.parts import Surroundings, Verb
from lineshaft.access.projects.store import chosen
from lineshaft.access.projects.store import require as require_project
from lineshaft.access.vault import Vault
from lineshaft.core import clock, logs
from lineshaft.core.errors import Conflict, Forbidden, LineshaftError
from lineshaft.core.health import Check
from lineshaft.core.principals import Decision, Resource

DATASET: Final = "access:dataset"
ERASE: Final = "access:erase"
_LOOK_SECONDS: Final = 30.0
_FILE_KEY_BYTES: Final = 32
_log = logs.get("access")


class LabelsPart:
    """Datasets and keys; see `parts.Part`."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._at = surroundings
        self._database = surroundings.database
        self._tenant = surroundings.context.identity.tenant
        self._settings = surroundings.context.settings.of(LabelSettings)
        self._book = LabelBook(self._tenant)
        self._overdue: list[Leak] = []
        self._trouble = ""

    async def start(self) -> None:
        self._vault = await asyncio.to_thread(Vault, self._at.context.home, self._database)

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "create_dataset": Verb(CreateDataset, self.create_dataset),
            "erase_dataset": Verb(OfDataset, self.erase_dataset),
            "new_file_key": Verb(OfDataset, self.new_file_key),
            "open_file_key": Verb(OpenFileKey, self.open_file_key),
            "pseudonym_key": Verb(PseudonymKeyOf, self.pseudonym_key),
        }

    def tasks(self) -> Sequence[Coroutine[Any, Any, None]]:
        return [self._keep_retention(), self._keep_watch()]

    def checks(self) -> list[Check]:
        late = self._overdue
        detail = f"{len(late)} not reported in time: {late[0].title}" if late else ""
        return [
            Check(
                name="leak_notices", ok=not late, detail=detail,
                hint="`lineshaft labels leak list` shows them; report or close them." if late else "",
            ),
            Check(
                name="retention", ok=not self._trouble, detail=self._trouble,
                hint="It is tried again by itself." if self._trouble else "",
            ),
        ]  # fmt: skip

    # -- datasets ---------------------------------------------------------------------------------------------------

    async def create_dataset(self, asked: CreateDataset) -> Dataset:
        """A new dataset with a key of its own.

        Raises:
            Forbidden, InvalidInput. Conflict: the name is taken.
        """
        project = chosen(await self._at.administration.acting(asked.actor), asked.project)
        decision = await self._decide(asked.actor, DATASET, asked.name, project)

        def work(connection: Connection) -> Dataset:
            require_project(connection, self._tenant, project)
            made = datasets.create(
                connection, self._tenant, self._vault, asked.name, place=asked.place[:500], author=asked.actor.id,
                project=project,
            )  # fmt: skip
            facts = {"created": True, "place": made.place, "project": project}
            self._note(connection, asked.actor.id, DATASET, made, decision, facts)
            return made

        return await self._database.write(work)

    async def erase_dataset(self, asked: OfDataset) -> Dataset:
        """Destroy a dataset's key: no copy of its files can be decrypted any more. The audit entry is the receipt.

        Raises:
            Forbidden. NotFound. Conflict: under a legal hold, or erased already.
        """
        decision = await self._decide_on(asked.actor, ERASE, asked.name)
        return await self._database.write(self._erase, asked.name, asked.actor.id, decision, asked.reason)

    async def new_file_key(self, asked: OfDataset) -> FileKeyAnswer:
        """A fresh key for one file of a dataset, in clear and wrapped by the dataset's key.

        Raises:
            Forbidden. NotFound. Conflict: the dataset is erased.
        """
        decision = await self._decide_on(asked.actor, DATASET, asked.name)
        file_key = secrets.token_bytes(_FILE_KEY_BYTES)

        def work(connection: Connection) -> FileKeyAnswer:
            dataset = datasets.get(connection, self._tenant, asked.name)
            wrapped = self._vault.seal(dataset.key, file_key, _file(dataset.name), connection=connection)
            self._note(connection, asked.actor.id, DATASET, dataset, decision, {"encrypts": "a file"}, kind="export")
            return FileKeyAnswer(dataset=dataset.name, key=dataset.key, file_key=file_key, wrapped=wrapped)

        return await self._database.write(work)

    async def open_file_key(self, asked: OpenFileKey) -> FileKeyAnswer:
        """The key of a file of a dataset, for whom the dataset's grade is not too high.

        Raises:
            Forbidden: role or clearance. NotFound. Conflict: the dataset is erased. Corrupt: not a key of this dataset.
        """
        decision = await self._decide_on(asked.actor, DATASET, asked.name)

        def work(connection: Connection) -> FileKeyAnswer:
            dataset = datasets.get(connection, self._tenant, asked.name)
            self._check_clearance(connection, asked.actor, dataset)
            file_key = self._vault.open(dataset.key, asked.wrapped, _file(dataset.name), connection=connection)
            self._note(connection, asked.actor.id, DATASET, dataset, decision, {"decrypts": "a file"}, kind="export")
            return FileKeyAnswer(dataset=dataset.name, key=dataset.key, file_key=file_key, wrapped=asked.wrapped)

        return await self._database.write(work)

    async def _decide_on(self, actor: Actor, action: str, name: str) -> Decision:
        """The decision about a dataset; one of a project that the actor is no member of is not there."""
        acting = await self._at.administration.acting(actor)
        dataset = await self._database.query(datasets.get, self._tenant, name, acting)
        return await self._decide(actor, action, name, dataset.project)

    async def _decide(self, actor: Actor, action: str, name: str, project: str) -> Decision:
        return await self._at.administration.decide(actor, action, Resource(id=name, kind="dataset", project=project))

    # -- pseudonyms -------------------------------------------------------------------------------------------------

    async def pseudonym_key(self, asked: PseudonymKeyOf) -> PseudonymKey:
        """The key of the pseudonyms that one recipient gets for one purpose; made at the first time."""
        return PseudonymKey(key=await self._database.write(self._pseudonym_key, f"{asked.purpose}/{asked.recipient}"))

    def _pseudonym_key(self, connection: Connection, subject: str) -> bytes:
        key = self._vault.find(connection, self._tenant, "pseudonym", subject)
        if key is None:
            key = self._vault.create(connection, self._tenant, "pseudonym", subject)
        return self._vault.derive(key, "pseudonym", connection=connection)

    # -- kept in the background ---------------------------------------------------------------------------------------

    async def erase_past_retention(self) -> list[str]:
        """Erase every dataset that is past its label's retention and not held; returns their names."""
        return await self._database.write(self._erase_past_retention)

    async def look(self) -> None:
        """See which leak notices are overdue."""
        found = await self._database.query(leaks.every, self._tenant)
        now = clock.now_us()
        self._overdue = [leak for leak in found if leak.overdue(now)]

    async def _keep_retention(self) -> None:
        while True:
            try:
                erased = await self.erase_past_retention()
            except LineshaftError as error:
                self._trouble = error.message
            else:
                self._trouble = ""
                if erased:
                    _log.info("retention_erased", datasets=erased)
            await asyncio.sleep(self._settings.retention_minutes * 60)

    async def _keep_watch(self) -> None:
        while True:
            try:
                await self.look()
            except LineshaftError as error:
                _log.warning("leak_notices_not_read", code=error.code)
            await asyncio.sleep(_LOOK_SECONDS)

    def _erase_past_retention(self, connection: Connection) -> list[str]:
        snapshot = Snapshot(self._book.content(connection))
        own = principals.find_row(connection, self._tenant, "access")
        by = "" if own is None else own.id
        past = datasets.past_retention(datasets.every(connection, self._tenant), snapshot, clock.now_us())
        free = [one for one in past if holds.on(connection, self._tenant, Subject("dataset", one.name)) is None]
        for dataset in free:
            self._erase(connection, dataset.name, by, None, "its retention has ended")
        return [dataset.name for dataset in free]

    # -- inside -----------------------------------------------------------------------------------------------------

    def _erase(self, connection: Connection, name: str, by: str, decision: Decision | None, reason: str) -> Dataset:
        dataset = datasets.get(connection, self._tenant, name)
        if dataset.erased is not None:
            when = clock.rfc3339(dataset.erased)
            raise Conflict(
                "access.dataset_erased", f"the dataset {name!r} was erased at {when}", "Nothing is left to do.",
                name=name, when=when,
            )  # fmt: skip
        holds.refuse_held(connection, self._tenant, Subject("dataset", name))
        erased = datasets.erase(connection, self._vault, dataset, by=by)
        facts = {"reason": reason, "destroyed": dataset.key, "erased": clock.rfc3339(erased.erased or 0)}
        self._note(connection, by, ERASE, dataset, decision, facts, kind="deletion")
        return erased

    def _check_clearance(self, connection: Connection, actor: Actor, dataset: Dataset) -> None:
        acting = principals.get_row(connection, self._tenant, actor.id)
        grades = Snapshot(self._book.content(connection)).grades(Subject("dataset", dataset.name))
        if grades.grade_2020 > acting.clearance:
            raise Forbidden(
                "access.clearance_too_low", f"{dataset.name!r} counts as grade {grades.grade_2020}, above your clearance",
                "What has no confirmed label counts as grade 3; an engineer can label it.", object=dataset.name,
                grade=grades.grade_2020, clearance=acting.clearance,
            )  # fmt: skip

    def _note(
        self, connection: Connection, principal: str, action: str, dataset: Dataset, decision: Decision | None,
        facts: dict[str, Any], kind: str = "change",
    ) -> None:  # fmt: skip
        note(connection, self._tenant, principal, action, f"dataset {dataset.name}", decision, facts, kind)


def _file(dataset: str) -> bytes:
    return b"file\0" + dataset.encode()
