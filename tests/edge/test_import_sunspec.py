"""SunSpec models: every value that pysunspec2 reads out of the same registers, we read too, over all models there are."""

import random
from pathlib import Path

import msgspec
import numpy as np
import pytest

from lineshaft.core import quality
from lineshaft.core.errors import InvalidInput
from lineshaft.edge import raw
from lineshaft.edge.driver import Faults
from lineshaft.edge.imports.sunspec import Block, Group, Model, points_of, read_model

DATA = Path(__file__).parents[3] / "shared/data/edge-modbus-maps"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs the data folder beside the project")
_RANDOM = 6


@pytest.fixture(scope="module")
def models():
    files = sorted((DATA / "sunspec-models").glob("model_*.json"))
    read = [read_model(file.read_bytes(), file=file.name) for file in files]
    return {model.id: model for model in read}


def foreign_values(model):
    """(name, value or None) of every point that the foreign library read, in its order of groups."""

    def walk(group, name):
        for each, point in group.points.items():
            yield f"{name}.{each}", point
        for each, inner in group.groups.items():
            many = inner if isinstance(inner, list) else [inner]
            for number, one in enumerate(many, 1):
                count = one.gdef.get("count", 1)
                yield from walk(one, f"{name}.{each}" + ("" if count == 1 else f".{number}"))

    return dict(walk(model, model.gname))


def our_value(point, data):
    place = 2 * int(point.address.removeprefix("holding:"))
    q, value = raw.decode_one(point, data[place : place + 2 * raw.words(point)])
    return None if q >= quality.BAD else value


def agree(ours, theirs, kind):
    if kind == "string":
        return (ours or "") == (theirs or "")
    if kind in ("acc64", "uint64") and isinstance(theirs, int) and theirs >= 2**63 and ours is None:
        return True  # a tag's integer has 63 bits, as the standard's accumulators have
    if ours is None or theirs is None:
        return ours is None and (theirs is None or theirs != theirs)  # noqa: PLR0124  # NaN
    return ours == pytest.approx(theirs, rel=1e-12)


def registers(model, seed):
    """A block of registers of random values, sentinels among them; counts and scale factors that can be."""
    chance = random.Random(seed)  # reproducible, not secret

    def size(group):
        inner = sum(size(each) * _repeated(each.get("count", 1)) for each in group.get("groups", ()))
        return inner + sum(point["size"] for point in group.get("points", ()))

    group = msgspec.to_builtins(model.group)
    length = size(group)
    words = [chance.choice([0, 0xFFFF, 0x8000, chance.randrange(1 << 16)]) for _ in range(length)]
    words[:2] = [model.id, length - 2]
    _settle(group, 0, words, chance)
    return words


def _repeated(count):
    """Three times what a register counts, twice what fills the model."""
    return 3 if isinstance(count, str) else count or 2


def _settle(group, place, words, chance):
    for point in group["points"]:
        if point["type"] == "sunssf":
            words[place] = chance.choice([0, 1, 3, 0xFFFF, 0xFFFD])
        if point["type"] == "count" or (point["name"].startswith("N") and point["type"] == "uint16"):
            words[place] = 3
        if point["type"] == "string":
            text = chance.choice([b"", b"SN 0042", b"x" * 2 * point["size"]]).ljust(2 * point["size"], bytes(1))
            words[place : place + point["size"]] = np.frombuffer(text, ">u2")[: point["size"]].tolist()
        place += point["size"]
    for inner in group.get("groups", ()):
        for _ in range(_repeated(inner.get("count", 1))):
            place = _settle(inner, place, words, chance)
    return place


@needs_data
def test_every_value_is_as_pysunspec2_reads_it(models):
    device = pytest.importorskip("sunspec2.device")
    compared = 0
    for seed, model in enumerate([model for model in models.values() for _ in range(_RANDOM)]):
        words = registers(model, seed)
        data = np.array(words, ">u2").tobytes()
        foreign = foreign_values(device.Model(model.id, model_len=len(words) - 2, data=data))
        for point in points_of(models, [Block(model=model.id, start=0, words=words)]).points:
            if point.name not in foreign:
                continue  # a repetition that the foreign library leaves out
            theirs = foreign[point.name]
            assert agree(our_value(point, data), theirs.cvalue, theirs.pdef["type"]), (point, theirs.cvalue)
            compared += 1
    assert compared > 12_000


@needs_data
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)  # its own file
def test_a_whole_device(models):
    client = pytest.importorskip("sunspec2.file.client")
    device = client.FileClientDevice(str(DATA / "sunspec-devices/inverter_123.json"))
    device.scan()
    found = [model for key, many in device.models.items() if isinstance(key, int) for model in many]
    image, blocks = b"", []
    for model in found:
        data = bytes(model.get_mb())
        words = np.frombuffer(data, ">u2").tolist()
        blocks.append(Block(model=model.model_id, start=len(image) // 2, words=words))
        image += data
    imported = points_of(models, blocks)
    foreign = {name: point for model in found for name, point in foreign_values(model).items()}
    assert len(imported.points) > 180
    assert imported.left == []
    for point in imported.points:
        theirs = foreign[point.name]
        assert agree(our_value(point, image), theirs.cvalue, theirs.pdef["type"]), point
    faults = Faults("inverter")
    for point in imported.points:
        raw.check(point, faults)
    faults.refuse()


def test_what_is_missing_is_said():
    group = {"name": "m", "points": [
        {"name": "ID", "type": "uint16", "size": 1}, {"name": "L", "type": "uint16", "size": 1},
        {"name": "W", "type": "int16", "size": 1, "sf": "W_SF", "units": "W"},
        {"name": "W_SF", "type": "sunssf", "size": 1}, {"name": "Mac", "type": "eui48", "size": 4},
        {"name": "Late", "type": "uint16", "size": 1},
    ]}  # fmt: skip
    words = [7, 6, 100, 0x8000, 0, 0, 0, 0]
    imported = points_of(
        {7: Model(7, msgspec.convert(group, Group))},
        [Block(model=7, start=40002, words=words), Block(model=9, start=0, words=[9, 0])],
    )
    assert [left.name for left in imported.left] == ["m.W", "m.Mac", "m.Late", "model 9"]
    assert [point.name for point in imported.points] == ["m.W_SF"]
    words[3] = 0xFFFE
    (watt, _) = points_of(
        {7: Model(7, msgspec.convert(group, Group))}, [Block(model=7, start=40002, words=words)]
    ).points
    assert (watt.address, watt.scale, watt.unit, watt.sentinels) == ("holding:40004", "0.01", "WTT", (-32768,))


def test_two_models_of_one_kind_are_two():
    group = {"name": "m", "points": [{"name": "ID", "type": "uint16", "size": 1}, {"name": "L", "type": "uint16", "size": 1},
                                     {"name": "A", "type": "uint16", "size": 1}]}  # fmt: skip
    blocks = [Block(model=7, start=start, words=[7, 1, 5]) for start in (10, 20)]
    assert [(p.name, p.address) for p in points_of({7: Model(7, msgspec.convert(group, Group))}, blocks).points] == [
        ("m.A", "holding:12"), ("m.A~2", "holding:22"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", [b"", b"{}", b'{"id": "x", "group": {}}', b"[1]"])
def test_what_is_no_model_is_refused(text):
    with pytest.raises(InvalidInput, match=r"model\.json"):
        read_model(text, file="model.json")
