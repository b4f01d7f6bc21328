"""Signatures over records, and chains of certificates to a root: what is proved, and what is not."""

import msgspec
import pytest

from lineshaft.core import suites
from lineshaft.resolution.auth import keys
from lineshaft.resolution.model import HandleValue, Reference
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.trust import certificate, covers, sign_record, verify_record
from lineshaft.resolution.values.claims import Permission

NOW = 1_800_000_000
ROOT, SECOND, SIGNER = Reference(b"0.NA/0.NA", 300), Reference(b"0.NA/88", 300), Reference(b"88.100/SIGNER", 300)
HANDLE = b"88.100/PUMP"
VALUES = [
    HandleValue(index=1, type=b"URL", data=b"https://a/"),
    HandleValue(index=2, type=b"NOTE", data=b"n"),
    HandleValue(index=3, type=b"NOTE", data=b"secret", permissions=0b1100),
]


class Space:
    """A root that certifies 88, which certifies the signer of 88.100."""

    def __init__(self, algorithm="ecdsa-p256", second=("derivedPrefixes", "0.NA/88"),
                 signer=("handlesUnderThisPrefix", "0.NA/88.100"), expires=None):  # fmt: skip
        self.root, self.second, self.signer = (suites.PrivateKey.generate(algorithm) for _ in range(3))
        self.records = {
            b"0.NA/88": [certificate(
                SECOND, self.second.public, [Permission(*second)], ROOT, self.root, now=NOW - 10, expires=expires
            )],
            b"88.100/SIGNER": [certificate(
                SIGNER, self.signer.public, [Permission(*signer)], SECOND, self.second, now=NOW - 10,
                chain=[Reference(b"0.NA/88", 400)],
            )],
        }  # fmt: skip

    async def fetch(self, handle):
        if handle not in self.records:
            raise Refused(100)
        return self.records[handle]

    def signed(self, values=VALUES, handle=HANDLE, **options):
        chain = [Reference(b"88.100/SIGNER", 400), Reference(b"0.NA/88", 400)]
        return [*values, sign_record(handle, values, SIGNER, self.signer, now=NOW, chain=chain, **options)]

    async def verdict(self, values, handle=HANDLE, now=NOW + 1):
        return await verify_record(handle, values, [self.root.public], self.fetch, now)


@pytest.fixture
def space():
    return Space()


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ed25519", "sm2"])
async def test_a_chain_to_the_root_proves_every_value(algorithm):
    space = Space(algorithm)
    verdict = await space.verdict(space.signed())
    assert verdict.proved == (1, 2, 3)
    assert not verdict.unproved
    assert verdict.holds
    proof = verdict.proofs[0]
    assert proof.index == 400
    assert [link.subject for link in proof.chain] == ["300:88.100/SIGNER", "300:0.NA/88", "300:0.NA/0.NA"]
    assert [bool(link.issuer) for link in proof.chain] == [True, True, False]


async def test_rsa_signs_too():
    key = keys.generate_rsa()
    signed = [*VALUES, sign_record(HANDLE, VALUES, ROOT, key, now=NOW)]
    verdict = await verify_record(HANDLE, signed, [key.public_key()], Space().fetch, NOW)
    assert verdict.proved == (1, 2, 3)


async def test_a_part_of_a_record_verifies(space):
    shown = [one for one in space.signed() if one.public]
    verdict = await space.verdict(shown)
    assert verdict.proved == (1, 2)
    assert verdict.proofs[0].absent == (3,)


async def test_a_changed_value_is_contradicted_and_a_new_one_unproved(space):
    values = space.signed()
    values[0] = msgspec.structs.replace(values[0], data=b"https://evil/")
    values.append(HandleValue(index=9, type=b"NOTE", data=b"new"))
    verdict = await space.verdict(values)
    assert (verdict.proved, verdict.contradicted, verdict.unproved) == ((2, 3), (1,), (9,))
    assert not verdict.holds


