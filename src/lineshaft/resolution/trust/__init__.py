"""Trust in records: signatures at write time, certificates for keys, chains that end at a key of the root's."""

from lineshaft.resolution.trust.permissions import covers as covers
from lineshaft.resolution.trust.registration import Registrars as Registrars
from lineshaft.resolution.trust.registration import given_key as given_key
from lineshaft.resolution.trust.registration import registrars as registrars
from lineshaft.resolution.trust.registration import verify_registration as verify_registration
from lineshaft.resolution.trust.signing import CERTIFICATE_INDEX as CERTIFICATE_INDEX
from lineshaft.resolution.trust.signing import SIGNATURE_INDEX as SIGNATURE_INDEX
from lineshaft.resolution.trust.signing import certificate as certificate
from lineshaft.resolution.trust.signing import sign_record as sign_record
from lineshaft.resolution.trust.verification import Link as Link
from lineshaft.resolution.trust.verification import Proof as Proof
from lineshaft.resolution.trust.verification import Verdict as Verdict
from lineshaft.resolution.trust.verification import verify_record as verify_record
