"""LoRaWAN: published vectors, a second implementation spelled out from the standard, joins, counters, and what is dropped."""

import asyncio
import base64
import json
import random
import struct

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from lineshaft.bus.server import free_port
from lineshaft.core import clock, logs, quality
from lineshaft.core.errors import Corrupt, InvalidInput, LineshaftError
from lineshaft.edge.certificates import ApplicationCertificates
from lineshaft.edge.driver import Tools, find_driver
from lineshaft.edge.drivers.lorawan import frames, gwmp, regions
from lineshaft.edge.drivers.lorawan.payload import Decoder
from lineshaft.edge.drivers.lorawan.simulator import APP_KEY, DEV_EUI, JOIN_EUI, simulate
from lineshaft.edge.model import Device, Point, ScanGroup
from lineshaft.edge.secrets import Secret, Secrets

GATEWAY, OTHER = "aa555a0000000101", "aa555a0000000102"
NETWORK, APPLICATION = bytes(range(16)), bytes(range(16, 32))
ADDRESS = 0x01020304
MOMENT = clock.parse_time("2026-03-04T12:00:00Z")


# -- a second implementation, from the text of LoRaWAN 1.0.4 and RFC 4493 ------------------------------------------------


def aes(key, block):
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


def cmac(key, message):
    """RFC 4493, 2.4, with nothing but AES."""

    def double(block):
        number = int.from_bytes(block, "big") << 1
        return (number & (2**128 - 1) ^ (0x87 if number >> 128 else 0)).to_bytes(16, "big")

    first = double(aes(key, bytes(16)))
    whole = len(message) % 16 == 0 and message
    last = message[-(len(message) % 16 or 16) :] if message else b""
    last = last if whole else (last + b"\x80").ljust(16, b"\0")
    mask = first if whole else double(first)
    head = message[: len(message) - 16 if whole else len(message) - len(message) % 16]
    state = bytes(16)
    for start in range(0, len(head), 16):
        state = aes(key, bytes(a ^ b for a, b in zip(state, head[start : start + 16], strict=True)))
    return aes(key, bytes(a ^ b ^ c for a, b, c in zip(state, last, mask, strict=True)))


def data_frame(payload, counter, *, port=2, confirmed=False, address=ADDRESS, network=NETWORK, application=APPLICATION):
    """4.3, 4.3.3 and 4.4 of LoRaWAN 1.0.4."""
    place = address.to_bytes(4, "little") + counter.to_bytes(4, "little")
    stream = b"".join(
        aes(application, b"\x01\0\0\0\0\0" + place + b"\0" + bytes([number]))
        for number in range(1, len(payload) // 16 + 2)
    )
    sealed = bytes(a ^ b for a, b in zip(payload, stream, strict=False))
    message = (
        bytes([0x80 if confirmed else 0x40]) + address.to_bytes(4, "little") + b"\0" + (counter & 0xFFFF).to_bytes(2, "little")
        + bytes([port]) + sealed
    )  # fmt: skip
    return message + cmac(network, b"\x49\0\0\0\0\0" + place + b"\0" + bytes([len(message)]) + message)[:4]


def join_frame(nonce, *, key=None, dev_eui=DEV_EUI, join_eui=JOIN_EUI):
    """6.2.5."""
    message = b"\0" + bytes.fromhex(join_eui)[::-1] + bytes.fromhex(dev_eui)[::-1] + nonce.to_bytes(2, "little")
    return message + cmac(key or bytes.fromhex(APP_KEY), message)[:4]


def read_accept(data, nonce, key=None):
    """6.2.3: address and session keys."""
    key = key or bytes.fromhex(APP_KEY)
    plain = b"".join(aes(key, data[start : start + 16]) for start in range(1, len(data), 16))
    assert cmac(key, data[:1] + plain[:-4])[:4] == plain[-4:]
    tail = plain[:6] + nonce.to_bytes(2, "little") + bytes(7)
    return int.from_bytes(plain[6:10], "little"), aes(key, b"\x01" + tail), aes(key, b"\x02" + tail)


# -- the codec ------------------------------------------------------------------------------------------------------------


def test_the_published_frame_of_lora_packet_is_read():
    data = bytes.fromhex("40f17dbe4900020001954378762b11ff0d")
    network, application = (
        bytes.fromhex("44024241ed4ce9a68c6a8bc055233fd3"),
        bytes.fromhex("ec925802ae430ca77fd3dd73cb2cc588"),
    )
    frame = frames.read(data)
    assert (frame.address, frame.counter, frame.port, frame.confirmed) == (0x49BE7DF1, 2, 1, False)
    assert frames.is_genuine(data, network, frames.UP, frame.address, 2)
    assert not frames.is_genuine(data, network, frames.UP, frame.address, 3)
    assert frames.crypt(frame.payload, application, frames.UP, frame.address, 2) == b"test"
    made = data_frame(b"test", 2, port=1, address=0x49BE7DF1, network=network, application=application)
    assert made == data


def test_the_published_join_accept_of_lora_packet_fits_the_second_implementation():
    data = bytes.fromhex("204dd85ae608b87fc4889970b7d2042c9e72959b0057aed6094b16003df12de145")
    address, _, _ = read_accept(data, 0, bytes.fromhex("b6b53f4a168a7a88bdf7ea135ce9cfca"))
    assert address == 0x26012E43


def test_the_published_vectors_of_rfc_4493_fit_the_second_implementation():
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    message = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411")
    assert cmac(key, b"").hex() == "bb1d6929e95937287fa37d129b756746"
    assert cmac(key, message[:16]).hex() == "070a16b46b4d4144f79bdd9dd04a287c"
    assert cmac(key, message).hex() == "dfa66747de9ae63030ca32611497c827"


def test_a_join_accept_gives_the_device_the_keys_that_we_have():
    key = bytes.fromhex(APP_KEY)
    address, network, application = read_accept(frames.join_accept(key, 7, 0, 0x00ABCDEF), 0x1234)
    assert address == 0x00ABCDEF
    assert (network, application) == frames.session_keys(key, 7, 0, 0x1234)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 48, 222])
