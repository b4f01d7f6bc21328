"""The first start, starts after a kill, damaged keys, and the way back in."""

import errno
from pathlib import Path

import pytest
from sqlalchemy import select

from lineshaft.access import AccessSettings, Actor, bootstrap, recover
from lineshaft.access.authority import Authority
from lineshaft.access.credentials import keep_file, void_keys
from lineshaft.access.local_token import LIFE_US, remaining_us, renew
from lineshaft.access.messages import OfPrincipal
from lineshaft.access.store import CREDENTIAL
from lineshaft.bus.claims import read_claims
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Corrupt, NotFound, Unauthenticated, Unavailable

SERVICES = ["access", "history", "gateway", "web", "plant"]
FILES = {"operator.nk", "account.nk", "system.nk", "account.jwt", *(f"{name}.creds" for name in SERVICES)}


def start(home, database, services=SERVICES):
    return bootstrap(home, home.prepare(), database, services)


def files(home):
    return {path.name: path.read_bytes() for path in home.keys.iterdir()}


def claims_in(home, name):
    return read_claims((home.keys / f"{name}.creds").read_text().split("\n")[1])


def held(database):
    with database.read() as connection:
        return {row.key: row.revoked for row in connection.execute(select(CREDENTIAL))}


def check_whole(home, database, started):
    """Everything that a start needs is there and fits together."""
    assert {path.name for path in home.keys.iterdir()} == FILES
    account = Authority(home, home.identity()).account
    assert started.bus_auth.preload.keys() == {account, started.bus_auth.system_account}
    operator = read_claims(started.bus_auth.operator_jwt)
    assert operator["nats"]["system_account"] == started.bus_auth.system_account
    for key, token in started.bus_auth.preload.items():
        assert (read_claims(token)["iss"], read_claims(token)["sub"]) == (operator["sub"], key)
    for name in SERVICES:
        claims = claims_in(home, name)
        assert (claims["iss"], claims["name"]) == (account, name)
        assert held(database)[claims["sub"]] is None
    revoked = read_claims(started.bus_auth.preload[account])["nats"].get("revocations", {})
    assert set(revoked) == {key for key, when in held(database).items() if when is not None}


def test_a_first_start_makes_everything_readable_by_the_owner_only(home, database):
    started = start(home, database)
    check_whole(home, database, started)
    secrets = [*home.keys.iterdir(), home.run / "local.token"]
    assert {path.stat().st_mode & 0o777 for path in secrets} == {0o600}
    assert home.keys.stat().st_mode & 0o077 == 0


def test_a_second_start_changes_nothing_but_the_links_and_the_local_token(home, database):
    first = start(home, database)
    before = files(home)
    second = start(home, database)
    assert files(home) == before
    assert second.bus_auth.preload.keys() == first.bus_auth.preload.keys()
    assert second.invitation != first.invitation


async def test_where_somebody_can_administer_no_link_is_made(office):
    await office.first_administrator()
    assert start(office.home, office.database).invitation is None


async def test_an_older_first_link_ends_with_the_next_start(office):
    start(office.home, office.database)
    with pytest.raises(Unauthenticated):
        await office.first_administrator()


class Killed(BaseException):
    """Stands for the power going away: nothing in the code catches it."""


def test_a_start_killed_at_any_step_is_completed_by_the_next(home, database, monkeypatch):
    """Each write of a file and each commit is one step; the start is killed before and after every one of them."""
    from lineshaft.access import files as files_module

    left = [0]

    def stepwise(function):
        def step(*args, **kwargs):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            result = function(*args, **kwargs)
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return result

        return step

    monkeypatch.setattr(files_module, "write_file", stepwise(files_module.write_file))
    monkeypatch.setattr(database, "transact", stepwise(database.transact))
    kills = 0
    while True:
        left[0] = kills + 1
        for path in home.keys.iterdir() if home.keys.exists() else []:
            path.unlink()  # each round begins with an empty folder, and with the records the last one left
        try:
            start(home, database)
        except Killed:
            kills += 1
        else:
            break
        left[0] = -1
        check_whole(home, database, start(home, database))
    assert kills >= 2 * (len(FILES) + 3)


def test_a_full_disk_is_a_clear_refusal_and_the_next_start_goes_on(home, database, monkeypatch):
    from lineshaft.access import files as files_module

    write, left = files_module.write_file, [4]

    def until_full(path, data):
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        write(path, data)

    monkeypatch.setattr(files_module, "write_file", until_full)
    with pytest.raises(Unavailable) as refusal:
        start(home, database)
    assert refusal.value.code == "access.file_not_written"
    assert "No space left on device" in refusal.value.message
    left[0] = -1
    check_whole(home, database, start(home, database))


