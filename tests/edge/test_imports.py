"""Points out of files: tables, register maps, node sets; what cannot be is said with its place."""

from pathlib import Path

import pytest

from lineshaft.core.errors import InvalidInput
from lineshaft.edge import raw
from lineshaft.edge.driver import Faults
from lineshaft.edge.drivers.opcua.address import read_address
from lineshaft.edge.imports import nodeset, registers, table
from lineshaft.edge.model import Report, WriteRules

DATA = Path(__file__).parents[3] / "shared/data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs the data folder beside the project")


def test_a_table_holds_everything_a_point_can_have():
    text = (
        "name,address,kind,type,order,scale,sentinels,low,high,access,write.minimum,write.classification,report.deadband\n"
        "pressure,holding:107,number,uint16,,0.1,65535 0x8000,0,10,read-write,2,A,0.05\n"
        "state,input:3,integer,int32,CDAB,,,,,,,,\n"
    )
    pressure, state = table.points_of(text, file="t.csv").points
    assert (pressure.scale, pressure.sentinels, pressure.high) == ("0.1", (65535, 32768), 10.0)
    assert pressure.write == WriteRules(minimum=2, classification="A")
    assert pressure.report == Report(deadband=0.05)
    assert (state.kind, state.order, state.access, state.write) == ("integer", "CDAB", "read", None)


def test_a_table_with_semicolons_and_a_mark_as_spreadsheets_write_it():
    (point,) = table.points_of("\ufeffname;address;unit\nT1;input:1;°C\n", file="t.csv").points
    assert (point.name, point.unit) == ("T1", "CEL")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("name,place\nx,y\n", "place"),
        ("name\nx\n", "columns name and address"),
        ("name,address,low\na,b,x\nc,d,1\ne,f,y\n", "line 2.*line 4"),
        ("name,address\na,b,c\n", "more cells"),
        ("name,address,kind\na,b,float\n", "line 2"),
    ],
)
def test_faults_of_a_table_are_told_with_their_lines(text, named):
    with pytest.raises(InvalidInput, match=named):
        table.points_of(text, file="t.csv")


MAP = """template: meter
params:
  - name: usage
    choice: ["grid", "pv"]
  - name: firmware
    default: new
render: |
  type: custom
  power:
    source: modbus
    {{- include "modbus" . | indent 2 }}
    register:
      address: 0x0c # active power
      type: input
      decode: float32
    {{- if eq .usage "pv" }}
    scale: -1
    {{- end }}
  energy:
    source: modbus
    register:
      {{- if eq .firmware "old" }}
      address: 1
      {{- else if eq .firmware "new" }}
      address: 72
      {{- else }}
      address: 3
      {{- end }}
      type: holding
      decode: uint32nan
    scale: 0.01
  currents:
  - source: modbus
    register: {address: 6, type: holding, decode: int32s}
  - source: modbus
    register: {address: 8, type: holding, decode: bytes}
  limit:
    source: switch
    set:
      register: {address: 9, type: writesingle, decode: uint16}
"""


def test_a_register_map_by_usage():
    imported = registers.points_of(MAP, file="meter.yaml")
    points = {point.name: point for point in imported.points}
    assert list(points) == ["grid.power", "grid.energy", "grid.currents.1", "pv.power", "pv.energy", "pv.currents.1"]
    assert (points["grid.power"].address, points["grid.power"].scale) == ("input:12", "")
    assert points["pv.power"].scale == "-1"
    energy = points["grid.energy"]
    assert (energy.address, energy.scale, energy.sentinels, energy.kind) == (
        "holding:72",
        "0.01",
        (2**32 - 1,),
        "number",
    )
    assert (points["pv.currents.1"].order, points["pv.currents.1"].kind) == ("CDAB", "integer")
    assert [left.name for left in imported.left] == [
        "grid.currents.2", "grid.limit.set", "pv.currents.2", "pv.limit.set",
    ]  # fmt: skip


def test_a_map_without_a_template():
    (point,) = registers.points_of("power:\n  register: {address: 5, type: coil}\n", file="m.yaml").points
    assert (point.name, point.address, point.type, point.kind) == ("power", "coil:5", "bool", "boolean")


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "a: 1", "- x\n: y"])
def test_what_is_no_register_map_is_refused(text):
    with pytest.raises(InvalidInput, match=r"m\.yaml"):
        registers.points_of(text, file="m.yaml")


@needs_data
def test_every_map_there_is_gives_points_that_can_be_read():
    faults, count = Faults("meters"), 0
    for file in sorted((DATA / "edge-modbus-maps/evcc-meters").glob("*.yaml")):
        imported = registers.points_of(file.read_text(), file=file.name)
        names = [point.name for point in imported.points]
        assert len(set(names)) == len(names), file
        count += len(names)
        for point in imported.points:
            raw.check(point, faults)
    faults.refuse()
    assert count > 500


