"""The suites, their algorithms and digests, and what a signature carries."""

from typing import Final, Literal

import msgspec
from cryptography.hazmat.primitives import hashes

from lineshaft.core.errors import InvalidInput

Suite = Literal["intl", "gm"]
Algorithm = Literal["ed25519", "ecdsa-p256", "sm2"]

SUITES: Final[tuple[Suite, ...]] = ("intl", "gm")
ALGORITHMS: Final[dict[Algorithm, Suite]] = {"ed25519": "intl", "ecdsa-p256": "intl", "sm2": "gm"}
"""Signature algorithms and the suite each belongs to."""

_DIGESTS: Final[dict[str, type[hashes.HashAlgorithm]]] = {"intl": hashes.SHA256, "gm": hashes.SM3}


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A signature and what it was made with. A receiver believes the key it knows, not these words: see `verify`."""

    suite: Suite
    algorithm: Algorithm
    key: str
    """Id of the key: the suite's digest of its public part (SubjectPublicKeyInfo, DER), hexadecimal."""
    value: bytes
    """Ed25519: 64 bytes (RFC 8032). ECDSA and SM2: DER of the two integers."""


def suite_of(algorithm: Algorithm) -> Suite:
    """The suite of a signature algorithm.

    Raises:
        InvalidInput: no such algorithm.
    """
    suite = ALGORITHMS.get(algorithm)
    if suite is None:
        raise InvalidInput(
            "core.algorithm_unknown", f"there is no signature algorithm {algorithm!r}",
            "Algorithms are " + ", ".join(ALGORITHMS) + ".", value=algorithm, algorithms=", ".join(ALGORITHMS),
        )  # fmt: skip
    return suite


def digest(suite: Suite, data: bytes) -> bytes:
    """32 bytes: SHA-256 or SM3.

    Raises:
        InvalidInput: no such suite.
    """
    context = hashes.Hash(_DIGESTS[check_suite(suite)]())
    context.update(data)
    return context.finalize()


def check_suite(suite: str) -> str:
    """The suite's name, unchanged.

    Raises:
        InvalidInput: no such suite.
    """
    if suite not in SUITES:
        raise InvalidInput(
            "core.suite_unknown", f"there is no algorithm suite {suite!r}", "Suites are " + ", ".join(SUITES) + ".",
            value=suite, suites=", ".join(SUITES),
        )  # fmt: skip
    return suite
