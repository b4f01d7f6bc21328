"""Planning a device: every fault is named before anything is connected."""

import pytest
from asyncua import ua

from lineshaft.core.errors import InvalidInput, NotFound
from lineshaft.edge.driver import find_driver
from lineshaft.edge.drivers.opcua.address import read_address, write_address
from lineshaft.edge.model import Device, Point, ScanGroup

URL = "opc.tcp://press:4840"
NAMESPACES = ["http://opcfoundation.org/UA/", "urn:a", "urn:b;c"]


def plan(**changes):
    device = Device(**{
        "name": "press", "path": "a/b/c/d/e/f", "driver": "opcua", "endpoint": URL, "options": {"secret": "plant"}, **changes
    })  # fmt: skip
    return find_driver("opcua").plan(device)


def refusal(**changes):
    with pytest.raises(InvalidInput) as refused:
        plan(**changes)
    assert refused.value.code == "edge.device_invalid"
    return refused.value.message


def test_points_become_blocks_of_their_group_within_the_limit():
    points = tuple(
        Point(name=f"p{number}", address=f"ns=1;s={number}", group="fast" if number % 2 else "slow")
        for number in range(10)
    )
    groups = (ScanGroup(name="fast", period_ms=100), ScanGroup(name="slow", mode="poll"))
    planned = plan(points=points, groups=groups, options={"secret": "plant", "items_per_subscription": 3})
    assert [(block.group.name, block.points) for block in planned.blocks] == [
        ("fast", (1, 3, 5)), ("fast", (7, 9)), ("slow", (0, 2, 4)), ("slow", (6, 8)),
    ]  # fmt: skip
    assert [address.identifier for address in planned.blocks[0].detail] == ["1", "3", "5"]
    assert [block.group.name for block in planned.of_mode("poll")] == ["slow", "slow"]


def test_nobody_connects_anonymously_by_default():
    assert "nobody connects anonymously by default" in refusal(options={})
    plan(options={"identity": "anonymous"})
    assert "an anonymous device has no secret" in refusal(options={"identity": "anonymous", "secret": "plant"})


def test_encryption_is_on_unless_the_options_say_otherwise_in_so_many_words():
    options = plan().options
    assert (options.security, options.mode) == ("auto", "SignAndEncrypt")
    assert plan(options={"secret": "plant", "security": "None"}).options.security == "None"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"endpoint": "http://press"}, "endpoint is 'http://press'"),
        ({"endpoint": "opc.tcp://"}, "endpoint is"),
        ({"options": {"secret": "plant", "securty": "auto"}}, "securty"),
        ({"options": {"secret": "plant", "security": "Basic128Rsa15"}}, "Basic128Rsa15"),
        ({"options": {"secret": "plant", "mode": "None"}}, "None"),
        ({"options": {"secret": "plant", "queue_seconds": -1}}, "queue_seconds"),
        ({"options": {"secret": "plant", "server_fingerprint": "abc"}}, "options.server_fingerprint is 'abc'"),
        ({"points": (Point(name="p", address="Pressure"),)}, "points.p.address is 'Pressure'"),
        ({"points": (Point(name="p", address="i=1"), Point(name="p", address="i=2"))}, "two points have this name"),
        ({"points": (Point(name="p", address="i=1", group="fast"),)}, "points.p.group is 'fast'"),
        ({"groups": (ScanGroup(), ScanGroup())}, "two groups have one name"),
    ],
)
def test_each_fault_names_field_value_and_rule(changes, named):
    assert named in refusal(**changes)


def test_a_password_in_the_endpoint_is_refused_without_repeating_it():
    message = refusal(endpoint="opc.tcp://operator:hunter2@press:4840")
    assert "belong into a secret" in message
    assert "hunter2" not in message


def test_all_faults_come_in_one_error():
    message = refusal(endpoint="press", options={}, points=(Point(name="p", address="x"), Point(name="q", address="y")))
    for named in ("endpoint", "options.secret", "points.p.address", "points.q.address"):
        assert named in message


def test_a_driver_nobody_registered_is_named_with_those_that_are():
    with pytest.raises(NotFound) as missing:
        find_driver("modbuss")
    assert "opcua" in missing.value.hint


# -- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("i=2258", ua.NodeId(2258, 0)),
        ("ns=2;i=7", ua.NodeId(7, 2)),
        ("ns=1;s=Line 1;Pressure=x", ua.NodeId("Line 1;Pressure=x", 1)),
        ("nsu=urn:a;s=温度", ua.NodeId("温度", 1)),
        ("nsu=urn:b%3Bc;i=5", ua.NodeId(5, 2)),
        ("ns=1;b=AP8=", ua.NodeId(b"\x00\xff", 1, ua.NodeIdType.ByteString)),
    ],
)
def test_addresses_are_read_as_the_standard_writes_them(text, node):
    assert read_address(text).resolve(NAMESPACES) == node


def test_a_guid_is_read():
    text = "ns=1;g=72962b91-fa75-4ae6-8d28-b404dc7daf63"
    assert str(read_address(text).resolve(NAMESPACES).Identifier) == text[7:]


def test_a_namespace_that_the_server_has_not_leads_nowhere():
    assert read_address("nsu=urn:other;i=1").resolve(NAMESPACES) is None


@pytest.mark.parametrize(
    "text", ["", "Pressure", "ns=1", "ns=x;i=1", "ns=70000;i=1", "i=-1", "i=4294967296", "i=", "ns=1;g=x", "ns=1;b=?"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "i=85",
        "nsu=urn:a;s=a b;c",
        "nsu=urn:b%3Bc;i=5",
        "nsu=urn:a;b=AP8=",
        "nsu=urn:a;g=72962b91-fa75-4ae6-8d28-b404dc7daf63",
    ],
)
def test_a_written_address_is_read_back_as_the_same_node(text):
    node = read_address(text).resolve(NAMESPACES)
    assert write_address(node, NAMESPACES) == text


# -- the public entry point -------------------------------------------------------------------------------------------


def test_a_driver_of_somebody_else_is_found_by_its_entry_point(tmp_path, monkeypatch):
    from lineshaft.edge import driver

    (tmp_path / "theirs-1.0.dist-info").mkdir()
    (tmp_path / "theirs-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (tmp_path / "theirs-1.0.dist-info" / "entry_points.txt").write_text(
        "[lineshaft.drivers]\nmeters = theirs_module:DRIVER\n"
    )
    (tmp_path / "theirs_module.py").write_text("DRIVER = 'theirs'\n")
    monkeypatch.syspath_prepend(tmp_path)
    driver.drivers.cache_clear()
    try:
        assert find_driver("meters") == "theirs"
        assert find_driver("opcua").manifest.name == "opcua"
    finally:
        driver.drivers.cache_clear()


def test_planning_needs_no_opc_ua_library():
    import subprocess
    import sys

    program = (
        "import sys; from lineshaft.edge.driver import find_driver; from lineshaft.edge.model import Device;"
        "find_driver('opcua').plan(Device(name='p', path='a', driver='opcua', endpoint='opc.tcp://h:1', options={'secret': 's'}));"
        "print([name for name in sys.modules if name.split('.')[0] in ('asyncua', 'sqlalchemy')])"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
        == "[]"
    )
