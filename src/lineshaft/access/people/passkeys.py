"""Passkeys (WebAuthn level 3): registered by who is signed in, then a way to sign in without name and password.

The authenticator proves its user (PIN, fingerprint) each time, so a passkey is two factors in one. Keys are
discoverable: signing in asks for no name, so it tells nobody which names there are.
"""

import hashlib
import ipaddress
import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from lineshaft.access import audit, principals
from lineshaft.access.audit import Act
from lineshaft.access.lockout import Lockout, normal_address
from lineshaft.access.messages import Done
from lineshaft.access.model import Actor, SignedIn
from lineshaft.access.people import alarms, ceremonies
from lineshaft.access.people.admission import admit
from lineshaft.access.people.alarms import Alarm
from lineshaft.access.people.messages import (
    BeginPasskey,
    Begun,
    ChangePasskey,
    Passkey,
    PasskeySignIn,
    Place,
    RegisterPasskey,
)
from lineshaft.access.people.store import PASSKEY
from lineshaft.access.settings import AccessSettings
from lineshaft.access.sign_in import SIGN_INS
from lineshaft.bus.subjects import Subjects
from lineshaft.core import clock, ids
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated
from lineshaft.core.principals import Principal
from lineshaft.records import Database

if TYPE_CHECKING:
    from webauthn.registration.verify_registration_response import VerifiedRegistration

PER_PRINCIPAL: Final = 20
_LONGEST_LABEL: Final = 120
_LONGEST_CREDENTIAL: Final = 1400
_REGISTER: Final = "register"
_SIGN_IN: Final = "passkey"
_TIMEOUT_MS: Final = ceremonies.LIFE_SECONDS * 1000
_MALFORMED: Final = (ValueError, TypeError, KeyError, AttributeError, IndexError)
"""What the library also raises for an answer that is not of the form prescribed."""


