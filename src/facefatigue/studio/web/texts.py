"""Every word that the studio shows, by key; a language is a folder of JSON files."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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


def _slavic_few(count: int) -> bool:
    return 2 <= count % 10 <= 4 and not 12 <= count % 100 <= 14


def _teens(count: int) -> bool:
    return 11 <= count % 100 <= 19


def _one(count: int) -> bool:
    return count == 1


def _ends_in_one(count: int) -> bool:
    return count % 10 == 1 and count % 100 != 11


# The cardinal plural categories of CLDR 44 for whole numbers below a million, as browsers have them, too: languages, and
# which form goes with which numbers, the first that fits; "other" with the rest. Those that are not named are like English.
_PLURALS: tuple[tuple[str, tuple[tuple[str, Callable[[int], bool]], ...]], ...] = (
    ("id ja ko lo ms my th vi zh", ()),
    ("am bn fa fr gu hi hy kn pt zu", (("one", lambda n: n <= 1),)),
    ("be ru uk", (("one", _ends_in_one), ("few", _slavic_few), ("many", lambda _: True))),
    ("bs hr sr", (("one", _ends_in_one), ("few", _slavic_few))),
    ("is mk", (("one", _ends_in_one),)),
    ("pl", (("one", _one), ("few", _slavic_few), ("many", lambda _: True))),
    ("cs sk", (("one", _one), ("few", lambda n: 2 <= n <= 4))),
    (
        "sl",
        (("one", lambda n: n % 100 == 1), ("two", lambda n: n % 100 == 2), ("few", lambda n: 3 <= n % 100 <= 4)),
    ),
    (
        "lt",
        (
            ("one", lambda n: n % 10 == 1 and not _teens(n)),
            ("few", lambda n: n % 10 >= 2 and not _teens(n)),
        ),
    ),
    ("lv", (("zero", lambda n: n % 10 == 0 or _teens(n)), ("one", lambda n: n % 10 == 1))),
    ("ro", (("one", _one), ("few", lambda n: n == 0 or 1 <= n % 100 <= 19))),
    ("he", (("one", _one), ("two", lambda n: n == 2))),
    (
        "ar",
        (
            ("zero", lambda n: n == 0),
            ("one", _one),
            ("two", lambda n: n == 2),
            ("few", lambda n: 3 <= n % 100 <= 10),
            ("many", lambda n: n % 100 >= 11),
        ),
    ),
)
_RULES = {language: rules for languages_, rules in _PLURALS for language in languages_.split()}


def plural_form(language: str, count: int) -> str:
    """Which form of a noun goes with a number.

    Args:
        language: Its tag; what comes after the language itself ("pt-BR") is not looked at.
        count: Below a million; for round millions some languages have a form of their own.

    Returns:
        "zero", "one", "two", "few", "many" or "other".
    """
    rules = _RULES.get(language.partition("-")[0], (("one", _one),))
    return next((form for form, holds in rules if holds(count)), "other")
