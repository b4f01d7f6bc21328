"""Policy decisions: 1,000 policies in 50 zones, nothing remembered, beside plain Cedar on the same set in the same run.

    decisions  requests at random through `Engine.decide` with its memory of answers off; principals come back, as
               callers do, objects do not; each answer also becomes the `Decision` that callers get
    strangers  the same with principals that were never seen before
    remembered the same with the memory on and requests that come back: what most of a plant's requests are
    peer       cedarpy over the whole set, parsed once, with the same entities parsed for each request
    met        policies that a request meets after partitioning
    equal      answers and deciding policies compared with the peer's, request by request
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

import cedarpy

from lineshaft.access import decisions
from lineshaft.access.model import SCOPES
from lineshaft.access.policy import entities, schema
from lineshaft.access.policy.engine import Engine
from lineshaft.access.roles import ACTIONS, LADDER
from lineshaft.core.principals import Principal, Resource, Role

POLICIES = 1_000
ZONES = 50
TARGET = 20_000
EQUAL = 100_000
TENANT = "main"

Request = tuple[Principal, str, Resource]


def plant_policies(seeded: random.Random) -> Iterator[str]:
    """What a large plant writes: for each zone twenty policies, over roles, kinds, groups, single actions, conditions."""
    groups = list(schema.GROUPS.values())
    conditions = (
        "", "when { principal.clearance > 1 }", 'when { resource.kind == "tag" }', 'unless { principal.name == "eve" }',
        "when { resource has grade && resource.grade < 3 }",
    )  # fmt: skip
    for number in range(POLICIES):
        effect = "permit" if seeded.random() < 0.7 else "forbid"
        who = seeded.choice((f'principal in Role::"{seeded.choice(LADDER)}"', "principal is Device", "principal"))
        single = f'action == Action::"{seeded.choice(list(ACTIONS))}"'
        what = seeded.choice((f'action in Action::"{groups[number % 4]}"', single))
        zone = f'resource in Zone::"zone{number % ZONES}"'
        yield f'@id("{number}")\n{effect} ({who}, {what}, {zone})\n{seeded.choice(conditions)};\n'


def principals(seeded: random.Random, count: int) -> list[Principal]:
    return [
        Principal(
            id=f"99.1/principal.{seeded.getrandbits(64):x}", name=seeded.choice(("ada", "eve", "web", "history")),
            kind=seeded.choice(("person", "person", "device", "app", "service")),
            tenant=TENANT if seeded.random() < 0.95 else "other",
            roles=frozenset[Role](seeded.sample(LADDER, seeded.randrange(3))), zone=f"zone{seeded.randrange(ZONES)}",
            clearance=seeded.randint(1, 3),
            attributes={SCOPES: " ".join(seeded.sample(list(ACTIONS), 5))} if seeded.random() < 0.2 else {},
        )
        for _ in range(count)
    ]  # fmt: skip


def requests(seeded: random.Random, who: Sequence[Principal], count: int) -> list[Request]:
    actions = list(schema.groups_of_actions())
    return [
        (
            seeded.choice(who), seeded.choice(actions),
            Resource(
                id=f"plant/tag.{seeded.getrandbits(64):x}", kind=seeded.choice(("tag", "device")),
                zone=f"zone{seeded.randrange(ZONES + 5)}", grade=seeded.choice((None, 1, 2, 3)),
            ),
        )
        for _ in range(count)
    ]  # fmt: skip


class Peer:
    """Plain Cedar: the whole set in one handle, every action's groups and the request's two entities told each time."""

    def __init__(self, engine: Engine) -> None:
        self._whole = cedarpy.PolicySet.from_str("\n".join(text for _, text in engine.texts))
        self._order = list(engine.policies)

    def decide(self, request: Request) -> tuple[bool, tuple[str, ...]]:
        who, action, resource = request
        asked = {
            "principal": entities.principal_uid(who), "action": entities.uid("Action", action),
            "resource": entities.resource_uid(resource),
        }  # fmt: skip
        known = entities.handle(
            entities.principal_entity(who), entities.resource_entity(resource, TENANT), entities.action_entity(action)
        )
        answer = cedarpy.is_authorized(asked, self._whole, known)
        reasons = (self._order[int(reason.removeprefix("policy"))] for reason in answer.diagnostics.reasons)
        return answer.allowed, tuple(sorted(reasons))


def measure(work: Callable[[Request], Any], slices: Sequence[Sequence[Request]]) -> tuple[float, list[float]]:
    """Decisions per CPU-second over all slices, and of each."""
    rates, spent = [], 0.0
    for part in slices:
        began = time.process_time()
        for request in part:
            work(request)
        took = time.process_time() - began
        rates.append(len(part) / took)
        spent += took
    return sum(map(len, slices)) / spent, rates


def cut(items: Sequence[Request], size: int) -> list[Sequence[Request]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def show(name: str, rate: float, rates: Sequence[float]) -> None:
    noise = f"{min(rates):,.0f} … {statistics.median(rates):,.0f} … {max(rates):,.0f}"
    print(f"{name:11} {rate:10,.0f} decisions/CPU-s   {1e6 / rate:7.1f} µs   slices {noise}")


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--requests", type=int, default=50_000, help="measured")
    options.add_argument("--equal", type=int, default=EQUAL, help="compared with the peer")
    options.add_argument("--seed", type=int, default=3)
    chosen = options.parse_args()
    seeded = random.Random(chosen.seed)
    texts = [("plant", "".join(plant_policies(seeded)))]
    began = time.process_time()
    engine = Engine(texts, tenant=TENANT, remember=False)
    loading = time.process_time() - began
    remembering, peer = Engine(texts, tenant=TENANT), Peer(engine)
    callers = principals(seeded, 200)
    asked = requests(seeded, callers, chosen.requests)
    for who, action, resource in asked[: chosen.requests // 5]:  # the slices are parsed when first met
        engine.decide(who, action, resource, {})

    gc.collect()
    gc.freeze()  # what was made to ask with is not the decisions' to be searched for garbage

    def ours(request: Request) -> Any:
        return decisions.decision(engine, *request, None)

    def remembered(request: Request) -> Any:
        return decisions.decision(remembering, *request, None)

    size = max(1, chosen.requests // 10)
    rate, rates = measure(ours, cut(asked, size))
    print(f"{len(engine.policies)} policies in {ZONES} zones, loaded in {loading:.2f} CPU-s")
    show("decisions", rate, rates)
    fresh = requests(seeded, principals(seeded, chosen.requests), chosen.requests // 5)
    strangers, slices = measure(ours, cut(fresh, size))
    show("strangers", strangers, slices)
    again = [seeded.choice(asked[:2_000]) for _ in range(chosen.requests)]
    for request in asked[:2_000]:
        remembered(request)
    kept, slices = measure(remembered, cut(again, size))
    show("remembered", kept, slices)
    plain, slices = measure(peer.decide, cut(asked[:2_000], 200))
    show("peer", plain, slices)
    met = [len(engine.slice_of(*request).policies) for request in asked]
    print(f"met         {statistics.mean(met):.1f} policies on average, {max(met)} at most, of {len(engine.policies)}")
    unequal = allowed = 0
    for who, action, resource in requests(seeded, callers, chosen.equal):
        got = engine.decide(who, action, resource, {})
        unequal += (got.allowed, got.policies) != peer.decide((who, action, resource))
        allowed += got.allowed
    print(f"equal       {chosen.equal - unequal:,} of {chosen.equal:,}, {allowed:,} of them allowed")
    figures = {
        "benchmark": "policy", "policies": len(engine.policies), "zones": ZONES, "decisions_per_cpu_s": round(rate),
        "slice_minimum": round(min(rates)), "slice_maximum": round(max(rates)), "strangers_per_cpu_s": round(strangers),
        "remembered_per_cpu_s": round(kept), "peer_per_cpu_s": round(plain), "times_peer": round(rate / plain, 1),
        "met_mean": round(statistics.mean(met), 1), "met_maximum": max(met), "compared": chosen.equal,
        "unequal": unequal, "target": TARGET, "met_target": rate >= TARGET and unequal == 0 and max(met) <= 20,
    }  # fmt: skip
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
