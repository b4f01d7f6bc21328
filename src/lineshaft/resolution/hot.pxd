# cython: language_level=3
"""Types for `hot` where it is compiled."""

cimport cython

cdef long _SMALLEST, _LONG_WAY, _PUBLIC, _ECHOED, _HAS_PRIVATE, _MAX_HANDLE, _MAX_LIST, _MOST_RECURSION
cdef bytes _NO_CREDENTIAL, _NO_FILTER, _NO_FILTER_NO_IDENTITY
cdef bytearray _ROOM

@cython.locals(high=cython.long)
cdef long u32(const unsigned char *data, Py_ssize_t at) noexcept
cdef void put32(unsigned char *room, Py_ssize_t at, long value) noexcept

@cython.locals(size=cython.Py_ssize_t, body=cython.long, room="unsigned char *")
cdef bytes _found(long minor, long request, long flags, long serial, long expiration, bytes handle, bytes values)

@cython.locals(
    data="const unsigned char *", size=cython.Py_ssize_t, end=cython.Py_ssize_t, major=cython.long, minor=cython.long,
    flags=cython.long, session=cython.long, request=cython.long, length=cython.long, operation=cython.long,
    code=cython.long, asked=cython.long, known=cython.long, recursion=cython.long, expires=cython.long,
    body_bytes=cython.long, handle_bytes=cython.long, handle=bytes, tail=bytes, record=bytes, values=bytes,
)
cpdef answer(bytes packet, object lookup, long now, long expiration, long serial, long standing=*)
