"""Settings of transparency logs and of the witnesses between installations: table `[ledger]`."""

from typing import Annotated, ClassVar

from msgspec import Meta

from lineshaft.core.settings import Section


class LedgerSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    SECTION: ClassVar[str] = "ledger"

    witnessed: Annotated[
        tuple[str, ...],
        Meta(description="Logs of other installations that this one is a witness of, each `origin vkey`."),
    ] = ()
    witnesses: Annotated[
        tuple[str, ...],
        Meta(description="Installations that are asked to cosign our checkpoints, each `url vkey`."),
    ] = ()
    cosign_seconds: Annotated[int, Meta(ge=1, le=3600, description="Each witness is asked at most this often.")] = 10
    witness_timeout_seconds: Annotated[
        int, Meta(ge=1, le=60, description="A witness that has not answered by then is asked again later.")
    ] = 5
