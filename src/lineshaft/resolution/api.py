"""Routes under /api/v1/resolution: what an identifier leads to, and the nodes that are known."""

import time

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from lineshaft.core import texts
from lineshaft.core.principals import MAIN_PROJECT, Principal
from lineshaft.resolution.inquiry import Inquiries
from lineshaft.resolution.spelling import handle_of
from lineshaft.resolution.views import ResolveBody, ResolvedView, resolved_view
from lineshaft.resolution.watch import NodeCheck, NodeList, Watch

_ROOT = "/api/v1/resolution"
_TAGS = ["resolution"]
_READ = {"action": "resolution:read"}


@post(f"{_ROOT}/resolve", opt=_READ, tags=_TAGS, status_code=200)
async def resolve_identifier(
    inquiries: NamedDependency[Inquiries],
    language: NamedDependency[str],
    principal: NamedDependency[Principal],
    data: JSONBody[ResolveBody],
) -> ResolvedView:
    """What an identifier leads to: its public values, each server that was asked, and what is proved.

    An identifier that does not exist, or whose servers do not answer, is an answer, too: `state` and `problem` say so.
    """
    found = await inquiries.ask(handle_of(data.identifier), principal.id)
    return resolved_view(found, language, time.time())


@get(f"{_ROOT}/nodes", opt={**_READ, "project": MAIN_PROJECT}, tags=_TAGS)
async def list_nodes(watch: NamedDependency[Watch], language: NamedDependency[str]) -> NodeList:
    """Root servers, the node that runs here and those that are watched, with what they do now."""
    found = await watch.look()
    items = [
        msgspec.structs.replace(node, checks=[_told(each, language) for each in node.checks]) for node in found.items
    ]
    return msgspec.structs.replace(found, items=items)


def _told(check: NodeCheck, language: str) -> NodeCheck:
    name, detail = (texts.phrase(language, "checks", text) for text in (check.name, check.detail))
    return msgspec.structs.replace(check, name=name, detail=detail)


ROUTES = [resolve_identifier, list_nodes]