def test_payloads_of_every_length_come_out_as_they_went_in(length):
    payload = random.Random(length).randbytes(length)
    frame = frames.read(data_frame(payload, 70_000))
    assert frames.crypt(frame.payload, APPLICATION, frames.UP, ADDRESS, 70_000) == payload
    assert frame.counter == 70_000 & 0xFFFF


@pytest.mark.parametrize(
    "data", [b"", b"\x40", b"\x40" * 11, b"\x60" * 20, b"\x41" * 20, b"\0" * 22, b"\x40\0\0\0\0\x0f" + bytes(8), bytes(256), b"\xe0" * 20]
)  # fmt: skip
def test_what_is_no_frame_of_a_device_is_refused(data):
    with pytest.raises(ValueError, match=r"frame|bytes|version"):
        frames.read(data)


def test_changed_datagrams_never_raise_anything_else():
    source = random.Random(7)
    data = push(data_frame(b"abcd", 1))
    for _ in range(500):
        changed = bytearray(data)
        for _ in range(source.randint(1, 4)):
            place = source.randrange(len(changed))
            changed[place : place + source.randint(0, 3)] = source.randbytes(source.randint(0, 3))
        try:
            for packet in gwmp.received(gwmp.read(bytes(changed)).body):
                frames.read(packet.payload())
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("region", "heard", "sent"), [("EU868", 868.3, 868.3), ("CN470", 470.3, 500.3), ("CN470", 480.1, 500.5)]
)
def test_the_answer_goes_out_in_the_first_window(region, heard, sent):
    packet = gwmp.Received(tmst=2**32 - 10, freq=heard, datr="SF9BW125")
    made = regions.downlink(region, packet, b"abc", 1_000_000)
    assert (made["tmst"], made["freq"], made["datr"], made["ipol"], made["size"]) == (
        999_990,
        sent,
        "SF9BW125",
        True,
        3,
    )


@pytest.mark.parametrize(
    ("address", "data", "value"),
    [
        ("i16(0) / 100", b"\xff\x9c", -1.0), ("u16le(0)", b"\x01\x02", 513.0), ("2: u8(1) + bytes[0]", b"\x01\x02", 3.0),
        ("f32(0)", struct.pack(">f", 1.5), 1.5), ("f32le(0)", struct.pack("<f", 1.5), 1.5), ("i24(0)", b"\xff\xff\xfe", -2.0),
        ("u32(0)", b"\xff\xff\xff\xff", 4294967295.0), ("text(1, 2)", b"xAB", "AB"), ("bit(u8(0), 7)", b"\x80", True),
        ("size > 3 ? u8(3) : 0", b"\x01", 0.0), ("rssi + snr + port", b"", -48.0),
    ],
)  # fmt: skip
def test_decoders_read_what_the_bytes_say(address, data, value):
    assert Decoder(address).decode(data, 2, -57, 7) == value


@pytest.mark.parametrize("address", ["u16(0)", "bytes[9]", "u8(-1)", "u8(0.5)", "text(0, 1)", "f32(0)"])
def test_a_message_that_is_too_short_has_no_value(address):
    with pytest.raises(InvalidInput):
        Decoder(address).decode(b"\xff", 2, 0, 0)


