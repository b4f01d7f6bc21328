"""`lineshaft id register`, `update`, `delete`, `import`, `export` and `proof`: records changed at a node, over HTTP."""

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say
from lineshaft.core.errors import InvalidInput
from lineshaft.resolution.cli import app

if TYPE_CHECKING:
    from lineshaft.resolution.http.client import NodeClient

proofs = console.application("Proofs of registration.")
app.add_typer(proofs, name="proof")

_Node = Annotated[str, typer.Option("--node", help="HTTP address of the node.", envvar="LINESHAFT_ID_NODE")]
_As = Annotated[str, typer.Option("--as", help="Who asks, index:handle.", envvar="LINESHAFT_ID_AS")]
_Secret = Annotated[Path | None, typer.Option("--secret-file", help="File with the secret of that value.")]
_Key = Annotated[Path | None, typer.Option("--key-file", help="PEM file with its private key, instead of a secret.")]
_Authority = Annotated[Path | None, typer.Option("--ca-file", help="PEM file whose certificates are believed.")]
_Values = Annotated[list[str], typer.Option("--value", help="TYPE=text or INDEX:TYPE=text; repeatable.")]
_Handle = Annotated[str, typer.Argument(help="The handle, prefix/suffix.")]

_PORTION: Final = 8192
_PORTION_BYTES: Final = 8 * 2**20
_SHOWN: Final = 20


@app.command()
def register(
    handle: _Handle, values: _Values, node: _Node, who: _As, secret: _Secret = None, key: _Key = None,
    ca_file: _Authority = None, json: JsonOption = False,
    admin: Annotated[str, typer.Option(help="Who may change it, index:handle [default: who asks].")] = "",
    mint: Annotated[bool, typer.Option("--mint", help="Take the handle as a beginning; add an end nobody can guess.")] = False,
) -> None:  # fmt: skip
    """Register a handle with values."""
    given = [*_values_from(values), _admin_value(admin or who)]
    with _asking(node, who, secret, key, ca_file) as client:
        made = client.mint(handle, given) if mint else client.register(handle, given)
    console.output({"handle": made, "values": len(given)}, as_json=json)


@app.command()
def update(
    handle: _Handle, values: _Values, node: _Node, who: _As, secret: _Secret = None, key: _Key = None,
    ca_file: _Authority = None, json: JsonOption = False,
) -> None:  # fmt: skip
    """Add values to a handle, or put them in the place of those with their indexes."""
    given = _values_from(values)
    with _asking(node, who, secret, key, ca_file) as client:
        client.put(handle, given)
    console.output({"handle": handle, "values": len(given)}, as_json=json)