@pytest.mark.parametrize("damage", [b"", b"garbage\xff", b"SUAAAA"])
@pytest.mark.parametrize("name", sorted(FILES))
def test_a_damaged_file_is_made_anew_before_anything_depends_on_it(home, database, name, damage):
    start(home, database)
    (home.keys / name).write_bytes(damage)
    check_whole(home, database, start(home, database))


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_made_anew_before_anything_depends_on_it(home, database, name):
    start(home, database)
    (home.keys / name).unlink()
    check_whole(home, database, start(home, database))


@pytest.mark.parametrize("damage", [None, b"garbage"])
def test_the_accounts_key_is_not_replaced_once_messages_belong_to_it(home, database, damage):
    start(home, database)
    (home.folder("bus") / "jetstream" / Authority(home, home.identity()).account / "streams").mkdir(parents=True)
    (home.folder("bus") / "jetstream" / Authority(home, home.identity()).account / "streams" / "TELEMETRY").mkdir()
    file = home.keys / "account.nk"
    key = file.read_bytes()
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)
    before = files(home)
    with pytest.raises(Corrupt) as refusal:
        start(home, database)
    assert refusal.value.code == "access.account_key_missing"
    assert str(file) in refusal.value.message
    assert files(home) == before
    file.write_bytes(key)
    check_whole(home, database, start(home, database))


def test_files_that_a_copy_opened_to_others_are_closed_again(home, database):
    start(home, database)
    for path in home.keys.iterdir():
        path.chmod(0o644)
    start(home, database)
    assert {path.stat().st_mode & 0o777 for path in home.keys.iterdir() if path.suffix != ".jwt"} == {0o600}


def test_changed_grants_reach_the_credentials_at_the_next_start(home, database, monkeypatch):
    from lineshaft.access import grants

    start(home, database)
    before = claims_in(home, "plant")
    grant = grants.Grant(serves=("demo:status", "demo:explode"), streams=grants._nothing)
    monkeypatch.setitem(grants.GRANTS, "plant", grant)
    started = start(home, database)
    after = claims_in(home, "plant")
    assert "ls.main.box.svc.demo.explode.*" in after["nats"]["sub"]["allow"]
    assert after["sub"] != before["sub"]
    check_whole(home, database, started)


def test_records_of_an_older_backup_get_new_credentials(home, database):
    start(home, database)
    before = claims_in(home, "history")["sub"]
    with database.begin() as connection:
        connection.execute(CREDENTIAL.delete())
    check_whole(home, database, start(home, database))
    assert claims_in(home, "history")["sub"] != before


async def test_a_revoked_service_stays_revoked_over_starts(office):
    ada = Actor.of((await office.first_administrator()).principal)
    key = claims_in(office.home, "gateway")["sub"]
    await office.administration.revoke(OfPrincipal(actor=ada, name="gateway"))
    started = start(office.home, office.database)
    assert claims_in(office.home, "gateway")["sub"] == key
    account = Authority(office.home, office.identity).account
    assert key in read_claims(started.bus_auth.preload[account])["nats"]["revocations"]


def test_a_new_service_whose_name_a_person_has_is_a_clear_refusal(home, database):
    from lineshaft.access import principals
    from lineshaft.core.ids import HandleMinter

    start(home, database)
    database.transact(principals.create, HandleMinter("99.1"), "main", "weaver", roles=frozenset({"viewer"}))
    with pytest.raises(Conflict) as refusal:
        start(home, database, [*SERVICES, "weaver"])
    assert refusal.value.code == "access.service_name_taken"


