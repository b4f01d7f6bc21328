"""`lineshaft id resolve`, `trace`, `verify`, `site` and `list`: asking, by the protocol."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, say
from lineshaft.core.errors import Corrupt, InvalidInput, NotFound
from lineshaft.resolution import codes
from lineshaft.resolution.cli import app
from lineshaft.resolution.cli.asking import (
    AsOption,
    AtOption,
    HandleArgument,
    KeyOption,
    RootsOption,
    SecretOption,
    client_of,
    identity_of,
    nearest_types,
    reach_for,
    roots_of,
    run,
)
from lineshaft.resolution.refused import Refused

if TYPE_CHECKING:
    from lineshaft.resolution.client import Answer, Client, Roots, Trail
    from lineshaft.resolution.model import HandleValue
    from lineshaft.resolution.trust import Proof, Registrars, Verdict

_SHOWN = 200
"""Characters of data in a table."""


@app.command()
def resolve(
    handle: HandleArgument,
    types: Annotated[list[str] | None, typer.Option("--type", help="Only values of this type; repeatable.")] = None,
    indexes: Annotated[list[int] | None, typer.Option("--index", help="Only the value with this index; repeatable.")] = None,
    at: AtOption = None, roots: RootsOption = None, who: AsOption = None, secret: SecretOption = None,
    key: KeyOption = None,
    authoritative: Annotated[bool, typer.Option("--authoritative", help="From a primary site, past every cache.")] = False,
    certified: Annotated[bool, typer.Option("--certified", help="Signed by the server, and verified.")] = False,
    no_alias: Annotated[bool, typer.Option("--no-alias", help="Show HS_ALIAS instead of following it.")] = False,
    short: Annotated[bool, typer.Option("--short", help="Only the data, a line for each value.")] = False,
    home: HomeOption = None, json: JsonOption = False,
) -> None:  # fmt: skip
    """Show the values of a handle."""
    identity = identity_of(who, secret, key)
    trail: Trail = []

    async def work() -> "Answer":
        async with client_of(at, roots, home, identity) as client:
            try:
                return await client.resolve(
                    handle.encode(), indexes=indexes or (), types=[one.encode() for one in types or ()],
                    public=identity is None, authoritative=authoritative, certified=certified,
                    follow_aliases=not no_alias, trail=trail,
                )  # fmt: skip
            except Refused as refused:
                if refused.code == codes.RC_VALUES_NOT_FOUND and types:
                    await _suggest(client, handle, types)
                raise

    answer = run(work, handle, trail)
    if json:
        console.output(_answer_json(answer), as_json=True)
    elif short:
        sys.stdout.writelines(f"{_data(value, whole=True)}\n" for value in answer.values)
    else:
        _show_answer(answer, trail)


@app.command()
def trace(
    handle: HandleArgument, at: AtOption = None, roots: RootsOption = None, home: HomeOption = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Show each question on the way to a handle: who was asked what, and what came back."""
    trail: Trail = []
    found: list[int] = []

    async def work() -> Refused | None:
        async with client_of(at, roots, home) as client:
            try:
                found.append(len((await client.resolve(handle.encode(), trail=trail)).values))
            except Refused as refused:
                return refused
        return None

    refused = run(work, handle, trail)
    rows = _hops(trail)
    if json:
        console.output({"handle": handle, "hops": rows, "values": sum(found)}, as_json=True)
    else:
        console.output(rows, as_json=False, columns=[
            ("handle", say("asked for", "查询")), ("zone", say("at the servers of", "所属前缀")),
            ("server", say("server", "服务器")), ("protocol", say("by", "协议")), ("answer", say("answer", "应答")),
            ("ms", "ms"), ("signed", say("signed", "已签名")),
        ])  # fmt: skip
        if not refused:
            console.note(say(f"{sum(found)} values", f"{sum(found)} 个值"))
    if refused is not None:
        from lineshaft.resolution.refusals import error_of

        raise error_of(refused, handle, trail)


