"""`lineshaft edge`: gateways and devices on machines of their own: let one enrol, enrol, run, renew."""

import os
import sys
from typing import Annotated, Any

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, say
from lineshaft.edge.imports import cli as imports
from lineshaft.edge.parts import cli as parts
from lineshaft.edge.profiles import cli as profiles
from lineshaft.edge.versions import cli as versions
from lineshaft.edge.workbench import cli as workbench

_STANDARD_INPUT = "-"

app = console.application("Gateways: simulate and probe devices, parts, machines of their own.")
app.command()(workbench.simulate)
app.command()(workbench.probe)
app.command()(workbench.browse)
app.command("import")(imports.import_file)
app.add_typer(parts.app, name="part")
app.add_typer(profiles.app, name="profile")
app.add_typer(versions.app, name="config")


@app.command()
def invite(
    name: Annotated[str, typer.Argument(help="Name of the gateway or device.")],
    device: Annotated[bool, typer.Option("--device", help="A plain device, not a gateway.")] = False,
    serial: Annotated[
        str, typer.Option(help="Serial number in its maker's certificate, which then is the proof.")
    ] = "",
    minutes: Annotated[int | None, typer.Option(help="How long it may enrol.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """On the server: let a machine enrol once; prints the token to give it."""
    from lineshaft.client import connect
    from lineshaft.edge.enrolment.token import EnrolmentToken, encode

    kind = {"kind": "device"} if device else {"kind": "service", "template": "gateway"}
    body = {"name": name, "serial": serial, "minutes": minutes, **kind}
    with connect(home=home) as client:
        made: dict[str, Any] = client.request("POST", "/api/v1/access/enrolment/invitations", json=body)
    token = EnrolmentToken(url=made["url"], authority=made["authority"], name=made["name"], secret=made["secret"])
    if json:
        console.output({**made, "token": encode(token)}, as_json=True)
        return
    if serial:
        console.note(say(f"It may enrol with its maker's certificate until {made['expires']}.",
                         f"该设备可在 {made['expires']} 之前凭制造商证书注册。"))  # fmt: skip
        return
    console.note(say(f"Shown this once, valid until {made['expires']}; on the machine: lineshaft edge enrol TOKEN",
                     f"仅显示这一次，有效期至 {made['expires']}；在该机器上运行：lineshaft edge enrol TOKEN"))  # fmt: skip
    console.output(encode(token), as_json=False)


@app.command()
def enrol(
    token: Annotated[
        str, typer.Argument(help="What `lineshaft edge invite` printed on the server; - reads it from standard input.")
    ],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """On the machine: get a certificate and all a gateway needs; may be repeated."""
    import msgspec

    from lineshaft.edge.enrolment.enrol import enrol as work
    from lineshaft.edge.enrolment.token import decode

    # Other users of a machine see its processes' arguments.
    text = sys.stdin.readline() if token == _STANDARD_INPUT else token
    done = work(console.home_of(home), decode(text))
    console.output(msgspec.structs.asdict(done), as_json=json)
    if done.gateway and not json:
        place = "" if home is None else f" --home {home}"
        console.note(say(f"Start it with: lineshaft edge run{place}", f"启动命令：lineshaft edge run{place}"))


@app.command()
def run(
    home: HomeOption = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting, package.field=value; repeatable.")
    ] = None,
) -> None:
    """On the machine: run its own bus and the gateway until told to stop; it needs no server to start."""
    place = console.home_of(home)
    argv = [sys.executable, "-m", "lineshaft.cli.machine", "--home", str(place.path)]
    argv += [part for pair in settings or [] for part in ("--set", pair)]
    sys.stdout.flush()
    os.execv(sys.executable, argv)  # the same process goes on, without the command-line library's memory


@app.command()
def renew(home: HomeOption = None, json: JsonOption = False) -> None:
    """On the machine: a new key and certificate now; a running gateway does it by itself in time."""
    import msgspec

    from lineshaft.edge.enrolment.enrol import renew as work

    console.output(msgspec.structs.asdict(work(console.home_of(home))), as_json=json)
