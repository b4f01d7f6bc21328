"""Keys and tokens of the bus's operator mode."""

import base64
import json

import nkeys
import pytest

from lineshaft.bus import claims
from lineshaft.bus.permissions import Permissions
from lineshaft.core import clock
from lineshaft.core.errors import Corrupt


def parts(token: str) -> tuple[dict, dict, bytes, bytes]:
    head, body, signature = token.split(".")
    pad = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))  # noqa: E731
    return json.loads(pad(head)), json.loads(pad(body)), pad(signature), f"{head}.{body}".encode()


@pytest.mark.parametrize(("kind", "letter"), [("operator", "O"), ("account", "A"), ("user", "U")])
def test_a_new_key_is_of_its_kind_and_comes_back_from_its_seed(kind, letter):
    key = claims.new_key(kind)
    assert key.public[0] == letter
    assert key.seed.startswith(f"S{letter}")
    assert claims.Key(key.seed).public == key.public
    assert claims.new_key(kind).public != key.public


def test_a_key_does_not_show_its_seed():
    key = claims.new_key("user")
    assert key.seed not in repr(key)


@pytest.mark.parametrize("bad", ["", "SUAA", "not a seed", "U" * 56, "SU" + "A" * 54, "SUÄ" + "A" * 55])
def test_a_broken_seed_is_refused_without_being_shown(bad):
    with pytest.raises(Corrupt) as refused:
        claims.Key(bad)
    assert refused.value.code == "bus.key_unreadable"
    assert not bad or bad not in str(refused.value)


def test_a_token_is_signed_over_header_and_payload_by_its_issuer():
    operator, account, user = (claims.new_key(kind) for kind in ("operator", "account", "user"))
    for issuer, token in (
        (operator, claims.operator_jwt(operator, "home", system_account=account.public)),
        (operator, claims.account_jwt(operator, account.public, "LS")),
        (account, claims.user_jwt(account, user.public, "web", Permissions())),
    ):
        head, body, signature, signed = parts(token)
        assert head == {"typ": "JWT", "alg": "ed25519-nkey"}
        assert body["iss"] == issuer.public
        assert nkeys.from_seed(issuer.seed.encode()).verify(signed, signature)
        with pytest.raises(nkeys.ErrInvalidSignature):
            nkeys.from_seed(issuer.seed.encode()).verify(signed + b"x", signature)
        assert claims.read_claims(token) == body


def test_a_token_is_dated_by_our_clock():
    with clock.fixed(lambda: 1_700_000_000_900_000):
        operator = claims.new_key("operator")
        assert claims.read_claims(claims.account_jwt(operator, "A", "LS"))["iat"] == 1_700_000_000


def test_an_account_without_streams_may_store_nothing_and_lists_who_is_revoked():
    operator = claims.new_key("operator")
    limits = claims.read_claims(claims.account_jwt(operator, "A", "SYS", streams=False))["nats"]["limits"]
    assert limits["disk_storage"] == limits["mem_storage"] == limits["streams"] == 0
    revoked = claims.read_claims(claims.account_jwt(operator, "A", "LS", revoked={"U1": 17}))["nats"]["revocations"]
    assert revoked == {"U1": 17}


def test_a_user_without_permissions_may_do_nothing_rather_than_everything():
    account, user = claims.new_key("account"), claims.new_key("user")
    said = claims.read_claims(claims.user_jwt(account, user.public, "web", Permissions()))["nats"]
    assert said["pub"] == said["sub"] == {"deny": [">"]}
    assert "resp" not in said
    assert "exp" not in said


@pytest.mark.parametrize("bad", ["", "a", "a.b.c", "a.e30.c.d"[:3], "x.bm90IGpzb24.y", "x.WzFd.y"])
def test_what_is_not_a_token_is_refused(bad):
    with pytest.raises(Corrupt) as refused:
        claims.read_claims(bad)
    assert refused.value.code == "bus.token_unreadable"


def test_a_newer_account_token_is_dated_after_the_last_even_when_the_clock_stands_still_or_goes_back():
    operator = claims.new_key("operator")
    with clock.fixed(lambda: 1_700_000_000_000_000):
        first = claims.account_jwt(operator, "A", "LS")
        second = claims.account_jwt(operator, "A", "LS", previous=first)
    with clock.fixed(lambda: 1_600_000_000_000_000):
        third = claims.account_jwt(operator, "A", "LS", previous=second)
    assert [claims.read_claims(each)["iat"] - 1_700_000_000 for each in (first, second, third)] == [0, 1, 2]
