"""The lease on publishing a store's change log: one process at a time, another one soon after its end."""

import secrets
from typing import Final

from lineshaft.core import clock
from lineshaft.resolution.store import Transaction

SECONDS: Final = 3.0
_LEASE: Final = b"publisher"


class Lease:
    """Kept in the store's `meta` space; its time is that of the machine's steady clock, which all processes share."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._name = secrets.token_hex(8).encode()
        self.seconds = seconds

    def hold(self, transaction: Transaction) -> bool:
        """Take or renew it; False while another process has it."""
        now = clock.monotonic()
        kept = transaction.get(_LEASE, "meta")
        if kept is not None:
            name, _, text = kept.partition(b" ")
            left = float(text) - now
            # more than a lease lasts: the machine was started anew, and its clock with it
            if name != self._name and 0 < left <= self.seconds + 1:
                return False
            if name == self._name and left > self.seconds / 2:
                return True
        transaction.put(_LEASE, b"%s %.3f" % (self._name, now + self.seconds), "meta")
        return True

    def release(self, transaction: Transaction) -> None:
        """Give it back, if it is held."""
        kept = transaction.get(_LEASE, "meta")
        if kept is not None and kept.partition(b" ")[0] == self._name:
            transaction.delete(_LEASE, "meta")