@pytest.mark.parametrize("address", ["0: u8(0)", "224: u8(0)", "u8()", "u99(0)", "tag('a/b')", "bytes", ""])
def test_what_is_no_decoder_is_refused(address):
    with pytest.raises(InvalidInput):
        Decoder(address)


# -- a device behind packet forwarders ------------------------------------------------------------------------------------


def push(payload, gateway=GATEWAY, *, time="2026-03-04T12:00:00.000000Z", **facts):
    packet = {"tmst": 1000, "time": time, "freq": 868.1, "stat": 1, "modu": "LORA", "datr": "SF7BW125", "rssi": -57, "lsnr": 7,
              "size": len(payload), "data": base64.b64encode(payload).decode(), **facts}  # fmt: skip
    return b"\x02\x00\x07\x00" + bytes.fromhex(gateway) + json.dumps({"rxpk": [packet], "stat": {}}).encode()


class Gateway(asyncio.DatagramProtocol):
    """A packet forwarder by hand."""

    def __init__(self):
        self.got = []
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.got.append(data)

    def send(self, data):
        self.transport.sendto(data)

    def downlinks(self):
        return [json.loads(data[4:])["txpk"] for data in self.got if data[3] == 3]


@pytest.fixture
def port():
    return free_port("127.0.0.1")


@pytest.fixture
async def gateway(port):
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        Gateway, remote_addr=("127.0.0.1", port)
    )
    yield protocol
    transport.close()


@pytest.fixture
def tools(tmp_path):
    secrets = Secrets(tmp_path / "secrets")
    secrets.keep("abp", Secret(user="sensor", password=(NETWORK + APPLICATION).hex()))
    secrets.keep("otaa", Secret(user="sensor", password=APP_KEY))
    secrets.keep("lorawan-trial", Secret(user="trial", password=APP_KEY))
    return Tools(
        certificates=ApplicationCertificates(tmp_path / "certificates", "gateway"), secrets=secrets, log=logs.get("edge"),
        folder=tmp_path / "drivers",
    )  # fmt: skip


def device_of(port, *points, name="cold", **options):
    if options.get("activation") == "otaa":
        options = {"join_eui": JOIN_EUI, "secret": "otaa", **options}
    else:
        options = {"activation": "abp", "dev_addr": f"{ADDRESS:08x}", "secret": "abp", **options}
    return Device(
        name=name, path=f"a/b/c/d/e/{name}", driver="lorawan", endpoint=f"lorawan-udp://127.0.0.1:{port}",
        options={"dev_eui": DEV_EUI, "gateways": [GATEWAY, OTHER], **options}, groups=(ScanGroup(),),
        points=points or (Point(name="t", address="2: i16(0) / 100", tag=1), Point(name="d", address="3: u8(0)", tag=2)),
    )  # fmt: skip


def counts(runner):
    return runner._source.counts


async def test_a_frame_becomes_a_row_with_the_gateways_time_and_the_push_is_acknowledged(
    port, gateway, run, lane, until
):
    runner = await run(device_of(port))
    gateway.send(push(data_frame(b"\x07\xd0", 0)))
    await until(lambda: lane.rows)
    assert lane.of(1) == [(MOMENT, 0, 20.0)]
    assert lane.of(2) == []
    assert gateway.got[0] == b"\x02\x00\x07\x01"
    gateway.send(push(data_frame(b"\x05", 1, port=3)))
    await until(lambda: lane.of(2))
    gateway.send(push(data_frame(b"\x05", 2)))  # too short for the expression
    await until(lambda: len(lane.of(1)) == 2)
    assert lane.of(1)[1][1] == quality.BAD_DECODING
    assert counts(runner)["taken"] == 3


async def test_the_same_frame_by_two_gateways_is_one_row_and_a_replay_none(port, gateway, run, lane, until):
    runner = await run(device_of(port))
    with clock.fixed(lambda: MOMENT):  # however long the disk takes between the two
        for counter in range(3):
            gateway.send(push(data_frame(b"\x00\x64", counter)))
            gateway.send(push(data_frame(b"\x00\x64", counter), OTHER))
        await until(lambda: counts(runner)["duplicates"] == 3)
    gateway.send(push(data_frame(b"\x00\x64", 1)))
    await until(lambda: counts(runner)["replays"] == 1)
    assert counts(runner)["taken"] == 3