@app.command()
def site(
    handle: Annotated[str, typer.Argument(help="A handle or prefix whose site is wanted; the root's by default.")] = "0.NA/0.NA",
    at: AtOption = None, roots: RootsOption = None, home: HomeOption = None, json: JsonOption = False,
) -> None:  # fmt: skip
    """Show the servers that hold a handle, as they describe themselves."""
    from lineshaft.resolution.client import fingerprint
    from lineshaft.resolution.site import PROTOCOLS
    from lineshaft.resolution.values.site_json import site_to_json

    asked = handle if "/" in handle else f"{handle}/"

    async def work() -> Any:
        async with client_of(at, roots, home) as client:
            return await client.site(asked.encode())

    found = run(work, asked)
    if json:
        console.output(site_to_json(found), as_json=True)
        return
    rows = [
        {
            "server": server.number, "address": server.address,
            "ports": " ".join(
                f"{PROTOCOLS[one.protocol] if one.protocol < len(PROTOCOLS) else one.protocol}:{one.port}"
                for one in server.interfaces
            ),
            "key": fingerprint(server.public_key) if server.public_key else "",
        }
        for server in found.servers
    ]  # fmt: skip
    console.output(rows, as_json=False, columns=[
        ("server", say("server", "服务器")), ("address", say("address", "地址")), ("ports", say("ports", "端口")),
        ("key", say("SHA-256 of the key", "公钥 SHA-256")),
    ])  # fmt: skip
    kind = say("primary", "主站点") if found.primary else say("mirror", "镜像")
    console.note(f"{kind}, {say('serial', '序列号')} {found.serial}")


@app.command(name="list")
def list_(
    prefix: Annotated[str, typer.Argument(help="The prefix whose handles are wanted.")],
    who: AsOption = None, secret: SecretOption = None, key: KeyOption = None, at: AtOption = None,
    roots: RootsOption = None, home: HomeOption = None, json: JsonOption = False,
) -> None:  # fmt: skip
    """List the handles under a prefix; only its administrators may."""
    identity = identity_of(who, secret, key)

    async def work() -> list[str]:
        async with client_of(at, roots, home, identity) as client:
            return [one.decode("utf-8", "replace") async for one in client.handles(prefix.encode())]

    handles = run(work, prefix)
    if json:
        console.output({"prefix": prefix, "handles": handles}, as_json=True)
    elif handles:
        sys.stdout.writelines(f"{one}\n" for one in handles)
    else:
        console.note(say(f"There are no handles under {prefix}.", f"前缀 {prefix} 下没有标识。"))


