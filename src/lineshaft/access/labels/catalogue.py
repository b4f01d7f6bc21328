"""The catalogue of data for filing with the authority: what there is, how it is graded, who answers for it."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Final

from lineshaft.access.labels.datasets import Dataset
from lineshaft.access.labels.labels import Snapshot
from lineshaft.access.labels.model import DOMAINS, GRADES_2020, GRADES_2022, LabelVersion, Subject
from lineshaft.access.labels.views import CatalogueRow

HEADINGS: Final[dict[str, str]] = {
    "object": "数据对象 Object", "kind": "类型 Kind", "domain": "数据类别 Domain", "grade_2020": "分级（2020） Grade 2020",
    "grade_2022": "分级（2022） Grade 2022", "volume": "数据量（测点数） Volume (tags)", "owner": "责任主体 Owner",
    "purpose": "用途 Purpose", "retention_days": "保存期限（天） Retention (days)", "place": "存储位置 Storage place",
    "export": "对外提供规则 Export rule", "exports": "对外提供次数 Exports",
}  # fmt: skip
_EXPORTS: Final = {"allowed": "允许 allowed", "approval": "需审批 by approval", "forbidden": "禁止 forbidden"}
_UNLIMITED: Final = "长期 unlimited"


def rows(
    labels: Sequence[LabelVersion], snapshot: Snapshot, datasets: Sequence[Dataset], volumes: Mapping[str, int],
    exports: Mapping[str, int],
) -> list[CatalogueRow]:  # fmt: skip
    """One row per label in force, with what counts for its object.

    Args:
        volumes: tags at or below a path.
        exports: how often an object left, by the text that names what left.
    """
    places = {dataset.name: dataset.place for dataset in datasets}
    found = []
    for one in labels:
        grades = snapshot.grades(Subject(one.kind, one.object))
        left = sum(
            count for what, count in exports.items() if what == one.object or what.startswith((f"{one.object}/", f"{one.object} ("))
        )  # fmt: skip
        found.append(
            CatalogueRow(
                object=one.object, kind=one.kind, domain=one.label.domain, grade_2020=grades.grade_2020,
                grade_2022=grades.grade_2022, volume=volumes.get(one.object, 1), owner=one.label.owner,
                purpose=one.label.purpose, retention_days=one.label.retention_days,
                place=places.get(one.object, "") if one.kind == "dataset" else "history" if one.kind == "tag" else "",
                export=grades.export, exports=left,
            )
        )  # fmt: skip
    return found


def as_csv(found: Sequence[CatalogueRow]) -> bytes:
    """The catalogue for a spreadsheet: UTF-8 with its mark, headings and words in Chinese and English."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADINGS.values())
    for row in found:
        days = _UNLIMITED if row.retention_days is None else str(row.retention_days)
        writer.writerow(
            _plain(cell) for cell in (
                row.object, row.kind, f"{DOMAINS[row.domain]} {row.domain}",
                f"{GRADES_2020[row.grade_2020]} {row.grade_2020}", f"{GRADES_2022[row.grade_2022]} {row.grade_2022}",
                str(row.volume), row.owner, row.purpose, days, row.place, _EXPORTS[row.export], str(row.exports),
            )
        )  # fmt: skip
    return text.getvalue().encode("utf-8-sig")


def _plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