async def test_replays_are_refused_after_a_restart_as_well(port, gateway, run, lane, until):
    runner = await run(device_of(port))
    gateway.send(push(data_frame(b"\x00\x64", 5)))
    await until(lambda: lane.rows)
    await runner.stop()
    rows = len(lane.rows)
    runner = await run(device_of(port))
    gateway.send(push(data_frame(b"\x00\x64", 4)))
    gateway.send(push(data_frame(b"\x00\x64", 5)))
    await until(lambda: counts(runner)["replays"] == 2)
    assert len(lane.rows) == rows
    gateway.send(push(data_frame(b"\x00\x65", 6), time="2026-03-04T12:00:01Z"))
    await until(lambda: len(lane.rows) > rows)


async def test_the_counter_goes_on_beyond_its_sixteen_bits(port, gateway, run, lane, until):
    runner = await run(device_of(port))
    for number, counter in enumerate((0xFFFE, 0xFFFF, 0x10000, 0x10001)):
        gateway.send(push(data_frame(number.to_bytes(2, "big"), counter), time=f"2026-03-04T12:00:0{number}Z"))
    await until(lambda: len(lane.of(1)) == 4)
    gateway.send(push(data_frame(b"\0\0", 0)))
    await until(lambda: counts(runner)["replays"] + counts(runner)["wrong_mic"] > 0)
    assert len(lane.of(1)) == 4


async def test_what_is_foreign_or_damaged_is_dropped_and_counted(port, gateway, run, lane, until):
    runner = await run(device_of(port))
    frame = data_frame(b"\x00\x64", 0)
    for data, reason in (
        (push(frame[:-1] + bytes([frame[-1] ^ 1])), "wrong_mic"),
        (push(frame, "aa555a00000001ff"), "foreign_gateways"),
        (push(data_frame(b"\0", 0, address=5)), "foreign_frames"),
        (push(join_frame(1, dev_eui="70b3d57ed0000009")), "foreign_joins"),
        (push(join_frame(1)), "foreign_join"),
        (push(frame, stat=-1), "damaged_packets"),
        (push(frame, data="!!"), "undecodable_frames"),
        (push(b"\xe0" * 20), "undecodable_frames"),
        (b"\x02\x00\x07\x00" + bytes.fromhex(GATEWAY) + b"{", "undecodable_datagrams"),
        (b"\x01nonsense", "undecodable_datagrams"),
        (b"\x02\x00\x07\x00" + bytes.fromhex(GATEWAY) + b"[" * 5000, "undecodable_datagrams"),
        (b"\x02\x00\x07\x05" + bytes.fromhex(GATEWAY) + b'{"txpk_ack":{"error":"TOO_LATE"}}', "downlinks_refused"),
    ):
        before = counts(runner)[reason]
        gateway.send(data)
        await until(lambda before=before, reason=reason: counts(runner)[reason] > before)
    assert lane.rows == []
    gateway.send(push(frame))
    await until(lambda: lane.rows)


async def test_a_confirmed_frame_is_acknowledged_in_time_and_its_retransmission_again(port, gateway, run, lane, until):
    await run(device_of(port))
    gateway.send(b"\x02\x00\x01\x02" + bytes.fromhex(GATEWAY))
    await until(lambda: b"\x02\x00\x01\x04" in gateway.got)
    moment = [MOMENT]
    with clock.fixed(lambda: moment[0]):
        gateway.send(push(data_frame(b"\x00\x64", 0, confirmed=True)))
        await until(gateway.downlinks)
        [sent] = gateway.downlinks()
        assert (sent["tmst"], sent["freq"], sent["imme"]) == (1_001_000, 868.1, False)
        data = base64.b64decode(sent["data"])
        assert data[:8] == b"\x60" + ADDRESS.to_bytes(4, "little") + b"\x20\0\0"
        block = b"\x49\0\0\0\0\x01" + ADDRESS.to_bytes(4, "little") + bytes(4) + b"\0" + bytes([8])
        assert data[8:] == cmac(NETWORK, block + data[:8])[:4]
        moment[0] += 3_000_000
        gateway.send(push(data_frame(b"\x00\x64", 0, confirmed=True)))
        await until(lambda: len(gateway.downlinks()) == 2)
        assert base64.b64decode(gateway.downlinks()[1]["data"])[6:8] == b"\x01\0"
    assert len(lane.of(1)) == 1


