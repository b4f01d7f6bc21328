"""One approval over HTTP: for the request as it was sent, also where the route decides once more after reading it."""

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from sqlalchemy import insert

from lineshaft.access import Access
from lineshaft.access.policy import approvals, shelf
from lineshaft.access.store import PASSWORD
from lineshaft.core.principals import Principal


class Body(msgspec.Struct):
    size: int


@post("/configure", opt={"action": "edge:configure"})
async def configure(
    access: NamedDependency[Access], principal: NamedDependency[Principal], data: JSONBody[Body]
) -> int:
    await access.require(principal, "edge:configure", "cell")
    return data.size


INSIDE = '@obligation("approve:administrator") permit (principal, action == Action::"edge:configure", resource == Object::"cell");'
BOTH = '@obligation("approve:administrator") permit (principal, action == Action::"edge:configure", resource);'


async def way(serve, records, text):
    async with serve(configure) as server:
        people = server.people
        asker, judge = people.add("anna", "engineer"), people.add("boss", "administrator")
        # Who can sign in and administer: without such a person no policy is taken.
        records.transact(
            lambda connection: connection.execute(insert(PASSWORD).values(principal=judge.id, hash="x", changed=0))
        )
        records.transact(shelf.put, "main", "two", text, judge.id, None)
        await server.access.refresh_policies(now=True)
        async with server.client(asker) as client:
            refused = await client.post("/configure", json={"size": 1})
            assert refused.json()["code"] == "access.approval_required"
            approval = refused.json()["facts"]["approval"]
            records.transact(approvals.decide, "main", approval, judge, approve=True)
            brought = {"x-approval": approval}
            other = await client.post("/configure", json={"size": 2}, headers=brought)
            assert other.json()["code"] == "access.approval_void"
            done = await client.post("/configure", json={"size": 1}, headers=brought)
            assert (done.status_code, done.json()) == (201, 1)
            again = await client.post("/configure", json={"size": 1}, headers=brought)
            assert again.json()["code"] == "access.approval_void"


async def test_a_route_that_demands_it_inside_is_bound_to_the_body_too(serve, records):
    await way(serve, records, INSIDE)


async def test_gate_and_route_take_the_same_approval_once(serve, records):
    await way(serve, records, BOTH)
