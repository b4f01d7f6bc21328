"""Which facts of an entry are somebody's own data, and whose."""

import pytest

from lineshaft.access.trail import personal

ADA, BOB, GATEWAY = "99.1/person.ADA", "99.1/person.BOB", "99.1/service.GATEWAY"


@pytest.mark.parametrize(
    ("principal", "resource", "subject"),
    [(ADA, "*", ADA), (ADA, BOB, BOB), (GATEWAY, BOB, BOB), (GATEWAY, "*", None), ("", "edge", None)],
)
def test_the_subject_is_whom_it_is_about_else_who_acted(principal, resource, subject):
    assert personal.subject_of(principal, resource) == subject


def test_names_and_addresses_are_personal_and_the_rest_is_open():
    facts = {"name": "ada", "address": "192.0.2.1", "roles": ["viewer"], "count": 3}
    kept, sealed = personal.split(facts, ADA)
    assert kept == {"roles": ["viewer"], "count": 3}
    assert personal.decode(personal.encode(sealed)) == {"name": "ada", "address": "192.0.2.1"}


def test_what_concerns_no_person_is_all_open():
    assert personal.split({"name": "gateway"}, None) == ({"name": "gateway"}, {})
