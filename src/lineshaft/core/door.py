"""A package's public door: names that are imported when they are first asked for, so that a package costs nothing until
it is used.

    __getattr__ = door(__name__, {"model": ("Device", "Point"), "store": ("Devices",)})
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def door(package: str, homes: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """The module function `__getattr__` (PEP 562) of a package.

    Args:
        package: its full name.
        homes: its public names by the module that defines them; the name of a module stands for the module itself.
    """
    modules = {name: module for module, names in homes.items() for name in names}

    def find(name: str) -> Any:
        module = modules.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = importlib.import_module(f"{package}.{module}")
        return found if name == module else getattr(found, name)

    return find
