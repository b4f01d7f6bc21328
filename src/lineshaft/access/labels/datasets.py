"""Datasets: files that were encrypted under one key of the vault, so that all their copies can be erased at once."""

import re
from collections.abc import Collection
from typing import Final

import msgspec
from sqlalchemy import Connection, insert, select, update

from lineshaft.access.labels.labels import Snapshot
from lineshaft.access.labels.model import Subject
from lineshaft.access.labels.store import DATASET
from lineshaft.access.projects.store import among
from lineshaft.access.vault import Vault
from lineshaft.core import clock, ids
from lineshaft.core.errors import Conflict, InvalidInput, NotFound
from lineshaft.core.principals import MAIN_PROJECT, Principal

PURPOSE: Final = "dataset"
"""What the vault's keys of datasets are for."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_DAY_US: Final = 86_400 * clock.MICROSECONDS


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset; `erased` once its key is destroyed."""

    id: str
    name: str
    key: str
    """Id of its key in the vault."""
    place: str
    """Where its files are kept, in words."""
    author: str
    created: int
    project: str = MAIN_PROJECT
    erased: int | None = None
    erased_by: str | None = None


def create(
    connection: Connection, tenant: str, vault: Vault, name: str, *, place: str, author: str,
    project: str = MAIN_PROJECT,
) -> Dataset:  # fmt: skip
    """A new dataset with a key of its own, in the caller's write transaction.

    Raises:
        InvalidInput: no name for a dataset. Conflict: the name is taken, by an erased one too.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            "access.dataset_name_invalid", f"name is {name[:63]!r}, which no dataset can have",
            "Use up to 63 of a-z, 0-9, _, . and -, beginning with a letter or digit.", field="name", value=name[:63],
        )  # fmt: skip
    if find(connection, tenant, name) is not None:
        raise Conflict(
            "access.dataset_exists", f"there is already a dataset {name!r}",
            "Choose another name: that of an erased dataset is never used again.", name=name,
        )  # fmt: skip
    dataset = Dataset(
        id=ids.new_id(), name=name, key=vault.create(connection, tenant, PURPOSE, name), place=place, author=author,
        created=clock.now_us(), project=project,
    )  # fmt: skip
    connection.execute(insert(DATASET).values(tenant=tenant, **msgspec.structs.asdict(dataset)))
    return dataset


def find(connection: Connection, tenant: str, name: str) -> Dataset | None:
    """A dataset by name, erased or not."""
    return next((dataset for dataset in every(connection, tenant) if dataset.name == name), None)


def get(connection: Connection, tenant: str, name: str, reader: Principal | None = None) -> Dataset:
    """A dataset by name.

    Raises:
        NotFound: there is none, or it is in a project that the reader is no member of.
    """
    found = find(connection, tenant, name)
    if found is None or (reader is not None and not reader.sees(found.project)):
        raise NotFound(
            "access.dataset_unknown", f"there is no dataset {name[:63]!r}", "`lineshaft labels datasets` lists them.",
            name=name[:63],
        )  # fmt: skip
    return found


def every(connection: Connection, tenant: str, projects: Collection[str] | None = None) -> list[Dataset]:
    """All datasets by name, erased ones too; of `projects` only where that is not None."""
    mine = (DATASET.c.tenant == tenant, among(DATASET.c.project, projects))
    query = select(DATASET).where(*mine).order_by(DATASET.c.name)
    names = Dataset.__struct_fields__
    return [Dataset(**{name: row[name] for name in names}) for row in connection.execute(query).mappings()]


def erase(connection: Connection, vault: Vault, dataset: Dataset, *, by: str) -> Dataset:
    """Destroy a dataset's key in the caller's write transaction; the row stays as the receipt's counterpart."""
    vault.destroy(connection, dataset.key)
    erased = msgspec.structs.replace(dataset, erased=clock.now_us(), erased_by=by)
    connection.execute(
        update(DATASET).where(DATASET.c.id == dataset.id).values(erased=erased.erased, erased_by=erased.erased_by)
    )
    return erased


def past_retention(found: list[Dataset], labels: Snapshot, now: int) -> list[Dataset]:
    """Those that are not erased and older than their label keeps them."""
    past = []
    for dataset in found:
        label = labels.label(Subject("dataset", dataset.name))
        days = None if label is None else label.retention_days
        if dataset.erased is None and days is not None and now > dataset.created + days * _DAY_US:
            past.append(dataset)
    return past
