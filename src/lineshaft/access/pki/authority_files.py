"""The authority's files in `keys/pki` of the home: keys, certificates, the request for an offline root, the list.

    root.key      signs issuing certificates; not here where the root is offline
    root.crt      what everybody trusts
    issuing.key   signs everything else; not here where it is in a token
    issuing.crt   the issuing certificate
    issuing.csr   request for it, for an offline root
    crl.der       the revocation list as last signed

A key is written before its certificate, so a certificate without its key is never what a killed start leaves.
"""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lineshaft.access.files import write_secret, write_whole
from lineshaft.core.errors import Corrupt, LineshaftError, Unavailable
from lineshaft.core.home import Home
from lineshaft.core.suites import Algorithm, PrivateKey


class AuthorityFiles:
    """Reads and writes them; `AuthorityFiles(folder)` makes the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @classmethod
    def of(cls, home: Home) -> "AuthorityFiles":
        return cls(home.folder("keys") / "pki")

    def key(self, name: str) -> PrivateKey | None:
        """A private key; None where there is none.

        Raises:
            Corrupt: it is damaged, and a certificate stands for it. Unavailable: it belongs to somebody else.
        """
        file = self.folder / f"{name}.key"
        try:
            return PrivateKey.load(file)
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise Unavailable(
                "access.keys_unreadable", f"{file} belongs to somebody else", "Run Lineshaft as the owner of its home.",
                path=str(file),
            ) from error  # fmt: skip
        except LineshaftError as error:
            if self.certificate(name) is None:
                return None
            raise missing(file) from error

    def new_key(self, name: str, algorithm: Algorithm) -> PrivateKey:
        """A key just made and kept."""
        key = PrivateKey.generate(algorithm)
        write_secret(self.folder / f"{name}.key", key.pem())
        return key

    def certificate(self, name: str) -> x509.Certificate | None:
        """A certificate; None where there is none that can be read."""
        try:
            return x509.load_pem_x509_certificate((self.folder / f"{name}.crt").read_bytes())
        except (OSError, ValueError):
            return None

    def put_certificate(self, name: str, certificate: x509.Certificate) -> None:
        self.put(f"{name}.crt", certificate.public_bytes(Encoding.PEM))

    def get(self, name: str) -> bytes | None:
        """A file's content; None where there is none."""
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            return None

    def put(self, name: str, content: bytes) -> None:
        """Replace a file whole.

        Raises:
            Unavailable: the disk does not take it.
        """
        write_whole(self.folder / name, content)


def missing(file: Path) -> Corrupt:
    return Corrupt(
        "access.authority_key_missing", f"{file} is missing or damaged, and certificates were issued with it",
        "Restore the keys folder of the home from a backup; nothing was changed.", path=str(file),
    )  # fmt: skip
