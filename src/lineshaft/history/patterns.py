"""Tags that patterns name: paths with * for any characters, / among them, and ? for one."""

import fnmatch
import re
from collections.abc import Sequence
from typing import Final

from lineshaft.core.errors import InvalidInput, NotFound
from lineshaft.core.principals import Principal
from lineshaft.history.model import Tag
from lineshaft.history.store import Tags

MAXIMUM_TAGS: Final = 10_000
_PAGE: Final = 1000
_WILD: Final = re.compile(r"[*?\[]")


async def tags_like(tags: Tags, principal: Principal, patterns: Sequence[str]) -> dict[int, Tag]:
    """The caller's tags that the paths and patterns name, by number; removed ones too.

    Raises:
        NotFound: one names none that the caller may know of. InvalidInput: they are more than MAXIMUM_TAGS.
    """
    found: dict[int, Tag] = {}
    whole = [pattern for pattern in patterns if not _WILD.search(pattern)]
    for tag in await tags.require(principal.tenant, whole, principal.projects) if whole else ():
        found[tag.number] = tag
    for pattern in (pattern for pattern in patterns if _WILD.search(pattern)):
        matching = await _matching(tags, principal, pattern)
        if not matching:
            raise NotFound(
                "history.tag_pattern_unmatched", f"no tag has a path like {pattern[:200]!r}",
                "`lineshaft history tags` lists them; * stands for any characters, / among them.",
                field="tags", value=pattern[:200],
            )  # fmt: skip
        found |= {tag.number: tag for tag in matching}
        if len(found) > MAXIMUM_TAGS:
            break
    if len(found) > MAXIMUM_TAGS:
        raise InvalidInput(
            "history.sql_tags_too_many", f"the patterns name more than {MAXIMUM_TAGS} tags",
            "Name fewer tags.", field="tags", maximum=MAXIMUM_TAGS,
        )  # fmt: skip
    return found


async def _matching(tags: Tags, principal: Principal, pattern: str) -> list[Tag]:
    wild = _WILD.search(pattern)
    prefix = pattern[: wild.start()] if wild else pattern
    like = re.compile(fnmatch.translate(pattern))
    after = ""
    found: list[Tag] = []
    while len(found) <= MAXIMUM_TAGS:
        page = await tags.list(
            principal.tenant, prefix=prefix, after=after, limit=_PAGE, removed=True, projects=principal.projects
        )
        found += [tag for tag in page if like.match(tag.path)]
        if len(page) < _PAGE:
            break
        after = page[-1].path
    return found
