"""The last ten minutes of one tag: how many samples, their mean, least and greatest. `read_history.py [TAG]`"""

import sys

import pyarrow.compute as pc

import lineshaft

GOOD_BELOW = 1 << 30  # the two top bits of an OPC UA StatusCode are 00


def main(name: str) -> None:
    with lineshaft.connect() as client:
        tag = next(tag for tag in client.tags() if tag["path"].endswith(name))
        table = client.history.raw([tag["path"]], "-10m")
    good = table.filter(pc.less(table["q"], GOOD_BELOW))
    print(f"{tag['path']}: {good.num_rows} good samples")
    if good.num_rows:
        extremes = pc.min_max(good["v"]).as_py()
        print(f"mean {pc.mean(good['v']).as_py():.3f}, {extremes['min']:.3f} to {extremes['max']:.3f} {tag['unit']}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "XMEAS_07")
