"""Numbers of the protocol: operations, response codes, flags, limits (RFC 3652 2.2.2, and what versions to 2.11 added).

Plain integers: messages may carry numbers that nobody has defined, and the hot path compares them as they come.
"""

from typing import Final

MAJOR_VERSION: Final = 2
MINOR_VERSION: Final = 11

ENVELOPE_BYTES: Final = 20
HEADER_BYTES: Final = 24
MAX_MESSAGE_BYTES: Final = 262_144
"""The longest message, without its envelope."""
MAX_PACKET_BYTES: Final = 512
"""The longest datagram, with its envelope."""
PACKET_PAYLOAD_BYTES: Final = MAX_PACKET_BYTES - ENVELOPE_BYTES

MOST_RECURSION: Final = 10
"""Servers that may pass one request on."""

# Operations
OC_RESOLUTION: Final = 1
OC_GET_SITE_INFO: Final = 2
OC_CREATE_HANDLE: Final = 100
OC_DELETE_HANDLE: Final = 101
OC_ADD_VALUE: Final = 102
OC_REMOVE_VALUE: Final = 103
OC_MODIFY_VALUE: Final = 104
OC_LIST_HANDLES: Final = 105
OC_CHALLENGE_ANSWER: Final = 200
OC_VERIFY_ANSWER: Final = 201
OC_HOME_PREFIX: Final = 300
OC_UNHOME_PREFIX: Final = 301
OC_LIST_PREFIXES: Final = 302
OC_SESSION_SETUP: Final = 400
OC_SESSION_TERMINATE: Final = 401
OC_SESSION_EXCHANGE_KEY: Final = 402
OC_NEXT_TRANSACTION: Final = 1000
OC_RETRIEVE_TRANSACTIONS: Final = 1001
OC_DUMP_HANDLES: Final = 1002
OC_BACKUP_SERVER: Final = 1003
# Operations of the Chinese dialect
OC_LOGIN: Final = 2000
OC_LOGIN_SYSTEM: Final = 2001

# Response codes
RC_REQUEST: Final = 0
RC_SUCCESS: Final = 1
RC_ERROR: Final = 2
RC_SERVER_BUSY: Final = 3
RC_PROTOCOL_ERROR: Final = 4
RC_NOT_SUPPORTED: Final = 5
RC_RECURSION_TOO_DEEP: Final = 6
RC_SERVER_BACKUP: Final = 7
RC_HANDLE_NOT_FOUND: Final = 100
RC_HANDLE_EXISTS: Final = 101
RC_INVALID_HANDLE: Final = 102
RC_VALUES_NOT_FOUND: Final = 200
RC_VALUE_EXISTS: Final = 201
RC_INVALID_VALUE: Final = 202
RC_OUT_OF_DATE_SITE: Final = 300
RC_NOT_RESPONSIBLE: Final = 301
RC_SERVICE_REFERRAL: Final = 302
RC_PREFIX_REFERRAL: Final = 303
RC_INVALID_ADMIN: Final = 400
RC_NOT_PERMITTED: Final = 401
RC_AUTHENTICATION_NEEDED: Final = 402
RC_AUTHENTICATION_FAILED: Final = 403
RC_INVALID_CREDENTIAL: Final = 404
RC_AUTHENTICATION_TIMEOUT: Final = 405
RC_AUTHENTICATION_ERROR: Final = 406
RC_SESSION_TIMEOUT: Final = 500
RC_SESSION_FAILED: Final = 501
RC_INVALID_SESSION_KEY: Final = 502
RC_NEED_RSA_KEY: Final = 503
RC_INVALID_SESSION_SETUP: Final = 504
RC_SESSION_REJECTED: Final = 505
# Response codes of the Chinese dialect
RC_LOGIN_AGAIN: Final = 407
RC_LOGIN_FIRST: Final = 408
RC_CHANNEL_ERROR: Final = 601
RC_CHANNEL_TIMEOUT: Final = 602
RC_DAILY_LIMIT: Final = 603
RC_REGISTRATION_LIMIT: Final = 604
RC_PREFIX_LIMIT: Final = 605
RC_DIALECT_ERROR: Final = 3001

# Flags of the header
AUTHORITATIVE: Final = 0x80000000
"""Request: ask a primary, not a cache. Response: a primary said so."""
CERTIFIED: Final = 0x40000000
"""The response is to be signed."""
ENCRYPTED: Final = 0x20000000
"""The response is to be encrypted with the session key."""
RECURSIVE: Final = 0x10000000
"""The server may ask others."""
CACHE_CERTIFIED: Final = 0x08000000
CONTINUED: Final = 0x04000000
"""More messages of this answer follow."""
KEEP_ALIVE: Final = 0x02000000
PUBLIC_ONLY: Final = 0x01000000
REQUEST_DIGEST: Final = 0x00800000
"""The response begins with a digest of the request."""
OVERWRITE: Final = 0x00400000
MINT_SUFFIX: Final = 0x00200000
DO_NOT_REFER: Final = 0x00100000
RECURSIVE_IDENTITY: Final = 0x00000004
"""Chinese dialect: a recursive server passes the asker's identity on."""

# Flags of the envelope
COMPRESSED_ENVELOPE: Final = 0x80
ENCRYPTED_ENVELOPE: Final = 0x40
TRUNCATED_ENVELOPE: Final = 0x20

# Digests and message authentication codes
MD5_OLD: Final = 0
MD5: Final = 1
SHA1: Final = 2
SHA256: Final = 3
HMAC_SHA1: Final = 0x12
HMAC_SHA256: Final = 0x13
PBKDF2_HMAC_SHA1: Final = 0x22

NO_SERIAL: Final = 0xFFFF
"""Site serial number of a client that does not know one."""
