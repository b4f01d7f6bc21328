"""Files that are made to take long, or much memory, or to end in an error that nobody foresaw: each is refused, and soon."""

import json

import pytest

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.imports import files, nodeset, registers, sunspec
from lineshaft.edge.imports.model import LONGEST_NAME, unique

REGISTER = "  register: {address: 5, type: holding, decode: uint16}\n"
NODES = '<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd">{}</UANodeSet>'
DEEP = "[" * 100_000


def refused(name, text):
    with pytest.raises(InvalidInput) as refusal:
        files.points_of(text.encode(), file=name)
    assert refusal.value.code == "edge.import_unreadable"
    assert len(str(refusal.value)) < 10_000
    return str(refusal.value)


# -- register maps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["{{" + " " * 200_000, "{{" * 200_000, "x: {{ " + " -" * 100_000, " " * 200_000 + "{{ x"]
)
def test_braces_that_nobody_closes_take_no_time(line):
    (point,) = registers.points_of(f"power:\n{REGISTER}  note: |\n    {line}\n", file="m.yaml").points
    assert point.name == "power"


def test_marks_within_braces_are_as_before():
    text = f'params:\n- {{name: a, default: "5"}}\npower:\n{{{{- if .a -}}}} # so\n{REGISTER.replace("5", "{{- .a -}}")}{{{{end}}}}\n'
    (point,) = registers.points_of(text, file="m.yaml").points
    assert point.address == "holding:5"


def test_a_file_does_not_say_how_often_it_is_read():
    choices = ", ".join(f"u{number}" for number in range(17))
    text = f"params:\n- name: usage\n  choice: [{choices}]\npower:\n{REGISTER}"
    assert "17 choices" in refused("m.yaml", text)
    assert len(registers.points_of(text.replace(", u16", ""), file="m.yaml").points) == 16
    long = text.replace(", u16", "") + "# " + "x" * 200_000
    assert "by its choices" in refused("m.yaml", long)


def test_a_parameter_does_not_make_a_small_file_large():
    text = f'params:\n- {{name: a, default: "{"x" * 50_000}"}}\npower:\n{REGISTER}' + "  note: {{ .a }}\n" * 5000
    assert "with its parameters" in refused("m.yaml", text)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a {" + ", ".join(f"k{number}: v" for number in range(1000)) + "}\n"
        "b: {<<: [" + ", ".join(["*a"] * 50_000) + "]}\n",
        "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}, k{n}: 1}}\n" for n in range(1, 5000)),
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 2000)),
        "a: &a [*a]\n",
        f"a: {DEEP}",
        "{{ if .x }}\n" * 5000,
    ],
    ids=["merged-often", "merged-in-one-another", "named-in-one-another", "endless", "deep", "branches"],
)  # fmt: skip
def test_what_stands_for_far_more_than_it_is_is_refused(text):
    refused("m.yaml", text)


@pytest.mark.parametrize(
    "value", ["2020-99-99", "!!int x", "!!timestamp x", "1" * 5000, "{a: b}", "0x" + "f" * 9000, "-1"]
)
def test_an_address_that_is_no_number_leaves_out_its_value_alone(value):
    text = f"power:\n  register: {{address: {value}, decode: uint16}}\nenergy:\n{REGISTER}"
    imported = registers.points_of(text, file="m.yaml")
    assert ([point.name for point in imported.points], [left.name for left in imported.left]) == (["energy"], ["power"])
    assert len(imported.left[0].reason) <= 500


def test_what_many_registers_share_is_not_copied_into_each():
    key = "k" * 900
    text = f"r: &r {{register: {{address: 1, decode: uint16, type: {'t' * 100_000}}}}}\n{key}:\n" + "".join(
        f"  p{number}: *r\n" for number in range(5000)
    )
    imported = registers.points_of(text, file="m.yaml")
    assert len(imported.left) > 5000
    assert sum(len(left.name) + len(left.reason) for left in imported.left) < 5 << 20


def test_a_name_is_found_at_once_however_many_have_it():
    taken = {}
    names = [unique("a", taken) for _ in range(100_000)]
    assert names[:3] == ["a", "a~2", "a~3"]
    assert len(set(names)) == len(names)
    taken = {}
    assert [unique(name, taken) for name in ("a~2", "a", "a", "a", "a~2")] == ["a~2", "a", "a~3", "a~4", "a~2~2"]


