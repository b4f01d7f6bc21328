"""Expressions over points: calculated tags, interlocks and payload decoders (Common Expression Language, a subset).

    formula = Formula.parse('tag("press/torque") * tag("press/speed") / 9.55')
    formula.inputs                     # ("press/torque", "press/speed")
    formula.evaluate({"press/torque": 12.0, "press/speed": 1500})

All numbers are double-precision: `1`, `1.0` and an integer point mix freely. There are numbers, texts, booleans, lists to
look into (`x in [1, 2]`), `? :`, comparisons, `&& || !`, the functions of `FUNCTIONS`, and of texts the methods `contains`,
`startsWith`, `endsWith`. There is nothing that loops or nests without bound, so an evaluation takes microseconds.
"""

import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final, NamedTuple, NoReturn

from lineshaft.core.errors import InvalidInput

LONGEST: Final = 4096
DEEPEST: Final = 32
"""Brackets within brackets."""
MOST_TOKENS: Final = 600
"""The evaluator recurses once per operator; more than this would be a danger to a small stack."""

_NUMBER: Final = r"0[xX][0-9a-fA-F]+|(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?"
_TOKEN: Final = re.compile(
    rf"(?P<space>\s+)|(?P<number>{_NUMBER})|(?P<text>\"[^\"\\\n]*\"|'[^'\\\n]*')|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>&&|\|\||[=!<>]=|[-+*/<>!?:(),.\[\]])"
)
_CLOSING: Final = {"(": ")", "[": "]"}
_WORDS: Final = frozenset(("true", "false", "in"))
_METHODS: Final = frozenset(("contains", "startsWith", "endsWith"))
_PLACE: Final = re.compile(r"<input>:(\d+):(\d+): ([^\n]*)")

Value = float | int | bool | str


class Function(NamedTuple):
    """A function of expressions, and how many arguments it takes."""

    call: Callable[..., Any]
    least: int
    most: int


def _round(value: float, digits: float = 0.0) -> float:
    """Half away from zero, as people do; by the shortest decimal that the value has."""
    from decimal import ROUND_HALF_UP, Decimal

    return float(Decimal(repr(value)).quantize(Decimal(1).scaleb(-int(digits)), rounding=ROUND_HALF_UP))


def _number(value: object) -> float:
    return float(value)  # type: ignore[arg-type]  # a text that is no number is this call's error


FUNCTIONS: Final[Mapping[str, Function]] = {
    "abs": Function(abs, 1, 1),
    "min": Function(lambda *of: min(of), 1, 16),
    "max": Function(lambda *of: max(of), 1, 16),
    "sqrt": Function(math.sqrt, 1, 1),
    "pow": Function(math.pow, 2, 2),
    "exp": Function(math.exp, 1, 1),
    "log": Function(math.log, 1, 1),
    "mod": Function(lambda a, b: a - b * math.floor(a / b), 2, 2),
    "round": Function(_round, 1, 2),
    "floor": Function(lambda value: float(math.floor(value)), 1, 1),
    "ceil": Function(lambda value: float(math.ceil(value)), 1, 1),
    "number": Function(_number, 1, 1),
    "bit": Function(lambda value, place: int(value) >> int(place) & 1 == 1, 2, 2),
}
"""`mod` has the sign of the divisor; `round(x, digits)` is half away from zero; `bit(x, 0)` is the lowest bit."""


