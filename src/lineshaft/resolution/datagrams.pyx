# cython: language_level=3
"""The socket loop of `listeners.udp` compiled: many datagrams to a system call (recvmmsg, sendmmsg), addresses as they come.

What is not the common case goes back to the listener, one request at a time, and is treated there as without this module.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.errno cimport EAGAIN, ECONNREFUSED, EINTR, errno
from libc.stdlib cimport calloc, free

import socket

from lineshaft.resolution import codes, hot
from lineshaft.resolution.packets import split

cdef extern from *:
    """
    #include <arpa/inet.h>
    #include <netinet/in.h>
    #include <sys/socket.h>
    """
    ctypedef unsigned int socklen_t
    struct iovec:
        void *iov_base
        size_t iov_len
    struct msghdr:
        void *msg_name
        socklen_t msg_namelen
        iovec *msg_iov
        size_t msg_iovlen
    struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len
    struct in_addr:
        unsigned int s_addr
    struct in6_addr:
        unsigned char *s6_addr
    struct sockaddr_in:
        unsigned short sin_port
        in_addr sin_addr
    struct sockaddr_in6:
        unsigned short sin6_port
        unsigned int sin6_flowinfo
        in6_addr sin6_addr
        unsigned int sin6_scope_id
    int recvmmsg(int, mmsghdr *, unsigned int, int, void *) nogil
    int sendmmsg(int, mmsghdr *, unsigned int, int) nogil
    unsigned short ntohs(unsigned short) nogil
    unsigned int ntohl(unsigned int) nogil
    int MSG_DONTWAIT

cdef enum:
    TOGETHER = 64  # datagrams taken before other work gets its turn
    LARGEST = 4096  # bytes of a datagram that are read; what is longer is cut, and dropped for it
    KNOWN = 10000  # addresses whose text is remembered

cdef int WHOLE = codes.MAX_PACKET_BYTES


cdef class Datagrams:
    """One socket of a `UdpListener`.

    Args:
        file: the socket's number; it does not block.
        listener: takes what is not the common case, and counts.
        ipv6: of which family it is.
    """

    cdef int _file
    cdef bint _ipv6
    cdef object _listener
    cdef dict _texts
    cdef list _held
    cdef char *_room
    cdef mmsghdr *_in
    cdef mmsghdr *_out
    cdef iovec *_in_parts
    cdef iovec *_out_parts
    cdef sockaddr_in6 *_sources  # the longer of the two forms
    cdef int _ready

    def __cinit__(self, int file, object listener, bint ipv6):
        cdef int place
        self._file = file
        self._listener = listener
        self._ipv6 = ipv6
        self._texts = {}
        self._held = [None] * TOGETHER
        self._ready = 0
        self._room = <char *>calloc(TOGETHER, LARGEST)
        self._in = <mmsghdr *>calloc(TOGETHER, sizeof(mmsghdr))
        self._out = <mmsghdr *>calloc(TOGETHER, sizeof(mmsghdr))
        self._in_parts = <iovec *>calloc(TOGETHER, sizeof(iovec))
        self._out_parts = <iovec *>calloc(TOGETHER, sizeof(iovec))
        self._sources = <sockaddr_in6 *>calloc(TOGETHER, sizeof(sockaddr_in6))
        if not (self._room and self._in and self._out and self._in_parts and self._out_parts and self._sources):
            raise MemoryError
        for place in range(TOGETHER):
            self._in_parts[place].iov_base = self._room + place * LARGEST
            self._in_parts[place].iov_len = LARGEST
            self._in[place].msg_hdr.msg_iov = &self._in_parts[place]
            self._in[place].msg_hdr.msg_iovlen = 1
            self._in[place].msg_hdr.msg_name = &self._sources[place]
            self._out[place].msg_hdr.msg_iov = &self._out_parts[place]
            self._out[place].msg_hdr.msg_iovlen = 1

    def __dealloc__(self):
        free(self._room)
        free(self._in)
        free(self._out)
        free(self._in_parts)
        free(self._out_parts)
        free(self._sources)

    def drain(self, lookup, long now, long expiration, long serial, long standing, double instant):
        """Answer what has come, at most one batch; arguments as those of `hot.answer`, and the guard's time."""
        cdef int count, place, size
        cdef long answered = 0
        cdef object packet, found, address
        from lineshaft.resolution.listeners.udp import cut  # which imports this module

        cdef object answer = hot.answer, listener = self._listener, counts = listener.counts
        cdef object sends = listener.guard.sends
        cdef object now_, expiration_, serial_, standing_
        now_, expiration_, serial_, standing_ = now, expiration, serial, standing
        count = self._receive()
        try:
            for place in range(count):
                size = self._in[place].msg_len
                packet = PyBytes_FromStringAndSize(self._room + place * LARGEST, size)
                found = answer(packet, lookup, now_, expiration_, serial_, standing_)
                if type(found) is bytes:
                    answered += 1
                    address = self._address(place)
                    size = <int>PyBytes_GET_SIZE(found)
                    if not sends(address, size, instant):
                        found = cut(found, packet)
                    self._answer(place, found)
                else:
                    listener.uncommon(found, packet, self._peer(place), now_)
        finally:
            self._flush()
            counts.udp += count
            counts.answered += answered

    cdef int _receive(self) except -1:
        """How many came."""
        cdef int count, place, again
        for again in range(TOGETHER):
            for place in range(TOGETHER):
                self._in[place].msg_hdr.msg_namelen = sizeof(sockaddr_in6)
            with nogil:
                count = recvmmsg(self._file, self._in, TOGETHER, MSG_DONTWAIT, NULL)
            if count >= 0:
                return count
            if errno == EAGAIN:
                return 0
            # anything else: an earlier answer came back as unreachable
        return 0

    cdef int _answer(self, int place, bytes message) except -1:
        cdef bytes packet
        if PyBytes_GET_SIZE(message) <= WHOLE:
            self._put(place, message)
            return 0
        for packet in split(message):
            self._put(place, packet)
        return 0

    cdef int _put(self, int place, bytes packet) except -1:
        cdef int at
        if self._ready == TOGETHER:
            self._flush()
        at = self._ready
        self._held[at] = packet
        self._out_parts[at].iov_base = PyBytes_AS_STRING(packet)
        self._out_parts[at].iov_len = PyBytes_GET_SIZE(packet)
        self._out[at].msg_hdr.msg_name = &self._sources[place]
        self._out[at].msg_hdr.msg_namelen = self._in[place].msg_hdr.msg_namelen
        self._ready = at + 1
        return 0

    cdef int _flush(self) except -1:
        """Send what is ready. What there is no room or no way for is counted: the asker asks again."""
        cdef int done = 0, sent, ready = self._ready
        self._ready = 0
        while done < ready:
            with nogil:
                sent = sendmmsg(self._file, self._out + done, ready - done, MSG_DONTWAIT)
            if sent > 0:
                done += sent
            elif errno != EINTR:
                self._listener.counts.dropped += 1
                done += 1
        return 0

    cdef object _address(self, int place):
        """The source's address as text."""
        cdef bytes raw
        cdef object text
        if self._ipv6:
            raw = PyBytes_FromStringAndSize(<char *>&self._sources[place].sin6_addr, 16)
        else:
            raw = PyBytes_FromStringAndSize(<char *>&(<sockaddr_in *>&self._sources[place]).sin_addr, 4)
        text = self._texts.get(raw)
        if text is None:
            if len(self._texts) >= KNOWN:
                self._texts.clear()
            text = self._texts[raw] = socket.inet_ntop(socket.AF_INET6 if self._ipv6 else socket.AF_INET, raw)
        return text

    cdef tuple _peer(self, int place):
        """The source as a socket gives it."""
        cdef sockaddr_in6 *six = &self._sources[place]
        if self._ipv6:
            return (
                self._address(place), ntohs(six.sin6_port), ntohl(six.sin6_flowinfo), six.sin6_scope_id,
            )
        return self._address(place), ntohs((<sockaddr_in *>six).sin_port)
