"""What every command shares: questions nobody answers, whole summaries, empty tables, readable cells."""

import pytest
import typer
from typer.testing import CliRunner

from lineshaft.core import console
from lineshaft.core.errors import InvalidInput

SUMMARY = "Delete what is old, and tell how much that was, in a summary that is much longer than one line of a terminal"


@pytest.fixture
def app():
    made = console.application("Things.")

    @made.command(help=f"{SUMMARY}.")
    def prune(*, yes: console.YesOption = False) -> None:
        console.confirm("Delete?", yes=yes)
        typer.echo("deleted")

    @made.command("list")
    def show() -> None:
        console.output([], as_json=False)

    return made


@pytest.mark.parametrize(("arguments", "answer"), [(["prune"], "y\n"), (["prune", "--yes"], "")])
def test_what_was_agreed_to_is_done(app, arguments, answer):
    result = CliRunner().invoke(app, arguments, input=answer)
    assert (result.exit_code, "deleted" in result.stdout) == (0, True)


def test_what_was_refused_is_not_done(app):
    result = CliRunner().invoke(app, ["prune"], input="n\n")
    assert (result.exit_code, "deleted" in result.stdout) == (1, False)


def test_a_question_that_nobody_answers_names_the_option(app):
    result = CliRunner().invoke(app, ["prune"], input="")
    assert isinstance(result.exception, InvalidInput)
    assert result.exception.code == "core.not_confirmed"
    assert "--yes" in result.exception.hint


def test_summaries_are_whole(app):
    shown = " ".join(CliRunner().invoke(app, ["--help"]).stdout.split())
    assert SUMMARY in shown


@pytest.mark.parametrize(("language", "words"), [("en", "Nothing here yet."), ("zh", "这里还没有内容。")])
def test_an_empty_list_says_so(app, monkeypatch, language, words):
    monkeypatch.setenv("LINESHAFT_LANGUAGE", language)
    assert CliRunner().invoke(app, ["list"]).stderr == f"{words}\n"


def test_an_object_within_an_object_is_readable(capsys):
    console.output({"facts": {"method": "POST", "whole": True}}, as_json=False)
    assert capsys.readouterr().out.split(maxsplit=1)[1] in ("method: POST, whole: yes\n", "method: POST, whole: 是\n")
