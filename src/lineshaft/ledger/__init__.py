"""The ledger: append-only transparency logs that nobody can rewrite unseen, in the formats of C2SP (tlog-tiles,
checkpoint, signed note, cosignature, witness), with the tree and the proofs of RFC 6962.

`Log` writes one log in a folder, `LogReader` reads it from any process, `verify_folder` proves it offline. `Witness`
cosigns other installations' logs, `Cosigner` has ours cosigned. `merkle`, `notes`, `checkpoints` and `bodies` are the
formats. Not here: what is logged, and who may read the bodies (`access`).
It imports core, records and bus; everything above may import it.
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door

if TYPE_CHECKING:
    from lineshaft.ledger import bodies as bodies
    from lineshaft.ledger import checkpoints as checkpoints
    from lineshaft.ledger import merkle as merkle
    from lineshaft.ledger import notes as notes
    from lineshaft.ledger import places as places
    from lineshaft.ledger.findings import Report as Report
    from lineshaft.ledger.log import Log as Log
    from lineshaft.ledger.reader import LogReader as LogReader
    from lineshaft.ledger.settings import LedgerSettings as LedgerSettings
    from lineshaft.ledger.tiles import tile_paths as tile_paths
    from lineshaft.ledger.trust import trusted_logs as trusted_logs
    from lineshaft.ledger.verify import verify_folder as verify_folder
    from lineshaft.ledger.witness import Witness as Witness
    from lineshaft.ledger.witnesses import Cosigner as Cosigner

__all__ = [
    "Cosigner",
    "LedgerSettings",
    "Log",
    "LogReader",
    "Report",
    "Witness",
    "bodies",
    "checkpoints",
    "merkle",
    "notes",
    "places",
    "tile_paths",
    "trusted_logs",
    "verify_folder",
]

__getattr__ = door(
    __name__,
    {
        "bodies": ("bodies",),
        "checkpoints": ("checkpoints",),
        "findings": ("Report",),
        "log": ("Log",),
        "merkle": ("merkle",),
        "notes": ("notes",),
        "places": ("places",),
        "reader": ("LogReader",),
        "settings": ("LedgerSettings",),
        "tiles": ("tile_paths",),
        "trust": ("trusted_logs",),
        "verify": ("verify_folder",),
        "witness": ("Witness",),
        "witnesses": ("Cosigner",),
    },
)