@app.command()
def verify(
    handle: HandleArgument, at: AtOption = None, roots: RootsOption = None, home: HomeOption = None,
    records: Annotated[
        Path | None, typer.Option("--records", help="Offline: a file of records as --json prints them, with those of certificates.")
    ] = None,
    proof: Annotated[Path | None, typer.Option("--proof", help="Check this proof of registration, too.")] = None,
    proof_key: Annotated[
        str | None,
        typer.Option("--proof-key", help="Key that the proof must be signed with, PEM file or SHA-256 [default: the site's].")
    ] = None,
    log_key: Annotated[
        str | None, typer.Option("--log-key", help="Text of the public key of the log that the proof must name.")
    ] = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Say what of a record is proved, by whom, and what is not: its signatures, and its proof of registration."""
    from lineshaft.resolution.trust import verify_record

    trusted = roots_of(roots, home)
    shelf = _read_records(records) if records is not None else None

    async def work() -> tuple["Sequence[HandleValue]", "Verdict"]:
        async with client_of(at, roots, home) as client:
            fetch = client.values if shelf is None else shelf.values
            known = trusted.keys if shelf is not None else await client.root_keys(trusted)
            values = await fetch(handle.encode())
            return values, await verify_record(handle.encode(), values, known, fetch, int(time.time()))

    values, verdict = run(work, handle)
    registered = None
    if proof is not None:
        allowed = _registrars(handle, trusted, proof_key, home, online=shelf is None)
        registered = _registered(proof, handle, values, allowed, log_key)
    if json:
        console.output(_verdict_json(handle, verdict, registered), as_json=True)
    else:
        _show_verdict(values, verdict, registered)
    if verdict.contradicted:
        raise Corrupt(
            "resolution.record_contradicted", f"values of {handle} were changed after they were signed: "
            + ", ".join(map(str, verdict.contradicted)),
            "Do not rely on them; tell the administrator of the record.", handle=handle,
            indexes=", ".join(map(str, verdict.contradicted)),
        )  # fmt: skip
    if not verdict.proved and registered is None:
        raise NotFound(
            "resolution.record_unproved", f"nothing proves the record of {handle}",
            "Its administrator can sign it (HS_SIGNATURE), or hand out its proof of registration (--proof).", handle=handle,
        )  # fmt: skip
    bare = () if registered is None else [one for one in verdict.unproved if one not in registered["covered"]]
    if bare:
        listed = ", ".join(map(str, bare))
        raise NotFound(
            "resolution.values_unproved", f"nothing proves values {listed} of {handle}",
            "A proof of registration covers public values only; those for administrators need a signature (HS_SIGNATURE).",
            handle=handle, indexes=listed,
        )  # fmt: skip


# -- resolve -----------------------------------------------------------------------------------------------------------


async def _suggest(client: "Client", handle: str, types: Sequence[str]) -> None:
    """Say which types there are instead.

    Raises:
        NotFound: there are others.
    """
    everything = await client.resolve(handle.encode())
    near = nearest_types(types, [value.type.decode("utf-8", "replace") for value in everything.values])
    raise NotFound(
        "resolution.no_such_type", f"{handle} has no values of type {', '.join(types)}",
        f"It has {', '.join(near)}.", handle=handle, types=", ".join(types), near=", ".join(near),
    )  # fmt: skip


def _show_answer(answer: "Answer", trail: "Trail") -> None:
    console.output([_row(value) for value in answer.values], as_json=False, columns=[
        ("index", say("index", "索引")), ("type", say("type", "类型")), ("ttl", "TTL"),
        ("permissions", say("for", "可见")), ("data", say("data", "数据")),
    ])  # fmt: skip
    for alias in answer.aliases:
        console.note(f"{alias.decode('utf-8', 'replace')} → {answer.handle.decode('utf-8', 'replace')}")
    total = sum(hop.seconds for hop in trail) * 1000
    console.note(
        f"{answer.server} {answer.protocol} · 2.{answer.minor} · {', '.join(_flags(answer))} · "
        + say(f"{total:.1f} ms, {len(trail)} questions", f"{total:.1f} 毫秒，{len(trail)} 次查询")
    )


def _row(value: "HandleValue") -> dict[str, Any]:
    from lineshaft.resolution.model import TTL_ABSOLUTE
    from lineshaft.resolution.values.json_form import date_text

    return {
        "index": value.index, "type": value.type.decode("utf-8", "replace"),
        "ttl": date_text(value.ttl) if value.ttl_type == TTL_ABSOLUTE else value.ttl,
        "permissions": say("everybody", "所有人") if value.public else say("administrators", "管理员"),
        "data": _data(value),
    }  # fmt: skip


def _data(value: "HandleValue", *, whole: bool = False) -> str:
    """A value's data in one line."""
    from lineshaft.resolution.values.json_form import data_to_json

    if value.type.upper() == b"HS_SECKEY" and not whole:
        return say("(secret)", "（密钥）")
    shown = data_to_json(value.type, value.data)
    text = shown["value"] if isinstance(shown["value"], str) else _compact(shown["value"])
    text = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)  # what would steer a terminal
    return text if whole or len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _compact(value: object) -> str:
    import msgspec

    return msgspec.json.encode(value).decode()


def _flags(answer: "Answer") -> list[str]:
    found = [
        say("authoritative", "权威") if answer.flags & codes.AUTHORITATIVE else say("from a cache", "来自缓存"),
    ]  # fmt: skip
    if answer.signed:
        found.append(say("signed by the server", "服务器已签名"))
    if answer.stale(time.time()):
        found.append(say("out of date: its servers do not answer", "已过期：其服务器无应答"))
    return found


