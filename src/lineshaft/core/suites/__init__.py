"""Algorithm suites: which signature, digest and cipher go together, as a field of everything that is signed or sealed.

    intl   Ed25519 or ECDSA on P-256 · SHA-256 · AES-256-GCM
    gm     SM2 · SM3 · SM4-GCM (GB/T 32918, 32905, 32907; RFC 8998)

`cryptography` does the work; SM2, which it does not have, is a thin call into the system's libcrypto (`libcrypto`).
Not here: certificates (`access.pki`), where keys are kept. Everything may import it.
"""

from lineshaft.core.suites.base import ALGORITHMS, SUITES, Algorithm, Signature, Suite, digest, suite_of
from lineshaft.core.suites.keys import PrivateKey, PublicKey
from lineshaft.core.suites.sealing import NONCE_BYTES, TAG_BYTES, key_bytes, open_sealed, seal

__all__ = [
    "ALGORITHMS",
    "NONCE_BYTES",
    "SUITES",
    "TAG_BYTES",
    "Algorithm",
    "PrivateKey",
    "PublicKey",
    "Signature",
    "Suite",
    "digest",
    "key_bytes",
    "open_sealed",
    "seal",
    "suite_of",
]
