"""`lineshaft ledger`: verify a log offline, show logs and keys, and whom we witness."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, say
from lineshaft.core.errors import Corrupt

if TYPE_CHECKING:
    from lineshaft.ledger.findings import Report
    from lineshaft.ledger.settings import LedgerSettings

app = console.application("Transparency logs: verify a copy offline, keys, witnesses.")


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="A log's folder, or a copy of it.")],
    key: Annotated[
        list[str] | None, typer.Option("--key", "-k", help="Public key of the log, and of witnesses; several.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Recompute everything from the entries; name whatever is not as it was signed. Needs only the folder."""
    from lineshaft.ledger.verify import verify_folder

    _check_folder(folder)
    keys = key or [_key_in(folder)]
    with _Bar() as progress:
        report = verify_folder(folder, keys, progress)
    if json:
        console.output(_as_json(report), as_json=True)
    else:
        _print(report)
    if not report.ok:
        raise Corrupt(
            "ledger.verification_failed", f"the log in {folder} is not what was signed: {report.found} findings",
            "Keep this copy as it is; compare it with another copy, and with what the witnesses cosigned.",
            path=str(folder), found=report.found,
        )  # fmt: skip


@app.command()
def show(home: HomeOption = None, json: JsonOption = False) -> None:
    """List this installation's logs: size, root, witnesses."""
    from lineshaft.core.errors import NotFound
    from lineshaft.ledger import places

    rows = []
    for reader in places.readers(console.home_of(home)):
        row: dict[str, Any] = {"log": reader.folder.name, "size": 0, "root": "", "origin": "", "cosigned": 0}
        try:
            head = reader.head()
            row |= {"size": head.size, "root": head.root.hex(), "origin": head.origin}
            row["cosigned"] = _cosigned_size(reader)
        except NotFound:
            row["origin"] = reader.key().partition("+")[0]
        rows.append(row)
    columns = (("log", "log"), ("origin", "origin"), ("size", "entries"), ("cosigned", "cosigned"), ("root", "root"))
    console.output(rows, as_json=json, columns=columns, empty=say("There is no log yet.", "还没有日志。"))


@app.command("key")
def show_key(
    log: Annotated[str | None, typer.Argument(help="A log, or `witness`; all where not given.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Print public keys: what others put into `ledger.witnessed`, `ledger.witnesses` or --key."""
    from lineshaft.ledger import places

    place = console.home_of(home)
    if log == "witness":
        rows = [{"log": "witness", "key": places.witness_key(place)}]
    elif log is not None:
        rows = [{"log": log, "key": places.reader(place, log).key()}]
    else:
        rows = [{"log": reader.folder.name, "key": reader.key()} for reader in places.readers(place)]
        if (place.path / places.FOLDER / places.WITNESS_KEY).exists():
            rows.append({"log": "witness", "key": places.witness_key(place)})
    if log is not None and not json:
        console.output(rows[0]["key"], as_json=False)
    else:
        console.output(rows, as_json=json)


@app.command()
def witness(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the logs that we are a witness of, with what we cosigned, and the witnesses that we ask."""
    from lineshaft.ledger import trust

    settings, seen = _settings_and_seen(home)
    rows: list[dict[str, Any]] = [
        {"role": "we witness", "who": log.origin, "entries": 0, "forked": False} | seen.get(log.origin, {})
        for log in trust.trusted_logs(settings.witnessed)
    ]
    rows += [
        {"role": "we ask", "who": f"{asked.key.name} {asked.url}", "entries": None, "forked": None}
        for asked in trust.trusted_witnesses(settings.witnesses)
    ]
    columns = (("role", "role"), ("who", "who"), ("entries", "entries"), ("forked", "forked"))
    empty = say(
        "No witnesses: see ledger.witnessed and ledger.witnesses in `lineshaft config show`.",
        "没有见证方：请查看 `lineshaft config show` 中的 ledger.witnessed 和 ledger.witnesses。",
    )
    console.output(rows, as_json=json, columns=columns, empty=empty)


# -- inside -------------------------------------------------------------------------------------------------------------


def _check_folder(folder: Path) -> None:
    from lineshaft.core.errors import InvalidInput
    from lineshaft.ledger.reader import CHECKPOINT, KEY

    if not any((folder / name).exists() for name in (CHECKPOINT, KEY, "tile")):
        raise InvalidInput(
            "ledger.folder_without_log", f"there is no log in the folder {folder}",
            "A log's folder holds `checkpoint`, `key` and `tile`: ledger/audit in the home, or what "
            "`lineshaft audit export` wrote.", field="folder", value=str(folder),
        )  # fmt: skip


def _key_in(folder: Path) -> str:
    from lineshaft.ledger.reader import LogReader

    found = LogReader(folder).key()
    console.note(
        say(
            f"Warning: no --key given. The key {found} is taken from the folder itself: whoever changed the folder may "
            "have changed it too. Compare it with the one you know.",
            f"警告：未给出 --key。密钥 {found} 取自文件夹本身：更改文件夹的人也可能更改了它。请与您已知的密钥核对。",
        )
    )
    return found


class _Bar:
    """A progress bar on standard error, where somebody looks at it."""

    def __enter__(self) -> Callable[[int, int], None]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
        self._progress.start()
        task = self._progress.add_task("", total=None)
        return lambda done, total: self._progress.update(task, completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _as_json(report: "Report") -> dict[str, Any]:
    import msgspec

    problems = [
        {"kind": finding.kind, "file": finding.file, "index": finding.index, "text": finding.text(console.language())}
        for finding in report.problems
    ]
    return {"ok": report.ok} | msgspec.to_builtins(report) | {"problems": problems}


def _print(report: "Report") -> None:
    shown = {
        "origin": report.origin, "entries": report.size, "root": report.root, "not signed yet": report.unsigned,
        "cosigned by": report.cosigned_by, "cosigned entries": report.cosigned_size,
        "signatures by others": report.unknown_signatures, "bodies": report.bodies, "bodies pruned": report.pruned,
        "result": say("as it was signed", "与签名一致") if report.ok else say("NOT as it was signed", "与签名不一致"),
    }  # fmt: skip
    console.output(shown, as_json=False)
    for finding in report.problems:
        console.output(finding.text(console.language()), as_json=False)


def _cosigned_size(reader: Any) -> int:
    from lineshaft.core.errors import NotFound
    from lineshaft.ledger import checkpoints

    try:
        return checkpoints.read(reader.cosigned())[1].size
    except NotFound:
        return 0


def _settings_and_seen(home: Path | None) -> "tuple[LedgerSettings, dict[str, dict[str, Any]]]":
    """The settings, and what the records say of each log witnessed; nothing where there are no records yet."""
    from sqlalchemy import select

    from lineshaft.core.settings import Settings
    from lineshaft.ledger.settings import LedgerSettings
    from lineshaft.ledger.store import WITNESSED
    from lineshaft.records import Database, RecordsSettings, pending

    place = console.home_of(home)
    place.identity()
    settings = Settings.load([RecordsSettings, LedgerSettings], file=place.settings_file, partial=True)
    database = Database.open(settings.of(RecordsSettings), place)
    try:
        if pending(database, ["ledger"]):
            return settings.of(LedgerSettings), {}
        with database.read() as connection:
            rows = connection.execute(select(WITNESSED)).all()
    finally:
        database.close()
    return settings.of(LedgerSettings), {row.origin: {"entries": row.size, "forked": row.forked} for row in rows}
