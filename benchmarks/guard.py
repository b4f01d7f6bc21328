"""The guard: checks per CPU-second in batches of 64, single checks, and Cedar itself on the same operations.

    batches   64 operations of one principal through `Guard.check`: verdicts with the rules behind them; spread over all
              devices of the policy, two of a hundred denied, denials counted for the audit trail
    singles   one operation each; `remembering` the same where rules ask for rate and change, so counters are kept
    peer      cedarpy on the same policy, parsed once, with the entities parsed once for each request
    equal     verdicts and deciding rules compared with the peer's, operation by operation
CPU is user + system time of this process, in slices, so that the machine's noise shows. Last line: one JSON object.
"""

import argparse
import gc
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lineshaft.edge.guard.compiled import Compiled, Moment
from lineshaft.edge.guard.guard import Guard
from lineshaft.edge.guard.model import GuardPrincipal
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.guard.policy import compile_policy
from lineshaft.edge.guard.testing import Case, Cedar

BATCH = 64
TARGET = 1_000_000
SINGLE_TARGET_US = 10.0
DEVICES = 10
PRINCIPAL = GuardPrincipal(id="99.1/principal.ada", name="ada", kind="person", roles=frozenset({"operator"}))
MOMENT = Moment("production", 600, 600)


def policy_text(rules: int, *, remembering: bool = False) -> Iterator[str]:
    """Boxes of seven registers with a value range, the same number for each device, and what goes for all."""
    for number in range(rules - 2):
        device, place = number % DEVICES, number // DEVICES
        rate = " && context.count_last_minute < 1000000000" if remembering else ""
        yield (
            f'@id("box-{number}") permit (principal in Role::"operator", action in Action::"write",'
            f' resource == Device::"device-{device}") when {{ context.space == "holding" && context.start >= {10 * place}'
            f" && context.end <= {10 * place + 6} && context.minimum >= 0 && context.maximum <= {(place + 1) * 10**7}{rate} }};"
        )
    yield '@id("two") forbid (principal, action, resource) when { context.mode == "maintenance" && context.approvals < 1 };'
    yield '@id("presence") permit (principal, action in Action::"write", resource) when { context.presence };'


def operations(seeded: random.Random, rules: int, count: int) -> list[Operation]:
    places = max(1, (rules - 2) // DEVICES)
    found = []
    for _ in range(count):
        place = seeded.randrange(places)
        excess = 2 if seeded.random() < 0.02 else 1
        found.append(
            Operation.of(
                [seeded.uniform(0, 10 * (place + 1)) * excess + (10 * (place + 1)) * (excess - 1)], protocol="modbus",
                device=f"device-{seeded.randrange(DEVICES)}", function="write_single_register", space="holding",
                start=10 * place + seeded.randrange(7),
            )
        )  # fmt: skip
    return found


def measure(work: Callable[[Any], Any], items: Sequence[Any], each: int, slices: int = 8) -> tuple[float, list[float]]:
    """Checks per CPU-second over all items, of which each is so many checks, and in slices."""
    size = max(1, len(items) // slices)
    rates, spent = [], 0.0
    for start in range(0, len(items), size):
        part = items[start : start + size]
        began = time.process_time()
        for item in part:
            work(item)
        took = time.process_time() - began
        rates.append(len(part) * each / took)
        spent += took
    return len(items) * each / spent, rates


def show(name: str, rate: float, rates: Sequence[float]) -> None:
    noise = f"{min(rates):,.0f} … {statistics.median(rates):,.0f} … {max(rates):,.0f}"
    print(f"{name:12} {rate:12,.0f} checks/CPU-s   {1e6 / rate:7.2f} µs   slices {noise}")


def guard_of(text: str) -> Guard:
    made = Guard("gateway")
    made.configure(compile_policy(text), plant_mode=lambda: MOMENT.mode)
    return made


def compare(text: str, asked: Sequence[Operation], cedar: Cedar) -> int:
    """How many verdicts are not the peer's."""
    compiled = Compiled([compile_policy(text)])
    basis = compiled.basis(PRINCIPAL, MOMENT)
    wrong = 0
    for start in range(0, len(asked), BATCH):
        batch = asked[start : start + BATCH]
        for operation, verdict in zip(batch, compiled.decide_all(basis, batch), strict=True):
            wrong += (verdict.allowed, verdict.rules) != cedar.decide(Case(operation, PRINCIPAL, MOMENT, (0, 0, 0)))
    return wrong


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--batches", type=int, default=16_000, help="measured")
    options.add_argument("--rules", type=int, default=62, help="in the policy")
    options.add_argument("--peer", type=int, default=4_000, help="operations that the peer decides, all compared")
    options.add_argument("--seed", type=int, default=3)
    chosen = options.parse_args()
    seeded = random.Random(chosen.seed)
    text = "\n".join(policy_text(chosen.rules))
    asked = operations(seeded, chosen.rules, 64_000)
    batches = [asked[start : start + BATCH] for start in range(0, len(asked), BATCH)]
    batches = (batches * (chosen.batches // len(batches) + 1))[: chosen.batches]
    guard = guard_of(text)
    remembering = guard_of("\n".join(policy_text(chosen.rules, remembering=True)))
    for batch in batches[:100]:
        guard.check(batch, PRINCIPAL)
        remembering.check(batch, PRINCIPAL)
    gc.collect()
    gc.freeze()  # what was made to ask with is not the checks' to be searched for garbage

    rate, rates = measure(lambda batch: guard.check(batch, PRINCIPAL), batches, BATCH)
    print(f"{chosen.rules} rules, {DEVICES} devices, batches of {BATCH}; {guard.denied / guard.judged:.1%} denied")
    show("batches", rate, rates)
    ones = [(operation,) for operation in asked[:50_000]]
    single, slices = measure(lambda one: guard.check(one, PRINCIPAL), ones, 1)
    show("singles", single, slices)
    kept, slices = measure(lambda one: remembering.check(one, PRINCIPAL), ones, 1)
    show("remembering", kept, slices)
    cedar = Cedar(text, [rule.id for rule in compile_policy(text).rules])
    cases = [Case(operation, PRINCIPAL, MOMENT, (0, 0, 0)) for operation in asked[: chosen.peer]]
    plain, slices = measure(cedar.decide, cases, 1)
    show("peer", plain, slices)
    unequal = compare(text, asked[: chosen.peer], cedar)
    print(f"equal        {chosen.peer - unequal:,} of {chosen.peer:,}")
    figures = {
        "benchmark": "guard", "rules": chosen.rules, "batch": BATCH, "checks_per_cpu_s": round(rate),
        "slice_minimum": round(min(rates)), "slice_maximum": round(max(rates)), "single_us": round(1e6 / single, 2),
        "remembering_single_us": round(1e6 / kept, 2), "peer_per_cpu_s": round(plain),
        "times_peer": round(rate / plain), "compared": chosen.peer, "unequal": unequal, "target": TARGET,
        "single_target_us": SINGLE_TARGET_US,
        "met_target": rate >= TARGET and 1e6 / max(single, 1) <= SINGLE_TARGET_US and unequal == 0,
    }  # fmt: skip
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
