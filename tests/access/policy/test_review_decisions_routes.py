"""A second person that policies demand for an action is demanded by every route that does it."""

import pytest

from lineshaft.access.messages import CreateToken
from lineshaft.access.model import Actor

ROOT = "/api/v1/access"


@pytest.mark.parametrize(
    ("action", "method", "path", "body"),
    [
        ("access:audit_prune", "POST", "/audit:prune", {}),
        ("access:erase_person", "POST", "/principals/eve/erase", None),
        ("access:manage", "POST", "/tokens", {"name": "eve", "label": "t", "scopes": ["history:read"]}),
        ("access:manage", "DELETE", "/tokens/EVES", None),
    ],
)
async def test_no_route_does_alone_what_takes_two(site, action, method, path, body):
    office = site.office
    await office.first_administrator()
    eve = (await office.person("eve", "viewer")).principal
    made = await office.administration.create_token(
        CreateToken(actor=Actor(id=eve.id), name="", label="t", scopes=["history:read"], days=1)
    )
    text = f"""
    @obligation("approve:administrator")
    permit (principal in Role::"administrator", action == Action::"{action}", resource);
    """
    async with site.local() as local:
        assert (await local.put(f"{ROOT}/policies/two", json={"text": text})).status_code == 200
        answer = await local.request(method, f"{ROOT}{path.replace('EVES', made.token.id)}", json=body)
        assert (answer.status_code, answer.json().get("code")) == (403, "access.approval_required")
