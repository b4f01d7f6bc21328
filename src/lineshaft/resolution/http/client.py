"""A node's HTTP API from outside: signing in by a proof over a nonce, so that a secret never leaves this machine.

Blocking, for commands; everything that is asked goes over one connection, because sessions live in one worker.
"""

import base64
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

import msgspec

from lineshaft.core.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    LineshaftError,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from lineshaft.resolution import codes
from lineshaft.resolution.auth import keys, macs
from lineshaft.resolution.model import Reference
from lineshaft.resolution.values.json_form import compact

if TYPE_CHECKING:
    import httpx

Json = dict[str, Any]
_SAFE: Final = "/:@!$'()*,;=~-._"
_BY_CODE: Final[dict[int, type[LineshaftError]]] = {
    codes.RC_HANDLE_NOT_FOUND: NotFound, codes.RC_VALUES_NOT_FOUND: NotFound, codes.RC_HANDLE_EXISTS: Conflict,
    codes.RC_VALUE_EXISTS: Conflict, codes.RC_INVALID_ADMIN: Forbidden, codes.RC_NOT_PERMITTED: Forbidden,
    codes.RC_AUTHENTICATION_NEEDED: Unauthenticated, codes.RC_AUTHENTICATION_FAILED: Unauthenticated,
    codes.RC_SERVER_BUSY: Unavailable,
}  # fmt: skip


class Credentials(msgspec.Struct, frozen=True):
    """Who asks, and how that is proved: by a secret or by a private key."""

    who: Reference
    secret: bytes = b""
    key: keys.PrivateKey | None = None


class NodeClient:
    """Asks one node.

    Args:
        address: `https://host:port`; `http://` for what is public, and on this machine.
        credentials: for what needs any.
        authority: PEM file whose certificates are believed, beside those of the system.
    """

    def __init__(self, address: str, credentials: Credentials | None = None, authority: Path | None = None) -> None:
        import ssl

        import httpx

        try:
            context = ssl.create_default_context()
            if authority is not None:
                context.load_verify_locations(authority)
            limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
            self._client = httpx.Client(base_url=address.rstrip("/"), verify=context, limits=limits, timeout=60)
        except (OSError, httpx.InvalidURL) as error:
            raise InvalidInput(
                "resolution.node_address", f"{address} cannot be asked: {error}", "Give https://host:port, and a PEM file.",
                field="node", value=address, reason=str(error),
            ) from error  # fmt: skip
        self._credentials = credentials
        self._authorization = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def values(self, handle: str) -> list[Json]:
        """Values of a handle, all that may be read."""
        values: list[Json] = self.call("GET", _path(handle))["values"]
        return values

    def register(self, handle: str, values: list[Json], *, overwrite: bool = False) -> str:
        """Register a handle; returns it."""
        query = {"overwrite": "true" if overwrite else "false"}
        return str(self.call("PUT", _path(handle), query, {"values": values})["handle"])

    def mint(self, beginning: str, values: list[Json]) -> str:
        """Register a handle that begins so, and ends in what nobody can guess; returns it."""
        return str(self.call("PUT", _path(beginning), {"mintNewSuffix": "true"}, {"values": values})["handle"])

    def put(self, handle: str, values: list[Json]) -> None:
        """Add values, or put them in the place of those with their indexes."""
        self.call("PUT", _path(handle), {"index": "various"}, {"values": values})

    def delete(self, handle: str, indexes: list[int]) -> None:
        """Remove values by index; without any the handle."""
        self.call("DELETE", _path(handle), {"index": [str(one) for one in indexes]})

    def proof(self, handle: str) -> Json:
        """The proof of a handle's registration."""
        return self.call("GET", "/api/v1/resolution/proofs/" + quote(handle, safe=_SAFE))

    def batch(self, lines: list[bytes], *, overwrite: bool = False) -> list[Json]:
        """Register lines of NDJSON, none of them empty; what became of each.

        Raises:
            Unavailable: the node stopped before it had answered every line; asked again, it goes on.
        """
        body = b"\n".join(lines) + b"\n"
        query = {"overwrite": "true"} if overwrite else {}
        answer = self._ask("POST", "/api/v1/resolution/handles:batch", query, body)
        results: list[Json] = [msgspec.json.decode(line) for line in answer.content.split(b"\n") if line]
        if len(results) != len(lines) or "line" not in results[-1]:
            reason = results[-1].get("message", "") if results else ""
            raise Unavailable(
                "resolution.batch_cut", f"the node answered {len(results)} of {len(lines)} lines {reason}",
                "Ask again: lines that are registered are passed over.", answered=len(results), lines=len(lines), reason=reason,
            )  # fmt: skip
        return sorted(results, key=lambda one: one["line"])

    def export(self, prefix: str) -> Iterator[bytes]:
        """Every record of a prefix as one line of NDJSON."""
        self._sign_in()
        request = self._client.build_request(
            "GET", "/api/v1/resolution/handles", params={"prefix": prefix}, headers=self._headers()
        )  # fmt: skip
        answer = self._sent(request, stream=True)
        try:
            yield from (line.encode() for line in answer.iter_lines() if line)
        finally:
            answer.close()

    def call(self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Json | None = None) -> Json:
        """One call with an answer in JSON.

        Raises:
            LineshaftError: what the node says, or that it does not answer.
        """
        found: Json = self._ask(method, path, query or {}, None if body is None else compact(body)).json()
        return found

    def _ask(self, method: str, path: str, query: Mapping[str, Any], body: bytes | None) -> "httpx.Response":
        for again in (True, False):
            self._sign_in()
            request = self._client.build_request(method, path, params=query, content=body, headers=self._headers())
            try:
                return self._sent(request)
            except Unauthenticated:
                if not again or not self._authorization:
                    raise
                self._authorization = ""  # the session is over, or was another worker's
        raise AssertionError("unreachable")

    def _sent(self, request: "httpx.Request", *, stream: bool = False) -> "httpx.Response":
        import httpx

        try:
            answer = self._client.send(request, stream=stream)
            if answer.status_code >= 400:
                answer.read()
        except httpx.HTTPError as error:
            raise Unavailable(
                "resolution.node_unreachable", f"{self._client.base_url} does not answer: {error}",
                "Is the node running, and is its address right?", address=str(self._client.base_url), reason=str(error),
            ) from error  # fmt: skip
        if answer.status_code >= 400:
            raise _refusal(answer)
        return answer

    def _headers(self) -> dict[str, str]:
        return {"authorization": self._authorization} if self._authorization else {}

    def _sign_in(self) -> None:
        """Open a session and prove who asks; once."""
        if self._credentials is None or self._authorization:
            return
        session = self._sent(self._client.build_request("POST", "/api/sessions", content=b"{}")).json()
        client_nonce = secrets.token_bytes(16)
        challenged = base64.b64decode(session["nonce"]) + client_nonce
        kind, algorithm, signature = _proved(self._credentials, challenged)
        fields = {
            "sessionId": session["sessionId"], "id": quote(str(self._credentials.who), safe="/"), "type": kind,
            "cnonce": _text(client_nonce), "alg": algorithm, "signature": _text(signature),
        }  # fmt: skip
        proof = "Handle " + ", ".join(f'{name}="{value}"' for name, value in fields.items())
        self._sent(self._client.build_request("PUT", "/api/sessions/this", headers={"authorization": proof}))
        self._authorization = f'Handle sessionId="{session["sessionId"]}"'


