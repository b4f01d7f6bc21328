"""For tests of whatever answers with data: an egress gate without the access service."""

from lineshaft.access.access import Access
from lineshaft.access.labels.egress import Egress
from lineshaft.access.labels.labels import Labels
from lineshaft.access.labels.settings import LabelSettings
from lineshaft.access.settings import AccessSettings
from lineshaft.core.home import Identity
from lineshaft.records import Database

_DEFAULTS = LabelSettings()


def open_egress(
    database: Database, identity: Identity, settings: LabelSettings = _DEFAULTS, access: Access | None = None
) -> Egress:
    """A gate whose pseudonyms are made with keys that anybody can work out."""

    async def key(purpose: str, recipient: str) -> bytes:
        return f"{purpose} {recipient}".encode()

    access = access or Access(database, identity, AccessSettings())
    return Egress(database, identity, settings, access, Labels(database, identity.tenant), key)
