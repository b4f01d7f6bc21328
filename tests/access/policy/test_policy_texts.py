"""Policy texts: what is taken, and that a mistake is named with its line and column."""

import pytest

from lineshaft.access.policy import defaults
from lineshaft.access.policy.policies import compile_text
from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput


def test_the_defaults_are_valid_and_readable():
    ids = {policy.id for name, text in defaults.texts() for policy in compile_text(name, text)}
    assert {"roles/viewer", "roles/administrator", "limits/tenant", "limits/scopes", "services/web"} <= ids


def test_annotations_become_obligations_expiry_and_reason():
    permit, forbid = compile_text(
        "night",
        """
        @id("watch") @obligation("record approve:engineer mask:address") @expires("2031-02-03T04:05:06+02:00")
        permit (principal, action, resource);
        // no id: its number in the text
        @reason("not at night") forbid (principal, action, resource) when { context has method };
        """,
    )
    assert permit.id == "night/watch"
    assert [(duty.kind, duty.argument, duty.policy) for duty in permit.obligations] == [
        ("record", "", "night/watch"), ("approve", "engineer", "night/watch"), ("mask", "address", "night/watch"),
    ]  # fmt: skip
    assert permit.expires == clock.parse_time("2031-02-03T02:05:06Z")
    assert (forbid.id, forbid.reason, forbid.reads_context, permit.reads_context) == (
        "night/2",
        "not at night",
        True,
        False,
    )
    assert (permit.line, forbid.line) == (2, 5)


WHOLE = "permit (principal, action, resource);\n"


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        (WHOLE + "permit (principal, action\n  resource);", 3, 3, "unexpected token `resource`"),
        (WHOLE + "permit (principal, action, resource)\nwhen { principal.size == 1 };", 3, 18, "attribute `size`"),
        (WHOLE * 2 + '\n\npermit (principal, action == Action::"history:reed", resource);', 5, 0, "history:reed"),
        ("permit (principal, action, resource) when { foo(1) };", 1, 45, "`foo` is not a valid function"),
        (WHOLE + "allow (principal, action, resource);", 2, 1, "invalid policy effect: allow"),
        (WHOLE + "forbid (principal, action, resource)", 2, 0, "unexpected end of input"),
        (WHOLE + '\n@obligation("approve:owner")\npermit (principal, action, resource);', 3, 1, "roles are"),
        (WHOLE + '@obligation("sample:often")\npermit (principal, action, resource);', 2, 1, "number of seconds"),
        (WHOLE + '@obligation("shred")\npermit (principal, action, resource);', 2, 1, "kinds are"),
        (WHOLE + '@obligation("record")\nforbid (principal, action, resource);', 2, 1, "forbid has no obligations"),
        (WHOLE + '@expires("tomorrow")\npermit (principal, action, resource);', 2, 1, "write a time"),
        (WHOLE + "\npermit (principal == ?principal, action, resource);", 3, 22, "templates"),
        ('@id("a")\n' + WHOLE + '@id("a")\n' + WHOLE, 3, 1, "two policies"),
        (WHOLE + 'permit (principal, action, resource) when { principal.name == "open };', 2, 0, "invalid token"),
        (WHOLE + "permit (principal, action, resource) when { resource.grade > 1 };", 2, 0, "grade"),
        (WHOLE + "permit (principal, action, resource) when { %s };" % ("!" * 400 + "true"), 2, 0, ""),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(text, line, column, reason):
    with pytest.raises(InvalidInput) as refusal:
        compile_text("mine", text)
    facts = refusal.value.facts
    assert refusal.value.code == "access.policy_invalid"
    assert reason in facts["reason"]
    assert facts["line"] == line
    assert column in (0, facts["column"])
    assert facts["text"]
    assert f"line {line}" in refusal.value.message


def test_a_semicolon_in_a_text_or_comment_ends_nothing():
    made = compile_text("a", 'permit (principal, action, resource) when { principal.name == "a;b\\";" } // ; \n;')
    assert len(made) == 1


def test_a_text_may_hold_no_policy_at_all():
    assert compile_text("empty", "// nothing yet\n") == []


def test_an_endless_text_is_refused():
    with pytest.raises(InvalidInput) as refusal:
        compile_text("big", "// " + "x" * 300_000)
    assert "longer than" in refusal.value.message


@pytest.mark.parametrize(
    "body",
    [
        "[" * 1000 + "]" * 1000 + " == []", "(" * 40 + "true" + ")" * 40, "&&".join(["true"] * 20_000),
        "1" + "+1" * 6000 + " == 2", "if true then true else " * 600 + "true", "context" + ".x" * 6000,
    ],
)  # fmt: skip
def test_what_would_end_the_reader_is_refused_before_it(body):
    with pytest.raises(InvalidInput, match=r"nested deeper|in a row"):
        compile_text("t", f"permit (principal, action, resource) when {{ {body} }};")


def test_brackets_in_texts_and_remarks_are_no_nesting():
    brackets = "(" * 100
    compile_text("t", f'permit (principal, action, resource) when {{ "{brackets}" == "x" }}; // {brackets}\n')