def _answer_json(answer: "Answer") -> dict[str, Any]:
    from lineshaft.resolution.values.json_form import value_to_json

    return {
        "handle": answer.handle.decode("utf-8", "replace"), "responseCode": codes.RC_SUCCESS,
        "values": [value_to_json(value) for value in answer.values],
        "server": answer.server, "protocol": answer.protocol, "seconds": round(answer.seconds, 6),
        "authoritative": bool(answer.flags & codes.AUTHORITATIVE), "signed": answer.signed, "stale": answer.stale(time.time()),
        "aliases": [one.decode("utf-8", "replace") for one in answer.aliases],
    }  # fmt: skip


def _hops(trail: "Trail") -> list[dict[str, Any]]:
    from lineshaft.resolution.client import name_of

    return [
        {
            "handle": hop.handle.decode("utf-8", "replace"), "zone": hop.zone.decode("utf-8", "replace") or ".",
            "server": hop.server, "protocol": hop.protocol,
            "answer": name_of(hop.code) if hop.code is not None else hop.note, "ms": round(hop.seconds * 1000, 2),
            "signed": hop.signed,
        }
        for hop in trail
    ]  # fmt: skip


# -- verify ------------------------------------------------------------------------------------------------------------


class _Shelf:
    """Records from a file, instead of servers."""

    def __init__(self, records: dict[bytes, list["HandleValue"]]) -> None:
        self._records = records

    async def values(self, handle: bytes) -> "Sequence[HandleValue]":
        found = self._records.get(handle.upper())
        if found is None:
            raise Refused(codes.RC_HANDLE_NOT_FOUND, f"{handle.decode('utf-8', 'replace')} is not in the file")
        return found


def _read_records(path: Path) -> _Shelf:
    import msgspec

    from lineshaft.resolution.values.json_form import value_from_json

    try:
        given = msgspec.json.decode(path.expanduser().read_bytes())
        listed = given if isinstance(given, list) else [given]
        return _Shelf({
            one["handle"].encode().upper(): [value_from_json(value) for value in one["values"]] for one in listed
        })  # fmt: skip
    except (OSError, msgspec.DecodeError, LookupError, TypeError, AttributeError) as error:
        raise InvalidInput(
            "resolution.records_unreadable", f"the records in {path} cannot be read: {error}",
            "Write what `lineshaft id resolve --json` prints, or a list of that.", field="--records", path=str(path),
            reason=str(error),
        ) from error  # fmt: skip


def _registrars(handle: str, trusted: "Roots", given: str | None, home: Path | None, *, online: bool) -> "Registrars":
    """The keys that a proof of registration may be signed with; without asking anybody, the roots' or the one given."""
    from lineshaft.resolution.auth.keys import encode_public_key
    from lineshaft.resolution.client import fingerprint
    from lineshaft.resolution.trust import Registrars, given_key, registrars

    if given is not None:
        return Registrars(keys=frozenset((given_key(given),)), source="given")
    if not online:
        return Registrars(
            keys=frozenset(fingerprint(encode_public_key(one)) for one in trusted.keys), source="roots"
        )  # fmt: skip
    reach = reach_for(trusted.starts, home)
    return run(lambda: registrars(handle.encode(), trusted, reach), handle)


