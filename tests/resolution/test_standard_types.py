"""What the standard types hold: locations, templates, signed statements."""

import base64

import pytest

from lineshaft.core import suites
from lineshaft.core.errors import InvalidInput
from lineshaft.resolution.auth import keys
from lineshaft.resolution.model import HandleValue
from lineshaft.resolution.values import claims, location, namespace

PLACES = b"""<locations chooseby="locatt,country,weighted">
<location id="1" href="https://one/" weight="1"/><location id="0" href="https://zero/" weight="0" country="cn"/>
<location id="2" href="https://two/" weight="3"/></locations>"""
BOX = rb"""<namespace><template delimiter="@"><foreach>
<if value="type" test="equals" expression="URL">
  <if value="extension" test="matches" expression="box\(([^,]*),([^,]*)\)" parameter="x">
    <value data="${data}?x=${x[1]}&amp;y=${x[2]}"/></if>
  <else><value data="${data}?${extension}"/></else></if>
<else><value/></else></foreach></template></namespace>"""
BASE = [HandleValue(index=1, type=b"URL", data=b"https://a/"), HandleValue(index=7, type=b"NOTE", data=b"n")]


def test_a_location_is_chosen_by_attribute_country_and_weight():
    found = location.decode_locations(PLACES)
    assert location.choose(found, attributes={"id": "2"}).href == "https://two/"
    assert location.choose(found, country="CN").href == "https://zero/"
    assert location.choose(found, draw=0.2).href == "https://one/"
    assert location.choose(found, draw=0.99).href == "https://two/"
    chosen = [location.choose(found, draw=number / 1000).href for number in range(1000)]
    assert (chosen.count("https://one/"), chosen.count("https://zero/")) == (250, 0)
    nothing = location.decode_locations(b'<locations><location href="a" weight="0"/></locations>')
    assert location.choose(nothing, attributes={"id": "1"}, country="cn") is None


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<locations", b"<other/>", b"\xff\xfe<\0", b"<locations>" + b" " * 70_000 + b"</locations>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><locations/>', b'<locations><location weight="heavy"/></locations>',
    ],
)  # fmt: skip
def test_what_is_no_list_of_locations_is_refused(data):
    with pytest.raises(InvalidInput):
        location.decode_locations(data)


def test_a_template_computes_values_of_handles_that_nobody_registered():
    template = namespace.decode_namespace(BOX)
    values = namespace.expand(template, b"88.1/base@box(3,4)", BASE)
    assert [(value.index, value.data) for value in values] == [(1, b"https://a/?x=3&y=4"), (7, b"n")]
    values = namespace.expand(template, b"88.1/base@page 2", BASE)
    assert values[0].data == b"https://a/?page 2"
    assert namespace.split_handle(template, b"88.1/base@a@b") == (b"88.1/base", b"a@b")
    assert namespace.expand(template, b"88.1/base", BASE) is None
    assert namespace.expand(template, b"88.1@x/base", BASE) is None
    assert namespace.decode_namespace(b"<namespace/>") is None


def test_a_template_may_make_values_of_its_own_and_may_find_nothing():
    template = namespace.decode_namespace(
        b'<namespace><template delimiter="@"><if value="extension" test="startswith" expression="no"><notfound/></if>'
        b'<else><value index="1" type="URL" data="https://b/${base}/${extension}"/>'
        b'<if value="extension" test="contains" expression="z" negate="true"><value index="1" type="A" data=""/></if>'
        b"</else></template></namespace>"
    )
    assert namespace.expand(template, b"88.1/s@nothing", []) is None
    values = namespace.expand(template, b"88.1/s@77", [])
    assert [(value.index, value.type, value.data) for value in values] == [
        (1, b"URL", b"https://b/88.1/s/77"), (2, b"A", b""),
    ]  # fmt: skip
    assert len(namespace.expand(template, b"88.1/s@z", [])) == 1


