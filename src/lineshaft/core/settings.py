"""Settings: one typed class per package, read from file < environment < flag, each value with its origin.

File: `lineshaft.toml` in the home folder, one table per package. Environment: `LINESHAFT_<PACKAGE>__<FIELD>`.
Flag: `--set package.field=value`. What no class knows is refused, never ignored.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast, get_args, get_type_hints

import msgspec

from lineshaft.core.errors import InvalidInput

ENVIRONMENT_PREFIX = "LINESHAFT_"


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of a package's settings class. Fields carry `Annotated[type, Meta(description=…)]` and a default.

    A field whose Meta has `extra={"secret": True}` is shown as `***`.
    """

    SECTION: ClassVar[str] = ""


S = TypeVar("S", bound=Section)


class Setting(msgspec.Struct, frozen=True):
    """One value as `lineshaft config show --origin` lists it."""

    name: str
    value: Any
    origin: str
    description: str
    secret: bool

    @property
    def shown(self) -> Any:
        """The value, or stars where it is secret and set."""
        return "***" if self.secret and self.value else self.value


class Settings:
    """All sections of one installation; ask for one with `of(SectionClass)`."""

    def __init__(self, sections: Iterable[Section], origins: Mapping[str, str] | None = None) -> None:
        self._sections = {type(section): section for section in sections}
        self._origins = dict(origins or {})

    def of(self, kind: type[S]) -> S:
        """The section of `kind`; its defaults where it was not loaded."""
        section = self._sections.get(kind)
        return cast("S", section) if section is not None else kind()

    def rows(self) -> list[Setting]:
        """Every value with origin and description, by section and field."""
        rows = []
        for kind, section in sorted(self._sections.items(), key=lambda item: item[0].SECTION):
            notes = _notes(kind)
            for field in kind.__struct_fields__:
                name = f"{kind.SECTION}.{field}"
                description, secret = notes[field]
                value = getattr(section, field)
                rows.append(Setting(name, value, self._origins.get(name, "default"), description, secret))
        return rows

    @classmethod
    def load(
        cls,
        kinds: Iterable[type[Section]],
        *,
        file: Path | None = None,
        environment: Mapping[str, str] | None = None,
        flags: Mapping[str, str] | None = None,
        partial: bool = False,
    ) -> "Settings":
        """Merge file, environment and flags over the defaults.

        Args:
            partial: `kinds` are not all there are: leave other tables to whoever knows them.

        Raises:
            InvalidInput: an unknown table or field, or a value of the wrong type; names where it came from.
        """
        known = {kind.SECTION: kind for kind in kinds}
        values: dict[str, dict[str, Any]] = {name: {} for name in known}
        origins: dict[str, str] = {}
        for origin, name, value in _given(file, os.environ if environment is None else environment, flags or {}):
            section, _, field = name.partition(".")
            if partial and section not in known:
                continue
            if section not in known or field not in known[section].__struct_fields__:
                raise _unknown(name, origin, known)
            values[section][field] = value
            origins[name] = origin
        sections = [_convert(kind, values[name], origins) for name, kind in known.items()]
        return cls(sections, origins)


def _given(
    file: Path | None, environment: Mapping[str, str], flags: Mapping[str, str]
) -> Iterable[tuple[str, str, Any]]:
    """(origin, `section.field`, value) of everything given, weakest first."""
    if file is not None and file.exists():
        try:
            document = tomllib.loads(file.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidInput(
                "core.settings_file_unreadable",
                f"the settings file {file} is not TOML: {error}",
                "Mend the line named, or move the file away to use the defaults.",
                file=str(file), reason=str(error),
            ) from error  # fmt: skip
        for section, table in document.items():
            for field, value in table.items() if isinstance(table, dict) else [("", table)]:
                yield f"file {file}", f"{section}.{field}".rstrip("."), value
    for variable in sorted(environment):
        if variable.startswith(ENVIRONMENT_PREFIX) and "__" in variable:
            name = variable.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".", 1)
            yield f"environment {variable}", name, _from_text(environment[variable])
    for name, text in flags.items():
        yield f"flag --set {name}", name, _from_text(text)


def _from_text(text: str) -> Any:
    """A list or object given as JSON text; everything else stays text and is converted by the field's type."""
    if text[:1] in "[{":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _convert(kind: type[Section], values: dict[str, Any], origins: Mapping[str, str]) -> Section:
    types = get_type_hints(kind, include_extras=True)
    converted = {}
    for field, value in values.items():
        try:
            converted[field] = msgspec.convert(value, types[field], strict=False)
        except msgspec.ValidationError as error:
            name = f"{kind.SECTION}.{field}"
            raise InvalidInput(
                "core.setting_invalid",
                f"setting {name} is {value!r} ({origins[name]}): {error}",
                "`lineshaft config show --origin` lists every setting with its meaning.",
                field=name, value=value, origin=origins[name], rule=str(error),
            ) from error  # fmt: skip
    return kind(**converted)


def _unknown(name: str, origin: str, known: Mapping[str, type[Section]]) -> InvalidInput:
    names = [f"{section}.{field}" for section, kind in known.items() for field in kind.__struct_fields__]
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {close[0]}?" if close else "`lineshaft config show --origin` lists every setting."
    return InvalidInput(
        "core.setting_unknown", f"there is no setting {name} ({origin})", hint, field=name, origin=origin
    )


def _notes(kind: type[Section]) -> dict[str, tuple[str, bool]]:
    """Description and secrecy of every field, from its Meta."""
    notes = {}
    for field, annotation in get_type_hints(kind, include_extras=True).items():
        metas = [arg for arg in get_args(annotation) if isinstance(arg, msgspec.Meta)]
        description = next((meta.description for meta in metas if meta.description), "")
        secret = any((meta.extra or {}).get("secret") for meta in metas)
        notes[field] = (description, bool(secret))
    return notes
