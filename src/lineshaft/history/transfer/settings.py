"""Settings of imports and exports that run as jobs."""

from typing import Annotated, ClassVar

from msgspec import Meta

from lineshaft.core.settings import Section


class TransferSettings(Section, frozen=True):
    """Table `transfer`."""

    SECTION: ClassVar[str] = "transfer"

    file_bytes: Annotated[int, Meta(description="Largest file of an import or an export.", ge=1024)] = 4 * 2**30
    total_bytes: Annotated[
        int, Meta(description="What the files of all imports and exports may take together.", ge=1024)
    ] = 8 * 2**30
    keep_seconds: Annotated[
        float, Meta(description="How long an export, or an upload that does not go on, is kept.", gt=0)
    ] = 86_400
    memory_mb: Annotated[int, Meta(description="Memory of the process that reads or writes a file.", ge=256)] = 512
