"""`lineshaft demo`: look at the demonstration plant, disturb it, calm it, change its speed, hand it back, start it anew."""

from typing import Annotated, Any

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption

app = console.application("The demonstration plant.")

_Names = Annotated[list[str] | None, typer.Argument(help="idv_01 to idv_28; none means all.")]


@app.command()
def status(
    home: HomeOption = None,
    json: JsonOption = False,
    all_: Annotated[bool, typer.Option("--all", help="List all disturbances and which are on.")] = False,
) -> None:
    """Show what the plant does."""
    if all_:
        answer = _call(home, "GET", "disturbances")["items"]
        columns = (("name", "name"), ("on", "on"), ("description", "description"))
        console.output(answer, as_json=json, columns=columns)
    else:
        _show(_call(home, "GET", "status"), json)


@app.command()
def disturb(
    names: Annotated[list[str], typer.Argument(help="Disturbances, idv_01 to idv_28.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Switch disturbances on; `lineshaft demo status --all` lists them."""
    _show(_call(home, "POST", "disturb", {"disturbances": names}), json)


@app.command()
def calm(names: _Names = None, home: HomeOption = None, json: JsonOption = False) -> None:
    """Switch disturbances off."""
    _show(_call(home, "POST", "calm", {"disturbances": names or []}), json)


@app.command()
def speed(
    times: Annotated[float, typer.Argument(help="Multiple of real time, 0.1 to 100.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Run the plant faster or slower."""
    _show(_call(home, "POST", "speed", {"speed": times}), json)


@app.command()
def auto(
    valves: Annotated[list[str] | None, typer.Argument(help="XMV_01 to XMV_12; none means all.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Give valves that were written to back to their controllers."""
    _show(_call(home, "POST", "auto", {"valves": valves or []}), json)


@app.command()
def restart(home: HomeOption = None, json: JsonOption = False) -> None:
    """Start the plant anew at its base case, without disturbances."""
    _show(_call(home, "POST", "restart"), json)


def _call(home: Any, method: str, name: str, body: Any = None) -> Any:
    from lineshaft.client import connect

    with connect(home=home) as client:
        return client.request(method, f"/api/v1/demo/{name}", json=body)


def _show(answer: Any, as_json: bool) -> None:
    if not as_json:
        answer = {key: value for key, value in answer.items() if value not in (None, "", [])}
    console.output(answer, as_json=as_json)
