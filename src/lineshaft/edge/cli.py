"""`lineshaft device`: devices and their points, what a device offers, its credentials and its certificate."""

import difflib
import fnmatch
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import quote

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say
from lineshaft.core.errors import InvalidInput, LineshaftError, from_wire
from lineshaft.edge.endpoints import driver_of
from lineshaft.edge.headings import headings, with_symbols

app = console.application("Devices and their points.")

_ROOT = "/api/v1/edge"
_NAME = Annotated[str, typer.Argument(help="Name of the device.")]
_Gateway = Annotated[str, typer.Option("--gateway", help="Which gateway: the box's own, or one that enrolled.")]
_Root = Annotated[str, typer.Option("--root", help="Address of the node to begin at.")]
_Depth = Annotated[int, typer.Option("--depth", help="Levels below the root.")]
_Nodes = Annotated[int, typer.Option("--nodes", help="Nodes to look at, at most.")]
_Seconds = Annotated[float, typer.Option("--seconds", help="Time to take, at most.")]
_KEPT = ("address", "kind", "unit", "unit_text", "description", "low", "high")
"""What of a thing found becomes the point's."""
FOUND_COLUMNS = (
    ("name", "name"), ("kind", "kind"), ("unit", "unit"), ("address", "address"), ("refused", "cannot be a point")
)  # fmt: skip


@contextmanager
def _client(home: Path | None) -> Iterator[Any]:
    from lineshaft.client import connect

    with connect(home=home) as client:
        yield client


def _path(name: str, *more: str) -> str:
    return "/".join((_ROOT, "devices", quote(name, safe=""), *more))


@app.command("list")
def list_devices(home: HomeOption = None, json: JsonOption = False) -> None:
    """List devices, and how each stands."""
    with _client(home) as client:
        devices = list(client.devices.list())
        states = _states(client, devices)
        nothing = {"state": "not running"}
        rows = [
            {**device, "state": state["state"], "trouble": state.get("message", "")}
            for device in devices
            for state in [
                states.get((device["gateway"], device["name"])) or states.get((device["gateway"], ""), nothing)
            ]
        ]
    columns = (
        ("name", "device"), ("state", "state"), ("driver", "driver"), ("endpoint", "endpoint"), ("points", "points"),
        ("path", "path"), ("trouble", ""),
    )  # fmt: skip
    empty = say("No devices yet: `lineshaft device add` makes one.", "还没有设备：用 lineshaft device add 添加。")
    console.output(rows, as_json=json, columns=headings(columns), empty=empty)


