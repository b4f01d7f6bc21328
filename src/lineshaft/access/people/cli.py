"""`lineshaft access break-glass`: the sealed emergency code."""

from pathlib import Path
from typing import Any

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say

app = console.application("The sealed emergency code: create, status, acknowledge.")

_ROOT = "/api/v1/access/break-glass"


@app.command()
def create(yes: YesOption = False, home: HomeOption = None, json: JsonOption = False) -> None:
    """Make an emergency code, shown this once, to be kept on paper under seal; the one before is void."""
    console.confirm(
        say("Make a new emergency code? The one before is void.", "生成新的应急码？旧的应急码将作废。"), yes=yes
    )
    made = _call(home, "POST", _ROOT)
    if json:
        console.output(made, as_json=True)
        return
    console.note(say("Write it down and seal it; it is shown this once:", "请抄写并密封保存；仅显示这一次："))
    console.output(made["code"], as_json=False)


@app.command()
def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show whether there is a code, whether it was used, and whether that was acknowledged."""
    console.output(_call(home, "GET", _ROOT), as_json=json)


@app.command()
def acknowledge(home: HomeOption = None, json: JsonOption = False) -> None:
    """End the alarm that the code's use raised."""
    console.output(_call(home, "POST", f"{_ROOT}/acknowledge"), as_json=json)


def _call(home: Path | None, method: str, path: str) -> Any:
    from lineshaft.client import connect

    with connect(home=home) as client:
        return client.request(method, path)
