"""Messages divided into datagrams and put together again, whatever order they come in and whoever interferes."""

import random

import pytest

from lineshaft.resolution import codes, packets, wire
from lineshaft.resolution.fields import Malformed
from lineshaft.resolution.messages import Raw


def message_of(size, request=7):
    return wire.encode(
        wire.Message(
            envelope=wire.Envelope(request=request),
            header=wire.Header(operation=9999),
            body=Raw(random.Random(size).randbytes(size)),
        )
    )


@pytest.mark.parametrize("size", [0, 464, 465, 957, 5000, codes.MAX_MESSAGE_BYTES - 28])
def test_packets_in_any_order_make_the_message_again(size):
    message = message_of(size)
    parts = packets.split(message)
    assert all(len(part) <= 512 for part in parts)
    if len(parts) == 1:
        assert parts == [message]
        return
    assert [wire.decode_envelope(part).sequence for part in parts] == list(range(len(parts)))
    assert all(wire.decode_envelope(part).length == len(message) - 20 for part in parts)
    assert packets.first_packet(message) == parts[0]
    random.Random(1).shuffle(parts)
    together = packets.Reassembly()
    *before, whole = [together.add("a", part, 0.0) for part in parts]
    assert (before, whole) == ([None] * (len(parts) - 1), message)


def test_messages_of_others_are_kept_apart_and_repeated_packets_change_nothing():
    one, other = message_of(1500, request=1), message_of(1501, request=2)
    together = packets.Reassembly()
    for part in packets.split(one)[:-1]:
        assert together.add("a", part, 0.0) is together.add("a", part, 0.0) is None
    for part in packets.split(one)[1:]:
        assert together.add("b", part, 0.0) is None
    for part in packets.split(other)[:-1]:
        assert together.add("a", part, 0.0) is None
    assert together.add("a", packets.split(one)[-1], 0.0) == one
    assert together.add("a", packets.split(other)[-1], 0.0) == other


def test_packets_that_contradict_each_other_are_refused():
    first, second, *_ = packets.split(message_of(1500))
    together = packets.Reassembly()
    together.add("a", first, 0.0)
    for wrong in (
        second[:16] + (2000).to_bytes(4) + second[20:],  # another length
        first[:-1] + bytes((first[-1] ^ 1,)),  # the same packet with other bytes
        second[:-1],  # too short to be it
        second[:12] + (9).to_bytes(4) + second[16:],  # a number beyond the length
        second[:16] + (0xFFFFFFFF).to_bytes(4) + second[20:],
        second[:20],
        bytes((*second[:2], second[2] & 0x1F)) + second[3:],  # not flagged
    ):
        with pytest.raises(Malformed):
            together.add("a", wrong, 0.0)


def test_incomplete_messages_are_given_up_after_a_while_and_when_there_are_too_many():
    together = packets.Reassembly(messages=4, patience=5.0)
    *most, last = packets.split(message_of(1500))
    for part in most:
        together.add("slow", part, 0.0)
    assert together.add("slow", last, 5.0) is None
    assert together.given_up == 1
    for number in range(100):
        together.add(f"flood {number}", most[0], 6.0)
    assert together.given_up == 1 + 1 + 96
    small = packets.Reassembly(most_bytes=2_000)
    for number in range(100):
        small.add(f"flood {number}", most[0], 6.0)
    assert small.given_up == 96
