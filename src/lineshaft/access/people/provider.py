"""An OpenID provider as its clients see it: discovery, the way to its sign-in page, code for ID token, its checks.

OpenID Connect Core 1.0 with PKCE (RFC 7636, S256) and the issuer in the answer (RFC 9207). Whatever the provider
sends is bounded in size and time; nothing is fetched in plain text beyond loopback.
"""

import asyncio
import base64
import hashlib
import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from lineshaft.access.people.settings import OidcSettings
from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput, Unauthenticated, Unavailable

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519")
"""Signatures of ID tokens that are accepted. `none` proves nothing, and HS* would make our secret a signing key."""
SECONDS: Final = 10.0
"""One call on the provider takes no longer."""
LARGEST_BYTES: Final = 1 << 20
LEEWAY_SECONDS: Final = 60
"""How far its clock may be from ours."""
_BELIEVED_SECONDS: Final = 3600.0
_NEW_KEYS_SECONDS: Final = 30.0
"""Keys are not asked for more often, whatever key a token names."""


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What of a provider's description is used."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str = ""


class Provider:
    """One provider, by its settings."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, Any] | None = None

    async def metadata(self) -> Metadata:
        """Its description, believed for an hour.

        Raises:
            Unavailable: it does not answer, or says what cannot be used.
        """
        if self._metadata is None or clock.monotonic() - self._metadata[0] > _BELIEVED_SECONDS:
            self._metadata = (clock.monotonic(), await self._discover())
        return self._metadata[1]

    async def _discover(self) -> Metadata:
        issuer = self._settings.issuer
        check_address(issuer)
        body = await self._fetch("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        found = _decode(body, Metadata)
        if found.issuer != issuer:
            raise _unusable(f"it calls itself {found.issuer[:200]}, not {issuer}")
        optional = [found.userinfo_endpoint] if found.userinfo_endpoint else []
        for address in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri, *optional):
            check_address(address)
        return found

    def sign_in_address(self, metadata: Metadata, redirect: str, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes to sign in."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = urlencode({
            "response_type": "code", "client_id": self._settings.client_id, "redirect_uri": redirect,
            "scope": " ".join(dict.fromkeys(["openid", *self._settings.scopes])), "state": state, "nonce": nonce,
            "code_challenge": challenge, "code_challenge_method": "S256",
        })  # fmt: skip
        address = metadata.authorization_endpoint
        return f"{address}{'&' if '?' in address else '?'}{query}"

    async def claims(self, code: str, redirect: str, verifier: str, nonce: str) -> dict[str, Any]:
        """Exchange a code for the ID token's claims, all checked.

        Raises:
            Unauthenticated: the provider refuses the code, or its token is not for this sign-in.
            Unavailable: it does not answer.
        """
        metadata = await self.metadata()
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier,
            "client_id": self._settings.client_id,
        }  # fmt: skip
        headers = await self._authenticate(metadata, form)
        body = await self._fetch("POST", metadata.token_endpoint, form, headers)
        tokens = _decode(body, _Tokens)
        claims = await self._verify(tokens.id_token, metadata, nonce)
        if self._settings.role_claim in claims or not metadata.userinfo_endpoint or not tokens.access_token:
            return claims
        return {**await self._about(metadata, tokens.access_token, claims["sub"]), **claims}

    async def _about(self, metadata: Metadata, token: str, subject: str) -> dict[str, Any]:
        """What the provider tells beside the ID token (OpenID Connect Core, 5.3)."""
        body = await self._fetch("GET", metadata.userinfo_endpoint, headers={"authorization": f"Bearer {token}"})
        told: dict[str, Any] = _decode(body, dict[str, Any])
        if told.get("sub") != subject:
            raise _refused("it tells about somebody else")
        return told

    async def _authenticate(self, metadata: Metadata, form: dict[str, str]) -> dict[str, str]:
        """Headers, and fields added to the form, that prove to the provider who we are."""
        if not self._settings.client_secret_file:
            return {}
        secret = await asyncio.to_thread(_read_secret, self._settings.client_secret_file)
        methods = metadata.token_endpoint_auth_methods_supported
        if "client_secret_basic" not in methods and "client_secret_post" in methods:
            form["client_secret"] = secret
            return {}
        pair = f"{quote(self._settings.client_id, safe='')}:{quote(secret, safe='')}"  # RFC 6749, 2.3.1
        return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    async def _verify(self, text: str, metadata: Metadata, nonce: str) -> dict[str, Any]:
        from joserfc import jws, jwt
        from joserfc.errors import JoseError

        try:
            kid = jws.extract_compact(text.encode()).headers().get("kid")
            keys = await self._key_set(metadata, kid)
            claims = jwt.decode(text, keys, algorithms=list(ALGORITHMS)).claims
            self._registry(nonce).validate(claims)
        except (JoseError, ValueError) as error:
            raise _refused(str(error)[:200]) from error
        audience = claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != self._settings.client_id:
            raise _refused("it is for several clients, and this one is not the authorised one")
        return dict(claims)

    def _registry(self, nonce: str) -> Any:
        from joserfc import jwt

        return jwt.JWTClaimsRegistry(
            now=clock.now_us() // clock.MICROSECONDS, leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "value": self._settings.client_id},
            nonce={"essential": True, "value": nonce}, sub={"essential": True}, exp={"essential": True},
            iat={"essential": True},
        )  # fmt: skip

    async def _key_set(self, metadata: Metadata, kid: str | None) -> Any:
        """Its keys; asked for anew where a token names one that we do not know."""
        age = _BELIEVED_SECONDS if self._keys is None else clock.monotonic() - self._keys[0]
        known = self._keys is not None and (kid is None or any(key.kid == kid for key in self._keys[1].keys))
        if age >= _BELIEVED_SECONDS or (not known and age >= _NEW_KEYS_SECONDS):
            from joserfc.errors import JoseError
            from joserfc.jwk import KeySet

            body = await self._fetch("GET", metadata.jwks_uri)
            try:
                self._keys = (clock.monotonic(), KeySet.import_key_set(_decode(body, dict)))
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise _unusable(f"its keys: {str(error)[:100]}") from error
        assert self._keys is not None
        return self._keys[1]

    async def _fetch(
        self, method: str, address: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Body of an answer that is 200 and not too large; follows no redirect."""
        import httpx

        own = _is_loopback(urlsplit(address).hostname or "")
        try:
            async with (
                asyncio.timeout(SECONDS),
                httpx.AsyncClient(timeout=SECONDS, trust_env=not own) as client,
                client.stream(
                    method, address, data=form, headers={"accept": "application/json", **(headers or {})}
                ) as answer,
            ):
                body = bytearray()
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > LARGEST_BYTES:
                        raise _unusable(f"its answer is larger than {LARGEST_BYTES:,} bytes")
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise _unusable(f"{type(error).__name__}: {str(error)[:200]}") from error
        if form is not None and answer.status_code in (400, 401):
            raise _refused(f"it refused the code: {_reason(bytes(body))}")
        if answer.status_code != 200:
            raise _unusable(f"it answered {answer.status_code}")
        return bytes(body)