# -- the other kinds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "name,address\n" + "x" * 200_000 + ",y\n"),
        ("t.csv", "name,address\n" + "a,b,c\n" * 100_001),
        ("p.json", DEEP),
        ("n.xml", NODES.format('<UAVariable NodeId="x" BrowseName="a"/>')),
        ("n.xml", NODES.format('<UAVariable NodeId="i=1" BrowseName="a" ValueRank="x"/>')),
        ("n.xml", NODES.format(f'<UAVariable NodeId="i=1" BrowseName="{"a" * 100_000}"/>')),
        ("n.xml", NODES.format(f"<NamespaceUris><Uri>{'a' * 100_000}</Uri></NamespaceUris>")),
    ],
    ids=["long-cell", "all-wrong", "deep-json", "no-id", "no-rank", "long-name", "long-uri"],
)
def test_a_file_that_cannot_be_is_refused_with_a_reason(name, text):
    refused(name, text)


def test_notes_within_a_node_set_are_no_nodes():
    text = NODES.format(
        '<!-- NodeId="i=1" --><?x NodeId="i=1"?><UAVariable NodeId="i=2" BrowseName="a" DataType="i=11"/>'
    )
    assert [point.name for point in nodeset.points_of(text.encode(), file="n.xml").points] == ["a"]


def test_a_long_name_is_left_out_with_its_length():
    nodes = "".join(
        f'<UAObject NodeId="i={number}" BrowseName="{"a" * 99}" ParentNodeId="i={number - 1}"/>'
        for number in range(1, 5)
    )
    text = NODES.format(nodes + '<UAVariable NodeId="i=9" BrowseName="v" DataType="i=11" ParentNodeId="i=4"/>')
    imported = nodeset.points_of(text.encode(), file="n.xml")
    assert (imported.points, len(imported.left[0].name)) == ([], LONGEST_NAME)


def test_points_as_json_are_refused_by_what_is_wrong_with_them():
    assert "it is no JSON" in refused("p.json", "[{")
    assert "its points cannot be" in refused("p.json", '[{"name": 5, "address": "a"}]')


# -- SunSpec models ---------------------------------------------------------------------------------------------------------


def found(words):
    return [{"address": "holding:0", "data": "".join(f"{word:04x}" for word in words)}]


def model(*points, groups=(), **more):
    head = [{"name": name, "type": "uint16", "size": 1} for name in ("ID", "L")]
    return json.dumps({"id": 7, "group": {"name": "m", "points": [*head, *points], "groups": groups, **more}}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b'{"id": 7, "group": {"points": [{}]}}',
        model({"name": "A", "type": "uint16", "size": -1}),
        model({"name": "A", "type": "uint16", "size": "x"}),
        model({"name": "A" * 1000, "type": "uint16", "size": 1}),
        model(groups=[{"name": "g", "count": 10**9}]),
        b'{"id": 7, "group": ' + b'{"groups": [' * 50_000,
        b'{"id": 7, "x": ' + DEEP.encode(),
    ],
)
def test_a_model_that_cannot_be_is_refused(data):
    with pytest.raises(InvalidInput) as refusal:
        files.points_of_models({"m.json": data}, found([7, 0]), device="d")
    assert refusal.value.code == "edge.import_unreadable"


def test_groups_are_not_repeated_beyond_what_a_device_has():
    """Numbers of repetitions multiply; registers do not."""
    empty = {"name": "e", "count": 65_535}
    for _ in range(4):
        empty = {"name": "e", "count": 65_535, "groups": [empty]}
    one = {"name": "g", "count": 65_535, "points": [{"name": "A", "type": "uint16", "size": 1}]}
    for _ in range(3):
        one = {"name": "g", "count": 65_535, "groups": [one]}
    imported = files.points_of_models({"m.json": model(groups=[empty, one])}, found([7, 3, 1, 2, 3]), device="d")
    assert [point.address for point in imported.points] == ["holding:2", "holding:3", "holding:4"]
    assert len(imported.left) == 1


def test_a_scale_factor_is_one_that_can_be():
    data = model({"name": "A", "type": "uint16", "size": 1, "sf": 100_000_000})
    imported = files.points_of_models({"m.json": data}, found([7, 1, 5]), device="d")
    assert (imported.points, [left.name for left in imported.left]) == ([], ["m.A"])


def test_deep_json_holds_no_points():
    assert not files.holds_points(DEEP.encode())
    assert isinstance(sunspec.read_model(model(), file="m.json").group, sunspec.Group)
