"""What a verification says: findings, each with the file and, where it can be told, the entry."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from lineshaft.ledger.merkle import HASH_BYTES

MOST_SHOWN: Final = 100


TEXTS: Final[dict[str, tuple[str, str]]] = {
    "body_altered": (
        "the body of entry {index} (line {line}) is not the one that was signed",
        "条目 {index} 的正文（第 {line} 行）不是已签名的内容",
    ),
    "body_unreadable": ("line {line} cannot be read", "第 {line} 行无法读取"),
    "bundle_surplus": ("holds more than its entries", "除条目外还有多余内容"),
    "checkpoint_missing": ("is missing, so nothing says what was signed", "缺失，无从得知签名内容"),
    "checkpoint_unreadable": ("is not a signed checkpoint: {reason}", "不是已签名的检查点：{reason}"),
    "cosignature_wrong": ("the signature of the witness {name} is wrong", "见证方 {name} 的签名有误"),
    "entries_cut": ("ends before entry {index}", "在条目 {index} 之前中断"),
    "entries_reordered": (
        "the entries {index} to {last} are not in the order that was signed",
        "条目 {index} 至 {last} 的次序与签名时不同",
    ),
    "entry_altered": ("entry {index} is not the one that was signed", "条目 {index} 不是已签名的条目"),
    "entry_dropped": (
        "entry {index} is missing; what followed moved up by {moved}",
        "缺少条目 {index}，其后的条目前移了 {moved} 位",
    ),
    "entry_inserted": ("something was inserted before entry {index}", "条目 {index} 之前被插入了内容"),
    "file_missing": ("is missing", "缺失"),
    "file_unknown": ("does not belong to a log", "不属于日志"),
    "journal_differs": ("does not lead to the entries in the bundles", "与条目文件中的内容不一致"),
    "journal_torn": (
        "{bytes} bytes at its end are no whole record: a crash, or damage",
        "末尾 {bytes} 字节不是完整记录：系统崩溃或数据损坏",
    ),
    "journal_wrong": ("is damaged at byte {at}", "在第 {at} 字节处损坏"),
    "key_foreign": ("is not one of the keys that are trusted", "不是受信任的密钥之一"),
    "origin_foreign": ("is of the log {origin!r}, and the key is that of {name!r}", "属于日志 {origin!r}，而密钥属于 {name!r}"),
    "partial_differs": ("differs from the later version of the same tile", "与同一分块的后续版本不同"),
    "root_differs": (
        "the {size} entries are not those that were signed; entries and tiles agree, so the whole was written anew",
        "这 {size} 个条目不是已签名的条目；条目与分块彼此一致，说明整体被重写过",
    ),
    "signature_wrong": ("is not signed by any key that is trusted for a log", "没有任何受信任的日志密钥的签名"),
    "tile_altered": ("hash {place} is not what was signed", "第 {place} 个哈希与签名时不同"),
    "tile_unproven": (
        "neither these hashes nor the entries can be shown to be what was signed",
        "无法证明这些哈希或条目是已签名的内容",
    ),
    "tile_wrong_length": ("has {found} bytes and must have {expected}", "长度为 {found} 字节，应为 {expected} 字节"),
}  # fmt: skip
"""What each kind of finding says of its file, in English and Chinese."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it was signed."""

    kind: str
    file: str
    """Below the log's folder."""
    index: int | None = None
    """The entry, where the finding is about one."""
    facts: dict[str, Any] = {}

    def __str__(self) -> str:
        return self.text("en")

    def text(self, language: str = "en") -> str:
        """One sentence."""
        template = TEXTS[self.kind][language == "zh"]
        return f"{self.file}: {template.format(index=self.index, **self.facts)}"


class Report(msgspec.Struct, kw_only=True):
    """The result of one verification."""

    folder: str
    origin: str = ""
    size: int = 0
    """Entries that the checkpoint stands for."""
    root: str = ""
    """Hexadecimal."""
    entries: int = 0
    """Entries that were hashed."""
    unsigned: int = 0
    """Entries that no checkpoint stands for yet."""
    cosigned_by: list[str] = []
    """Known witnesses that signed this checkpoint."""
    cosigned_size: int = 0
    """Size of the latest checkpoint that a known witness signed."""
    unknown_signatures: int = 0
    """Signatures on the checkpoint by keys that were not given."""
    bodies: int = 0
    pruned: int = 0
    """Entries whose body is gone, or was never there."""
    problems: list[Finding] = []
    """At most 100 of them."""
    found: int = 0
    """How many findings there were."""

    @property
    def ok(self) -> bool:
        return self.found == 0

    def add(self, kind: str, file: str, index: int | None = None, **facts: Any) -> None:
        self.found += 1
        if len(self.problems) < MOST_SHOWN:
            self.problems.append(Finding(kind=kind, file=file, index=index, facts=facts))


def compare_entries(report: Report, file: str, first: int, found: bytes, signed: bytes) -> None:
    """Say how the entries of a bundle differ from what was signed, by their hashes.

    Args:
        first: index of the bundle's first entry.
    """
    if found == signed:
        return
    has, must = _split(found), _split(signed)
    place = next((k for k, (a, b) in enumerate(zip(has, must, strict=False)) if a != b), min(len(has), len(must)))
    rest, expected, surplus = has[place:], must[place:], len(has) - len(must)
    index = first + place
    if surplus > 0 and rest[surplus:] == expected:
        report.add("entry_inserted", file, index)
    elif surplus < 0 and rest and rest == expected[-surplus:]:
        report.add("entry_dropped", file, index, moved=-surplus)
    elif sorted(rest) == sorted(expected):
        last = max(k for k, (a, b) in enumerate(zip(has, must, strict=True)) if a != b)
        report.add("entries_reordered", file, index, last=first + last)
    elif moved := _shift(rest, expected):
        report.add("entry_dropped", file, index, moved=moved)
    elif _shift(expected, rest):
        report.add("entry_inserted", file, index)
    else:
        _altered(report, file, first, has, must)


def _shift(rest: Sequence[bytes], expected: Sequence[bytes]) -> int:
    """By how many places `expected` moved up to give `rest`; 0 where it did not."""
    longest = len(rest) // 2 if len(rest) == len(expected) else 0
    return next((moved for moved in range(1, longest + 1) if rest[:-moved] == expected[moved:]), 0)


def _altered(report: Report, file: str, first: int, has: Sequence[bytes], must: Sequence[bytes]) -> None:
    for place, signed in enumerate(must):
        if place >= len(has):
            index = first + place
            report.add("entries_cut", file, index)
            return
        if has[place] != signed:
            index = first + place
            report.add("entry_altered", file, index)


def compare_hashes(report: Report, file: str, found: bytes, signed: bytes) -> None:
    """Say which hash of a tile is not what was signed."""
    place = next((k for k, (a, b) in enumerate(zip(_split(found), _split(signed), strict=False)) if a != b), None)
    if place is None or len(found) != len(signed):
        report.add("tile_wrong_length", file, found=len(found), expected=len(signed))
    else:
        report.add("tile_altered", file, place=place)


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
