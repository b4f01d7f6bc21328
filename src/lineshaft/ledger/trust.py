"""Whom we trust, as the settings say it: logs that we witness, witnesses that we ask."""

from collections.abc import Iterable

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.ledger.notes import COSIGNATURE, ED25519, NoteVerifier


class TrustedLog(msgspec.Struct, frozen=True):
    """A foreign log, and the keys that may sign for it."""

    origin: str
    keys: tuple[NoteVerifier, ...]


class TrustedWitness(msgspec.Struct, frozen=True):
    """An installation that cosigns our checkpoints."""

    url: str
    """What `/add-checkpoint` is put behind."""
    key: NoteVerifier


def trusted_logs(lines: Iterable[str]) -> list[TrustedLog]:
    """Read the setting `ledger.witnessed`; a log may have several lines, one for each key.

    Raises:
        InvalidInput: a line is not `origin vkey`, or the key is not that of a log.
    """
    found: dict[str, TrustedLog] = {}
    for line in lines:
        origin, key = _pair(line, "ledger.witnessed", "origin", ED25519)
        keys = found[origin].keys if origin in found else ()
        found[origin] = TrustedLog(origin, (*keys, key))
    return list(found.values())


def trusted_witnesses(lines: Iterable[str]) -> list[TrustedWitness]:
    """Read the setting `ledger.witnesses`.

    Raises:
        InvalidInput: a line is not `url vkey`, or the key is not that of a witness.
    """
    found = []
    for line in lines:
        url, key = _pair(line, "ledger.witnesses", "url", COSIGNATURE)
        if not url.startswith(("https://", "http://")):
            raise _bad(line, "ledger.witnesses", "url", "the address begins with neither https:// nor http://")
        found.append(TrustedWitness(url.rstrip("/"), key))
    return found


def _pair(line: str, field: str, first: str, kind: int) -> tuple[str, NoteVerifier]:
    name, _, vkey = line.strip().rpartition(" ")
    if not name:
        raise _bad(line, field, first, "it is not two words")
    try:
        key = NoteVerifier.parse(vkey)
    except InvalidInput as error:
        raise _bad(line, field, first, str(error.facts["reason"])) from error
    if key.kind != kind:
        raise _bad(line, field, first, "the key is of the other kind: logs have type 1, witnesses type 4")
    return name.strip(), key


def _bad(line: str, field: str, first: str, reason: str) -> InvalidInput:
    return InvalidInput(
        "ledger.trust_invalid", f"the setting {field} holds {line!r}, which is not `{first} vkey`: {reason}",
        "`lineshaft ledger key` of the other installation prints what belongs there.",
        field=field, value=line, first=first, reason=reason,
    )  # fmt: skip