class Formula:
    """A parsed expression. Not for use by several threads at once."""

    def __init__(self, text: str, inputs: tuple[str, ...], program: Any, names: Mapping[str, str], more: Any) -> None:
        self.text = text
        self.inputs = inputs
        """Names of the points that it reads, `device/point`, in the order of their first mention."""
        self._program = program
        self._names = names
        """Name of each value within the program, by what `evaluate` is given it under."""
        self._fault = ""
        self._arrays: dict[str, Sequence[int]] = {}
        used = frozenset(program.functions())  # handing over those that it does not use would take longer than the rest
        self._functions: dict[str, Callable[..., Any]] = {"_divisor": self._divisor, "_item": self._item}
        self._functions |= {name: self._guarded(name, each.call) for name, each in {**FUNCTIONS, **more}.items()}
        self._functions = {name: call for name, call in self._functions.items() if name in used}

    @classmethod
    def parse(
        cls, text: str, *, variables: Sequence[str] = (), arrays: Sequence[str] = (),
        functions: Mapping[str, Function] | None = None,
    ) -> "Formula":  # fmt: skip
        """An expression, checked: syntax, every name, every number of arguments.

        Args:
            variables: plain names that it may use besides points, such as `value`.
            arrays: names that it may look into as `name[index]`; their values are bytes.
            functions: more functions.

        Raises:
            InvalidInput: says what is wrong with it, and at which character.
        """
        cel = _library()
        if len(text) > LONGEST:
            _refuse(text, 0, f"it is {len(text)} characters long, at most {LONGEST} are read")
        more = dict(functions or {})
        translation = _Translation(text, variables, arrays, {**FUNCTIONS, **more})
        _compile(cel, text, text)
        program = _compile(cel, translation.result(), text)
        return cls(text, tuple(translation.inputs), program, translation.names, more)

    def evaluate(self, values: Mapping[str, object]) -> Value:
        """The result on these values of points and variables.

        Raises:
            InvalidInput: a value is missing or not finite, types do not fit, something is divided by zero, or the result
                is no number, text or boolean.
        """
        given: dict[str, Any] = dict(self._functions)
        for name, inner in self._names.items():
            value = values.get(name)
            if isinstance(value, bool | str):
                given[inner] = value
            elif isinstance(value, int | float) and math.isfinite(value):
                given[inner] = float(value)
            elif isinstance(value, bytes | bytearray | memoryview):
                self._arrays[name] = value
            else:
                self._fail(f"{name} has no usable value: it is {value!r}")
        self._fault = ""
        try:
            result = self._program.execute(given)
        except Exception as error:  # noqa: BLE001  # of whatever type the library makes of a fault in an expression
            self._fail(self._fault or str(error).partition(". ")[0])
        if self._fault:
            self._fail(self._fault)
        if isinstance(result, float) and not math.isfinite(result):
            self._fail(f"the result is {result}")
        if not isinstance(result, bool | int | float | str):
            self._fail(f"the result is a {type(result).__name__}, and neither number, text nor boolean")
        return result

    def _guarded(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """A function whose error is kept for `evaluate`: the library would print it and may forget it in an `||`."""

        def guarded(*arguments: Any) -> Any:
            try:
                return call(*arguments)
            except (ValueError, TypeError, ArithmeticError, IndexError) as error:
                self._fault = f"{name}{arguments} cannot be computed: {error}"
                return math.nan

        return guarded

    def _divisor(self, value: Any) -> Any:
        """What is divided by: the library would make an infinity of a division by zero, and compare it."""
        if value == 0 and not isinstance(value, bool | str):
            self._fault = "division by zero"
            return math.nan
        return value

    def _item(self, name: str, index: float) -> float:
        array = self._arrays[name]
        if not float(index).is_integer() or not 0 <= index < len(array):
            self._fault = f"{name}[{index:g}] is not there: it has {len(array)} elements"
            return math.nan
        return float(array[int(index)])

    def _fail(self, reason: str) -> NoReturn:
        raise InvalidInput(
            "edge.formula_failed", f"the expression {_short(self.text)!r} has no result: {reason}",
            "Correct the expression, or what it reads.", field="expression", value=_short(self.text), reason=reason,
        ) from None  # fmt: skip


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


class _Translation:
    """An expression in the words of people into one that the library evaluates the same way without surprises.

    Numbers become doubles, `tag("…")` a variable, `name[index]` and what follows a `/` a call that checks it.
    """

    def __init__(
        self, text: str, variables: Sequence[str], arrays: Sequence[str], functions: Mapping[str, Function]
    ) -> None:
        self._text = text
        self._variables = frozenset(variables)
        self._arrays = frozenset(arrays)
        self._functions = functions
        self.names: dict[str, str] = {}
        self.inputs: list[str] = []
        self._tokens = self._scan()
        self._partner = self._match()

    def result(self) -> str:
        return self._part(0, len(self._tokens))

    def _refuse(self, index: int, reason: str) -> NoReturn:
        at = self._tokens[index].at if index < len(self._tokens) else len(self._text)
        _refuse(self._text, at, reason)

    def _scan(self) -> list[_Token]:
        tokens: list[_Token] = []
        at = 0
        while at < len(self._text):
            found = _TOKEN.match(self._text, at)
            if self._text.startswith("//", at):
                _refuse(self._text, at, "an expression has no remarks")
            if found is None:
                reason = "use mod(a, b)" if self._text[at] == "%" else "this is no part of an expression"
                _refuse(self._text, at, f"{self._text[at]!r}: {reason}")
            kind = str(found.lastgroup)
            if kind != "space":
                touching = tokens and tokens[-1].at + len(tokens[-1].text) == at
                if touching and kind in ("name", "number", "text") and tokens[-1].kind in ("name", "number", "text"):
                    _refuse(self._text, at, f"{found[0]!r} directly after {tokens[-1].text!r}")
                tokens.append(_Token(kind, found[0], at))
            at = found.end()
        if not tokens:
            _refuse(self._text, 0, "it is empty")
        if len(tokens) > MOST_TOKENS:
            _refuse(self._text, tokens[MOST_TOKENS].at, f"it has more than {MOST_TOKENS} words and signs")
        return tokens

    def _match(self) -> dict[int, int]:
        """The closing bracket of every opening one."""
        partner: dict[int, int] = {}
        open_: list[int] = []
        for index, token in enumerate(self._tokens):
            if token.kind != "sign":
                continue
            if token.text in _CLOSING:
                open_.append(index)
                if len(open_) > DEEPEST:
                    self._refuse(index, f"brackets are nested deeper than {DEEPEST}")
            elif token.text in _CLOSING.values():
                if not open_ or _CLOSING[self._tokens[open_[-1]].text] != token.text:
                    self._refuse(index, f"{token.text!r} closes nothing")
                partner[open_.pop()] = index
        if open_:
            self._refuse(open_[-1], f"{self._tokens[open_[-1]].text!r} is not closed")
        return partner

    def _part(self, start: int, end: int) -> str:
        """The translation of some tokens."""
        pieces: list[str] = []
        index = start
        while index < end:
            token = self._tokens[index]
            following = self._sign(index + 1)
            if token.kind == "number":
                pieces.append(self._literal(index))
            elif token.kind == "name":
                piece, index = self._name(index, following)
                pieces.append(piece)
            elif token.text == "/":
                stop = self._operand(index + 1, end)
                pieces.append(f"/ _divisor({self._part(index + 1, stop)})")
                index = stop - 1
            elif token.text == ".":
                self._check_method(index)
                pieces.append(f".{self._tokens[index + 1].text}")
                index += 1
            elif token.text == "[" and pieces and self._tokens[index - 1].text[-1] not in "+-*/<>=&|!?:(,[n":
                self._refuse(index, "only names of arrays can be looked into")
            else:
                pieces.append(token.text)
            index += 1
        return " ".join(pieces)

    def _name(self, index: int, following: str) -> tuple[str, int]:
        """The translation of what begins with a name, and its last token."""
        name = self._tokens[index].text
        if name == "tag":
            return self._tag(index)
        if following == "(" and name not in _WORDS:
            self._check_call(index, name)
            return name, index
        if following == "[" and name in self._arrays:
            close = self._partner[index + 1]
            self.names[name] = name
            return f'_item("{name}", {self._part(index + 2, close)})', close
        if name in self._arrays:
            self._refuse(index, f"{name!r} can only be looked into: {name}[0]")
        if name not in _WORDS and name not in self._variables:
            self._refuse(index, f"there is no {name!r} here{self._known()}")
        if name in self._variables:
            self.names[name] = name
        return name, index

    def _tag(self, index: int) -> tuple[str, int]:
        if (
            self._sign(index + 1) != "("
            or self._partner[index + 1] != index + 3
            or self._tokens[index + 2].kind != "text"
        ):
            self._refuse(index, 'a point is named as tag("device/point")')
        name = self._tokens[index + 2].text[1:-1]
        device, slash, point = name.partition("/")
        if not (device and slash and point):
            self._refuse(index + 2, f"{name!r} is not device/point")
        if name not in self.names:
            self.names[name] = f"tag_{len(self.inputs)}_"
            self.inputs.append(name)
        return self.names[name], index + 3

    def _check_call(self, index: int, name: str) -> None:
        known = self._functions.get(name)
        if known is None:
            self._refuse(index, f"there is no function {name!r}; there are {', '.join(sorted(self._functions))}")
        close, inner = self._partner[index + 1], index + 2
        count = 0 if inner == close else 1
        while inner < close:
            count += self._tokens[inner].text == ","
            inner = self._partner.get(inner, inner) + 1
        if not known.least <= count <= known.most:
            takes = str(known.least) if known.least == known.most else f"{known.least} to {known.most}"
            self._refuse(index, f"{name} takes {takes} values, not {count}")

    def _check_method(self, index: int) -> None:
        name = self._tokens[index + 1] if index + 1 < len(self._tokens) else None
        if name is None or name.text not in _METHODS or self._sign(index + 2) != "(":
            self._refuse(index, f"after a dot only {', '.join(sorted(_METHODS))} of a text can follow")

    def _operand(self, index: int, end: int) -> int:
        """Where the operand that begins at a token ends."""
        while index < end and self._tokens[index].text in ("-", "!"):
            index += 1
        if index >= end:
            self._refuse(index - 1, "something is missing here")
        index = self._partner.get(index, index) + 1
        while index < end and self._sign(index) in ("(", "[", "."):
            index = self._partner.get(index, index + 1) + 1
        return index

    def _literal(self, index: int) -> str:
        text = self._tokens[index].text
        value = float(int(text, 16)) if text[:2] in ("0x", "0X") else float(text)
        if not math.isfinite(value):
            self._refuse(index, f"{text} is beyond double precision")
        return repr(value)

    def _sign(self, index: int) -> str:
        """The sign at an index; empty where there is none."""
        return self._tokens[index].text if index < len(self._tokens) and self._tokens[index].kind == "sign" else ""

    def _known(self) -> str:
        names = sorted(self._variables | self._arrays)
        return f"; there is {', '.join(names)}" if names else '; a point is named as tag("device/point")'


def _library() -> Any:
    """The library, without the command line that it imports with itself: a gateway has no room for that."""
    sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))
    import cel

    return cel


def _compile(cel: Any, text: str, shown: str) -> Any:
    try:
        return cel.compile(text)
    except Exception as error:  # noqa: BLE001  # of whatever type the library makes of a fault in an expression
        found = _PLACE.search(str(error))
        if found is None:
            _refuse(shown, 0, str(error)[:200])
        lines = text.splitlines(keepends=True)
        at = sum(len(line) for line in lines[: int(found[1]) - 1]) + int(found[2]) - 1
        _refuse(shown, at, found[3].partition(" expecting ")[0])


def _refuse(text: str, at: int, reason: str) -> NoReturn:
    raise InvalidInput(
        "edge.formula_invalid", f"the expression {_short(text)!r} cannot be used, at character {at + 1}: {reason}",
        "See docs/expressions.md for what an expression can have.",
        field="expression", value=_short(text), position=at + 1, reason=reason,
    ) from None  # fmt: skip


def _short(text: str) -> str:
    return text if len(text) <= 100 else text[:99] + "…"
