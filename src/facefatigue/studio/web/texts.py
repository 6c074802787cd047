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
        """The text of a number, with {count}: ``key.one``, ``key.few``, … by the language's rule (:func:`plural_form`).

        Where there is no text of that form, ``key.other`` is taken.
        """
        form = f"{key}.{plural_form(self.language, count)}"
        return self(form if self.has(form) else f"{key}.other", count=count, **values)

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


def plural_form(language: str, count: int) -> str:
    """Which form of a noun goes with a number: the cardinal plural categories of CLDR 44, as browsers have them, too.

    Args:
        language: Its tag; what comes after the language itself ("pt-BR") is not looked at.
        count: Below a million; for round millions some languages have a form of their own.

    Returns:
        "zero", "one", "two", "few", "many" or "other".
    """
    name, tens, hundreds = language.partition("-")[0], count % 10, count % 100
    rules: tuple[tuple[str, bool], ...]
    teens = 11 <= hundreds <= 19
    slavic_few = 2 <= tens <= 4 and not 12 <= hundreds <= 14
    if name in {"id", "ja", "ko", "lo", "ms", "my", "th", "vi", "zh"}:
        rules = ()
    elif name in {"am", "bn", "fa", "fr", "gu", "hi", "hy", "kn", "pt", "zu"}:
        rules = (("one", count <= 1),)
    elif name in {"be", "ru", "uk"}:
        rules = (("one", tens == 1 and hundreds != 11), ("few", slavic_few), ("many", True))
    elif name in {"bs", "hr", "sr"}:
        rules = (("one", tens == 1 and hundreds != 11), ("few", slavic_few))
    elif name in {"is", "mk"}:
        rules = (("one", tens == 1 and hundreds != 11),)
    elif name == "pl":
        rules = (("one", count == 1), ("few", slavic_few), ("many", True))
    elif name in {"cs", "sk"}:
        rules = (("one", count == 1), ("few", 2 <= count <= 4))
    elif name == "sl":
        rules = (("one", hundreds == 1), ("two", hundreds == 2), ("few", 3 <= hundreds <= 4))
    elif name == "lt":
        rules = (("one", tens == 1 and not teens), ("few", tens >= 2 and not teens))
    elif name == "lv":
        rules = (("zero", tens == 0 or teens), ("one", tens == 1))
    elif name == "ro":
        rules = (("one", count == 1), ("few", count == 0 or 1 <= hundreds <= 19))
    elif name == "he":
        rules = (("one", count == 1), ("two", count == 2))
    elif name == "ar":
        rules = (
            ("zero", count == 0),
            ("one", count == 1),
            ("two", count == 2),
            ("few", 3 <= hundreds <= 10),
            ("many", 11 <= hundreds),
        )
    else:
        rules = (("one", count == 1),)
    return next((form for form, holds in rules if holds), "other")
