import subprocess
import sys

import pytest

import lineshaft.records


@pytest.mark.parametrize("name", lineshaft.records.__all__)
def test_every_name_of_the_door_opens(name):
    assert getattr(lineshaft.records, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = lineshaft.records.absent


def test_the_door_itself_loads_nothing_heavy():
    script = "import sys, lineshaft.records; print('sqlalchemy' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )
