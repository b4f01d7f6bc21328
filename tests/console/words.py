"""What stands on the page, by the keys that the console itself uses."""

import json
import re
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "console" / "src"
LANGUAGES = ("en", "zh")


class Words:
    """The console's words in one language: `words("devices.title")`."""

    def __init__(self, language):
        self.language = language
        files = [
            SOURCES / "texts" / f"frame.{language}.json",
            *sorted((SOURCES / "pages").glob(f"*/{language}.json")),
        ]
        self._words = {}
        for file in files:
            self._words.update(json.loads(file.read_text("utf-8")))

    def __call__(self, key, **facts):
        text = self._words[key]
        for name, value in facts.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text

    def like(self, key, **facts):
        """A pattern for the words of `key`, whatever stands in the places of facts that are not given."""
        parts = re.split(r"\{\w+\}", self(key, **facts))
        return re.compile(".+".join(re.escape(part) for part in parts))