def _states(client: Any, devices: Iterable[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """How devices stand by gateway and name; under the name "" why a whole gateway does not say."""
    names: dict[str, list[str]] = {}
    for device in devices:
        names.setdefault(device["gateway"], []).append(device["name"])
    states: dict[tuple[str, str], dict[str, Any]] = {}
    for gateway in sorted(names):
        try:
            for report in client.devices.reports(gateway, names[gateway]):
                states.update({(gateway, device["name"]): device for device in report["devices"]})
        except LineshaftError as error:
            if gateway == "gateway":
                raise
            states[gateway, ""] = {"state": "unknown", "message": error.message}
    return states


@app.command()
def show(name: _NAME, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show one device with its points."""
    with _client(home) as client:
        device = client.devices.get(name)
    if json:
        console.output(device, as_json=True)
        return
    points = device.pop("points")
    console.output(device, as_json=False)
    columns = (("name", "point"), ("kind", "kind"), ("unit", "unit"), ("address", "address"), ("group", "group"))
    rows = with_symbols({"kind": "number", "group": "main", **point} for point in points)
    console.output(rows, as_json=False, columns=headings(columns))


@app.command()
def add(
    name: _NAME,
    endpoint: Annotated[str, typer.Option("--endpoint", help="Address, such as opc.tcp://10.0.0.5:4840.")],
    path: Annotated[str, typer.Option("--path", help="enterprise/site/area/line/cell/device")],
    driver: Annotated[
        str, typer.Option("--driver", help="The protocol it speaks; by the endpoint where it tells.")
    ] = "",
    profile: Annotated[str, typer.Option("--profile", help="Take driver, options and points from this profile.")] = "",
    secret: Annotated[str, typer.Option("--secret", help="Name of its credentials, see `device secret`.")] = "",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="An option of the driver, name=value; repeatable.")
    ] = None,
    period: Annotated[int, typer.Option("--period", help="Milliseconds between two deliveries.")] = 500,
    mode: Annotated[
        str, typer.Option("--mode", help="`subscribe`, or `poll`; what the driver can, if not given.")
    ] = "",
    gateway: _Gateway = "gateway",
    project: Annotated[str, typer.Option("--project", help="Whose members see it; main where not given.")] = "",
    points: Annotated[
        Path | None, typer.Option("--points", help="JSON file with a list of points.", exists=True)
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Add a device; `device import` then takes points from it."""
    options = read_options(driver or ("" if profile else driver_of(endpoint)), option)
    if secret:
        options["secret"] = secret
    body: dict[str, Any] = {
        "name": name, "endpoint": endpoint, "path": path, "options": options, "gateway": gateway,
        "project": project,
    }  # fmt: skip
    if profile:
        body["profile"] = profile
    else:
        body["driver"] = driver or driver_of(endpoint)
        body["groups"] = [group_of(body["driver"], period, mode)]
        body["points"] = read_points(points) if points else []
    with _client(home) as client:
        device = client.request("POST", f"{_ROOT}/devices", json=body)
    if json:
        console.output(device, as_json=True)
        return
    console.note(say(f"Added {name} ({device['handle']}).", f"已添加 {name}（{device['handle']}）。"))
    if not device["points"]:
        console.note(say(f"Next: lineshaft device import {name}", f"下一步：lineshaft device import {name}"))


def group_of(driver: str, period: int = 500, mode: str = "") -> dict[str, Any]:
    """The one scan group of a new device: subscribed to where its driver can do that, polled where not."""
    from lineshaft.edge.driver import find_driver

    manifest = find_driver(driver).manifest
    usual = manifest.usual or ("subscribe" if "subscribe" in manifest.modes else "poll")
    return {"name": "main", "period_ms": period, "mode": mode or usual}


def read_options(driver: str, given: list[str] | None) -> dict[str, Any]:
    """Options of a driver as they are written, `name=value`; an option that is a text stays one, whatever it looks like.

    Args:
        driver: empty: unknown, then what looks like a number, true or false is that.

    Raises:
        InvalidInput: one that is not so written. NotFound: there is no such driver.
    """
    from lineshaft.edge.driver import find_driver

    fields = get_type_hints(find_driver(driver).manifest.options) if driver and given else {}
    return dict(_read_option(text, fields) for text in given or [])


def _read_option(text: str, fields: dict[str, Any]) -> tuple[str, Any]:
    import msgspec

    key, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput(
            "edge.option_unreadable", f"--option {text!r} has no '='", "Write --option name=value.",
            field="--option", value=text,
        )  # fmt: skip
    try:
        read = msgspec.json.decode(value)
    except msgspec.DecodeError:
        return key, value
    return key, value if _is_text(fields.get(key)) and not isinstance(read, str) else read


def _is_text(hint: Any) -> bool:
    """Whether an option's type is a text, or one of some texts."""
    if get_origin(hint) is Literal:
        return all(isinstance(each, str) for each in get_args(hint))
    return hint is str


def check_choice(option: str, value: str, choices: Any) -> None:
    """Refuse a word that is none of a type's.

    Raises:
        InvalidInput: lists them, the nearest first where one is near.
    """
    known = [each for each in get_args(choices) if each]
    if not value or value in known:
        return
    near = difflib.get_close_matches(value, known, 1)
    meant = f"Did you mean {near[0]}? " if near else ""
    raise InvalidInput(
        "edge.choice_unknown", f"{option} is {value!r}, and can be {', '.join(known)}", f"{meant}Take one of these.",
        field=option, value=value, known=known,
    )  # fmt: skip


def read_points(file: Path) -> Any:
    """A list of points, or the `points` of what `device show --json` or `edge import --json` printed."""
    import msgspec

    try:
        read = msgspec.json.decode(file.read_bytes())
    except msgspec.DecodeError as error:
        raise InvalidInput(
            "edge.points_file_unreadable", f"{file} is not JSON: {error}",
            'Give a list such as [{"name": "pressure", "address": "ns=2;s=P1"}].', field="--points", value=str(file),
            reason=str(error),
        ) from error  # fmt: skip
    return read.get("points", []) if isinstance(read, dict) else read


@app.command()
def change(
    name: _NAME,
    points: Annotated[
        Path | None,
        typer.Option("--points", help="JSON file with all its points; `device show --json` prints them.", exists=True),
    ] = None,
    endpoint: Annotated[str, typer.Option("--endpoint", help="Its new address.")] = "",
    path: Annotated[str, typer.Option("--path", help="enterprise/site/area/line/cell/device")] = "",
    secret: Annotated[str, typer.Option("--secret", help="Name of its credentials, see `device secret`.")] = "",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="An option of the driver, name=value; repeatable.")
    ] = None,
    period: Annotated[int | None, typer.Option("--period", help="Milliseconds between two deliveries.")] = None,
    comment: Annotated[str, typer.Option("--comment", help="Why, for `edge config list`.")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Change a device; what is not given stays, and points that keep their names keep their tags."""
    with _client(home) as client:
        device = client.devices.get(name)
        options = read_options(device["driver"], option) | ({"secret": secret} if secret else {})
        body = {key: value for key, value in device.items() if key not in ("name", "handle")}
        body["options"] = {**body.get("options", {}), **options}
        body |= {key: value for key, value in (("endpoint", endpoint), ("path", path), ("comment", comment)) if value}
        if points is not None:
            body["points"] = read_points(points)
        if period is not None:
            body["groups"] = [{**group, "period_ms": period} for group in body["groups"]]
        changed = client.request("PUT", _path(name), json=body)
    if json:
        console.output(changed, as_json=True)
        return
    console.note(say(f"Changed {name}.", f"已更改 {name}。"))


@app.command()
def remove(name: _NAME, yes: YesOption = False, home: HomeOption = None) -> None:
    """Take a device out; its history stays."""
    console.confirm(say(f"Remove {name}?", f"移除 {name}？"), yes=yes)
    with _client(home) as client:
        client.request("DELETE", _path(name))


@app.command("test")
def try_device(name: _NAME, home: HomeOption = None, json: JsonOption = False) -> None:
    """Connect to a device, sign in, look at its points; exits with 1 where a point cannot be read."""
    with _client(home) as client:
        report = client.request("POST", f"{_ROOT}/test", json={"name": name})
    if json:
        console.output(report, as_json=True)
    else:
        console.output({**report["about"], "connect_ms": report["connect_ms"]}, as_json=False)
        good = say("Every point can be read.", "所有测点均可读。")
        if not (report["looked_up"] or report["refused"]):
            good = say("It answers; it has no points yet.", "设备有应答；尚无测点。")
        console.output(with_symbols(report["refused"]), as_json=False, columns=headings(FOUND_COLUMNS), empty=good)
    if report["refused"]:
        raise typer.Exit(1)


@app.command()
def browse(
    name: _NAME, root: _Root = "", depth: _Depth = 20, nodes: _Nodes = 100_000, seconds: _Seconds = 600.0,
    home: HomeOption = None, json: JsonOption = False,
) -> None:  # fmt: skip
    """List what a device offers."""
    with _client(home) as client:
        found, _ = walk(client, name, {"root": root, "depth": depth, "nodes": nodes, "seconds": seconds}, quiet=json)
    rows = with_symbols({"kind": "number", **one, "name": "/".join(_whole_name(one))} for one in found)
    console.output(found if json else rows, as_json=json, columns=headings(FOUND_COLUMNS))


def walk(
    client: Any, device: str | dict[str, Any], request: dict[str, Any], *, quiet: bool
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Browse a device, configured or described; Ctrl-C cancels the job. What was found, and the job's result."""
    which = "name" if isinstance(device, str) else "device"
    job_id = client.request("POST", f"{_ROOT}/browse", json={which: device, "request": request})["job"]
    jobs = "/api/v1/system/jobs"
    try:
        job = console.follow(job_id, lambda one: client.request("GET", f"{jobs}/{one}"), quiet=quiet)
    except KeyboardInterrupt:
        client.request("POST", f"{jobs}/{job_id}/cancel")
        raise
    if job["state"] == "failed":
        error = job["error"]
        raise from_wire(error["code"], error["message"], error["hint"], 500, error["facts"])
    result = job["result"] or {}
    if result.get("stopped"):
        console.note(
            say(f"Cut short at the limit of {result['stopped']}.", f"达到上限 {result['stopped']}，提前结束。")
        )
    return [*client.pages(f"{_ROOT}/browse/{job_id}", {"limit": 1000})], result


@app.command("import")
def import_points(
    name: _NAME,
    root: _Root = "",
    match: Annotated[
        list[str] | None, typer.Option("--match", help="Only names or addresses like this, with * and ?; repeatable.")
    ] = None,
    depth: _Depth = 20,
    nodes: _Nodes = 100_000,
    seconds: _Seconds = 600.0,
    limit: Annotated[int, typer.Option("--limit", help="Refuse to import more points than this.")] = 10_000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be imported.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Browse a device and make points of what it offers; points it has keep their names and tags."""
    with _client(home) as client:
        found, _ = walk(client, name, {"root": root, "depth": depth, "nodes": nodes, "seconds": seconds}, quiet=json)
        device = client.devices.get(name)
        fresh = new_points(found, device["points"], match or ["*"])
        if len(fresh) > limit:
            raise InvalidInput(
                "edge.import_too_large", f"{len(fresh)} points would be imported, more than --limit {limit}",
                "Choose with --root or --match, or raise --limit.", field="--limit", value=len(fresh), maximum=limit,
            )  # fmt: skip
        if not dry_run and fresh:
            _replace_points(client, device, [*device["points"], *fresh])
    refused = [one for one in found if one.get("refused") and _wanted(one, match or ["*"])]
    if json:
        console.output({"imported": fresh, "refused": refused, "dry_run": dry_run}, as_json=True)
        return
    if dry_run:
        empty = say("Nothing new.", "没有新的测点。")
        console.output(with_symbols(fresh), as_json=False, columns=headings(FOUND_COLUMNS[:4]), empty=empty)
    taken = {point["address"] for point in fresh}
    for text in sorted({one["note"] for one in found if one.get("note") and one["address"] in taken}):
        console.note(text)
    verb = say("would be imported", "将导入") if dry_run else say("imported", "已导入")
    console.note(say(f"{len(fresh)} points {verb}, {len(refused)} variables cannot be points.",
                     f"{verb} {len(fresh)} 个测点，{len(refused)} 个变量不能作为测点。"))  # fmt: skip


def new_points(
    found: Iterable[dict[str, Any]], present: Iterable[dict[str, Any]], match: list[str]
) -> list[dict[str, Any]]:
    """Points for what was found and is not configured yet, each with a name of its own.

    Two variables of one name are told apart by the names above them, joined with a dot.
    """
    present = list(present)
    known, names, points = {point["address"] for point in present}, {point["name"] for point in present}, []
    for one in found:
        above = _whole_name(one)
        if one.get("refused") or one["address"] in known or not _wanted(one, match):
            continue
        name = next((text for text in _names(above) if text not in names), f"{level(one['name'])}~{len(names)}")
        names.add(name)
        known.add(one["address"])
        kept = {key: one[key] for key in _KEPT if one.get(key)}
        points.append({"name": name, **kept})
    return points


def _wanted(found: dict[str, Any], match: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(text, glob) for glob in match for text in (found["name"], found["address"]))


def _whole_name(found: dict[str, Any]) -> list[str]:
    """Names from below the root to the variable."""
    return list(found.get("path") or [found["name"]])


def _names(above: list[str]) -> Iterator[str]:
    for start in range(len(above) - 1, -1, -1):
        yield level(".".join(above[start:]))


def level(text: str) -> str:
    """A name that one level of a path may have."""
    return "".join("_" if char in "+#/$" or ord(char) < 0x20 or char == "\x7f" else char for char in text)[:255] or "_"


def _replace_points(client: Any, device: dict[str, Any], points: list[dict[str, Any]]) -> None:
    kept = {key: value for key, value in device.items() if key not in ("name", "handle", "points")}
    body = {**kept, "points": points, "comment": f"import {len(points)}"}
    client.request("PUT", _path(device["name"]), json=body)


@app.command()
def status(gateway: _Gateway = "gateway", home: HomeOption = None, json: JsonOption = False) -> None:
    """Show how a gateway and its devices stand."""
    with _client(home) as client:
        mine = client.pages(f"{_ROOT}/devices", {"gateway": gateway, "limit": 1000})
        report, *more = client.devices.reports(gateway, [device["name"] for device in mine])
    report["devices"] += [device for further in more for device in further["devices"]]
    if json:
        console.output(report, as_json=True)
        return
    devices, parts = report.pop("devices"), report.pop("parts", {})
    console.output(report, as_json=False)
    for part, figures in parts.items():
        console.note("")
        console.output({f"{part}.{name}": value for name, value in figures.items()}, as_json=False)
    console.note("")
    columns = (("name", "device"), ("state", "state"), ("since", "since"), ("points", "points"), ("message", ""))
    console.output(devices, as_json=False, columns=headings(columns))


@app.command()
def secret(
    name: Annotated[str, typer.Argument(help="Name of the credentials.")],
    user: Annotated[str, typer.Option("--user", help="User name.")] = "",
    forget: Annotated[bool, typer.Option("--forget", help="Forget them.")] = False,
    gateway: _Gateway = "gateway",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Give a gateway credentials for a device; the password is asked for, or read from standard input."""
    with _client(home) as client:
        if forget:
            client.request("DELETE", f"{_ROOT}/secrets/{quote(name, safe='')}", params={"gateway": gateway})
            if json:
                console.output({"name": name, "gateway": gateway, "kept": False}, as_json=True)
            return
        user = user or typer.prompt(say("User", "用户名"), err=True)
        if sys.stdin.isatty():
            password = typer.prompt(say("Password", "密码"), hide_input=True, err=True)
        else:
            password = sys.stdin.readline().rstrip("\n")
        client.request(
            "PUT", f"{_ROOT}/secrets/{quote(name, safe='')}", params={"gateway": gateway},
            json={"user": user, "password": password},
        )  # fmt: skip
    if json:
        console.output({"name": name, "gateway": gateway, "kept": True}, as_json=True)


@app.command()
def secrets(gateway: _Gateway = "gateway", home: HomeOption = None, json: JsonOption = False) -> None:
    """List credentials on a gateway by name: whose they are, and which devices use them."""
    with _client(home) as client:
        rows = client.request("GET", f"{_ROOT}/secrets", params={"gateway": gateway})["items"]
    console.output(rows, as_json=json, empty=say("This gateway has no credentials.", "该网关没有凭据。"))


@app.command()
def certificates(gateway: _Gateway = "gateway", home: HomeOption = None, json: JsonOption = False) -> None:
    """List certificates of servers: trusted ones, and those that were refused."""
    with _client(home) as client:
        rows = client.request("GET", f"{_ROOT}/certificates", params={"gateway": gateway})["certificates"]
    columns = headings([(key, key) for key in rows[0]]) if rows else None
    console.output(
        rows,
        as_json=json,
        columns=columns,
        empty=say("No server has shown a certificate yet.", "尚无服务器出示过证书。"),
    )


@app.command()
def trust(
    fingerprint: Annotated[str, typer.Argument(help="SHA-256 of the certificate, at least its first 16 digits.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="No longer trust it.")] = False,
    gateway: _Gateway = "gateway",
    home: HomeOption = None,
) -> None:
    """Trust a server's certificate that was refused."""
    with _client(home) as client:
        method = "DELETE" if revoke else "PUT"
        path = f"{_ROOT}/certificates/{quote(fingerprint, safe='')}/trust"
        answer = client.request(method, path, params={"gateway": gateway})
    console.note(answer["fingerprint"])
