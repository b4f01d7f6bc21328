"""A box's life: start, stop, start again, back up while it runs, restore elsewhere; nothing is lost on the way."""

import polars as pl
import pytest

from lineshaft.cli.testing import running_box

pytestmark = pytest.mark.timeout(300)  # three boxes start, one after the other

TAG = "XMEAS_07"


def stored(box, start="-1h"):
    """(time, value) of one tag as the command line answers."""
    return [
        (row["time"], row["value"]) for row in box.json("history", "query", TAG, "--from", start, "--limit", "1000000")
    ]


def foreign(box, tag_number):
    """The same from the Delta table as a foreign reader sees it, by the documented expression."""
    value = pl.coalesce(pl.col("v"), pl.col("vi") * pl.col("mul") / pl.col("div"))
    frame = pl.scan_delta(str(box.home.path / "history" / "samples")).filter(pl.col("tag") == tag_number)
    return frame.select("ts", value.alias("value")).sort("ts").collect()


def test_values_outlive_a_stop_a_backup_and_a_restore(tmp_path):
    with running_box(tmp_path / "home") as box:
        box.until(lambda: len(stored(box)) >= 5, "five values are stored")
        early = stored(box)
        assert box.stop() == 0
    with running_box(tmp_path / "home") as box:
        box.until(lambda: len(stored(box)) > len(early) + 2, "values go on after the restart")
        again = stored(box)
        assert again[: len(early)] == early
        assert len({time for time, _ in again}) == len(again), "a time came twice"
        gaps = [gap for gap in box.json("history", "gaps", "--from", "-1h") if gap["cause"] == "restart"]
        assert gaps == [], "a clean stop is not a restart that lost something"
        kept = stored(box)  # the box has answered these before it was told to make a backup
        target = tmp_path / "backup.tar.gz"
        answer = box.json("backup", str(target))
        assert answer["online"] is True
        number = next(tag["number"] for tag in box.json("history", "tags") if tag["path"].endswith(TAG))
        box.lineshaft("history", "seal")
        sealed = foreign(box, number)
        assert sealed.height == len(sealed["ts"].unique()) >= len(early)
    place = tmp_path / "elsewhere"
    box.lineshaft("restore", str(target), "--home", str(place))
    with running_box(place) as other:
        assert other.home.identity() == box.home.identity()
        other.until(lambda: set(kept) <= set(stored(other)), "what the box had answered is there")
        back = stored(other)
        other.until(lambda: len(stored(other)) > len(back), "the restored box goes on")
        trail = other.json("audit", "verify")
        assert trail["ok"], trail
        assert trail["size"] > 0
