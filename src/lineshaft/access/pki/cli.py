"""`lineshaft pki`: the certificate authority of an installation, its certificates, and a root that is kept elsewhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say
from lineshaft.core.errors import InvalidInput

app = console.application("Certificates: the authority, issue, revoke, revocation list.")

_ROOT = "/api/v1/access"
_COLUMNS = (
    ("name", "name"), ("profile", "profile"), ("not_after", "valid until"), ("revoked", "revoked"),
    ("fingerprint", "fingerprint"),
)  # fmt: skip
_OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="File to write; else standard output.")]


@app.command()
def show(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show the authority: root, issuing certificate, what is missing. Works on the files, nothing need run."""
    from lineshaft.access.pki.authority_files import AuthorityFiles

    place = console.home_of(home)
    place.identity()
    console.output(_describe(AuthorityFiles.of(place)), as_json=json)


@app.command("list")
def list_certificates(
    name: Annotated[str | None, typer.Argument(help="Only those of this principal.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List certificates, newest first: those that have ended and those revoked too."""
    from lineshaft.client import connect

    params: dict[str, Any] = {"limit": 1000} if name is None else {"limit": 1000, "name": name}
    with connect(home=home) as client:
        rows = list(client.pages(f"{_ROOT}/certificates", params))
    console.output(rows, as_json=json, columns=_COLUMNS)


@app.command()
def issue(
    name: Annotated[str, typer.Argument(help="Device, service or node that gets it.")],
    csr: Annotated[Path, typer.Argument(help="Its request: PKCS #10, PEM.")],
    profile: Annotated[
        Literal["service", "device", "server", "node"], typer.Option(help="Kind of certificate.")
    ] = "device",
    host: Annotated[
        list[str] | None, typer.Option("--host", help="For a server: DNS name or address; several.")
    ] = None,
    out: _OutOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Issue a certificate from a request; prints it with the issuing authority's."""
    body = {"name": name, "profile": profile, "csr": _read(csr).decode("ascii", "replace"), "names": host or []}
    made = _call(home, "POST", "certificates", body)
    if json:
        console.output(made, as_json=True)
    else:
        _write(out, made["chain"].encode())


@app.command()
def revoke(
    fingerprint: Annotated[str, typer.Argument(help="SHA-256 of the certificate, as `pki list` shows it.")],
    reason: Annotated[
        Literal["unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation"],
        typer.Option(help="For the revocation list."),
    ] = "unspecified",
    yes: YesOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Revoke a certificate for ever."""
    console.confirm(say(f"Revoke {fingerprint} for ever?", f"永久吊销 {fingerprint}？"), yes=yes)
    done = _call(home, "POST", f"certificates/{quote(fingerprint, safe='')}/revoke", {"reason": reason})
    console.output({key: done[key] for key in ("fingerprint", "name", "profile", "revoked", "reason")}, as_json=json)


@app.command()
def crl(out: _OutOption = None, home: HomeOption = None) -> None:
    """Print the revocation list, PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from lineshaft.client import connect

    with connect(home=home) as client, client.stream("GET", f"{_ROOT}/crl") as response:
        content = response.read()
    _write(out, x509.load_der_x509_crl(content).public_bytes(Encoding.PEM))


# -- a root that is kept elsewhere ----------------------------------------------------------------------------------------


@app.command("root-create")
def root_create(
    folder: Annotated[Path, typer.Argument(help="New folder for the root's key and certificate.")],
    organization: Annotated[str, typer.Option(help="Stands in the root's name.")] = "Lineshaft",
    suite: Annotated[Literal["intl", "gm"], typer.Option(help="P-256 (intl) or SM2 (gm).")] = "intl",
    years: Annotated[int, typer.Option(min=1, max=20, help="Life of the root.")] = 10,
    json: JsonOption = False,
) -> None:
    """Make a root on a machine without network; needs no installation there."""
    from lineshaft.access.pki import offline_root

    made = offline_root.root_create(folder, organization=organization, suite=suite, years=years)
    console.output({"folder": str(folder.absolute()), **_certificate(made)}, as_json=json)


@app.command("root-sign")
def root_sign(
    csr: Annotated[Path, typer.Argument(help="keys/pki/issuing.csr of the installation.")],
    root: Annotated[Path, typer.Option("--root", help="Folder that root-create made.")],
    days: Annotated[int, typer.Option(min=30, max=730, help="Life of the issuing certificate.")] = 730,
    out: _OutOption = None,
) -> None:
    """Sign an installation's issuing certificate with the root; prints it with the root's."""
    from lineshaft.access.pki import offline_root

    _write(out, offline_root.root_sign(root, _read(csr), days=days).encode())


@app.command()
def install(
    certificate: Annotated[Path, typer.Argument(help="What root-sign wrote.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Put an issuing certificate from an offline root in force; a running installation takes it up within a minute."""
    from lineshaft.access.pki import offline_root
    from lineshaft.access.pki.authority_files import AuthorityFiles

    place = console.home_of(home)
    place.identity()
    console.output(
        _certificate(offline_root.install_certificate(AuthorityFiles.of(place), _read(certificate))), as_json=json
    )


# -- inside ---------------------------------------------------------------------------------------------------------------


def _call(home: Path | None, method: str, path: str, body: Any) -> Any:
    from lineshaft.client import connect

    with connect(home=home) as client:
        return client.request(method, f"{_ROOT}/{path}", json=body)


def _describe(files: Any) -> Mapping[str, Any]:
    root, issuing = files.certificate("root"), files.certificate("issuing")
    shown: dict[str, Any] = {}
    for name, certificate in (("root", root), ("issuing", issuing)):
        found = {} if certificate is None else _certificate(certificate)
        shown.update({f"{name}_{key}": value for key, value in found.items()})
    waits = files.get("issuing.csr") is not None and issuing is None
    shown["root_key"] = "here" if (files.folder / "root.key").exists() else "elsewhere"
    shown["request"] = str(files.folder / "issuing.csr") if waits else None
    return shown


def _certificate(certificate: Any) -> dict[str, Any]:
    from lineshaft.access.pki import certificates
    from lineshaft.core import clock

    return {
        "subject": certificate.subject.rfc4514_string(),
        "fingerprint": certificates.fingerprint_of(certificate),
        "not_after": clock.rfc3339(clock.to_us(certificate.not_valid_after_utc)),
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            "access.pki_file_unreadable", f"{path} cannot be read: {error.strerror}", "Name a file that is there.",
            field="file", path=str(path), reason=str(error.strerror),
        ) from error  # fmt: skip


def _write(path: Path | None, content: bytes) -> None:
    if path is None:
        console.output(content.decode("ascii").rstrip("\n"), as_json=False)
    else:
        path.write_bytes(content)
        console.note(say(f"Wrote {path}.", f"已写入 {path}。"))
