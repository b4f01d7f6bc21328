"""Signing in by an external provider: a foreign one (oidc-provider under Node.js), and a hostile one of the tests' own."""

import base64
import contextlib
import http.server
import json
import threading
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwk, jwt

from lineshaft.access import AccessSettings, Actor
from lineshaft.access.messages import OfPrincipal
from lineshaft.access.people import oidc
from lineshaft.access.people.messages import BeginOidc, FinishOidc, Place, RemoveIdentity
from lineshaft.access.people.oidc import OidcDesk
from lineshaft.access.people.provider import LARGEST_BYTES, check_address
from lineshaft.access.people.settings import OidcSettings
from lineshaft.bus import BusSettings
from lineshaft.bus.server import free_port
from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.core.ids import HandleMinter
from lineshaft.core.settings import Settings
from lineshaft.records import RecordsSettings
from lineshaft.web.testing_provider import CALLBACK, CLIENT, CLIENT_PASSWORD, foreign_provider

ORIGIN = "http://127.0.0.1:9999"
PLACE = Place(address="192.0.2.10", origin=ORIGIN)
PASSWORD = "rivers run under nine bridges"


async def refused(attempt):
    with pytest.raises(LineshaftError) as refusal:
        await attempt
    return refusal.value


@pytest.fixture(scope="module")
def provider():
    with foreign_provider(free_port("127.0.0.1"), f"{ORIGIN}{CALLBACK}") as address:
        yield address


@pytest.fixture
def make_desk(office, tmp_path):
    """Makes desks with other settings."""
    file = tmp_path / "client-secret"
    file.write_text(f"{CLIENT_PASSWORD}\n")

    def make(issuer, **given):
        values = {"client_id": CLIENT, "client_secret_file": str(file), "roles": ("engineers=engineer",), **given}
        minter = HandleMinter(office.identity.prefix)
        settings = OidcSettings(issuer=issuer, **values)
        return OidcDesk(office.database, office.identity.tenant, minter, office.settings, settings)

    return make


