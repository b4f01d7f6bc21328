"""Tables of devices and points for people: headings in their language, units by their symbols."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from lineshaft.core.console import language
from lineshaft.core.errors import Forbidden
from lineshaft.edge.units import shown

_CHINESE: Final = {
    "": "", "after": "改后", "before": "改前", "by": "操作者", "where": "位置", "why": "原因", "address": "地址", "author": "作者", "at": "时间", "cannot be a point": "不能作为测点的原因", "change": "变更",
    "changed": "更改时间", "code": "代码", "command": "命令", "comment": "说明", "created": "创建时间", "device": "设备",
    "digest": "摘要", "driver": "驱动", "endpoint": "端点", "fingerprint": "指纹", "from": "原值", "gateway": "网关",
    "group": "扫描组", "issuer": "签发者", "kind": "类别", "message": "消息", "mode": "模式", "name": "名称", "part": "部件",
    "path": "路径", "point": "测点", "points": "测点数", "profile": "模板", "project": "项目", "reason": "原因",
    "scale": "比例", "since": "自", "source": "来源", "state": "状态", "status": "状态", "subject": "主体", "summary": "摘要",
    "title": "标题", "to": "新值", "trusted": "受信任", "type": "类型", "unit": "单位", "until": "至", "valid": "有效期",
    "value": "值", "version": "版本", "what": "内容",
}  # fmt: skip
"""Headings that the tables of this package have."""


def headings(columns: Iterable[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """(key, heading) of a table's columns with headings in the user's language."""
    if language() != "zh":
        return tuple(columns)
    return tuple((key, _CHINESE.get(heading, heading)) for key, heading in columns)


def names_of(client: Any) -> dict[str, str]:
    """Names of people and machines by their handles, as far as whoever asks may see them."""
    try:
        return {each["id"]: each["name"] for each in client.pages("/api/v1/access/principals", {})}
    except Forbidden:
        return {}


def with_symbols(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of points as people read them."""
    return [{**row, "unit": shown(row.get("unit") or "", row.get("unit_text") or "")} for row in rows]