def test_keys_of_somebody_else_are_a_clear_refusal(home, database, monkeypatch):
    start(home, database)
    read = Path.read_text

    def guarded(self, *args, **kwargs):
        if self.name == "operator.nk":
            raise PermissionError(13, "Permission denied")
        return read(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", guarded)
    before = files(home)
    with pytest.raises(Unavailable) as refusal:
        start(home, database)
    assert refusal.value.code == "access.keys_unreadable"
    assert files(home) == before


# -- the account's token ------------------------------------------------------------------------------------------------


def test_the_account_is_signed_anew_only_when_it_changes_and_never_earlier(home, database):
    start(home, database)
    authority = Authority(home, home.identity())
    first = authority.account_token([])
    assert authority.account_token([]) == first
    yesterday = clock.now_us() - 24 * 3600 * clock.MICROSECONDS
    with clock.fixed(lambda: yesterday):  # the clock steps back: the server keeps the token that bears the later time
        second = authority.account_token(["UAAA"])
        third = authority.account_token(["UAAA", "UBBB"])
    times = [read_claims(token)["iat"] for token in (first, second, third)]
    assert times == sorted(set(times))
    assert Authority(home, home.identity()).account_token(["UBBB", "UAAA"]) == third


def test_credentials_name_their_principal_and_hold_a_key_of_their_own(office):
    first = office.authority.credentials_for(office.principal("history"))
    second = office.authority.credentials_for(office.principal("history"))
    assert first[0] != second[0]
    assert office.authority.still_good(first[1], office.principal("history")) == first[0]
    assert office.authority.still_good(first[1], office.principal("gateway")) is None
    assert office.authority.still_good("nothing", office.principal("history")) is None
    claims = read_claims(first[1].split("\n")[1])
    assert "exp" not in claims


def test_keeping_a_file_that_is_good_leaves_it(office):
    gateway = office.principal("gateway")
    assert not keep_file(office.database, office.home, office.authority, gateway)
    (office.home.keys / "gateway.creds").unlink()
    assert keep_file(office.database, office.home, office.authority, gateway)
    with office.database.read() as connection:
        assert len(void_keys(connection, "main")) == 1


# -- the machine's own token --------------------------------------------------------------------------------------------


async def token_of(home):
    return (home.run / "local.token").read_text()


async def test_the_machines_own_token_may_do_everything_as_local(office):
    principal = await office.access.principal_of_token(await token_of(office.home))
    assert principal.name == "local"
    assert office.access.authorize(principal, "access:manage").allowed


async def test_each_start_makes_a_new_one_and_ends_the_old(office):
    old = await token_of(office.home)
    start(office.home, office.database)
    with pytest.raises(Unauthenticated):
        await office.access.principal_of_token(old)
    await office.access.principal_of_token(await token_of(office.home))


async def test_a_renewed_one_leaves_the_old_its_day(office):
    old = await token_of(office.home)
    renew(office.database, office.home, office.identity, alone=False)
    assert await token_of(office.home) != old
    await office.access.principal_of_token(old)
    with clock.fixed(lambda: clock._system_now_us() + LIFE_US):
        assert remaining_us(office.database, office.identity) <= 0
        renew(office.database, office.home, office.identity, alone=False)
        assert remaining_us(office.database, office.identity) == pytest.approx(LIFE_US, abs=60 * clock.MICROSECONDS)
        local = office.principal("local")
        assert len(await office.access.tokens_of(local.id)) == 1


# -- the way back in ----------------------------------------------------------------------------------------------------


async def test_recovery_works_without_any_service_and_is_recorded(office):
    await office.first_administrator()
    for attempt in range(office.settings.lockout_attempts):
        with pytest.raises(Unauthenticated):
            await office.sign_in("ada", f"wrong {attempt}", "203.0.113.9")
    link = recover(office.identity, office.database, AccessSettings(), name="ada", by="root")
    (entry,) = await office.audit("access:recover")
    assert (entry.principal, entry.outcome) == (office.principal("local").id, "done")
    assert (entry.facts["user"], entry.resource) == ("root", office.principal("ada").id)
    assert link.text not in await office.everything_recorded()
    assert (await office.redeem(link.text)).principal.name == "ada"


async def test_recovery_without_a_name_makes_or_readmits_an_administrator(office):
    await office.first_administrator()
    first = recover(office.identity, office.database)
    assert (await office.redeem(first.text, "ada")).principal.name == "ada"
    second = recover(office.identity, office.database)
    assert (await office.redeem(second.text, "grace")).principal.roles == {"administrator"}
    with pytest.raises(Unauthenticated):
        await office.redeem(second.text, "grace")


async def test_recovery_is_for_people_who_are_not_revoked(office):
    ada = Actor.of((await office.first_administrator()).principal)
    await office.person("bob", "viewer")
    await office.administration.revoke(OfPrincipal(actor=ada, name="bob"))
    for name in ("web", "bob"):
        with pytest.raises(Conflict) as refusal:
            recover(office.identity, office.database, name=name)
        assert refusal.value.code == "access.recover_not_possible"
    with pytest.raises(NotFound):
        recover(office.identity, office.database, name="nobody-here")


def test_the_folder_of_keys_holds_nothing_else(home, database):
    start(home, database)
    assert {path.name for path in Path(home.keys).iterdir()} == FILES