async def test_a_device_joins_and_its_frames_are_read_with_the_new_keys(port, gateway, run, lane, until):
    runner = await run(device_of(port, activation="otaa"))
    gateway.send(b"\x02\x00\x01\x02" + bytes.fromhex(GATEWAY))
    gateway.send(push(join_frame(500)))
    await until(gateway.downlinks)
    [sent] = gateway.downlinks()
    assert sent["tmst"] == 5_001_000
    address, network, application = read_accept(base64.b64decode(sent["data"]), 500)
    first = {"address": address, "network": network, "application": application}
    gateway.send(push(data_frame(b"\x07\xd0", 0, **first)))
    await until(lambda: lane.rows)
    gateway.send(push(join_frame(500)))
    gateway.send(push(join_frame(501, key=bytes(16))))
    gateway.send(push(join_frame(502, join_eui="70b3d57ed0000007")))
    await until(lambda: counts(runner)["foreign_join"] == 1)
    assert (counts(runner)["join_replays"], counts(runner)["wrong_mic"]) == (1, 1)
    assert len(gateway.downlinks()) == 1
    # It joins again: until it uses the new session the old one holds, then no more.
    gateway.send(push(join_frame(503)))
    await until(lambda: len(gateway.downlinks()) == 2)
    address, network, application = read_accept(base64.b64decode(gateway.downlinks()[1]["data"]), 503)
    gateway.send(push(data_frame(b"\x07\xd1", 1, **first), time="2026-03-04T12:00:01Z"))
    await until(lambda: len(lane.of(1)) == 2)
    second = {"address": address, "network": network, "application": application}
    gateway.send(push(data_frame(b"\x07\xd2", 0, **second), time="2026-03-04T12:00:02Z"))
    await until(lambda: len(lane.of(1)) == 3)
    gateway.send(push(data_frame(b"\x07\xd3", 2, **first)))
    await until(lambda: counts(runner)["foreign_frames"] + counts(runner)["wrong_mic"] == 2)
    await runner.stop()
    runner = await run(device_of(port, activation="otaa"))
    gateway.send(push(join_frame(503)))
    await until(lambda: counts(runner)["join_replays"] == 1)
    gateway.send(push(data_frame(b"\x07\xd4", 1, **second), time="2026-03-04T12:00:03Z"))
    await until(lambda: 20.04 in [row[2] for row in lane.of(1)])


async def test_a_session_that_cannot_be_read_is_not_guessed(port, tools):
    file = tools.folder / "lorawan" / f"{DEV_EUI}.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    driver = find_driver("lorawan")
    source = driver.source(driver.plan(device_of(port)), tools)
    with pytest.raises(Corrupt) as caught:
        await source.open()
    assert caught.value.code == "edge.lorawan_session_unreadable"
    await source.close()


async def test_keys_that_are_none_and_a_device_twice_are_refused(port, tools):
    driver = find_driver("lorawan")
    for secret in ("otaa", "plain"):
        tools.secrets.keep("plain", Secret(user="sensor", password="secret"))
        source = driver.source(driver.plan(device_of(port, secret=secret)), tools)
        with pytest.raises(InvalidInput) as caught:
            await source.open()
        assert caught.value.code == "edge.lorawan_keys_invalid"
        assert APP_KEY not in caught.value.message
    one, two = (driver.source(driver.plan(device_of(port, name=name)), tools) for name in ("one", "two"))
    await one.open()
    with pytest.raises(LineshaftError, match="DevEUI"):
        await two.open()
    await one.close()
    await two.close()


def test_a_configuration_that_cannot_be_is_refused_with_every_fault():
    device = Device(
        name="cold", path="a/b/c/d/e/cold", driver="lorawan", endpoint="lorawan-udp://0.0.0.0:1700", groups=(ScanGroup(),),
        options={"dev_eui": "70B3", "gateways": ["x"], "dev_addr": "01020304", "join_eui": ""},
        points=(Point(name="a", address="u8("), Point(name="b", address="1 + nothere"), Point(name="c", address="u8(0)", type="int8")),
    )  # fmt: skip
    with pytest.raises(InvalidInput) as caught:
        find_driver("lorawan").plan(device)
    for word in ("plaintext", "options.dev_eui", "options.gateways", "options.secret", "options.join_eui", "options.dev_addr",
                 "points.a.address", "points.b.address", "points.c.type"):  # fmt: skip
        assert word in caught.value.message, word
    for endpoint in ("udp://127.0.0.1:1700", "lorawan-udp://127.0.0.1", "lorawan-udp://127.0.0.1:99999"):
        with pytest.raises(InvalidInput):
            find_driver("lorawan").plan(Device(name="cold", path="a", driver="lorawan", endpoint=endpoint, options={}))


async def test_the_simulator_joins_and_fits_its_device(run, lane, until):
    async with simulate("127.0.0.1", 0) as simulated:
        await run(simulated.device)
        await until(lambda: {row[0] for row in lane.rows if row[3] == 0} == {1, 2, 3, 4})
