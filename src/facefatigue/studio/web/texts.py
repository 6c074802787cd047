"""Every word that the studio shows, by key; a language is a folder of JSON files."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).with_name("texts")
FALLBACK = "en"


class Texts:
    """The texts of one language; what is not translated is English.

    Args:
        language: Name of a folder of texts ("en").
    """

    def __init__(self, language: str = FALLBACK) -> None:
        self.language = language if language in languages() else FALLBACK
        self._texts = {**_read(FALLBACK), **_read(self.language)}

    def __call__(self, key: str, /, **values: object) -> str:
        """The text of a key, with `values` put in for its {names}.

        Raises:
            KeyError: There is no such text, or a name has no value.
        """
        return self._texts[key].format(**values)

    def has(self, key: str) -> bool:
        """Whether there is a text of this key."""
        return key in self._texts

    def plural(self, key: str, count: int, /, **values: object) -> str:
        """The text of ``key.one`` or ``key.other``, with {count}."""
        return self(f"{key}.{'one' if count == 1 else 'other'}", count=count, **values)

    def under(self, *prefixes: str) -> dict[str, str]:
        """All texts whose key begins with one of `prefixes` and a dot, for a page's script."""
        return {key: text for key, text in self._texts.items() if key.split(".")[0] in prefixes}


@cache
def languages() -> tuple[str, ...]:
    """The languages that there are texts of."""
    return tuple(sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir() and any(folder.glob("*.json"))))


@cache
def _read(language: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for path in sorted((FOLDER / language).glob("*.json")):
        found.update(json.loads(path.read_text(encoding="utf-8")))
    return found
