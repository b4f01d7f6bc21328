"""The optional compiled modules: put into a wheel where LINESHAFT_COMPILE is 1, or into a folder by `make compiled`.

    python hatch_build.py FOLDER

Cython translates the sources as they stand; the machine's C compiler does the rest. What comes out is named as
`lineshaft.resolution.compiled` looks for it.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
PACKAGE = ROOT / "src" / "lineshaft" / "resolution"
MODULES = ("hot", "datagrams", "listeners.tcp")
"""Those whose gain is worth it (benchmarks/resolution.py)."""
CYTHON = ("-m", "cython", "-3", "-X", "annotation_typing=False")
C_OPTIONS = ("-O2", "-fPIC", "-shared", "-fwrapv", "-DNDEBUG", "-w")


class CompiledModules(BuildHookInterface):
    """Makes a wheel of this platform with the compiled modules beside their sources."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return ["cython>=3.1"] if _asked() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "standard" or not _asked():
            return
        for file in build(self._folder):
            build_data["force_include"][str(file)] = f"lineshaft/resolution/built/{file.name}"
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if _asked():
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _folder(self) -> Path:
        return Path(self.directory) / "compiled"


def build(folder: Path) -> list[Path]:
    """Compile every module into a folder; what was made of other sources there is removed.

    Raises:
        subprocess.CalledProcessError: a compiler refused; its words are on standard error.
    """
    names = _load("compiled")
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    with tempfile.TemporaryDirectory(dir=folder) as place:
        for short in MODULES:
            module = f"lineshaft.resolution.{short}"
            source = names.source_of(module)
            file = folder / names.file_name(module, source)
            if not file.exists():
                _compiled(module, source, Path(place)).replace(file)  # whole or not at all
            made.append(file)
    for old in set(folder.glob("lineshaft.*")) - set(made):
        old.unlink()
    return made


def _compiled(module: str, source: Path, place: Path) -> Path:
    c, out = place / "module.c", place / "module.so"
    subprocess.run([sys.executable, *CYTHON, "--module-name", module, "-o", str(c), str(source)], check=True)
    include = f"-I{sysconfig.get_paths()['include']}"
    subprocess.run([os.environ.get("CC", "cc"), *C_OPTIONS, include, "-o", str(out), str(c)], check=True)
    return out


def _asked() -> bool:
    return os.environ.get("LINESHAFT_COMPILE") == "1"


def _load(name: str) -> Any:
    """A module of the package without the package, whose libraries are not there while a wheel is built."""
    spec = spec_from_file_location(name, PACKAGE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    for built in build(Path(sys.argv[1])):
        print(built.name)
