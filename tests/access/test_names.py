"""Names: one form, and none that a service has."""

import pytest

from lineshaft.access.names import RESERVED, check_name, searched_name
from lineshaft.bus.subjects import check_token
from lineshaft.cli.catalogue import SERVICES
from lineshaft.core.errors import InvalidInput


def test_capitals_and_blanks_around_make_no_other_person():
    assert check_name(" Ada ") == searched_name("ADA") == "ada"


@pytest.mark.parametrize("name", ["", " ", "-ada", "_ada", "a b", "a.b", "a*", "ädä", "a" * 64, "a/b", "a\0", "a>"])
def test_what_cannot_be_a_token_of_a_subject_is_no_name(name):
    with pytest.raises(InvalidInput) as refusal:
        check_name(name)
    assert refusal.value.code == "access.name_invalid"
    assert searched_name(name) == ""


def test_every_name_is_a_token_of_bus_subjects():
    for name in ("a", "a" * 63, "0-_a"):
        assert check_token(check_name(name), field="name") == name


def test_names_of_services_are_kept_for_them():
    assert set(SERVICES) | {"local", "system"} <= RESERVED
    for name in RESERVED:
        with pytest.raises(InvalidInput) as refusal:
            check_name(name)
        assert refusal.value.code == "access.name_reserved"
        assert check_name(name, reserved=True) == name
