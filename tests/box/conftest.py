"""One real box with the demonstration plant, shared by the tests of a module that only look at it."""

import pytest

from lineshaft.cli.testing import running_box


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with running_box(tmp_path_factory.mktemp("box") / "home") as running:
        running.until(lambda: running.good_values() == 53, "all 53 values of the plant are live and good")
        yield running
