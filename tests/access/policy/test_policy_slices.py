"""A slice decides as the whole set: on Cedar's own corpus, and on sets and requests made at random."""

import json
import random
import tarfile
from pathlib import Path

import cedarpy
import pytest

from lineshaft.access.policy import slices
from lineshaft.access.policy.slices import Slicer, anchor

CORPUS = Path(__file__).parents[4] / "shared" / "data" / "security-cedar-corpus" / "corpus.tar.gz"


def upwards(entities, uid):
    """An entity and everything it is in."""
    parents = {name(entity["uid"]): [name(parent) for parent in entity["parents"]] for entity in entities}
    found, waiting = set(), [uid]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(parents.get(one, ()))
    return found


def name(uid):
    uid = uid.get("__entity", uid)
    return uid["type"], uid["id"]


def text(uid):
    return f'{uid[0]}::"{uid[1]}"'


def sliced(nodes, entities, request, anchors=None):
    groups = {text(name(request["action"])): frozenset(map(text, upwards(entities, name(request["action"]))))}
    slicer = Slicer({policy: policy for policy in nodes}, nodes, groups, anchors)
    own = [anchor(side, *uid) for side in ("principal", "resource") for uid in upwards(entities, name(request[side]))]
    key = slicer.key(text(name(request["action"])), own)
    return {policy: nodes[policy] for policy in slicer.members(key)}


def answer(request, policies, entities):
    result = cedarpy.is_authorized(request, policies, entities)
    return result.allowed, sorted(result.diagnostics.reasons), sorted(result.diagnostics.errors)


@pytest.mark.skipif(not CORPUS.exists(), reason=f"no corpus at {CORPUS}")
def test_slices_decide_as_cedar_says_on_its_corpus():
    compared, smaller = 0, 0
    with tarfile.open(CORPUS) as archive:
        files = {member.name: archive.extractfile(member).read().decode() for member in archive if member.isfile()}
    for case in (
        json.loads(body) for file, body in files.items() if file.endswith(".json") and ".entities" not in file
    ):
        entities = json.loads(files[case["entities"]])
        nodes = slices.read(files[case["policies"]])
        for request in case["requests"]:
            members = sliced(nodes, entities, request)
            smaller += len(members) < len(nodes)
            asked = {key: request[key] for key in ("principal", "action", "resource", "context")}
            allowed, reasons, errors = answer(asked, slices.parse(members), entities)
            assert (allowed, reasons) == (request["decision"] == "allow", sorted(request["reason"]))
            assert len(errors) == len(request["errors"])
            compared += 1
    assert compared >= 2_000
    assert smaller, "no slice left anything out: nothing was shown"


def generated(seed, policies):
    """A random set over few enough names that much of it applies."""
    seeded = random.Random(seed)
    zones, actions, people = range(6), range(4), range(5)
    sides = {
        "principal": ["principal", *(f'principal == P::"{n}"' for n in people), 'principal in Z::"1"', "principal is P"],
        "action": ["action", *(f'action == Action::"{n}"' for n in actions), 'action in [Action::"g", Action::"2"]'],
        "resource": ["resource", *(f'resource in Z::"{n}"' for n in zones), 'resource is R in Z::"2"', 'resource == R::"3"'],
    }  # fmt: skip
    bodies = ["", "when { context.n > 3 }", "unless { principal.n == resource.n }", "when { resource.missing }"]
    return "\n".join(
        f"{seeded.choice(('permit', 'permit', 'forbid'))} ({', '.join(seeded.choice(side) for side in sides.values())}) "
        f"{seeded.choice(bodies)};"
        for _ in range(policies)
    )  # fmt: skip


def test_slices_decide_as_the_whole_set_on_generated_policies_and_requests():
    groups = [{"uid": {"type": "Action", "id": "0"}, "attrs": {}, "parents": [{"type": "Action", "id": "g"}]}]
    nested = [{"uid": {"type": "Z", "id": "0"}, "attrs": {}, "parents": [{"type": "Z", "id": "1"}]}]
    for seed in range(10):
        seeded = random.Random(seed)
        policies = generated(seed, 40)
        whole, nodes = cedarpy.PolicySet.from_str(policies), slices.read(policies)
        for _ in range(60):
            who, what, zone = seeded.randrange(7), seeded.randrange(5), seeded.randrange(7)
            entities = groups + nested + [
                {"uid": {"type": "P", "id": str(who)}, "attrs": {"n": who % 2}, "parents": [{"type": "Z", "id": str(who % 3)}]},
                {"uid": {"type": "R", "id": str(what)}, "attrs": {"n": what % 2}, "parents": [{"type": "Z", "id": str(zone)}]},
            ]  # fmt: skip
            request = {
                "principal": {"type": "P", "id": str(who)}, "action": {"type": "Action", "id": str(seeded.randrange(5))},
                "resource": {"type": "R", "id": str(what)}, "context": {"n": seeded.randrange(8)},
            }  # fmt: skip
            expected = answer(request, whole, entities)
            for anchors in (None, frozenset({"Z"}), frozenset()):
                members = sliced(nodes, entities, request, anchors)
                assert answer(request, slices.parse(members), entities) == expected
