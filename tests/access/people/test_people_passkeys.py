"""Passkeys against an authenticator written from the WebAuthn specification, on `cryptography` alone."""

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from sqlalchemy import func, select

from lineshaft.access import Actor
from lineshaft.access.messages import OfPrincipal
from lineshaft.access.people import ceremonies
from lineshaft.access.people import passkeys as passkey_records
from lineshaft.access.people.messages import BeginPasskey, ChangePasskey, PasskeySignIn, Place, RegisterPasskey
from lineshaft.access.people.store import CEREMONY
from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.records import outbox

ORIGIN = "https://plant.example"
PLACE = Place(address="192.0.2.10", origin=ORIGIN)
USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def cbor(value):
    """The few kinds of CBOR (RFC 8949) that authenticators send, in canonical form."""
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    return _head(5, len(value)) + b"".join(cbor(key) + cbor(each) for key, each in value.items())


def _head(major, number):
    for extra, size in ((24, 1), (25, 2), (26, 4)):
        if number < 24:
            return bytes([major << 5 | number])
        if number < 1 << 8 * size:
            return bytes([major << 5 | extra]) + number.to_bytes(size, "big")
    raise ValueError(number)


class Authenticator:
    """Holds one key; its answers can be bent by keyword, to see them refused."""

    def __init__(self, kind="p256", *, counts=True):
        self.key = ec.generate_private_key(ec.SECP256R1()) if kind == "p256" else ed25519.Ed25519PrivateKey.generate()
        self.id = hashlib.sha256(repr(self.key).encode()).digest()
        self.counter = 0
        self.counts = counts
        self.user = None

    def _cose(self):
        """The public key in COSE form (RFC 9053)."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return cbor({1: 1, 3: -8, -1: 6, -2: self.key.public_key().public_bytes_raw()})
        point = self.key.public_key().public_numbers()
        return cbor({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})

    def _data(self, domain, flags, tail=b""):
        if self.counts:
            self.counter += 1
        return hashlib.sha256(domain.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big") + tail

    @staticmethod
    def _client_data(kind, challenge, origin):
        document = {"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}
        return json.dumps(document).encode()

    def create(self, options, *, origin=ORIGIN, flags=USER_PRESENT | USER_VERIFIED, challenge=None, domain=None):
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert {-7, -8} <= {each["alg"] for each in options["pubKeyCredParams"]}
        self.user = options["user"]["id"]
        tail = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + self._cose()
        data = self._data(domain or options["rp"]["id"], flags | ATTESTED, tail)
        client = self._client_data("webauthn.create", challenge or options["challenge"], origin)
        response = {
            "clientDataJSON": b64(client), "transports": ["internal"],
            "attestationObject": b64(cbor({"fmt": "none", "attStmt": {}, "authData": data})),
        }  # fmt: skip
        return {"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": response}

    def get(self, options, *, origin=ORIGIN, flags=USER_PRESENT | USER_VERIFIED, challenge=None, domain=None, key=None):
        assert options.get("allowCredentials", []) == []  # it tells nobody who has a passkey
        data = self._data(domain or options["rpId"], flags)
        client = self._client_data("webauthn.get", challenge or options["challenge"], origin)
        signed = data + hashlib.sha256(client).digest()
        key = key or self.key
        is_p256 = isinstance(key, ec.EllipticCurvePrivateKey)
        signature = key.sign(signed, ec.ECDSA(hashes.SHA256())) if is_p256 else key.sign(signed)
        response = {
            "clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature),
            "userHandle": self.user,
        }  # fmt: skip
        return {"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "response": response}


async def refused(attempt):
    with pytest.raises(LineshaftError) as refusal:
        await attempt
    return refusal.value


async def register(passkeys, person, authenticator, label="key", **bent):
    actor = Actor(id=person.id)
    begun = await passkeys.begin(BeginPasskey(place=PLACE, actor=actor))
    credential = authenticator.create(begun.options, **bent)
    asked = RegisterPasskey(actor=actor, place=PLACE, secret=begun.secret, label=label, credential=credential)
    return await passkeys.register(asked)


async def sign_in(passkeys, authenticator, *, previous="", **bent):
    begun = await passkeys.begin(BeginPasskey(place=PLACE, actor=None))
    credential = authenticator.get(begun.options, **bent)
    asked = PasskeySignIn(place=PLACE, secret=begun.secret, credential=credential, previous=previous)
    return await passkeys.sign_in(asked)


@pytest.mark.parametrize("kind", ["p256", "ed25519"])
async def test_a_registered_passkey_signs_its_owner_in_without_a_name(office, passkeys, kind):
    bob = await office.person("bob", "operator")
    authenticator = Authenticator(kind)
    made = await register(passkeys, bob.principal, authenticator, "telephone")
    signed_in = await sign_in(passkeys, authenticator)
    assert signed_in.principal.id == bob.principal.id
    assert (await office.access.principal_of_session(signed_in.cookie))[0].name == "bob"
    (listed,) = await office.database.query(passkey_records.list_of, bob.principal.id)
    assert (listed.id, listed.label) == (made.id, "telephone")
    assert listed.used is not None
    assert [entry.outcome for entry in await office.audit("access:passkey_sign_in")] == ["done"]
    assert len(await office.audit("access:passkey_register")) == 1


async def test_each_sign_in_makes_a_new_session_and_ends_the_one_before(office, passkeys):
    bob = await office.person("bob", "operator")
    authenticator = Authenticator()
    await register(passkeys, bob.principal, authenticator)
    first = await sign_in(passkeys, authenticator)
    second = await sign_in(passkeys, authenticator, previous=first.cookie)
    assert second.cookie != first.cookie
    office.access.forget_sessions()
    assert (await refused(office.access.principal_of_session(first.cookie))).code == "access.session_over"


BENT = [
    {"origin": "https://evil.example"},
    {"origin": "http://plant.example"},
    {"origin": "https://plant.example.evil.example"},
    {"domain": "evil.example"},
    {"challenge": b64(b"c" * 32)},
    {"flags": USER_PRESENT},
    {"flags": USER_VERIFIED},
]


@pytest.mark.parametrize("bent", BENT)
async def test_a_registration_that_proves_nothing_is_refused(office, passkeys, bent):
    bob = await office.person("bob", "operator")
    error = await refused(register(passkeys, bob.principal, Authenticator(), **bent))
    assert error.code == "access.passkey_invalid"
    assert await office.database.query(passkey_records.list_of, bob.principal.id) == []


@pytest.mark.parametrize("bent", [*BENT, {"key": ec.generate_private_key(ec.SECP256R1())}])
async def test_a_sign_in_that_proves_nothing_is_refused_in_the_same_words(office, passkeys, bent):
    bob = await office.person("bob", "operator")
    authenticator = Authenticator()
    await register(passkeys, bob.principal, authenticator)
    error = await refused(sign_in(passkeys, authenticator, **bent))
    unknown = await refused(sign_in(passkeys, Authenticator()))
    assert (error.code, error.message, error.hint) == (unknown.code, unknown.message, unknown.hint)
    assert error.code == "access.passkey_sign_in_refused"
    assert {entry.outcome for entry in await office.audit("access:passkey_sign_in")} == {"refused"}


async def test_a_challenge_is_good_once_in_its_browser_for_its_purpose(office, passkeys):
    bob = await office.person("bob", "operator")
    authenticator = Authenticator()
    await register(passkeys, bob.principal, authenticator)
    begun = await passkeys.begin(BeginPasskey(place=PLACE, actor=None))
    asked = PasskeySignIn(place=PLACE, secret=begun.secret, credential=authenticator.get(begun.options))
    await passkeys.sign_in(asked)
    assert (await refused(passkeys.sign_in(asked))).code == "access.ceremony_over"

    other = await passkeys.begin(BeginPasskey(place=PLACE, actor=None))
    for secret in ("", "guessed", other.secret):
        mine = await passkeys.begin(BeginPasskey(place=PLACE, actor=None))
        answer = PasskeySignIn(place=PLACE, secret=secret, credential=authenticator.get(mine.options))
        assert (await refused(passkeys.sign_in(answer))).status == 401

    registering = await passkeys.begin(BeginPasskey(place=PLACE, actor=Actor(id=bob.principal.id)))
    options = {"rpId": "plant.example", "challenge": registering.options["challenge"]}
    misused = PasskeySignIn(place=PLACE, secret=registering.secret, credential=authenticator.get(options))
    assert (await refused(passkeys.sign_in(misused))).code == "access.ceremony_over"


async def test_a_failed_proof_uses_the_challenge_up(office, passkeys):
    bob = await office.person("bob", "operator")
    authenticator = Authenticator()
    await register(passkeys, bob.principal, authenticator)
    begun = await passkeys.begin(BeginPasskey(place=PLACE, actor=None))
    wrong = authenticator.get(begun.options, origin="https://evil.example")
    right = authenticator.get(begun.options)
    assert (
        await refused(passkeys.sign_in(PasskeySignIn(place=PLACE, secret=begun.secret, credential=wrong)))
    ).code == "access.passkey_sign_in_refused"
    assert (
        await refused(passkeys.sign_in(PasskeySignIn(place=PLACE, secret=begun.secret, credential=right)))
    ).code == "access.ceremony_over"


async def test_a_challenge_expires(office, passkeys):
    bob = await office.person("bob", "operator")
    authenticator = Authenticator()
    await register(passkeys, bob.principal, authenticator)
    begun = await passkeys.begin(BeginPasskey(place=PLACE, actor=None))
    later = clock.now_us() + ceremonies.LIFE_SECONDS * clock.MICROSECONDS
    with clock.fixed(lambda: later):
        asked = PasskeySignIn(place=PLACE, secret=begun.secret, credential=authenticator.get(begun.options))
        assert (await refused(passkeys.sign_in(asked))).code == "access.ceremony_over"


async def test_a_cloned_authenticator_is_refused_and_sounds_the_alarm(office, passkeys):
    bob = await office.person("bob", "operator")
    authenticator = Authenticator()
    await register(passkeys, bob.principal, authenticator)
    await sign_in(passkeys, authenticator)
    authenticator.counter -= 1  # the clone was copied before the last use
    assert (await refused(sign_in(passkeys, authenticator))).code == "access.passkey_sign_in_refused"
    (entry, _) = await office.audit("access:passkey_sign_in")
    assert (entry.outcome, entry.facts["alarm"]) == ("refused", "cloned_passkey")
    sent = await office.database.query(outbox.state)
    assert sent.waiting == 1
    assert (await sign_in(passkeys, authenticator)).principal.name == "bob"  # the owner's goes on


async def test_the_alarm_needs_the_key_so_nobody_else_can_sound_it(office, passkeys):
    bob = await office.person("bob", "operator")
    authenticator = Authenticator()
    await register(passkeys, bob.principal, authenticator)
    authenticator.counter = -1
    await refused(sign_in(passkeys, authenticator, key=ec.generate_private_key(ec.SECP256R1())))
    (entry,) = await office.audit("access:passkey_sign_in")
    assert "alarm" not in entry.facts


async def test_passkeys_that_do_not_count_are_accepted(office, passkeys):
    bob = await office.person("bob", "operator")
    authenticator = Authenticator(counts=False)
    await register(
        passkeys, bob.principal, authenticator, flags=USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE | BACKED_UP
    )
    for _ in range(2):
        await sign_in(passkeys, authenticator, flags=USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE | BACKED_UP)
    (listed,) = await office.database.query(passkey_records.list_of, bob.principal.id)
    assert listed.synced


async def test_a_revoked_person_does_not_come_in_by_passkey(office, passkeys):
    bob = await office.person("bob", "operator")
    authenticator = Authenticator()
    await register(passkeys, bob.principal, authenticator)
    await office.administration.revoke(OfPrincipal(actor=Actor.of(office.principal("local")), name="bob"))
    assert (await refused(sign_in(passkeys, authenticator))).code == "access.passkey_sign_in_refused"


async def test_a_token_registers_no_passkey(office, passkeys):
    bob = await office.person("bob", "operator")
    actor = Actor(id=bob.principal.id, scopes=["access:self"])
    assert (await refused(passkeys.begin(BeginPasskey(place=PLACE, actor=actor)))).code == "access.passkey_not_yours"


async def test_nobody_finishes_what_somebody_else_began(office, passkeys):
    bob, eve = await office.person("bob", "operator"), await office.person("eve", "operator")
    begun = await passkeys.begin(BeginPasskey(place=PLACE, actor=Actor(id=bob.principal.id)))
    asked = RegisterPasskey(
        actor=Actor(id=eve.principal.id), place=PLACE, secret=begun.secret, label="x",
        credential=Authenticator().create(begun.options),
    )  # fmt: skip
    assert (await refused(passkeys.register(asked))).code == "access.ceremony_over"


async def test_one_passkey_belongs_to_one_person(office, passkeys):
    bob, eve = await office.person("bob", "operator"), await office.person("eve", "operator")
    authenticator = Authenticator()
    await register(passkeys, bob.principal, authenticator)
    assert (await refused(register(passkeys, eve.principal, authenticator))).code == "access.passkey_refused"


async def test_passkeys_are_renamed_and_removed_by_their_owner_only(office, passkeys):
    bob, eve = await office.person("bob", "operator"), await office.person("eve", "operator")
    authenticator = Authenticator()
    made = await register(passkeys, bob.principal, authenticator)
    foreign = ChangePasskey(actor=Actor(id=eve.principal.id), id=made.id, label="mine")
    assert (await refused(passkeys.rename(foreign))).code == "access.passkey_unknown"
    assert (await refused(passkeys.remove(foreign))).code == "access.passkey_unknown"
    own = ChangePasskey(actor=Actor(id=bob.principal.id), id=made.id, label="  blue   key ")
    assert (await passkeys.rename(own)).label == "blue key"
    await passkeys.remove(own)
    assert (await refused(sign_in(passkeys, authenticator))).code == "access.passkey_sign_in_refused"


@pytest.mark.parametrize(
    "credential",
    [{}, {"id": 7}, {"id": "x", "rawId": "x", "type": "public-key", "response": {}}, {"id": "x", "response": "y"},
     {"id": None, "rawId": [], "type": {}, "response": {"clientDataJSON": "!"}}],
)  # fmt: skip
async def test_an_answer_of_no_form_is_refused_and_nothing_breaks(office, passkeys, credential):
    bob = await office.person("bob", "operator")
    begun = await passkeys.begin(BeginPasskey(place=PLACE, actor=None))
    asked = PasskeySignIn(place=PLACE, secret=begun.secret, credential=credential)
    assert (await refused(passkeys.sign_in(asked))).code == "access.passkey_sign_in_refused"
    actor = Actor(id=bob.principal.id)
    begun = await passkeys.begin(BeginPasskey(place=PLACE, actor=actor))
    answer = RegisterPasskey(actor=actor, place=PLACE, secret=begun.secret, label="x", credential=credential)
    assert (await refused(passkeys.register(answer))).code == "access.passkey_invalid"


async def test_a_bare_address_gets_no_passkeys(passkeys):
    for origin in ("http://127.0.0.1:8420", "https://192.0.2.1", "http://plant.example"):
        asked = BeginPasskey(place=Place(address="192.0.2.10", origin=origin), actor=None)
        assert (await refused(passkeys.begin(asked))).code == "access.passkey_needs_name"


async def test_ceremonies_that_nobody_finishes_are_bounded(office, passkeys):
    for _ in range(ceremonies.PER_ADDRESS):
        await passkeys.begin(BeginPasskey(place=PLACE, actor=None))
    asked = BeginPasskey(place=PLACE, actor=None)
    assert (await refused(passkeys.begin(asked))).code == "access.ceremonies_too_many"
    elsewhere = BeginPasskey(place=Place(address="198.51.100.7", origin=ORIGIN), actor=None)
    await passkeys.begin(elsewhere)
    later = clock.now_us() + ceremonies.LIFE_SECONDS * clock.MICROSECONDS
    with clock.fixed(lambda: later):
        await passkeys.begin(asked)


async def test_strangers_at_many_places_keep_nobody_from_signing_in(office, passkeys, monkeypatch):
    monkeypatch.setattr(ceremonies, "TOGETHER", 5)
    bob = await office.person("bob", "operator")
    authenticator = Authenticator()
    await register(passkeys, bob.principal, authenticator)
    for number in range(20):
        place = Place(address=f"203.0.113.{number}", origin=ORIGIN)
        await passkeys.begin(BeginPasskey(place=place, actor=None))
    assert (await sign_in(passkeys, authenticator)).principal.name == "bob"
    with office.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(CEREMONY)) <= 5


async def test_over_http_from_registration_to_sign_in(site, local_browser):
    async with local_browser() as browser:
        body = {
            "invitation": site.office.started.invitation,
            "name": "ada",
            "password": "rivers run under nine bridges",
        }
        session = await browser.post("/api/v1/access/invitations/redeem", json=body)
        browser.headers["x-csrf-token"] = session.json()["csrf"]
        methods = await browser.get("/api/v1/access/session:methods")
        assert methods.json() == {"passkey": True, "oidc": None}
        begun = await browser.post("/api/v1/access/passkeys:options")
        assert {"HttpOnly", "SameSite=strict", "Path=/api/v1/access"} <= set(begun.headers["set-cookie"].split("; "))
        authenticator, origin = Authenticator(), browser.headers["origin"]
        credential = authenticator.create(begun.json()["options"], origin=origin)
        made = await browser.post("/api/v1/access/passkeys", json={"label": "key", "credential": credential})
        assert made.status_code == 201, made.text
        assert len((await browser.get("/api/v1/access/passkeys")).json()["items"]) == 1
    async with local_browser() as browser:
        begun = await browser.post("/api/v1/access/session:passkey-options")
        credential = authenticator.get(begun.json()["options"], origin=origin)
        signed_in = await browser.post("/api/v1/access/session:passkey", json={"credential": credential})
        assert (signed_in.status_code, signed_in.json()["name"]) == (201, "ada")
        browser.headers["x-csrf-token"] = signed_in.json()["csrf"]
        path = f"/api/v1/access/passkeys/{made.json()['id']}"
        assert (await browser.put(path, json={"label": "blue"})).json()["label"] == "blue"
        assert (await browser.delete(path)).status_code == 204
    async with site.browser() as browser:
        assert (await browser.get("/api/v1/access/session:methods")).json()["passkey"] is False
        browser.headers["host"] = "evil.example"
        browser.headers["origin"] = "http://evil.example"
        begun = await browser.post("/api/v1/access/session:passkey-options")
        assert (begun.status_code, begun.json()["code"]) == (409, "access.address_unknown")
