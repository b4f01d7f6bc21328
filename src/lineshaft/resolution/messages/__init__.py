"""Bodies of messages: what each operation asks and answers (RFC 3652 3).

`body_reader` finds how a body is read from operation and response code. A body encodes itself; requests of the Chinese
dialect are in `dialect_cn`.
"""

from collections.abc import Callable
from typing import Final

from lineshaft.resolution import codes
from lineshaft.resolution.fields import Reader
from lineshaft.resolution.messages.administration import ChangeValues as ChangeValues
from lineshaft.resolution.messages.administration import Created as Created
from lineshaft.resolution.messages.administration import OfHandle as OfHandle
from lineshaft.resolution.messages.administration import RemoveValues as RemoveValues
from lineshaft.resolution.messages.authentication import AnswerChallenge as AnswerChallenge
from lineshaft.resolution.messages.authentication import Challenge as Challenge
from lineshaft.resolution.messages.authentication import OldChallenge as OldChallenge
from lineshaft.resolution.messages.authentication import Verified as Verified
from lineshaft.resolution.messages.authentication import VerifyAnswer as VerifyAnswer
from lineshaft.resolution.messages.base import Body as Body
from lineshaft.resolution.messages.base import Empty as Empty
from lineshaft.resolution.messages.base import Raw as Raw
from lineshaft.resolution.messages.base import Refusal as Refusal
from lineshaft.resolution.messages.dialect import Login as Login
from lineshaft.resolution.messages.mirroring import Dump as Dump
from lineshaft.resolution.messages.mirroring import NextTransaction as NextTransaction
from lineshaft.resolution.messages.mirroring import Retrieve as Retrieve
from lineshaft.resolution.messages.mirroring import Retrieved as Retrieved
from lineshaft.resolution.messages.mirroring import Shard as Shard
from lineshaft.resolution.messages.resolution import HandleList as HandleList
from lineshaft.resolution.messages.resolution import Referral as Referral
from lineshaft.resolution.messages.resolution import Resolve as Resolve
from lineshaft.resolution.messages.resolution import Resolved as Resolved
from lineshaft.resolution.messages.sessions import ExchangeKey as ExchangeKey
from lineshaft.resolution.messages.sessions import SessionReady as SessionReady
from lineshaft.resolution.messages.sessions import SetUpSession as SetUpSession

Read = Callable[[Reader], Body]

_REQUESTS: Final[dict[int, Read]] = {
    codes.OC_RESOLUTION: Resolve.read,
    codes.OC_GET_SITE_INFO: OfHandle.read,
    codes.OC_CREATE_HANDLE: ChangeValues.read,
    codes.OC_DELETE_HANDLE: OfHandle.read,
    codes.OC_ADD_VALUE: ChangeValues.read,
    codes.OC_REMOVE_VALUE: RemoveValues.read,
    codes.OC_MODIFY_VALUE: ChangeValues.read,
    codes.OC_LIST_HANDLES: OfHandle.read,
    codes.OC_CHALLENGE_ANSWER: AnswerChallenge.read,
    codes.OC_VERIFY_ANSWER: VerifyAnswer.read,
    codes.OC_HOME_PREFIX: OfHandle.read,
    codes.OC_UNHOME_PREFIX: OfHandle.read,
    codes.OC_LIST_PREFIXES: OfHandle.read,
    codes.OC_SESSION_SETUP: SetUpSession.read,
    codes.OC_SESSION_TERMINATE: OfHandle.read,
    codes.OC_SESSION_EXCHANGE_KEY: ExchangeKey.read,
    codes.OC_NEXT_TRANSACTION: OfHandle.read,
    codes.OC_DUMP_HANDLES: Dump.read,
    codes.OC_BACKUP_SERVER: OfHandle.read,
    codes.OC_LOGIN: Login.read,
    codes.OC_LOGIN_SYSTEM: Login.read,
}
_ANSWERS: Final[dict[int, Read]] = {
    codes.OC_RESOLUTION: Resolved.read,
    codes.OC_GET_SITE_INFO: Raw.read,
    codes.OC_CREATE_HANDLE: Created.read,
    codes.OC_LIST_HANDLES: HandleList.read,
    codes.OC_VERIFY_ANSWER: Verified.read,
    codes.OC_LIST_PREFIXES: HandleList.read,
    codes.OC_SESSION_SETUP: SessionReady.read,
    codes.OC_NEXT_TRANSACTION: NextTransaction.read,
    codes.OC_RETRIEVE_TRANSACTIONS: Retrieved.read,
    codes.OC_LOGIN: Raw.read,
    codes.OC_LOGIN_SYSTEM: Raw.read,
}
_EMPTY_ANSWERS: Final = frozenset(_REQUESTS) - frozenset(_ANSWERS)


def body_reader(operation: int, code: int, version: tuple[int, int]) -> Read:
    """How the body of such a message is read; unknown operations are kept as they are (`Raw`), to be refused by name."""
    if code == codes.RC_REQUEST:
        if operation == codes.OC_RETRIEVE_TRANSACTIONS:
            return Retrieve.read if version >= (2, 9) else Retrieve.read_old
        return _REQUESTS.get(operation, Raw.read)
    if code == codes.RC_SUCCESS:
        return Empty.read if operation in _EMPTY_ANSWERS else _ANSWERS.get(operation, Raw.read)
    if code in {codes.RC_SERVICE_REFERRAL, codes.RC_PREFIX_REFERRAL}:
        return Referral.read
    if code == codes.RC_AUTHENTICATION_NEEDED:
        return Challenge.read if version >= (2, 1) and version[0] != 5 else OldChallenge.read
    return Refusal.read