def _registered(
    path: Path, handle: str, values: "Sequence[HandleValue]", allowed: "Registrars", log_key: str | None
) -> dict[str, Any]:  # fmt: skip
    """What a proof of registration proves of the values, which those are (`covered`, indexes), and by whom.

    Raises:
        InvalidInput: no proof. Corrupt: it does not hold, or for another record.
    """
    import msgspec

    from lineshaft.resolution.trust import verify_registration
    from lineshaft.resolution.values.json_form import value_to_json

    try:
        given = msgspec.json.decode(path.expanduser().read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidInput(
            "resolution.proof_file", f"the proof {path} cannot be read: {error}", "Give the file that `id proof` wrote.",
            field="--proof", path=str(path), reason=str(error),
        ) from error  # fmt: skip
    found = verify_registration(given, handle.encode(), allowed, log_key)
    if found.values != [value_to_json(value) for value in values if value.public]:
        raise Corrupt(
            "resolution.proof_of_another", f"the proof {path} is of a record with other values",
            "The record was changed since: get a new proof (`lineshaft id proof get`).", path=str(path),
        )  # fmt: skip
    private = {value.index for value in values if not value.public}  # where an index stands twice, neither is proved
    return {
        "covered": [value.index for value in values if value.public and value.index not in private],
        "origin": found.origin, "time": found.seconds, "key": found.key,
        "keyFrom": allowed.source, "log": found.log_origin,
        "logPosition": found.log_index, "logSize": found.log_size, "logRoot": found.log_root, "logKey": found.log_key,
    }  # fmt: skip


def _show_verdict(values: "Sequence[HandleValue]", verdict: "Verdict", registered: dict[str, Any] | None) -> None:
    state = dict.fromkeys(verdict.proved, say("proved", "已证明"))
    state |= dict.fromkeys(verdict.contradicted, say("CHANGED since it was signed", "签名后被更改"))
    if registered is not None:
        only = set(verdict.unproved).intersection(registered["covered"])
        state |= dict.fromkeys(only, say("proved by registration only", "仅由注册证明"))
    rows = [
        {
            "index": value.index, "type": value.type.decode("utf-8", "replace"), "data": _data(value),
            "state": state.get(value.index, say("not proved", "未证明")),
        }
        for value in values if value.type.upper() != b"HS_SIGNATURE"
    ]  # fmt: skip
    console.output(rows, as_json=False, columns=[
        ("index", say("index", "索引")), ("type", say("type", "类型")), ("state", say("state", "状态")),
        ("data", say("data", "数据")),
    ])  # fmt: skip
    for proof in verdict.proofs:
        _show_proof(proof)
    if registered is not None:
        _show_registration(registered)


def _show_registration(found: dict[str, Any]) -> None:
    sources = {"given": say("given", "已指定"), "roots": say("a root's", "根密钥")}
    source = sources.get(found["keyFrom"]) or say(
        f"of the servers of {found['keyFrom']}", f"{found['keyFrom']} 的服务器密钥"
    )
    console.note(
        say(f"registered by {found['origin']}, key {found['key']} ({source})",
            f"注册者 {found['origin']}，密钥 {found['key']}（{source}）")
    )  # fmt: skip
    if found["logPosition"] is None:
        console.note(say("  entered in no log yet", "  尚未写入账本"))
        return
    console.note(
        say(f"  entry {found['logPosition']} of {found['log']}, checkpoint of {found['logSize']} entries, root "
            f"{found['logRoot']}", f"  {found['log']} 第 {found['logPosition']} 条，检查点 {found['logSize']} 条，根 "
            f"{found['logRoot']}")
    )  # fmt: skip


def _show_proof(proof: "Proof") -> None:
    if not proof.valid:
        console.note(
            say(f"signature {proof.index} by {proof.signer or '?'} proves nothing: {proof.reason}",
                f"签名 {proof.index}（{proof.signer or '?'}）无效：{proof.reason}")
        )  # fmt: skip
        return
    console.note(say(f"signature {proof.index} holds:", f"签名 {proof.index} 有效："))
    for link in proof.chain:
        by = link.issuer or say("a root key", "根密钥")
        console.note(f"  {link.subject} {link.key[:16]}… ← {by} {'; '.join(link.permissions)}".rstrip())
    if proof.absent:
        listed = ", ".join(map(str, proof.absent))
        console.note(say(f"  signed, but not shown: {listed}", f"  已签名但未显示：{listed}"))


def _verdict_json(handle: str, verdict: "Verdict", registered: dict[str, Any] | None) -> dict[str, Any]:
    import msgspec

    found: dict[str, Any] = {"handle": handle, "holds": verdict.holds, **msgspec.to_builtins(verdict)}
    if registered is not None:
        found["registered"] = registered
    return found
