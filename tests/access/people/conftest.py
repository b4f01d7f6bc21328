"""An office with the desks for people, and browsers on the site under the name that passkeys need."""

import httpx
import pytest

from lineshaft.access.people.break_glass import BreakGlass
from lineshaft.access.people.passkeys import PasskeyDesk
from lineshaft.bus.subjects import Subjects
from lineshaft.core.ids import HandleMinter


@pytest.fixture
def subjects(office):
    return Subjects(office.identity.tenant, office.identity.site)


@pytest.fixture
def passkeys(office, subjects):
    return PasskeyDesk(office.database, subjects, office.settings)


@pytest.fixture
def glass(office, subjects):
    minter = HandleMinter(office.identity.prefix)
    return BreakGlass(office.database, subjects, minter, office.settings, office.administration)


@pytest.fixture
def local_browser(site):
    """Makes browsers that call the site `localhost`."""

    def make():
        url = site.url.replace("127.0.0.1", "localhost")
        headers = {"origin": url, "sec-fetch-site": "same-origin"}
        return httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60)

    return make
