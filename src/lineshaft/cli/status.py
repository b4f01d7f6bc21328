"""`lineshaft status`: the processes of a box, whether each is ready, and what to do where one is not."""

from typing import Any

import typer

from lineshaft.core import console, health
from lineshaft.core.console import HomeOption, JsonOption, home_of, say
from lineshaft.core.errors import Unavailable
from lineshaft.core.home import Home, read_json

app = console.application()


@app.command()
def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show the running services and their health; exits with 1 where one is not ready."""
    place = home_of(home)
    report = read_status(place)
    if json:
        console.output(report, as_json=True)
    else:
        console.note(
            say(f"Lineshaft at {report['url']}, process {report['pid']}", f"天轴 {report['url']}，进程 {report['pid']}")
        )
        console.output(
            report["services"],
            as_json=False,
            columns=[("name", "service"), ("state", "state"), ("pid", "pid"), ("restarts", "restarts"), ("detail", "")],
        )
    if not report["ok"]:
        raise typer.Exit(1)


def read_status(place: Home) -> dict[str, Any]:
    """State of every process of the box on `place`, with the checks of each service.

    Raises:
        Unavailable: no box runs on this home.
    """
    pid = place.running_pid()
    state = read_json(place.run / "state.json") if pid is not None else None
    if pid is None or state is None:
        place.identity()
        raise Unavailable(
            "cli.not_running", f"nothing runs on {place.path}", "`lineshaft up` starts it.", path=str(place.path)
        )
    services = [_service(place, child) for child in list(state["children"])]  # type: ignore[call-overload]
    url = (read_json(place.run / "web.json") or {}).get("url", "")
    return {"pid": pid, "url": url, "ok": all(service["ok"] for service in services), "services": services}


def _service(place: Home, child: dict[str, Any]) -> dict[str, Any]:
    ready = health.readiness(place.socket(child["name"])) if child["name"] != "bus" else None
    checks: list[dict[str, Any]] = list(ready["checks"]) if ready else []  # type: ignore[call-overload]
    failed = [check for check in checks if not check["ok"]]
    ok = child["state"] == "ready" and not failed
    detail = "; ".join(" ".join(filter(None, (check["name"], check["detail"], check["hint"]))) for check in failed)
    state = "not ready" if child["state"] == "ready" and failed else child["state"]
    return {**child, "state": state, "ok": ok, "checks": checks, "detail": detail or child["last_exit"]}
