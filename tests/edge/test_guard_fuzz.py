"""The guard decides as Cedar does, on policies and operations at random."""

import random

import pytest

from lineshaft.edge.guard.compiled import Compiled
from lineshaft.edge.guard.policy import compile_policy
from lineshaft.edge.guard.testing import DEVICES, GATEWAY, Cedar, cases, policy_text

SOAK_OPERATIONS = 1_000_000
PER_POLICY = 100


def disagreements(seed, count=PER_POLICY):
    """Cases of one policy that Cedar decides otherwise, and how many it permits."""
    seeded = random.Random(seed)
    text = policy_text(seeded, seeded.choice((1, 3, 8, 30)))
    policy = compile_policy(text)
    compiled = Compiled([policy], DEVICES, GATEWAY)
    cedar = Cedar(text, [rule.id for rule in policy.rules])
    wrong, permitted = [], 0
    for case in cases(seeded, count):
        verdict = compiled.decide(compiled.basis(case.principal, case.moment), case.operation, case.memory)
        expected = cedar.decide(case)
        permitted += expected[0]
        if (verdict.allowed, verdict.rules) != expected:
            wrong.append((text, case, verdict, expected))
    return wrong, permitted


@pytest.mark.parametrize("seed", range(40))
def test_every_verdict_and_the_rules_behind_it_are_cedars(seed):
    wrong, _ = disagreements(seed)
    assert not wrong, wrong[0]


def test_the_cases_are_no_foregone_conclusion():
    permitted = sum(disagreements(seed)[1] for seed in range(100, 120))
    assert 100 < permitted < 1900, "of 2000"


@pytest.mark.parametrize("seed", range(20))
def test_a_batch_is_judged_as_its_operations_one_by_one(seed):
    seeded = random.Random(seed)
    compiled = Compiled([compile_policy(policy_text(seeded, seeded.choice((3, 60))))], DEVICES, GATEWAY)
    some = [*cases(seeded, 200)]
    operations = [case.operation for case in some]
    for case in some[:5]:
        basis = compiled.basis(case.principal, case.moment)
        numbered = [one for one in operations if not one.node]
        simple = [one for one in numbered if one.count == len(one.values) == 1]
        for batch in (operations[:1], operations[:64], operations, numbered, simple):
            assert batch
            together = compiled.decide_all(basis, batch)
            assert together == [compiled.decide(basis, operation) for operation in batch]


@pytest.mark.soak
def test_a_million_operations_without_a_disagreement():
    compared = permitted = 0
    for seed in range(1_000_000, 1_000_000 + SOAK_OPERATIONS // 1000):
        wrong, allowed = disagreements(seed, 1000)
        assert not wrong, wrong[0]
        compared += 1000
        permitted += allowed
    print(f"guard: {compared:,} operations compared with Cedar, {permitted:,} permitted, 0 disagreements")
    assert compared >= SOAK_OPERATIONS
