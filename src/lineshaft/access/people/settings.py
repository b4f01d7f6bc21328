"""Settings of signing in by an external OpenID provider: table `[oidc]`."""

from typing import Annotated, ClassVar

from msgspec import Meta

from lineshaft.core.settings import Section


class OidcSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    SECTION: ClassVar[str] = "oidc"

    issuer: Annotated[
        str, Meta(description="Address of the provider, such as https://login.example/realms/plant; empty: none.")
    ] = ""
    name: Annotated[str, Meta(max_length=60, description="What the sign-in page calls the provider.")] = "OpenID"
    client_id: Annotated[str, Meta(description="This installation's id at the provider.")] = ""
    client_secret_file: Annotated[
        str, Meta(description="File with the secret that the provider gave; empty for a public client.")
    ] = ""
    scopes: Annotated[tuple[str, ...], Meta(description="Asked of the provider beside openid.")] = ("profile", "email")
    role_claim: Annotated[str, Meta(description="Claim that lists somebody's groups.")] = "groups"
    roles: Annotated[
        tuple[str, ...], Meta(description="Which group has which role, as group=role; without one nobody new comes in.")
    ] = ()
    allowed_domains: Annotated[
        tuple[str, ...], Meta(description="Only people with a verified e-mail address in these; empty: any.")
    ] = ()
