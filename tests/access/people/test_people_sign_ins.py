"""By what somebody gets in, as an administrator sees it: no secret is in it, and nobody else is told."""

ROOT = "/api/v1/access"


async def test_sessions_and_keys_of_a_principal_are_shown_without_their_secrets(site):
    bob = await site.office.person("bob", "operator")
    async with site.local() as local:
        shown = await local.get(f"{ROOT}/principals/bob/sign-ins")
        assert shown.status_code == 200, shown.text
        found = shown.json()
        assert [session["id"] for session in found["sessions"]] == [bob.session.id]
        assert (found["passkeys"], found["identities"], found["credentials"]) == ([], [], [])
        assert bob.cookie not in shown.text
        assert bob.session.csrf not in shown.text
        unknown = await local.get(f"{ROOT}/principals/nobody/sign-ins")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "access.principal_unknown")
