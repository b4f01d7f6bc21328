"""A root that is kept away from the box: made and used on another machine, its certificates carried over by hand.

On another machine `root_create` makes the root. With the setting `pki.root = "offline"` the box writes
`keys/pki/issuing.csr`; `root_sign` over there turns it into the issuing certificate, which `install_certificate` here
puts in force.
"""

from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lineshaft.access.pki import building, csr, trust
from lineshaft.access.pki.authority import ALGORITHM, pem_of
from lineshaft.access.pki.authority_files import AuthorityFiles
from lineshaft.access.pki.der import key_in_request
from lineshaft.access.pki.profiles import DAY_US
from lineshaft.core.errors import Conflict, InvalidInput, NotFound
from lineshaft.core.suites import PublicKey, Suite

_LARGEST: Final = 65_536


def root_create(folder: Path, *, organization: str, suite: Suite = "intl", years: int = 10) -> x509.Certificate:
    """A new root in a folder of its own; completes what an interrupted call left.

    Raises:
        Conflict: there is a root already.
    """
    files = AuthorityFiles(folder)
    if files.certificate("root") is not None:
        raise Conflict(
            "access.root_exists", f"{folder} already holds a root", "Choose another folder.", path=str(folder)
        )
    key = files.key("root") or files.new_key("root", ALGORITHM[suite])
    name = building.authority_name("root", organization, key.public)
    made = building.authority_certificate(name, key.public, 1, building.validity(years * 365 * DAY_US), key)
    files.put_certificate("root", made)
    return made


def root_sign(folder: Path, request: bytes, *, days: int = 730) -> str:
    """PEM of the issuing certificate that `request` asks for, then of the root.

    Raises:
        NotFound: no root in the folder. InvalidInput: the request, see `csr.prove`.
    """
    files = AuthorityFiles(folder)
    key, root = files.key("root"), files.certificate("root")
    if key is None or root is None:
        raise NotFound(
            "access.root_missing", f"{folder} holds no root", "`lineshaft pki root-create` makes one.", path=str(folder)
        )
    asked, _ = csr.prove(request)
    public = PublicKey(key_in_request(asked.public_bytes(Encoding.DER)))
    if not asked.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME):
        raise InvalidInput(
            "access.authority_request_nameless", "the request names nobody",
            "Sign the file keys/pki/issuing.csr of an installation.", field="csr",
        )  # fmt: skip
    valid = building.validity(days * DAY_US, root)
    made = building.authority_certificate(asked.subject, public, 0, valid, key, root.subject)
    return pem_of(made) + pem_of(root)


def install_certificate(files: AuthorityFiles, chain: bytes) -> x509.Certificate:
    """Put an issuing certificate, and the root after it, in force; the access service takes them up by itself.

    Raises:
        InvalidInput: not two certificates, not of this installation's key, not signed by that root, or not valid now.
    """
    found = _read(chain)
    if len(found) != 2:
        raise _wrong(f"it holds {len(found)} certificates, not the issuing one and the root")
    issuing, root = found
    request = files.get("issuing.csr")
    if request is None or not trust.request_holds(request, PublicKey(trust.key_of(issuing))):
        raise _wrong("it is not for the issuing key of this installation")
    if not trust.signed_by(root, root) or not trust.signed_by(issuing, root):
        raise _wrong("the root has not signed it")
    if not all(trust.is_authority(each) and trust.valid_now(each) for each in found):
        raise _wrong("it is no authority's, or not valid at the present time")
    files.put_certificate("root", root)
    files.put_certificate("issuing", issuing)
    return issuing


def _read(chain: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(chain[:_LARGEST])
    except ValueError:
        return []


def _wrong(reason: str) -> InvalidInput:
    return InvalidInput(
        "access.authority_certificate_wrong", f"this certificate cannot be put in force: {reason}",
        "Give the file that `lineshaft pki root-sign` wrote for keys/pki/issuing.csr of this installation.",
        field="certificate", reason=reason,
    )  # fmt: skip