async def at_the_provider(url, login):
    """What a person does there: sign in, agree; returns the address that the browser is sent back to."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        answer = await browser.get(url)
        for _ in range(12):
            if answer.status_code in (302, 303):
                target = str(answer.next_request.url)
                if CALLBACK in target:
                    return target
                answer = await browser.get(target)
                continue
            assert answer.status_code == 200, answer.text
            prompt = "login" if 'value="login"' in answer.text else "consent"
            form = {"prompt": prompt} | ({"login": login, "password": "any"} if prompt == "login" else {})
            answer = await browser.post(str(answer.url), data=form)
    raise AssertionError(f"no way back: {answer.text}")


async def begin(desk, *, actor=None, target="/"):
    return await desk.begin(BeginOidc(place=PLACE, actor=actor, target=target))


async def finish(desk, begun, back, **changed):
    given = dict(parse_qsl(urlsplit(back).query))
    values = {"code": given.get("code", ""), "state": given["state"], "issuer": given.get("iss"),
              "error": given.get("error", ""), "secret": begun.secret, **changed}  # fmt: skip
    return await desk.finish(FinishOidc(place=PLACE, **values))


async def come_in(desk, login, **asked):
    begun = await begin(desk, **asked)
    return await finish(desk, begun, await at_the_provider(begun.url, login))


@pytest.mark.peer("node", "npm")
async def test_the_request_has_what_the_standards_ask_for(provider, make_desk):
    begun = await begin(make_desk(provider))
    query = parse_qs(urlsplit(begun.url).query)
    assert (query["response_type"], query["code_challenge_method"]) == (["code"], ["S256"])
    assert {len(query[name][0]) for name in ("state", "nonce", "code_challenge")} == {43}
    assert len({query["state"][0], query["nonce"][0], query["code_challenge"][0], begun.secret}) == 4
    assert query["redirect_uri"] == [f"{ORIGIN}{CALLBACK}"]


@pytest.mark.peer("node", "npm")
async def test_somebody_new_with_a_mapped_group_comes_in_and_is_the_same_next_time(office, provider, make_desk):
    desk = make_desk(provider)
    first = await come_in(desk, "alice", target="/devices")
    assert first.target == "/devices"
    person = first.signed_in.principal
    assert (person.name, person.roles) == ("alice-li", frozenset({"engineer"}))
    assert (await office.access.principal_of_session(first.signed_in.cookie))[0].id == person.id
    assert (await come_in(desk, "alice")).signed_in.principal.id == person.id
    (link,) = await office.database.query(oidc.list_of, person.id)
    assert (link.issuer, link.subject, link.managed) == (provider, "alice", True)
    assert not (await office.access.member(person.id)).can_sign_in  # no password


@pytest.mark.peer("node", "npm")
async def test_somebody_without_a_mapped_group_does_not(office, provider, make_desk):
    error = await refused(come_in(make_desk(provider), "carol"))
    assert error.code == "access.oidc_no_role"
    assert not any(member.name == "carol" for member in await office.access.members())
    (entry,) = await office.audit("access:oidc_sign_in")
    assert (entry.outcome, entry.facts["reason"]) == ("refused", "access.oidc_no_role")


@pytest.mark.peer("node", "npm")
async def test_a_name_or_an_address_links_nobody(office, provider, make_desk):
    ada = await office.first_administrator("ada")
    signed_in = (await come_in(make_desk(provider), "mallory")).signed_in
    assert signed_in.principal.id != ada.principal.id
    assert (signed_in.principal.name, signed_in.principal.roles) == ("ada-2", frozenset({"engineer"}))


@pytest.mark.peer("node", "npm")
async def test_only_verified_addresses_of_admitted_domains(provider, make_desk):
    desk = make_desk(provider, allowed_domains=("Plant.example",))
    assert (await come_in(desk, "alice")).signed_in is not None
    assert (await refused(come_in(desk, "mallory"))).code == "access.oidc_domain"
    elsewhere = make_desk(provider, allowed_domains=("other.example",))
    assert (await refused(come_in(elsewhere, "alice"))).code == "access.oidc_domain"


@pytest.mark.peer("node", "npm")
async def test_the_providers_groups_decide_at_each_sign_in(office, provider, make_desk):
    person = (await come_in(make_desk(provider), "alice")).signed_in.principal
    changed = make_desk(provider, roles=("staff=viewer",))
    assert (await come_in(changed, "alice")).signed_in.principal.roles == frozenset({"viewer"})
    assert (await refused(come_in(make_desk(provider, roles=("board=administrator",)), "alice"))).code == (
        "access.oidc_no_role"
    )
    await office.administration.revoke(OfPrincipal(actor=Actor.of(office.principal("local")), name=person.name))
    assert (await refused(come_in(make_desk(provider), "alice"))).code == "access.oidc_no_role"


@pytest.mark.peer("node", "npm")
async def test_a_person_there_is_links_an_account_and_keeps_the_roles_they_have(office, provider, make_desk):
    desk = make_desk(provider)
    bob, eve = await office.person("bob", "operator"), await office.person("eve", "viewer")
    done = await come_in(desk, "carol", actor=Actor(id=bob.principal.id))
    assert done.signed_in is None
    signed_in = (await come_in(desk, "carol")).signed_in
    assert (signed_in.principal.name, signed_in.principal.roles) == ("bob", frozenset({"operator"}))
    assert (await refused(come_in(desk, "carol", actor=Actor(id=eve.principal.id)))).code == "access.identity_taken"
    token = Actor(id=bob.principal.id, scopes=["access:self"])
    assert (await refused(begin(desk, actor=token))).code == "access.identity_not_yours"
    (link,) = await office.database.query(oidc.list_of, bob.principal.id)
    foreign = RemoveIdentity(actor=Actor(id=eve.principal.id), id=link.id)
    assert (await refused(desk.remove(foreign))).code == "access.identity_unknown"
    await desk.remove(RemoveIdentity(actor=Actor(id=bob.principal.id), id=link.id))
    assert (await refused(come_in(desk, "carol"))).code == "access.oidc_no_role"


@pytest.mark.peer("node", "npm")
async def test_an_answer_is_good_once_in_its_browser(provider, make_desk):
    desk = make_desk(provider)
    begun = await begin(desk)
    back = await at_the_provider(begun.url, "alice")
    other = await begin(desk)
    assert (await refused(finish(desk, other, back))).code == "access.ceremony_over"  # another browser's state
    assert (await refused(finish(desk, begun, back, secret=""))).code == "access.ceremony_over"
    assert (await finish(desk, begun, back)).signed_in is not None
    assert (await refused(finish(desk, begun, back))).code == "access.ceremony_over"
    # With a sign-in of one's own, but the code of another one: PKCE and the provider refuse it.
    mine = await begin(desk)
    state = parse_qs(urlsplit(mine.url).query)["state"][0]
    assert (await refused(finish(desk, mine, back, state=state))).code == "access.oidc_refused"


@pytest.mark.peer("node", "npm")
async def test_a_stolen_code_is_worth_nothing_in_another_browser(provider, make_desk):
    desk = make_desk(provider)
    back = await at_the_provider((await begin(desk)).url, "alice")
    thief = await begin(desk)
    state = parse_qs(urlsplit(thief.url).query)["state"][0]
    assert (await refused(finish(desk, thief, back, state=state))).code == "access.oidc_refused"


@pytest.mark.peer("node", "npm")
async def test_the_answer_must_name_its_provider(provider, make_desk):
    for issuer in (None, "https://evil.example"):
        desk = make_desk(provider)
        begun = await begin(desk)
        back = await at_the_provider(begun.url, "alice")
        assert (await refused(finish(desk, begun, back, issuer=issuer))).code == "access.ceremony_over"


@pytest.mark.peer("node", "npm")
async def test_a_wrong_client_secret_is_a_refusal(provider, make_desk, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("not the secret")
    error = await refused(come_in(make_desk(provider, client_secret_file=str(wrong)), "alice"))
    assert (error.code, "invalid_client" in error.message) == ("access.oidc_refused", True)


@pytest.fixture
def issuer(plant):
    """Address of a provider that the plant is set to use; it need not run yet."""
    file = plant.home.path / "client-secret"
    file.write_text(CLIENT_PASSWORD)
    address = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    settings = OidcSettings(
        issuer=address,
        name="Plant login",
        client_id=CLIENT,
        client_secret_file=str(file),
        roles=("engineers=engineer",),
    )
    kept = [plant.settings.of(kind) for kind in (BusSettings, AccessSettings, RecordsSettings)]
    plant.settings = Settings([*kept, settings])
    return address


@pytest.mark.peer("node", "npm")
async def test_over_http_through_the_browser(issuer, site):
    start = "/api/v1/access/oidc/start?next=/devices"
    port = urlsplit(issuer).port
    with foreign_provider(port, f"{site.url}{CALLBACK}"):
        async with site.browser() as browser:
            methods = (await browser.get("/api/v1/access/session:methods")).json()
            assert methods == {"passkey": False, "oidc": "Plant login"}
            leaving = await browser.get(start)
            assert leaving.status_code == 303
            cookie = set(leaving.headers["set-cookie"].split("; "))
            assert {"HttpOnly", "SameSite=lax", "Path=/api/v1/access/oidc"} <= cookie
            back = await at_the_provider(leaving.headers["location"], "alice")

            async with site.browser() as another:  # where it was not begun
                page = await another.get(back, headers={"accept": "text/html"})
                assert (page.status_code, page.headers["location"]) == (303, "/#refused=access.ceremony_over")
                assert "lineshaft_session" not in page.headers.get("set-cookie", "")
                assert (await another.get(back)).status_code == 401

            browser.cookies.set("lineshaft_session", "planted")
            arrived = await browser.get(back)
            assert (arrived.status_code, arrived.headers["location"]) == (303, "/devices")
            cookies = arrived.headers.get_list("set-cookie")
            assert [each.split("=")[0] for each in cookies] == ["lineshaft_session", "lineshaft_oidc"]
            assert "SameSite=Strict" in cookies[0]
            assert "Max-Age=0" in cookies[1]
            assert "planted" not in cookies[0]
        async with site.browser() as browser:
            browser.cookies.set("lineshaft_session", cookies[0].split(";")[0].split("=", 1)[1])
            session = (await browser.get("/api/v1/access/session")).json()
            assert (session["name"], session["roles"]) == ("alice-li", ["engineer"])
            assert len((await browser.get("/api/v1/access/identities")).json()["items"]) == 1
            browser.headers["x-csrf-token"] = session["csrf"]
            assert (await browser.post("/api/v1/access/oidc/link", json={})).json()["url"].startswith(issuer)


# -- a provider that lies -----------------------------------------------------------------------------------------------


KEY = jwk.RSAKey.generate_key(2048, {"kid": "one"})
OTHER_KEY = jwk.RSAKey.generate_key(2048, {"kid": "one"})


class Liar:
    """A provider that answers what a test wants."""

    def __init__(self):
        liar = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = urlsplit(self.path).path
                answer = liar.answers.get(path)
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(liar.status.get(path, 200 if answer is not None else 404))
                if path in liar.moved:
                    self.send_header("location", liar.moved[path])
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                self.do_GET()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.status, self.moved = {}, {}
        self.answers = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/auth",
                "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
            },
            "/keys": {"keys": [KEY.as_dict(private=False)]},
        }  # fmt: skip

    @property
    def description(self):
        return self.answers["/.well-known/openid-configuration"]

    def claims(self, begun, **changed):
        now = clock.now_us() // clock.MICROSECONDS
        nonce = parse_qs(urlsplit(begun.url).query)["nonce"][0]
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "alice", "nonce": nonce, "exp": now + 300, "iat": now,
                  "groups": ["engineers"]}  # fmt: skip
        return {name: value for name, value in {**claims, **changed}.items() if value is not None}

    def gives(self, text):
        self.answers["/token"] = {"id_token": text, "token_type": "Bearer", "access_token": "x"}


@pytest.fixture
def liar():
    liar = Liar()
    thread = threading.Thread(target=liar.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield liar
    liar.server.shutdown()
    liar.server.server_close()
    thread.join()


def signed(claims, key=KEY, **header):
    algorithm = header.get("alg", "RS256")
    return jwt.encode({"alg": algorithm, "kid": "one", **header}, claims, key, algorithms=[algorithm])


def unsigned(claims):
    def part(document):
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part(claims)}."


def back_of(begun):
    return f"{ORIGIN}{CALLBACK}?code=c&state={parse_qs(urlsplit(begun.url).query)['state'][0]}"


async def test_an_honest_token_is_accepted(liar, make_desk):
    desk = make_desk(liar.issuer)
    begun = await begin(desk)
    liar.gives(signed(liar.claims(begun)))
    assert (await finish(desk, begun, back_of(begun))).signed_in.principal.roles == frozenset({"engineer"})


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example"}, {"aud": "another client"}, {"aud": [CLIENT, "another"]}, {"aud": None},
        {"nonce": "replayed"}, {"nonce": None}, {"exp": 1_700_000_000}, {"exp": None}, {"iat": 9_999_999_999},
        {"sub": None}, {"iss": None}, {"sub": 7}, {"exp": "tomorrow"},
    ],
)  # fmt: skip
async def test_a_token_that_is_not_for_this_sign_in_is_refused(liar, make_desk, changed):
    desk = make_desk(liar.issuer)
    begun = await begin(desk)
    liar.gives(signed(liar.claims(begun, **changed)))
    assert (await refused(finish(desk, begun, back_of(begun)))).code == "access.oidc_refused"


async def test_a_token_that_is_not_signed_by_the_provider_is_refused(liar, make_desk):
    public = KEY.as_pem(private=False)
    forged = {
        "none": unsigned,
        "our secret": lambda claims: signed(claims, jwk.OctKey.import_key(CLIENT_PASSWORD * 2), alg="HS256"),
        "public key as secret": lambda claims: signed(claims, jwk.OctKey.import_key(base64.b64encode(public)), alg="HS256"),
        "another key": lambda claims: signed(claims, OTHER_KEY),
        "unknown key": lambda claims: signed(claims, OTHER_KEY, kid="two"),
        "no token": lambda _claims: "not.a.token",
        "changed": lambda claims: signed(claims)[:-8] + "AAAAAAAA",
    }  # fmt: skip
    for how, forge in forged.items():
        desk = make_desk(liar.issuer)
        begun = await begin(desk)
        liar.gives(forge(liar.claims(begun)))
        assert (await refused(finish(desk, begun, back_of(begun)))).code == "access.oidc_refused", how


async def test_what_a_provider_tells_about_somebody_else_is_refused(liar, make_desk):
    liar.description["userinfo_endpoint"] = f"{liar.issuer}/me"
    for subject, expected in (("bob", "access.oidc_refused"), ("alice", None)):
        desk = make_desk(liar.issuer)
        begun = await begin(desk)
        liar.answers["/me"] = {"sub": subject, "groups": ["engineers"], "iss": "https://evil.example"}
        liar.gives(signed(liar.claims(begun, groups=None)))
        if expected:
            assert (await refused(finish(desk, begun, back_of(begun)))).code == expected
        else:
            assert (await finish(desk, begun, back_of(begun))).signed_in is not None


@pytest.mark.parametrize(
    ("path", "spoil"),
    [
        ("/.well-known/openid-configuration", {"answer": b"{"}),
        ("/.well-known/openid-configuration", {"answer": b"x" * (LARGEST_BYTES + 1)}),
        ("/.well-known/openid-configuration", {"status": 500}),
        ("/.well-known/openid-configuration", {"status": 302, "moved": "http://127.0.0.1:9/"}),
        ("/keys", {"answer": {"keys": "none"}}),
        ("/keys", {"status": 404}),
        ("/token", {"answer": b"[]"}),
        ("/token", {"status": 503}),
    ],
)
async def test_an_answer_that_cannot_be_used_says_so(liar, make_desk, path, spoil):
    desk = make_desk(liar.issuer)
    if "status" in spoil:
        liar.status[path] = spoil["status"]
    if "moved" in spoil:
        liar.moved[path] = spoil["moved"]
    begun = None if path.startswith("/.well") else await begin(desk)
    liar.gives(signed(liar.claims(begun)) if begun else "")
    if "answer" in spoil:
        liar.answers[path] = spoil["answer"]
    attempt = begin(desk) if begun is None else finish(desk, begun, back_of(begun))
    assert (await refused(attempt)).code == "access.oidc_unavailable"


async def test_a_provider_that_calls_itself_otherwise_is_not_used(liar, make_desk):
    liar.description["issuer"] = "https://evil.example"
    assert (await refused(begin(make_desk(liar.issuer)))).code == "access.oidc_unavailable"


async def test_a_provider_that_leads_to_plain_text_is_not_used(liar, make_desk):
    liar.description["token_endpoint"] = "http://evil.example/token"
    assert (await refused(begin(make_desk(liar.issuer)))).code == "access.oidc_address"


@pytest.mark.parametrize(
    "address",
    ["http://login.example", "ftp://127.0.0.1", "https://", "", "https://user@login.example", "login.example"],
)
def test_only_https_beyond_loopback(address):
    with pytest.raises(InvalidInput):
        check_address(address)


def test_loopback_and_https_are_accepted():
    for address in (
        "https://login.example/realms/x",
        "http://127.0.0.1:9000",
        "http://localhost:1",
        "http://[::1]:1/x",
    ):
        check_address(address)


async def test_a_provider_that_is_not_there_or_not_set_says_so(make_desk):
    assert (
        await refused(begin(make_desk(f"http://127.0.0.1:{free_port('127.0.0.1')}")))
    ).code == "access.oidc_unavailable"
    assert (await refused(begin(make_desk("")))).code == "access.oidc_off"


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "\\\\evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/a\nb",
     "data:text/html,x", "", "/" + "x" * 600],
)  # fmt: skip
async def test_nobody_is_sent_elsewhere_afterwards(liar, make_desk, target):
    desk = make_desk(liar.issuer)
    begun = await begin(desk, target=target)
    liar.gives(signed(liar.claims(begun)))
    assert (await finish(desk, begun, back_of(begun))).target == "/"


async def test_what_the_provider_refuses_is_said(liar, make_desk):
    desk = make_desk(liar.issuer)
    begun = await begin(desk)
    error = await refused(finish(desk, begun, back_of(begun), code="", error="access_denied"))
    assert (error.code, "access_denied" in error.message) == ("access.oidc_denied", True)


def test_a_mapping_that_makes_no_sense_is_refused(make_desk):
    for entry in ("engineers", "=viewer", "engineers=king"):
        with pytest.raises(InvalidInput):
            make_desk("https://login.example", roles=(entry,))
