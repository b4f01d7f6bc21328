"""Certificates at the start of a box: what must be there before its services run, made where it is missing."""

from typing import Final

import structlog

from lineshaft.access.pki import crl
from lineshaft.access.pki.authority import CertificateAuthority
from lineshaft.access.pki.box_files import BoxFiles
from lineshaft.access.pki.settings import PkiSettings
from lineshaft.core.errors import Unavailable
from lineshaft.core.home import Home, Identity
from lineshaft.records import Database

_DEFAULTS: Final = PkiSettings()


def install(home: Home, identity: Identity, database: Database, settings: PkiSettings = _DEFAULTS) -> None:
    """The authority, the box's own certificates, a revocation list.

    Where nothing can be issued (the root is offline and has not signed, the token is away) the box starts without;
    `lineshaft status` says what is missing.

    Raises:
        Corrupt: the issuing key is gone while certificates were issued with it. InvalidInput: a wrong setting.
        Unavailable: the disk or the records do not take what is made.
    """
    authority = CertificateAuthority(home, identity, settings)
    if authority.trouble():
        structlog.get_logger().warning("certificates_not_issued", reason=authority.trouble())
        database.transact(authority.record)
        return
    BoxFiles(home, identity, database, authority, settings).keep()
    try:
        crl.publish(home, authority.crl())
    except (Unavailable, ValueError):  # none yet, or damaged
        crl.renew(database, authority, home, identity)
