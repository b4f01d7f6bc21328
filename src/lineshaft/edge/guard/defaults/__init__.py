"""The policy of a guard that nobody has configured."""

from importlib.resources import files


def text() -> str:
    """The policy beside this file."""
    return files(__name__).joinpath("default.cedar").read_text(encoding="utf-8")
