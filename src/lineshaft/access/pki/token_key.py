"""The issuing key in a hardware security module (PKCS #11): made there where missing, never extractable.

A session is for one thread at a time. The PIN is read when a session opens, and is kept nowhere.
"""

import threading
from pathlib import Path
from typing import Any, Final

from lineshaft.access.pki.settings import PkiSettings
from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.core.suites import PublicKey

_COORDINATE: Final = 32


class TokenKey:
    """A key on P-256 in the token that the settings name.

    Raises:
        InvalidInput: no PIN, or the extra is not installed. Unavailable: no such module or token, or a wrong PIN.
    """

    def __init__(self, settings: PkiSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        with self._lock:
            self._open()
            self.public: Final = PublicKey(self._public())

    def sign_value(self, data: bytes) -> bytes:
        """DER of the two integers; opens a new session once where the token has forgotten the one it had.

        Raises:
            Unavailable: the token does not sign.
        """
        pkcs11 = _library()
        with self._lock:
            try:
                return self._signed(data)
            except pkcs11.PKCS11Error:
                self._open()
            try:
                return self._signed(data)
            except pkcs11.PKCS11Error as error:
                raise _unavailable(self._settings, error) from error

    def _signed(self, data: bytes) -> bytes:
        from hashlib import sha256

        from pkcs11.util.ec import encode_ecdsa_signature

        raw = self._private.sign(sha256(data).digest(), mechanism=_library().Mechanism.ECDSA)
        return bytes(encode_ecdsa_signature(raw))

    def _open(self) -> None:
        pkcs11, settings = _library(), self._settings
        pin = _pin(settings)
        try:
            token = pkcs11.lib(settings.pkcs11_module).get_token(token_label=settings.pkcs11_token)
            session = _session(token, pin)
            self._private, self._verifying = _pair(session, settings.pkcs11_key)
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            raise _unavailable(settings, error) from error

    def _public(self) -> bytes:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        # The point comes wrapped in an OCTET STRING; its last bytes are 04 ‖ x ‖ y.
        point = self._verifying[_library().Attribute.EC_POINT][-(2 * _COORDINATE + 1) :]
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _session(token: Any, pin: str) -> Any:
    try:
        return token.open(rw=True, user_pin=pin)
    except _library().UserAlreadyLoggedIn:  # a sign-in counts for all sessions of a process
        return token.open(rw=True)


def _pair(session: Any, label: str) -> tuple[Any, Any]:
    """(private, public) of the key pair with this label, made where there is none."""
    pkcs11 = _library()
    from pkcs11.util.ec import encode_named_curve_parameters

    kind = pkcs11.KeyType.EC
    try:
        private = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, key_type=kind, label=label)
        public = session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, key_type=kind, label=label)
    except pkcs11.NoSuchKey:
        parameters = session.create_domain_parameters(
            kind, {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}, local=True
        )
        # Neither library default is relied on: it must never leave the token.
        kept = {pkcs11.Attribute.EXTRACTABLE: False, pkcs11.Attribute.SENSITIVE: True}
        public, private = parameters.generate_keypair(store=True, label=label, private_template=kept)
    return private, public


def _pin(settings: PkiSettings) -> str:
    try:
        pin = (
            Path(settings.pkcs11_pin_file).read_text("utf-8").strip()
            if settings.pkcs11_pin_file
            else settings.pkcs11_pin
        )
    except OSError as error:
        raise InvalidInput(
            "access.pkcs11_pin_unreadable", f"pki.pkcs11_pin_file {settings.pkcs11_pin_file} cannot be read: {error.strerror}",
            "Name a file that only the owner of the home may read.", field="pki.pkcs11_pin_file",
            path=settings.pkcs11_pin_file, reason=str(error.strerror),
        ) from error  # fmt: skip
    if not pin:
        raise InvalidInput(
            "access.pkcs11_pin_missing", "the token with the issuing key needs a PIN, and none is given",
            "Set pki.pkcs11_pin_file, or LINESHAFT_PKI__PKCS11_PIN in the environment.", field="pki.pkcs11_pin_file",
        )  # fmt: skip
    return pin


def _library() -> Any:
    try:
        import pkcs11
    except ImportError as error:
        raise InvalidInput(
            "access.pkcs11_missing", "pki.pkcs11_module is set, but the library for PKCS #11 is not installed",
            "pip install 'lineshaft[pkcs11]'", field="pki.pkcs11_module",
        ) from error  # fmt: skip
    return pkcs11


def _unavailable(settings: PkiSettings, error: Exception) -> Unavailable:
    reason = str(error) or type(error).__name__
    return Unavailable(
        "access.token_key_unavailable", f"the issuing key in the token {settings.pkcs11_token!r} cannot be used: {reason}",
        "Check that the module, the token's label and the PIN are right, and that the token is there.",
        token=settings.pkcs11_token, reason=reason,
    )  # fmt: skip