def check_address(address: str) -> None:
    """Refuse an address where others could read or change what is sent.

    Raises:
        InvalidInput: no https beyond loopback, or no address at all.
    """
    parts = urlsplit(address)
    plain = parts.scheme == "http" and _is_loopback(parts.hostname or "")
    if not parts.hostname or not (parts.scheme == "https" or plain) or parts.username or parts.fragment:
        raise InvalidInput(
            "access.oidc_address", f"the provider's address {address[:200]!r} is not https",
            "Plain http is accepted on loopback only; see the setting oidc.issuer.", field="oidc.issuer",
            value=address[:200],
        )  # fmt: skip


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_secret(file: str) -> str:
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(
            "access.oidc_secret", f"the file {file} with the provider's secret cannot be read: {error}",
            "See the setting oidc.client_secret_file.", file=file, reason=str(error),
        ) from error  # fmt: skip


def _decode(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise _unusable(f"its answer is not of the form prescribed: {str(error)[:100]}") from error


def _reason(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body, type=dict[str, Any]).get("error", ""))[:60]
    except (msgspec.MsgspecError, ValueError):
        return "without a reason"


def _unusable(reason: str) -> Unavailable:
    return Unavailable(
        "access.oidc_unavailable", f"sign-in by the external provider is not possible now: {reason}",
        "Sign in with your password or a passkey; an administrator can look at the [oidc] settings.", reason=reason,
    )  # fmt: skip


def _refused(reason: str) -> Unauthenticated:
    return Unauthenticated(
        "access.oidc_refused",
        f"the external provider's answer is not accepted: {reason}",
        "Begin again.",
        reason=reason,
    )
