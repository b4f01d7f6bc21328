"""Labels: what data are (domain, grades, owner, retention, export), and what follows from it when they leave.

`LabelBook` keeps labels and their versions, `Labels` is what routes ask (cached), `Egress` is the gate every export
passes, `mask` has what obligations do to rows, `datasets` and `envelope` encrypt files so that they can be erased.
Not here: who may see which grade (`access.policy`), the keys (`access.vault`).
Everything above access may import it.
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door

if TYPE_CHECKING:
    from lineshaft.access.labels.book import LabelBook as LabelBook
    from lineshaft.access.labels.egress import Egress as Egress
    from lineshaft.access.labels.egress import Release as Release
    from lineshaft.access.labels.holds import held as held
    from lineshaft.access.labels.labels import Labels as Labels
    from lineshaft.access.labels.model import Label as Label
    from lineshaft.access.labels.model import Subject as Subject
    from lineshaft.access.labels.settings import LabelSettings as LabelSettings

__all__ = [
    "Egress",
    "Label",
    "LabelBook",
    "LabelSettings",
    "Labels",
    "Release",
    "Subject",
    "held",
]

__getattr__ = door(
    __name__,
    {
        "book": ("LabelBook",),
        "egress": ("Egress", "Release"),
        "holds": ("held",),
        "labels": ("Labels",),
        "model": ("Label", "Subject"),
        "settings": ("LabelSettings",),
    },
)
