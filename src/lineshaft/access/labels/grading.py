"""Proposals of labels by rules: name, unit, path, contents, and how critical the asset is. A person decides.

Each rule looks at one sign and says which grade and domain it speaks for; of what the rules say, the highest of each
axis is proposed, with every reason. Without any sign a tag of the plant is proposed as production data of grade 2.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from lineshaft.access.labels.model import RANK_2022, Domain, Grade2020, Grade2022, Label


class Object(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules may look at."""

    path: str
    unit: str = ""
    description: str = ""
    device: str = ""
    samples: Sequence[str] = ()
    """Texts found in it, for the rules about contents."""
    criticality: int | None = None
    """Of the asset: 1 (most critical) to 4; None where nobody said."""


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule says of an object."""

    reason: str
    domain: Domain | None = None
    grade_2020: Grade2020 = 1
    grade_2022: Grade2022 = "general"


_NAMES: Final[tuple[tuple[re.Pattern[str], Sign], ...]] = (
    (
        re.compile(r"recipe|formula|配方|工艺(参数|配方)|setpoint|\bsp\b|set_?point|设定", re.IGNORECASE),
        Sign(reason="the name speaks of a recipe or set-point", domain="production", grade_2020=2),
    ),
    (
        re.compile(r"safety|interlock|sis\b|esd\b|trip|联锁|安全仪表|急停", re.IGNORECASE),
        Sign(reason="the name speaks of a safety function", domain="production", grade_2020=3, grade_2022="important"),
    ),
    (
        re.compile(r"design|drawing|simulation|cad\b|prototype|研发|设计|图纸|试验", re.IGNORECASE),
        Sign(reason="the name speaks of research or design", domain="r_and_d", grade_2020=2),
    ),
    (
        re.compile(r"fault|alarm|vibration|maintenance|runtime|运维|故障|振动|检修", re.IGNORECASE),
        Sign(reason="the name speaks of condition or maintenance", domain="maintenance"),
    ),
    (
        re.compile(r"customer|order|supplier|price|cost|salary|客户|订单|供应商|价格|成本|工资", re.IGNORECASE),
        Sign(reason="the name speaks of trade or cost", domain="management", grade_2020=2),
    ),
    (
        re.compile(r"operator_?(name|id)|employee|worker|person|员工|姓名|人员|工号", re.IGNORECASE),
        Sign(reason="the name speaks of people", domain="management", grade_2020=2),
    ),
)

_CONTENTS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (
        re.compile(r"(?<!\d)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)"),
        "identity",
    ),
    (re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d{9}(?!\d)"), "phone"),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"), "email"),
)
_CONTENT_REASONS: Final = {
    "identity": "its texts hold identity numbers", "phone": "its texts hold phone numbers",
    "email": "its texts hold e-mail addresses",
}  # fmt: skip
_ENERGY_UNITS: Final = frozenset({"kWh", "KWH", "MWh", "MWH", "kvarh", "Nm3", "Nm³"})
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def propose(found: Object, *, owner: str = "") -> tuple[Label, str]:
    """The label that the rules propose for an object, and why."""
    signs = [*_by_name(found), *_by_content(found.samples), *_by_unit(found), *_by_criticality(found)]
    if not signs:
        signs = [Sign(reason="no rule knows it: a tag of the plant", domain="production", grade_2020=2)]
    label = Label(
        domain=next((sign.domain for sign in _strictest_first(signs) if sign.domain is not None), "production"),
        grade_2020=max(sign.grade_2020 for sign in signs),
        grade_2022=max((sign.grade_2022 for sign in signs), key=RANK_2022.__getitem__),
        purpose="operation", owner=owner,
        export="approval" if any(sign.grade_2020 > 1 for sign in signs) else "allowed",
    )  # fmt: skip
    return label, "; ".join(dict.fromkeys(sign.reason for sign in signs))


def is_identity_number(text: str) -> bool:
    """Whether 18 characters are a Chinese citizen's identity number: its check character fits (GB 11643, ISO 7064)."""
    if not re.fullmatch(r"\d{17}[\dXx]", text):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text, _WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == text[-1].upper()


def _by_name(found: Object) -> Iterable[Sign]:
    text = f"{found.path.replace('_', ' ')} {found.path} {found.description}"
    return [sign for pattern, sign in _NAMES if pattern.search(text)]


def _by_content(samples: Sequence[str]) -> Iterable[Sign]:
    kinds = {
        kind for text in samples for pattern, kind in _CONTENTS for match in pattern.findall(text)
        if kind != "identity" or is_identity_number(match)
    }  # fmt: skip
    return [
        Sign(reason=_CONTENT_REASONS[kind], domain="management", grade_2020=3 if kind == "identity" else 2)
        for kind in sorted(kinds)
    ]


def _by_unit(found: Object) -> Iterable[Sign]:
    if found.unit in _ENERGY_UNITS:
        return [Sign(reason=f"the unit {found.unit} speaks of energy or output", domain="production", grade_2020=2)]
    return []


def _by_criticality(found: Object) -> Iterable[Sign]:
    if found.criticality == 1:
        return [Sign(reason="the asset is of the highest criticality", grade_2020=3, grade_2022="important")]
    if found.criticality == 2:
        return [Sign(reason="the asset is of high criticality", grade_2020=2)]
    return []


def _strictest_first(signs: Iterable[Sign]) -> list[Sign]:
    return sorted(signs, key=lambda sign: -sign.grade_2020)
