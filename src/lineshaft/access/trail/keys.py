"""The keys that sign this installation's ledgers and, as a witness, other installations' checkpoints."""

from typing import Final

from lineshaft.core.home import Home, Identity
from lineshaft.ledger.notes import COSIGNATURE, NoteSigner, load_or_create

WITNESS: Final = "witness"


def origin_of(identity: Identity, kind: str) -> str:
    """Name of a log for everybody: one per installation, tenant and kind."""
    return f"lineshaft.{identity.prefix}/{identity.tenant}/{kind}"


def ledger_signer(home: Home, identity: Identity, kind: str) -> NoteSigner:
    """The signer of one log; its key is made where missing.

    Raises:
        Corrupt: the key's file is no key.
    """
    return load_or_create(home.folder("keys") / f"ledger-{kind}.key", origin_of(identity, kind))


def witness_signer(home: Home, identity: Identity) -> NoteSigner:
    """The key by which this installation cosigns other installations' checkpoints."""
    return load_or_create(home.folder("keys") / "ledger-witness.key", origin_of(identity, WITNESS), COSIGNATURE)
