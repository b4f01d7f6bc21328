"""Modules of this package that were compiled (`make compiled`), in the place of their sources.

A compiled module lies in the folder `built` beside this file under a name that carries the SHA-256 of the source it was
made of (with its types, `.pxd`, where it has any): one made of another source is never found, and the source itself runs;
so it does for one that cannot be loaded here. `LINESHAFT_COMPILED` names another folder; an empty one has everything run
from source.
"""

import hashlib
import logging
import os
import sys
from collections.abc import Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

VARIABLE: Final = "LINESHAFT_COMPILED"
PACKAGE: Final = Path(__file__).parent
_SOURCES: Final = (".py", ".pyx")


class Finder:
    """Finds the compiled modules in one folder (PEP 451).

    Args:
        folder: as `build_compiled` of the wheel's build filled it.
    """

    def __init__(self, folder: Path) -> None:
        ours = folder.glob(f"*-*{EXTENSION_SUFFIXES[0]}") if folder.is_dir() else ()
        self._files = {file.name.partition("-")[0]: file for file in ours if _is_fresh(file.name)}

    def try_each(self) -> None:
        """Leave to their sources those that cannot be loaded here: made for another machine or C library."""
        for name, file in [*self._files.items()]:
            loader = ExtensionFileLoader(name, str(file))
            try:
                loader.create_module(ModuleSpec(name, loader, origin=str(file)))
            except ImportError as error:
                del self._files[name]
                # Not `core.logs`: nobody has configured it yet, and a command's output is not the place.
                logging.getLogger("lineshaft.resolution").warning("%s runs from source: %s", name, error)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:  # fmt: skip
        file = self._files.get(fullname)
        if file is None:
            return None
        return spec_from_file_location(fullname, file, loader=ExtensionFileLoader(fullname, str(file)))

    def __bool__(self) -> bool:
        return bool(self._files)


def use() -> None:
    """Have the compiled modules imported from here on, where there are any."""
    given = os.environ.get(VARIABLE)
    if given == "" or any(isinstance(one, Finder) for one in sys.meta_path):
        return
    finder = Finder(Path(given) if given else PACKAGE / "built")
    finder.try_each()
    if finder:
        sys.meta_path.insert(0, finder)


def file_name(module: str, source: Path) -> str:
    """What the compiled form of a module, by its full name, is called."""
    types = source.with_suffix(".pxd")
    made_of = source.read_bytes() + (types.read_bytes() if types.exists() else b"")
    return f"{module}-{hashlib.sha256(made_of).hexdigest()}{EXTENSION_SUFFIXES[0]}"


def source_of(module: str) -> Path | None:
    """The source of a module of this package, by its full name."""
    place = PACKAGE.joinpath(*module.split(".")[2:])
    return next((file for end in _SOURCES if (file := place.with_suffix(end)).exists()), None)


def _is_fresh(name: str) -> bool:
    """Whether a compiled module was made of the source that is here now."""
    module = name.partition("-")[0]
    source = source_of(module)
    return source is not None and file_name(module, source) == name