def _proved(credentials: Credentials, challenged: bytes) -> tuple[str, str, bytes]:
    if credentials.key is not None:
        digest, signature = keys.sign(credentials.key, challenged)
        return "HS_PUBKEY", digest.decode(), signature
    return "HS_SECKEY", "HMAC-SHA256", macs.make(codes.HMAC_SHA256, credentials.secret, challenged)


def _path(handle: str) -> str:
    return "/api/handles/" + quote(handle, safe=_SAFE)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _refusal(answer: "httpx.Response") -> LineshaftError:
    """What a node said, as an error of ours."""
    try:
        body = answer.json()
        code, message = int(body.get("responseCode", 0)), str(body.get("message") or body.get("error") or "")
    except (ValueError, AttributeError, TypeError):
        code, message = 0, ""
    kind = _BY_CODE.get(code) or (Unauthenticated if answer.status_code == 401 else InvalidInput)
    reason = message or _MEANINGS.get(code, f"HTTP status {answer.status_code}")
    said = InvalidInput(
        "resolution.node_refused", f"the node refused it: {reason} (code {code})", "Correct what is asked, or who asks it.",
        reason=reason, response_code=code,
    )  # fmt: skip
    return kind(said.code, said.message, said.hint, **said.facts)


_MEANINGS: Final = {
    codes.RC_HANDLE_NOT_FOUND: "there is no such handle", codes.RC_HANDLE_EXISTS: "the handle is registered already",
    codes.RC_AUTHENTICATION_NEEDED: "it must know who asks, by TLS or on its own machine",
    codes.RC_AUTHENTICATION_FAILED: "the identity, or its secret, is wrong", codes.RC_VALUES_NOT_FOUND: "no such values",
}  # fmt: skip
