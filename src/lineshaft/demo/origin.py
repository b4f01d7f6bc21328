"""Which process a local TCP connection comes from, as Linux tells it: the plant's Modbus server has nothing else to go by."""

from pathlib import Path
from typing import Final

from lineshaft.core.home import Home, read_json

_TABLE: Final = Path("/proc/net/tcp")


def gateway_pid(home: Home) -> int | None:
    """The process of this box's gateway; None while it does not run."""
    state = read_json(home.run / "state.json") or {}
    children = state.get("children", [])
    found = [child for child in children if child.get("name") == "gateway"] if isinstance(children, list) else []
    return int(found[0]["pid"]) if found and found[0].get("pid") else None


def belongs_to(pid: int | None, port: int, listener: int) -> bool:
    """Whether the connection from 127.0.0.1 `port` to `listener` is held by a process; False where nobody can say."""
    inode = _inode(port, listener) if pid is not None else ""
    if not inode:
        return False
    try:
        return any(_target(each) == f"socket:[{inode}]" for each in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # it has ended, or belongs to somebody else
        return False


def _inode(port: int, listener: int) -> str:
    local, remote = (f"0100007F:{number:04X}" for number in (port, listener))
    try:
        lines = _TABLE.read_text("ascii").splitlines()[1:]
    except OSError:
        return ""
    return next((row[9] for row in (line.split() for line in lines) if (row[1], row[2]) == (local, remote)), "")


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed meanwhile
        return ""