@app.command()
def delete(
    handle: _Handle, node: _Node, who: _As, secret: _Secret = None, key: _Key = None, ca_file: _Authority = None,
    index: Annotated[list[int] | None, typer.Option(help="Only the value with this index; repeatable.")] = None,
    yes: YesOption = False, json: JsonOption = False,
) -> None:  # fmt: skip
    """Delete a handle, or some of its values."""
    if not index:
        console.confirm(say(f"Delete {handle} for good?", f"永久删除 {handle}？"), yes=yes)
    with _asking(node, who, secret, key, ca_file) as client:
        client.delete(handle, index or [])
    console.output({"handle": handle, "deleted": index or "all"}, as_json=json)


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="NDJSON, or CSV with a heading: handle or suffix, then a type for each value.")],
    node: Annotated[str, typer.Option("--node", help="HTTP address of the node.", envvar="LINESHAFT_ID_NODE")] = "",
    who: Annotated[str, typer.Option("--as", help="Who asks, index:handle.", envvar="LINESHAFT_ID_AS")] = "",
    secret: _Secret = None, key: _Key = None, ca_file: _Authority = None, home: HomeOption = None,
    direct: Annotated[bool, typer.Option("--direct", help="Into the store of this installation's node, as its owner.")] = False,
    prefix: Annotated[str, typer.Option(help="Put before the suffixes of a CSV file.")] = "",
    admin: Annotated[str, typer.Option(help="Given to each row of a CSV file, index:handle [default: who asks].")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Put records in the place of others.")] = False,
    faults: Annotated[Path | None, typer.Option(help="Write what was refused to this file, as NDJSON.")] = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Register every line of a file; goes on where it was interrupted."""
    from lineshaft.resolution.bulk import Place, lines_of

    if direct == bool(node):
        raise InvalidInput(
            "resolution.import_target",
            "it is not said where to import to",
            "Give either --node or --direct.",
            field="node",
        )
    place = Place(file, node, overwrite=overwrite)
    owner = admin or who
    lines = lines_of(file, prefix, [_admin_value(owner)] if owner else [])
    left = ((number, line) for number, line in lines if number > place.line)
    done, refused = 0, []
    with contextlib.ExitStack() as stack:
        send = stack.enter_context(_direct(home) if direct else _sending(node, who, secret, key, ca_file))
        bar = stack.enter_context(_Bar(file, place.line))
        for portion in _portions(left):
            numbers = [number for number, _ in portion]
            results = send([line for _, line in portion], overwrite=overwrite)
            faults_here = [_fault(numbers, one) for one in results if one["responseCode"] != 1]
            refused += faults_here
            done += len(portion) - len(faults_here)
            place.reached(numbers[-1])
            bar.reached(numbers[-1])
    place.finished()
    _report(refused, faults, as_json=json)
    answer: dict[str, Any] = {"registered": done, "refused": len(refused), "skipped_lines": place.start}
    console.output(answer | ({"faults": refused} if json else {}), as_json=json)
    if refused:
        raise typer.Exit(1)


@app.command()
def export(
    prefix: Annotated[str, typer.Argument(help="The prefix whose records are wanted.")],
    node: _Node, who: _As, secret: _Secret = None, key: _Key = None, ca_file: _Authority = None,
    file: Annotated[Path | None, typer.Option("--file", help="Where to [default: standard output].")] = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Write every record of a prefix as NDJSON, in the form that `import` takes."""
    count = 0
    with _asking(node, who, secret, key, ca_file) as client:
        if file is None:
            for line in client.export(prefix):
                sys.stdout.buffer.write(line + b"\n")
            return
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as written:
            try:
                for line in client.export(prefix):
                    written.write(line + b"\n")
                    count += 1
                written.flush()
                Path(written.name).replace(file)
            except BaseException:
                Path(written.name).unlink(missing_ok=True)
                raise
    console.output({"file": str(file), "records": count}, as_json=json)


@proofs.command(name="get")
def get_proof(
    handle: _Handle, node: _Node, ca_file: _Authority = None,
    file: Annotated[Path | None, typer.Option("--file", help="Where to [default: standard output].")] = None,
) -> None:  # fmt: skip
    """Fetch the proof that a handle was registered as it is now."""
    import msgspec

    from lineshaft.resolution.http.client import NodeClient

    with NodeClient(node, authority=ca_file) as client:
        document = msgspec.json.format(msgspec.json.encode(client.proof(handle))) + b"\n"
    if file is None:
        sys.stdout.buffer.write(document)
    else:
        file.write_bytes(document)


@proofs.command(name="verify")
def verify_proof(
    file: Annotated[Path, typer.Argument(help="The proof.")],
    key: Annotated[Path | None, typer.Option("--key", help="The node's public key, PEM: no other passes.")] = None,
    log_key: Annotated[str, typer.Option(help="Text of the log's public key: no other passes.")] = "",
    json: JsonOption = False,
) -> None:
    """Check a proof, without asking anybody."""
    import msgspec

    from lineshaft.resolution.auth import keys
    from lineshaft.resolution.proofs import verify_proof as verified
    from lineshaft.resolution.values.json_form import date_text

    try:
        document = msgspec.json.decode(file.read_bytes())
        known = keys.encode_public_key(keys.load_public_key(key.read_text("ascii"))) if key is not None else None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(file, str(error)) from error
    found = verified(document, key=known, log_key=log_key or None)
    answer: dict[str, Any] = {
        "handle": found.handle, "registered": date_text(found.seconds), "node": found.origin, "key": found.key,
        "key_known": found.key_known, "log": found.log_origin, "log_entry": found.log_index, "log_known": found.log_known,
        "values": found.values,
    }  # fmt: skip
    console.output(answer, as_json=json)
    if not found.key_known:
        console.note(say(
            "The signature is right; whose key it is, you have to know: give it as --key.",
            "签名正确；密钥属于谁需由您确认：请用 --key 给出。",
        ))  # fmt: skip


# -- inside -------------------------------------------------------------------------------------------------------------


_Send = Callable[..., list[dict[str, Any]]]


@contextlib.contextmanager
def _sending(
    node: str, who: str, secret: Path | None, key: Path | None, authority: Path | None
) -> Iterator[_Send]:  # fmt: skip
    with _asking(node, who, secret, key, authority) as client:
        yield client.batch


@contextlib.contextmanager
def _direct(home: Path | None) -> Iterator[_Send]:
    from lineshaft.core.settings import Settings
    from lineshaft.resolution.bulk.direct import loading
    from lineshaft.resolution.service import node_config
    from lineshaft.resolution.settings import ResolutionSettings

    place = console.home_of(home)
    settings = Settings.load([ResolutionSettings], file=place.settings_file, partial=True).of(ResolutionSettings)
    with loading(node_config(settings, place)) as load:
        yield load


def _asking(node: str, who: str, secret: Path | None, key: Path | None, authority: Path | None) -> "NodeClient":
    from lineshaft.resolution.auth import keys
    from lineshaft.resolution.http.authorization import reference_from
    from lineshaft.resolution.http.client import Credentials, NodeClient

    try:
        reference = reference_from(who)
    except ValueError as error:
        raise InvalidInput(
            "resolution.identity_form", f"{who!r} does not say who asks", "Give index:handle, as 300:0.NA/88.1.",
            field="as", value=who,
        ) from error  # fmt: skip
    path = secret or key
    if path is None or (secret is not None and key is not None):
        raise InvalidInput(
            "resolution.identity_proof", "it is not said how who asks is proved", "Give --secret-file or --key-file.",
            field="secret-file",
        )  # fmt: skip
    try:
        found = path.read_bytes().removesuffix(b"\n").removesuffix(b"\r")
    except OSError as error:
        raise _unreadable(path, str(error)) from error
    if key is not None:
        credentials = Credentials(reference, key=keys.load_private_key(found.decode("utf-8", "replace")))
    else:
        credentials = Credentials(reference, secret=found)
    return NodeClient(node, credentials, authority)


def _values_from(given: list[str]) -> list[dict[str, Any]]:
    """`URL=https://…` and `3:NAME=motor`; those without an index follow the one before, from 1."""
    found, following = [], 1
    for text in given:
        name, separator, data = text.partition("=")
        index, colon, kind = name.partition(":")
        if colon and index.isdecimal():
            following, name = int(index), kind
        if not separator or not name:
            raise InvalidInput(
                "resolution.value_option", f"{text!r} is not a value", "Give TYPE=text or INDEX:TYPE=text.",
                field="value", value=text,
            )  # fmt: skip
        found.append({"index": following, "type": name, "data": data})
        following += 1
    return found


def _admin_value(who: str) -> dict[str, Any]:
    index, _, handle = who.partition(":")
    admin = {"handle": handle, "index": int(index) if index.isdecimal() else index, "permissions": "011111110011"}
    return {"index": 100, "type": "HS_ADMIN", "data": {"format": "admin", "value": admin}}


def _portions(lines: Iterator[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Some lines at a time, bounded by number and bytes."""
    portion: list[tuple[int, bytes]] = []
    size = 0
    for one in lines:
        portion.append(one)
        size += len(one[1])
        if len(portion) == _PORTION or size >= _PORTION_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _fault(numbers: list[int], result: dict[str, Any]) -> dict[str, Any]:
    """A refusal with the number of the file's line instead of the portion's."""
    line = result.get("line")
    return {**result, "line": numbers[line - 1] if isinstance(line, int) and line <= len(numbers) else numbers[0]}


def _report(refused: list[dict[str, Any]], file: Path | None, *, as_json: bool) -> None:
    if file is not None:
        import msgspec

        file.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in refused))
    if as_json:
        return
    for one in islice(refused, _SHOWN):
        reason = one.get("message") or say(f"code {one['responseCode']}", f"代码 {one['responseCode']}")
        console.note(
            say(
                f"line {one['line']}: {one.get('handle', '')}: {reason}",
                f"第 {one['line']} 行：{one.get('handle', '')}：{reason}",
            )
        )
    if len(refused) > _SHOWN:
        console.note(
            say(
                f"… and {len(refused) - _SHOWN} more (--faults FILE)",
                f"……还有 {len(refused) - _SHOWN} 行（--faults 文件）",
            )
        )


class _Bar:
    """A progress bar over the lines of a file, where somebody looks."""

    def __init__(self, file: Path, start: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        seen = sys.stderr.isatty()
        self._progress = Progress(*columns, console=Console(stderr=True), disable=not seen)
        total = _line_count(file) if seen else None
        self._task = self._progress.add_task(file.name, total=total, completed=start)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def reached(self, line: int) -> None:
        self._progress.update(self._task, completed=line)


def _line_count(file: Path) -> int | None:
    try:
        with file.open("rb") as read:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: read.read(2**20), b""))
    except OSError:
        return None


def _unreadable(path: Path, reason: str) -> InvalidInput:
    return InvalidInput(
        "resolution.file_unreadable", f"{path} cannot be read: {reason}", "Check its name and permissions.",
        field="file", path=str(path), reason=reason,
    )  # fmt: skip
