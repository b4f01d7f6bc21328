"""A bureau to test in: an office with the certificate part started, without a bus."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from lineshaft.access.messages import CreatePrincipal
from lineshaft.access.model import Actor
from lineshaft.access.parts import Surroundings
from lineshaft.access.pki.messages import IssueCertificate, RevokeCertificate
from lineshaft.access.pki.part import PkiPart, authority_of
from lineshaft.access.pki.settings import PkiSettings
from lineshaft.access.pki.testing import request_for
from lineshaft.core.home import Home
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings


class Bureau:
    """The part, with what its tests need around it."""

    def __init__(self, office, settings: PkiSettings, stack: contextlib.AsyncExitStack) -> None:
        self.office = office
        self.home: Home = office.home
        self.database = office.database
        self.tenant = office.identity.tenant
        self.settings = settings
        context = Context(office.home, Settings([settings, office.settings]))
        self.surroundings = Surroundings(
            context=context, database=office.database, access=office.access, administration=office.administration,
            authority=office.authority, bus=None, stack=stack, cut_off=None,
        )  # fmt: skip
        self.part = PkiPart(self.surroundings)

    @property
    def authority(self):
        return authority_of(self.surroundings)

    @property
    def certs(self) -> Path:
        return self.home.run / "certs"

    @property
    def keys(self) -> Path:
        return self.home.keys / "pki"

    async def machine(self, name: str, kind: str = "device"):
        """A new principal."""
        asked = CreatePrincipal(actor=self.local, name=name, kind=kind, roles=[])
        await self.office.administration.create_principal(asked)
        return self.office.principal(name)

    @property
    def local(self) -> Actor:
        return Actor.of(self.office.principal("local"))

    async def issue(self, name: str, profile: str = "device", csr: bytes | None = None, names=()):
        """Issued by an administrator."""
        asked = IssueCertificate(
            actor=self.local, name=name, profile=profile, csr=(csr or request_for()).decode(), names=list(names)
        )
        return await self.part.issue(asked)

    async def revoke(self, fingerprint: str, reason: str = "keyCompromise"):
        return await self.part.revoke(RevokeCertificate(actor=self.local, fingerprint=fingerprint, reason=reason))


@pytest.fixture
def pki_settings() -> PkiSettings:
    return PkiSettings()


@pytest.fixture
async def bureau(office, pki_settings):
    """Without its background work: a round is made where a test says so, under the clock that the test sets."""
    async with contextlib.AsyncExitStack() as stack:
        bureau = Bureau(office, pki_settings, stack)
        await bureau.part.start()
        yield bureau


@pytest.fixture
async def working(bureau):
    """The bureau with its background work."""
    tasks = [asyncio.create_task(work) for work in bureau.part.tasks()]
    yield bureau
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