@pytest.mark.parametrize(
    "expression",
    [r"(a+)+", r"(a*)*b", r"(a|a)*", r"a|b", r"(.)\1", r"(?=a)", r".*.*.*x", r"(", r"(a{1,9}){1,9}", r"\d*\w*[0-9]*x"],
)
def test_expressions_that_may_take_long_are_refused(expression):
    data = f'<namespace><template delimiter="@"><if value="extension" test="matches" expression="{expression}"/>'
    with pytest.raises(InvalidInput):
        namespace.decode_namespace(data.encode() + b"</template></namespace>")


def test_templates_are_checked_and_bounded():
    for inner in ("<loop/>", '<if value="a" test="sounds like" expression="b"/>'):
        data = f'<namespace><template delimiter="@">{inner}</template></namespace>'
        with pytest.raises(InvalidInput):
            namespace.decode_namespace(data.encode())
    with pytest.raises(InvalidInput):
        namespace.decode_namespace(b"<namespace><template/></namespace>")
    template = namespace.decode_namespace(BOX)
    with pytest.raises(InvalidInput):
        namespace.expand(template, b"88.1/base@" + b"x" * 257, BASE)
    nested = b'<namespace><template delimiter="@">' + b"<foreach>" * 4 + b"<value/>" + b"</foreach>" * 4
    many = [HandleValue(index=index, type=b"A", data=b"") for index in range(1, 100)]
    with pytest.raises(InvalidInput):
        namespace.expand(namespace.decode_namespace(nested + b"</template></namespace>"), b"88.1/b@x", many)


@pytest.fixture(scope="module", params=["RS256", "ES256", "EdDSA", "SM2"])
def key(request):
    names = {"ES256": "ecdsa-p256", "EdDSA": "ed25519", "SM2": "sm2"}
    return keys.generate_rsa() if request.param == "RS256" else suites.PrivateKey.generate(names[request.param])


def test_a_signed_record_verifies_also_in_parts_and_not_when_changed(key):
    stated = claims.Claims(
        iss="300:0.NA/88.1", sub="88.1/a", iat=10, nbf=10, exp=20, digests=claims.digest_values(BASE)
    )
    signed = claims.decode_claims(claims.sign_claims(stated, key))
    public = keys.public_key_of(key)
    assert (signed.claims, signed.algorithm) == (stated, claims.algorithm_of(public))
    assert signed.verify(public)
    assert not signed.verify(keys.public_key_of(suites.PrivateKey.generate("ed25519")))
    assert [signed.valid_at(now) for now in (9, 10, 19, 20)] == [False, True, True, False]
    later = HandleValue(index=7, type=b"NOTE", data=b"n", timestamp=99)
    other = HandleValue(index=1, type=b"URL", data=b"https://evil/")
    assert claims.check_digests(stated.digests, [later]) == ([7], [], [])
    assert claims.check_digests(stated.digests, [other, HandleValue(index=8, type=b"", data=b"")]) == ([], [1], [8])


def test_a_statement_with_anything_changed_does_not_verify(key):
    data = claims.sign_claims(claims.Claims(iss="300:a/b", sub="88.1/a", perms=(claims.Permission("everything"),)), key)
    public = keys.public_key_of(key)
    header, payload, signature = data.split(b".")
    none = claims._encode(b'{"alg":"none"}')
    for changed in (
        b".".join((none, payload, signature)),
        b".".join((header, payload, b"")),
        b".".join((header, payload, signature[:-8])),
    ):
        assert not claims.decode_claims(changed).verify(public)
    deep = base64.urlsafe_b64encode(b'{"x":' + b"[" * 40_000).rstrip(b"=")
    for wrong in (
        b"", b"a.b", b"a.b.c.d", header + b"." + header + b"." + signature, b"..", data + b"." + data,
        header + b"." + deep + b"." + signature,
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            claims.decode_claims(wrong)