SET = """<?xml version="1.0"?>
<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd">
  <NamespaceUris><Uri>urn:press;x</Uri></NamespaceUris>
  <Aliases><Alias Alias="Double">i=11</Alias><Alias Alias="HasComponent">i=47</Alias><Alias Alias="HasProperty">i=46</Alias></Aliases>
  <UAObject NodeId="ns=1;i=1" BrowseName="1:Press"/>
  <UADataType NodeId="ns=1;i=9" BrowseName="1:Mode"><References><Reference ReferenceType="i=45" IsForward="false">i=29</Reference></References></UADataType>
  <UAVariable NodeId="ns=1;i=2" BrowseName="1:Torque" DataType="Double" ParentNodeId="ns=1;i=1"><Description>How hard</Description>
    <References><Reference ReferenceType="HasComponent" IsForward="false">ns=1;i=1</Reference></References></UAVariable>
  <UAVariable NodeId="ns=1;i=3" BrowseName="EURange" DataType="i=884" ParentNodeId="ns=1;i=2">
    <References><Reference ReferenceType="HasProperty" IsForward="false">ns=1;i=2</Reference></References>
    <Value><ExtensionObject><Body><Range><Low>0</Low><High>50</High></Range></Body></ExtensionObject></Value></UAVariable>
  <UAVariable NodeId="ns=1;i=4" BrowseName="EngineeringUnits" DataType="i=887" ParentNodeId="ns=1;i=2">
    <References><Reference ReferenceType="HasProperty" IsForward="false">ns=1;i=2</Reference></References>
    <Value><ExtensionObject xmlns="http://opcfoundation.org/UA/2008/02/Types.xsd"><Body><EUInformation><UnitId>1</UnitId><DisplayName><Text>N·m</Text></DisplayName></EUInformation></Body></ExtensionObject></Value></UAVariable>
  <UAVariable NodeId="ns=1;s=mode" BrowseName="1:Mode" DataType="ns=1;i=9" ParentNodeId="ns=1;i=1"/>
  <UAVariable NodeId="ns=1;i=5" BrowseName="1:Curve" DataType="Double" ValueRank="1" ParentNodeId="ns=1;i=1"/>
  <UAVariable NodeId="ns=1;i=6" BrowseName="1:Blob" DataType="i=15" ParentNodeId="ns=1;i=1"/>
  <UAObjectType NodeId="ns=1;i=7" BrowseName="1:PressType"/>
  <UAVariable NodeId="ns=1;i=8" BrowseName="1:Torque" DataType="Double" ParentNodeId="ns=1;i=7"/>
</UANodeSet>"""


def test_a_node_set_gives_its_instances_variables():
    imported = nodeset.points_of(SET.encode(), file="press.xml")
    torque, mode = imported.points
    assert (torque.name, torque.address, torque.kind) == ("Press.Torque", "nsu=urn:press%3Bx;i=2", "number")
    assert (torque.unit, torque.low, torque.high, torque.description) == ("NU", 0.0, 50.0, "How hard")
    assert (mode.name, mode.address, mode.kind) == ("Press.Mode", "nsu=urn:press%3Bx;s=mode", "integer")
    assert read_address(mode.address).uri == "urn:press;x"
    assert [left.name for left in imported.left] == ["Press.Curve", "Press.Blob", "PressType.Torque"]
    assert "PressType" in imported.left[2].reason


def test_a_type_tells_the_tree_that_its_objects_have():
    assert nodeset.members_of(SET.encode(), "PressType", file="press.xml") == {("Torque",): ""}
    with pytest.raises(InvalidInput, match="it has PressType"):
        nodeset.members_of(SET.encode(), "OvenType", file="press.xml")


def test_a_placeholder_of_a_type_stands_for_any_name():
    declared = ("Stacklight", "<OrderedObject>", "SignalOn")
    assert nodeset.fits(("Stacklight", "Lamp1", "SignalOn"), declared)
    assert not nodeset.fits(("Stacklight", "Lamp1", "SignalMode"), declared)
    assert not nodeset.fits(("Stacklight", "SignalOn"), declared)


@needs_data
def test_a_published_types_tree():
    data = (DATA / "edge-opcua-nodesets/Opc.Ua.MachineTool.NodeSet2.xml").read_bytes()
    assert ("FeedOverride",) in nodeset.members_of(data, "ChannelMonitoringType", file="mt")


@pytest.mark.parametrize(
    "data", [b"", b"<a/>", b"<UANodeSet", b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>']
)
def test_what_is_no_node_set_is_refused(data):
    with pytest.raises(InvalidInput, match=r"n\.xml"):
        nodeset.points_of(data, file="n.xml")


@needs_data
def test_the_published_node_sets():
    folder = DATA / "edge-opcua-nodesets"
    example = nodeset.points_of((folder / "Opc.Ua.Machinery.Examples.NodeSet2.xml").read_bytes(), file="examples")
    names = {point.name for point in example.points}
    assert "ExampleMachine01.MachineryBuildingBlocks.MachineryItemState.CurrentState" in names
    for file in folder.glob("*.xml"):
        imported = nodeset.points_of(file.read_bytes(), file=file.name)
        for point in imported.points:
            read_address(point.address)
        variables = file.read_text().count("<UAVariable ")
        standard = variables - len(imported.points) - len(imported.left)
        assert standard >= 0