class PasskeyDesk:
    """Registers passkeys and lets people in by them."""

    def __init__(self, database: Database, subjects: Subjects, settings: AccessSettings) -> None:
        self._database = database
        self._subjects = subjects
        self._tenant = subjects.tenant
        self._settings = settings
        self._lockout = Lockout(settings)

    # -- registering ------------------------------------------------------------------------------------------------

    async def begin(self, asked: BeginPasskey) -> Begun:
        """What the browser's `navigator.credentials` needs, and the secret for its cookie.

        Raises:
            Forbidden: asked with an API token. Conflict: too many passkeys. TooMany: too many begun.
        """
        domain = _domain(asked.place)
        address = normal_address(asked.place.address)
        if asked.actor is None:
            begun = await self._database.write(ceremonies.begin, self._tenant, _SIGN_IN, address)
            return Begun(secret=begun.secret, options=_request_options(domain, begun.derive_bytes(_SIGN_IN)))
        _check_session(asked.actor)
        person, known = await self._database.query(self._holder, asked.actor)
        begun = await self._database.write(ceremonies.begin, self._tenant, _REGISTER, address, principal=person.id)
        return Begun(
            secret=begun.secret, options=_creation_options(domain, person, begun.derive_bytes(_REGISTER), known)
        )

    def _holder(self, connection: Connection, actor: Actor) -> tuple[Principal, list[str]]:
        row = principals.get_row(connection, self._tenant, actor.id)
        if row.revoked is not None or row.kind != "person":
            raise _not_yours()
        known = select(PASSKEY.c.credential).where(PASSKEY.c.principal == row.id)
        return principals.from_row(row), list(connection.scalars(known))

    async def register(self, asked: RegisterPasskey) -> Passkey:
        """Keep a passkey that the actor's authenticator made.

        Raises:
            Unauthenticated: not begun in this browser, or used. InvalidInput: the authenticator's answer proves nothing.
            Forbidden. Conflict: known already, or too many.
        """
        _check_session(asked.actor)
        begun = await self._database.write(ceremonies.take, self._tenant, asked.secret, _REGISTER)
        if begun.principal != asked.actor.id:
            raise ceremonies.over()
        verified = _verify_registration(asked, begun.derive_bytes(_REGISTER))
        return await self._database.write(self._keep, asked, verified)

    def _keep(self, connection: Connection, asked: RegisterPasskey, verified: "VerifiedRegistration") -> Passkey:
        person, known = self._holder(connection, asked.actor)
        credential = _text(verified.credential_id)
        taken = connection.scalar(select(func.count()).where(PASSKEY.c.credential == credential))
        if taken or len(known) >= PER_PRINCIPAL or len(credential) > _LONGEST_CREDENTIAL:
            raise Conflict(
                "access.passkey_refused", f"the passkey is known already, or one of more than {PER_PRINCIPAL}",
                "Remove one that is not used any more.", maximum=PER_PRINCIPAL,
            )  # fmt: skip
        made = Passkey(
            id=ids.new_id(), label=_label(asked.label), synced=verified.credential_backed_up, created=clock.now_us(),
            used=None,
        )  # fmt: skip
        transports = asked.credential.get("response", {}).get("transports", [])
        connection.execute(
            insert(PASSKEY).values(
                id=made.id, principal=person.id, credential=credential, public_key=verified.credential_public_key,
                counter=verified.sign_count, label=made.label, synced=made.synced, created=made.created, used=None,
                transports=[str(each)[:20] for each in transports[:8]] if isinstance(transports, list) else [],
            )
        )  # fmt: skip
        self._note(connection, person.id, "access:passkey_register", {"id": made.id, "label": made.label})
        return made

    # -- signing in -------------------------------------------------------------------------------------------------

    async def sign_in(self, asked: PasskeySignIn) -> SignedIn:
        """A new session for who holds a passkey.

        Raises:
            Unauthenticated: whatever is wrong with it, in the same words. TooMany: the address is locked.
        """
        address = normal_address(asked.place.address)
        limits = [self._lockout.address_limit(address)]
        await self._database.write(self._lockout.charge, limits)
        begun = await self._database.write(ceremonies.take, self._tenant, asked.secret, _SIGN_IN)
        row = await self._database.query(self._find, asked.credential)
        counter = None if row is None else _verify_sign_in(asked, row.public_key, begun.derive_bytes(_SIGN_IN))
        signed_in = await self._database.write(self._finish, row, counter, asked, address)
        SIGN_INS.labels("done" if signed_in else "refused").inc()
        if signed_in is None:
            raise _refused()
        await self._database.write(self._lockout.forgive, limits)
        return signed_in

    def _find(self, connection: Connection, credential: dict[str, Any]) -> Row[Any] | None:
        key = str(credential.get("id", ""))[:_LONGEST_CREDENTIAL]
        return connection.execute(select(PASSKEY).where(PASSKEY.c.credential == key)).one_or_none()

    def _finish(
        self, connection: Connection, found: Row[Any] | None, counter: int | None, asked: PasskeySignIn, address: str
    ) -> SignedIn | None:
        """The outcome of an attempt and its audit entry, in one transaction; None where it was refused."""
        row = None if found is None else self._find(connection, asked.credential)  # as it is now
        owner = None if row is None else principals.find_row(connection, self._tenant, row.principal)
        if row is None or owner is None or counter is None or owner.revoked is not None:
            who = "" if owner is None else owner.id
            facts = {"address": address, "id": "" if row is None else row.id}
            self._note(connection, who, "access:passkey_sign_in", facts, done=False)
            return None
        person = principals.from_row(owner)
        if (counter or row.counter) and counter <= row.counter:
            # Two authenticators hold the key: which of them is the owner's nobody can tell (WebAuthn 7.2, step 22).
            alarm = Alarm(what="cloned_passkey", principal=person.id, name=person.name, address=address)
            facts = {"id": row.id, "counter": counter, "expected_above": row.counter}
            alarms.sound(connection, self._subjects, alarm, "access:passkey_sign_in", "refused", facts)
            return None
        connection.execute(update(PASSKEY).where(PASSKEY.c.id == row.id).values(counter=counter, used=clock.now_us()))
        return admit(
            connection, person, address, self._settings, "access:passkey_sign_in", previous=asked.previous,
            facts={"id": row.id},
        )  # fmt: skip

    # -- keeping ----------------------------------------------------------------------------------------------------

    async def rename(self, asked: ChangePasskey) -> Passkey:
        """Give one's passkey another name.

        Raises:
            NotFound. Forbidden: asked with an API token. InvalidInput: no name.
        """
        _check_session(asked.actor)
        return await self._database.write(self._rename, asked)

    def _rename(self, connection: Connection, asked: ChangePasskey) -> Passkey:
        row = self._own(connection, asked)
        label = _label(asked.label)
        connection.execute(update(PASSKEY).where(PASSKEY.c.id == row.id).values(label=label))
        self._note(connection, asked.actor.id, "access:passkey_rename", {"id": row.id, "label": label})
        return Passkey(id=row.id, label=label, synced=row.synced, created=row.created, used=row.used)

    async def remove(self, asked: ChangePasskey) -> Done:
        """Remove one's passkey; nobody signs in with it any more.

        Raises:
            NotFound. Forbidden: asked with an API token.
        """
        _check_session(asked.actor)
        await self._database.write(self._remove, asked)
        return Done()

    def _remove(self, connection: Connection, asked: ChangePasskey) -> None:
        row = self._own(connection, asked)
        connection.execute(delete(PASSKEY).where(PASSKEY.c.id == row.id))
        self._note(connection, asked.actor.id, "access:passkey_remove", {"id": row.id, "label": row.label})

    def _own(self, connection: Connection, asked: ChangePasskey) -> Row[Any]:
        own = select(PASSKEY).where(PASSKEY.c.id == asked.id, PASSKEY.c.principal == asked.actor.id)
        row = connection.execute(own).one_or_none()
        if row is None:
            raise NotFound(
                "access.passkey_unknown", f"you have no passkey {asked.id[:40]!r}", "The list shows those you have.",
                value=asked.id[:40],
            )  # fmt: skip
        return row

    def _note(self, connection: Connection, who: str, action: str, facts: dict[str, Any], *, done: bool = True) -> None:
        outcome = "done" if done else "refused"
        act = Act(principal=who, action=action, resource=who, outcome=outcome, facts=facts)  # type: ignore[arg-type]
        audit.write(connection, self._tenant, act)


