"""`/api/sessions`: opening a session, proving who asks in it, looking at it and ending it."""

import base64
from collections.abc import Mapping

from lineshaft.core import clock
from lineshaft.resolution import codes
from lineshaft.resolution.http.authorization import Authorization, parameters_of
from lineshaft.resolution.http.request import Answer, Request, answer
from lineshaft.resolution.http.sessions import HttpSession
from lineshaft.resolution.refused import Refused

_HERE = (b"location", b"/api/sessions/this")


class SessionRoutes:
    """The routes of sessions."""

    def __init__(self, authorization: Authorization) -> None:
        self._authorization = authorization

    async def answer(self, request: Request) -> Answer:
        """Answer one request.

        Raises:
            Refused: there is no such session, or no such operation.
        """
        place = request.path.removeprefix(b"/api/sessions").strip(b"/")
        if request.method == "POST" and not place:
            await request.body(4096)
            return await self._open(request)
        if place != b"this":
            raise Refused(codes.RC_NOT_SUPPORTED)
        return await self._of_session(request)

    async def _open(self, request: Request) -> Answer:
        session = self._authorization.sessions.open(request.source, clock.monotonic())
        given = self._parameters(request)
        if "signature" in given:
            return await self._prove(request, session, {**given, "sessionid": session.id}, 201)
        return answer(state_of(session), 201, [_HERE])

    async def _of_session(self, request: Request) -> Answer:
        given = self._parameters(request)
        session = self._authorization.sessions.find(given.get("sessionid", ""), request.source, clock.monotonic())
        if session is None:
            raise Refused(codes.RC_SESSION_TIMEOUT)
        if request.method in {"GET", "HEAD"}:
            return answer(state_of(session))
        if request.method == "DELETE":
            self._authorization.sessions.close(session.id)
            return Answer(status=204)
        if request.method in {"PUT", "POST"}:
            await request.body(4096)
            return await self._prove(request, session, dict(given), 200)
        raise Refused(codes.RC_NOT_SUPPORTED)

    async def _prove(self, request: Request, session: HttpSession, given: dict[str, str], status: int) -> Answer:
        try:
            if given.get("clientcert", "").lower() == "true":
                who = await self._authorization.identity(request)
                if who is not None:
                    self._authorization.sessions.prove(session, who, clock.monotonic())
            elif "signature" in given:
                await self._authorization.in_session(request, given)
        except Refused as refused:
            found = state_of(session) | {"authenticated": False, "error": refused.message or "the proof is wrong"}
            return answer(found, 401, [self.challenge(session)])
        return answer(state_of(session), status, [_HERE])

    def challenge(self, session: HttpSession) -> tuple[bytes, bytes]:
        """The header that asks for a proof in a session."""
        nonce = base64.b64encode(session.nonce).decode()
        return b"www-authenticate", f'Handle sessionId="{session.id}", nonce="{nonce}"'.encode()

    def _parameters(self, request: Request) -> Mapping[str, str]:
        scheme, _, rest = request.headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        return parameters_of(rest) if scheme.lower() == "handle" else {}


def state_of(session: HttpSession) -> dict[str, object]:
    """A session in JSON."""
    found: dict[str, object] = {"sessionId": session.id, "nonce": base64.b64encode(session.nonce).decode()}
    if session.identity is not None:
        found |= {"authenticated": True, "id": str(session.identity)}
    return found
