"""Projects in the access service: made, deleted, given members; each change decided and recorded with it."""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, func, select

from lineshaft.access import audit, principals
from lineshaft.access.administration import MANAGE
from lineshaft.access.audit import Act
from lineshaft.access.labels.store import DATASET
from lineshaft.access.messages import Done
from lineshaft.access.model import Actor, Member
from lineshaft.access.parts import Surroundings, Verb
from lineshaft.access.projects import store, tenants
from lineshaft.access.projects.messages import CreateProject, CreateTenant, OfMember, OfProject
from lineshaft.access.projects.store import Project
from lineshaft.access.projects.tenants import NewTenant
from lineshaft.access.settings import AccessSettings
from lineshaft.core.errors import Conflict, NotFound
from lineshaft.core.health import Check
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import MAIN_PROJECT, Decision

_MEMBERS: Final = frozenset({"person", "app"})
"""Kinds of principals that can be members; services are in every project."""


class ProjectsPart:
    """Projects and their members; see `parts.Part`."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._at = surroundings
        self._tenant = surroundings.context.identity.tenant
        self._minter = HandleMinter(surroundings.context.identity.prefix)
        self._settings = surroundings.context.settings.of(AccessSettings)

    async def start(self) -> None:
        await self._at.database.write(store.ensure_main, self._minter, self._tenant)

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "create_project": Verb(CreateProject, self.create),
            "delete_project": Verb(OfProject, self.delete),
            "add_member": Verb(OfMember, self.add_member),
            "remove_member": Verb(OfMember, self.remove_member),
            "create_tenant": Verb(CreateTenant, self.create_tenant),
        }

    def tasks(self) -> Sequence[Coroutine[Any, Any, None]]:
        return []

    def checks(self) -> list[Check]:
        return []

    async def create(self, asked: CreateProject) -> Project:
        """A new project, without members: administrators see it.

        Raises:
            Forbidden, InvalidInput. Conflict: the name is taken.
        """
        decision = await self._at.administration.decide(asked.actor, MANAGE, f"project {asked.name[:63]}")

        def work(connection: Connection) -> Project:
            made = store.create(connection, self._minter, self._tenant, asked.name, asked.title)
            facts = {"name": made.name, "title": made.title, "handle": made.handle}
            self._note(connection, asked.actor, "access:create_project", f"project {made.name}", decision, facts)
            return made

        return await self._at.database.write(work)

    async def delete(self, asked: OfProject) -> Done:
        """Delete a project that has neither members nor datasets.

        Raises:
            Forbidden. NotFound. Conflict: `main`, or not empty.
        """
        decision = await self._at.administration.decide(asked.actor, MANAGE, f"project {asked.name[:63]}")

        def work(connection: Connection) -> Done:
            held = (DATASET.c.tenant == self._tenant, DATASET.c.project == asked.name, DATASET.c.erased.is_(None))
            count = connection.scalar(select(func.count()).where(*held)) or 0
            if count:
                raise not_empty(asked.name, "datasets")
            store.delete(connection, self._tenant, asked.name)
            self._note(connection, asked.actor, "access:delete_project", f"project {asked.name}", decision, {})
            return Done()

        return await self._at.database.write(work)

    async def add_member(self, asked: OfMember) -> Member:
        """Make somebody a member. Who was in no project but `main` by default is then in this one only.

        Raises:
            Forbidden. NotFound: no such project or principal. Conflict: of a kind that is in every project.
        """
        decision = await self._at.administration.decide(asked.actor, MANAGE, asked.name)

        def work(connection: Connection) -> Member:
            store.require(connection, self._tenant, asked.project)
            row = self._principal(connection, asked.name)
            projects = {*(row.projects or ()), asked.project}
            return self._put(connection, asked, row, projects, decision, "access:add_member")

        return await self._at.database.write(work)

    async def remove_member(self, asked: OfMember) -> Member:
        """End a membership; who has none left sees no object of any project. Felt within seconds.

        Raises:
            Forbidden. NotFound: no such principal, or no member.
        """
        decision = await self._at.administration.decide(asked.actor, MANAGE, asked.name)

        def work(connection: Connection) -> Member:
            row = self._principal(connection, asked.name)
            before = {MAIN_PROJECT} if row.projects is None else {*row.projects}
            if asked.project not in before:
                raise NotFound(
                    "access.member_unknown", f"{row.name!r} was not made a member of the project {asked.project[:63]!r}",
                    "Administrators are in every project without being made members.", field="name", value=row.name,
                    project=asked.project[:63],
                )  # fmt: skip
            return self._put(connection, asked, row, before - {asked.project}, decision, "access:remove_member")

        return await self._at.database.write(work)

    async def create_tenant(self, asked: CreateTenant) -> NewTenant:
        """A tenant beside the installation's own, and the one-time link of its first administrator.

        Raises:
            Forbidden, InvalidInput. Conflict: the name is taken.
        """
        decision = await self._at.administration.decide(asked.actor, MANAGE, f"tenant {asked.name[:63]}")

        def work(connection: Connection) -> NewTenant:
            made = tenants.create(
                connection,
                self._minter,
                self._tenant,
                asked.name,
                asked.title,
                minutes=self._settings.invitation_minutes,
            )
            facts = {"name": made.tenant.name, "title": made.tenant.title, "handle": made.tenant.handle}
            self._note(connection, asked.actor, "access:create_tenant", f"tenant {made.tenant.name}", decision, facts)
            return made

        return await self._at.database.write(work)

    # -- in a transaction ---------------------------------------------------------------------------------------------

    def _principal(self, connection: Connection, name: str) -> Any:
        row = principals.get_row(connection, self._tenant, name)
        if row.kind not in _MEMBERS:
            raise Conflict(
                "access.not_a_person", f"{row.name!r} is of kind {row.kind}: only people and apps have roles and tokens",
                "Name a person or an app.", name=row.name, kind=row.kind,
            )  # fmt: skip
        return row

    def _put(
        self, connection: Connection, asked: OfMember, row: Any, projects: set[str], decision: Decision, action: str
    ) -> Member:
        principals.set_projects(connection, row.id, projects)
        facts = {"name": row.name, "project": asked.project, "before": row.projects, "projects": sorted(projects)}
        self._note(connection, asked.actor, action, row.id, decision, facts)
        return principals.get_member(connection, self._tenant, row.id)

    def _note(
        self, connection: Connection, actor: Actor, action: str, resource: str, decision: Decision,
        facts: dict[str, Any],
    ) -> None:  # fmt: skip
        act = Act(
            principal=actor.id, action=action, resource=resource, outcome="done", decision=decision.id, facts=facts
        )
        audit.write(connection, self._tenant, act)


def not_empty(name: str, what: str) -> Conflict:
    """What whoever deletes a project hears that has objects."""
    return Conflict(
        "access.project_not_empty", f"the project {name!r} still has {what}", "Move or remove them first.",
        field="project", value=name, what=what,
    )  # fmt: skip
