"""Settings of the certificate authority: table `[pki]`."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from lineshaft.core.settings import Section


class PkiSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    SECTION: ClassVar[str] = "pki"

    suite: Annotated[
        Literal["intl", "gm"], Meta(description="Algorithms the authority signs with: P-256 (intl) or SM2 (gm).")
    ] = "intl"
    root: Annotated[
        Literal["online", "offline"],
        Meta(description="offline: the root key is kept on another machine (`lineshaft pki root-create`)."),
    ] = "online"
    root_years: Annotated[int, Meta(ge=1, le=20, description="Life of the root certificate.")] = 10
    issuing_days: Annotated[
        int, Meta(ge=30, le=730, description="Life of the issuing certificate; renewed at two thirds.")
    ] = 730
    service_hours: Annotated[int, Meta(ge=1, le=24, description="Life of a service's certificate.")] = 24
    device_days: Annotated[int, Meta(ge=1, le=90, description="Life of a device's or node's certificate.")] = 90
    server_days: Annotated[int, Meta(ge=1, le=90, description="Life of a TLS server's certificate.")] = 90
    names: Annotated[
        tuple[str, ...], Meta(description="Further DNS names and addresses of this box for its TLS certificate.")
    ] = ()
    crl_hours: Annotated[int, Meta(ge=1, le=12, description="A new revocation list is made at least this often.")] = 12
    pkcs11_module: Annotated[
        str, Meta(description="Library of a hardware security module; the issuing key is made and stays in it.")
    ] = ""
    pkcs11_token: Annotated[str, Meta(description="Label of the token in the module.")] = "lineshaft"  # noqa: S105  # a label
    pkcs11_key: Annotated[str, Meta(description="Label of the issuing key in the token.")] = "lineshaft-issuing"
    pkcs11_pin_file: Annotated[str, Meta(description="File that holds the token's PIN.")] = ""
    pkcs11_pin: Annotated[
        str, Meta(description="The PIN itself, from LINESHAFT_PKI__PKCS11_PIN.", extra={"secret": True})
    ] = ""
