"""A shelf of labels to test with: an office, and the changes and the gate on its records."""

import pytest

from lineshaft.access.labels import Label, LabelSettings, Subject
from lineshaft.access.labels.administration import LabelAdministration
from lineshaft.access.labels.testing import open_egress

PLANT = "acme/north/area/line/cell/dev"


class Shelf:
    """Everything about labels that needs no vault."""

    def __init__(self, office, settings) -> None:
        self.office = office
        self.settings = settings
        self.access = office.access
        self.administration = LabelAdministration(office.database, office.identity, settings, office.access)
        self.egress = open_egress(office.database, office.identity, settings, office.access)
        self.labels = self.egress.labels
        self.local = office.principal("local")

    def label(self, **changes):
        values = {"domain": "production", "grade_2020": 1, "grade_2022": "general"} | changes
        return Label(**values)

    async def put(self, path, kind="tag", **changes):
        made = await self.administration.set_label(self.local, Subject(kind, path), self.label(**changes), reason="")
        self.forget()
        return made

    def forget(self):
        """Look at the records again at the next question."""
        self.labels._looked = None

    async def grades(self, path, kind="tag", handle=""):
        await self.labels.refresh()
        return self.labels.grades([Subject(kind, path, handle)])


@pytest.fixture
def label_settings():
    return LabelSettings()


@pytest.fixture
def shelf(office, label_settings):
    return Shelf(office, label_settings)
