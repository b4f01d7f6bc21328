"""Settings: file < environment < flag, with origin; what no class knows is refused."""

from typing import Annotated, ClassVar

import pytest
from msgspec import Meta, field

from lineshaft.core.errors import InvalidInput
from lineshaft.core.settings import Section, Settings


class Pump(Section, frozen=True):
    SECTION: ClassVar[str] = "pump"

    port: Annotated[int, Meta(description="Where it listens.", ge=0, le=65535)] = 4222
    hosts: Annotated[list[str], Meta(description="Addresses.")] = field(default_factory=lambda: ["127.0.0.1"])
    key: Annotated[str, Meta(description="A secret.", extra={"secret": True})] = ""


def load(tmp_path, text="", environment=None, flags=None):
    file = tmp_path / "lineshaft.toml"
    file.write_text(text)
    return Settings.load([Pump], file=file, environment=environment or {}, flags=flags)


def origin_of(settings, name):
    return next(row.origin for row in settings.rows() if row.name == name)


def test_a_default_says_that_it_is_one(tmp_path):
    settings = load(tmp_path)
    assert settings.of(Pump).port == 4222
    assert origin_of(settings, "pump.port") == "default"


def test_the_environment_overrides_the_file_and_a_flag_overrides_both(tmp_path):
    text = "[pump]\nport = 1\n"
    environment = {"LINESHAFT_PUMP__PORT": "2"}
    assert load(tmp_path, text).of(Pump).port == 1
    assert load(tmp_path, text, environment).of(Pump).port == 2
    settings = load(tmp_path, text, environment, {"pump.port": "3"})
    assert settings.of(Pump).port == 3
    assert origin_of(settings, "pump.port") == "flag --set pump.port"


@pytest.mark.parametrize(
    ("text", "environment", "flags", "name"),
    [
        ("[pump]\nprot = 1\n", {}, {}, "pump.prot"),
        ("[pumpe]\nport = 1\n", {}, {}, "pumpe.port"),
        ("port = 1\n", {}, {}, "port"),
        ("", {"LINESHAFT_PUMP__PROT": "1"}, {}, "pump.prot"),
        ("", {}, {"pump.prot": "1"}, "pump.prot"),
    ],
)
def test_an_unknown_setting_is_refused_by_name_wherever_it_stands(tmp_path, text, environment, flags, name):
    with pytest.raises(InvalidInput) as refused:
        load(tmp_path, text, environment, flags)
    assert refused.value.code == "core.setting_unknown"
    assert refused.value.facts["field"] == name


def test_a_near_miss_is_answered_with_the_right_name(tmp_path):
    with pytest.raises(InvalidInput) as refused:
        load(tmp_path, "[pump]\nprot = 1\n")
    assert "pump.port" in refused.value.hint


@pytest.mark.parametrize("value", ["many", "-1", "65536", "1.5"])
def test_a_value_that_breaks_the_fields_rule_is_refused_with_its_origin(tmp_path, value):
    with pytest.raises(InvalidInput) as refused:
        load(tmp_path, environment={"LINESHAFT_PUMP__PORT": value})
    assert refused.value.code == "core.setting_invalid"
    assert refused.value.facts["origin"] == "environment LINESHAFT_PUMP__PORT"


def test_a_list_comes_from_json_text(tmp_path):
    assert load(tmp_path, environment={"LINESHAFT_PUMP__HOSTS": '["::1"]'}).of(Pump).hosts == ["::1"]


def test_a_secret_is_never_shown(tmp_path):
    settings = load(tmp_path, '[pump]\nkey = "hush"\n')
    assert settings.of(Pump).key == "hush"
    assert next(row.shown for row in settings.rows() if row.name == "pump.key") == "***"


def test_variables_of_the_command_line_are_no_settings(tmp_path):
    assert load(tmp_path, environment={"LINESHAFT_HOME": "/x", "LINESHAFT_TOKEN": "y"}).of(Pump).port == 4222


def test_a_file_that_is_not_toml_is_refused_with_the_reason(tmp_path):
    with pytest.raises(InvalidInput) as refused:
        load(tmp_path, "[pump\n")
    assert refused.value.code == "core.settings_file_unreadable"