def list_of(connection: Connection, principal: str) -> list[Passkey]:
    """A person's passkeys, the newest first."""
    own = select(PASSKEY).where(PASSKEY.c.principal == principal).order_by(PASSKEY.c.created.desc(), PASSKEY.c.id)
    return [
        Passkey(id=row.id, label=row.label, synced=row.synced, created=row.created, used=row.used)
        for row in connection.execute(own)
    ]


# -- the WebAuthn library, loaded when somebody uses it: it is not small ------------------------------------------------


def _creation_options(domain: str, person: Principal, challenge: bytes, known: list[str]) -> dict[str, Any]:
    import webauthn
    from webauthn.helpers import base64url_to_bytes, options_to_json
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = webauthn.generate_registration_options(
        rp_id=domain, rp_name="Lineshaft", user_name=person.name, user_display_name=person.name,
        user_id=hashlib.sha256(person.id.encode()).digest(), challenge=challenge, timeout=_TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(key)) for key in known],
        supported_pub_key_algs=_algorithms(),
    )  # fmt: skip
    return dict(json.loads(options_to_json(options)))


def _request_options(domain: str, challenge: bytes) -> dict[str, Any]:
    import webauthn
    from webauthn.helpers import options_to_json
    from webauthn.helpers.structs import UserVerificationRequirement

    options = webauthn.generate_authentication_options(
        rp_id=domain, challenge=challenge, timeout=_TIMEOUT_MS, user_verification=UserVerificationRequirement.REQUIRED
    )
    return dict(json.loads(options_to_json(options)))


def _algorithms() -> list[Any]:
    from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm

    return [Algorithm.ECDSA_SHA_256, Algorithm.EDDSA, Algorithm.RSASSA_PKCS1_v1_5_SHA_256]


def _verify_registration(asked: RegisterPasskey, challenge: bytes) -> "VerifiedRegistration":
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        return webauthn.verify_registration_response(
            credential=asked.credential, expected_challenge=challenge, expected_rp_id=_domain(asked.place),
            expected_origin=asked.place.origin, require_user_verification=True, supported_pub_key_algs=_algorithms(),
        )  # fmt: skip
    except (WebAuthnException, *_MALFORMED) as error:
        raise InvalidInput(
            "access.passkey_invalid", f"the authenticator's answer is not valid: {str(error)[:200]}",
            "Begin again; the authenticator must verify its user by PIN, fingerprint or face.",
            field="credential", reason=str(error)[:200],
        ) from error  # fmt: skip


def _verify_sign_in(asked: PasskeySignIn, public_key: bytes, challenge: bytes) -> int | None:
    """The authenticator's counter; None where the answer proves nothing.

    The counter is compared afterwards: the library would do so before it looks at the signature, and anybody could
    sound the alarm of a cloned authenticator.
    """
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        verified = webauthn.verify_authentication_response(
            credential=asked.credential, expected_challenge=challenge, expected_rp_id=_domain(asked.place),
            expected_origin=asked.place.origin, credential_public_key=public_key, credential_current_sign_count=0,
            require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, *_MALFORMED):
        return None
    return verified.new_sign_count


def _text(credential: bytes) -> str:
    from webauthn.helpers import bytes_to_base64url

    return bytes_to_base64url(credential)


# -- rules --------------------------------------------------------------------------------------------------------------


def possible(place: Place) -> bool:
    """Whether passkeys work there: browsers tie them to a host name, and want TLS or localhost."""
    parts = urlsplit(place.origin)
    name = parts.hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(name) and (parts.scheme == "https" or name == "localhost")
    return False


def _domain(place: Place) -> str:
    """The relying party: the host name people use."""
    if not possible(place):
        raise Conflict(
            "access.passkey_needs_name", f"passkeys do not work at {place.origin}: browsers tie them to a host name over TLS",
            "Open the page by a name over https, or as localhost on the machine itself; see the setting web.public_url.",
            value=place.origin,
        )  # fmt: skip
    return urlsplit(place.origin).hostname or ""


def _label(label: str) -> str:
    plain = " ".join(label.split())[:_LONGEST_LABEL]
    if not plain:
        raise InvalidInput(
            "access.passkey_label_empty", "label is empty", "Name the passkey after the device it is on.", field="label"
        )
    return plain


def _check_session(actor: Actor) -> None:
    if actor.scopes is not None:
        raise _not_yours()


def _not_yours() -> Forbidden:
    return Forbidden(
        "access.passkey_not_yours", "only a signed-in person can have a passkey",
        "Sign in first; an API token is not enough.",
    )  # fmt: skip


def _refused() -> Unauthenticated:
    return Unauthenticated(
        "access.passkey_sign_in_refused", "the passkey is not accepted",
        "Use another one, or your password. An administrator can send a one-time link.",
    )  # fmt: skip