async def test_the_signature_of_another_record_proves_nothing(space):
    verdict = await space.verdict(space.signed(), handle=b"88.100/OTHER")
    assert not verdict.proved
    assert "about 88.100/PUMP" in verdict.proofs[0].reason


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({"signer": ("handlesUnderThisPrefix", "0.NA/88.200")}, "does not let"),
        ({"signer": ("thisHandle", "88.100/OTHER")}, "does not let"),
        ({"signer": ("derivedPrefixes", "0.NA/88.100")}, "does not let"),
        ({"second": ("derivedPrefixes", "0.NA/99")}, "does not let"),
        ({"expires": NOW - 5}, "not valid at this time"),
    ],
)
async def test_a_chain_with_a_link_that_may_not_proves_nothing(made, reason):
    space = Space(**made)
    verdict = await space.verdict(space.signed())
    assert not verdict.proved
    assert reason in verdict.proofs[0].reason


async def test_a_signature_ends_and_begins(space):
    values = space.signed(expires=NOW + 100)
    assert (await space.verdict(values)).holds
    assert not (await space.verdict(values, now=NOW + 101)).holds
    assert not (await space.verdict(values, now=NOW - 1)).holds


async def test_another_root_another_key_or_a_missing_certificate_prove_nothing(space):
    values = space.signed()
    other = Space()
    assert not (await verify_record(HANDLE, values, [other.root.public], space.fetch, NOW)).proved
    assert not (await verify_record(HANDLE, values, [], space.fetch, NOW)).proved
    assert not (await verify_record(HANDLE, values, [space.root.public], other.fetch, NOW)).proved
    space.records.pop(b"0.NA/88")
    verdict = await space.verdict(values)
    assert "cannot be had" in verdict.proofs[0].reason


async def test_certificates_in_a_circle_end(space):
    one, other = (suites.PrivateKey.generate("ed25519") for _ in range(2))
    everything = [Permission("everything")]
    space.records[b"88.100/SIGNER"] = [
        certificate(SIGNER, one.public, everything, SIGNER, one, now=NOW, chain=[SIGNER]),
        certificate(SIGNER, other.public, everything, SIGNER, other, now=NOW, chain=[SIGNER], index=401),
    ]
    values = [*VALUES, sign_record(HANDLE, VALUES, SIGNER, one, now=NOW, chain=[SIGNER])]
    verdict = await space.verdict(values)
    assert "more than" in verdict.proofs[0].reason


@pytest.mark.parametrize("data", [b"", b"a.b.c", b"e30.e30.e30", b"\xff" * 100])
async def test_what_is_no_signature_proves_nothing(space, data):
    verdict = await space.verdict([*VALUES, HandleValue(index=400, type=b"HS_SIGNATURE", data=data)])
    assert not verdict.proved
    assert verdict.proofs[0].reason


@pytest.mark.parametrize(
    ("permission", "handle", "covered"),
    [
        (("everything", ""), b"1/x", True),
        (("thisHandle", "88.1/a"), b"88.1/A", True),
        (("handlesUnderThisPrefix", "0.NA/88.1"), b"88.1/a", True),
        (("handlesUnderThisPrefix", "0.NA/88.1"), b"88.10/a", False),
        (("handlesUnderThisPrefix", "0.NA/88.1"), b"88.1.1/a", False),
        (("handlesUnderThisPrefix", "0.NA/88.1"), b"0.NA/88.1", False),
        (("derivedPrefixes", "0.NA/88.1"), b"0.NA/88.1.2", True),
        (("derivedPrefixes", "0.NA/88.1"), b"88.1.2/a", True),
        (("derivedPrefixes", "0.NA/88.1"), b"0.NA/88.10", False),
        (("derivedPrefixes", "0.NA/88.1"), b"88.1/a", False),
        (("anything else", "0.NA/88.1"), b"88.1/a", False),
    ],
)
def test_permissions(permission, handle, covered):
    assert covers([Permission(*permission)], handle) is covered
