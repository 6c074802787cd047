"""Every text that pages and scripts ask for is there, in every language, with the same names to fill in."""

from __future__ import annotations

import json
import re
from string import Formatter

import pytest

from facefatigue.studio.web import texts
from facefatigue.studio.web.texts import FALLBACK, Texts, languages

FOLDER = texts.FOLDER.parent


def _keys(language: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((texts.FOLDER / language).glob("*.json")):
        one = json.loads(path.read_text(encoding="utf-8"))
        assert not set(one) & set(found), path
        found.update(one)
    return found


def test_what_pages_ask_for_is_there() -> None:
    known = _keys(FALLBACK)
    asked: set[str] = set()
    for path in [*FOLDER.rglob("*.html"), *FOLDER.rglob("*.js")]:
        source = path.read_text(encoding="utf-8")
        asked |= set(re.findall(r"""(?<![\w.])t\(\s*["']([a-z_.0-9]+[a-z0-9_])["']\s*[,)]""", source))
        for key in re.findall(r"""(?<![\w])plural\(\s*["']([a-z_.0-9]+[a-z0-9_])["']""", source):
            asked |= {f"{key}.one", f"{key}.other"}
    assert len(asked) > 100
    assert asked <= set(known), sorted(asked - set(known))


@pytest.mark.parametrize("language", languages())
def test_texts_can_be_filled_in_alike(language: str) -> None:
    english = _keys(FALLBACK)
    for key, text in _keys(language).items():
        names = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        like = key if key in english else f"{key.rpartition('.')[0]}.other"  # a form of plural that English has not
        expected = {name for _, name, _, _ in Formatter().parse(english[like]) if name is not None}
        assert names == expected, key


def test_every_refusal_has_a_text() -> None:
    codes: set[str] = set()
    for path in FOLDER.parent.rglob("*.py"):
        codes |= set(re.findall(r"""Refusal\(\s*\d+,\s*"([a-z_0-9]+)\"""", path.read_text(encoding="utf-8")))
    assert len(codes) > 40
    assert {f"error.{code}" for code in codes} <= set(_keys(FALLBACK))


def test_an_unknown_language_is_english() -> None:
    assert Texts("xx").language == FALLBACK
    assert Texts("xx")("base.save") == Texts()("base.save")
    assert Texts().plural("owner.found", 1) == "1 recording"
    assert Texts().plural("owner.found", 2) == "2 recordings"
    assert set(Texts().under("sign_in")) == {key for key in _keys(FALLBACK) if key.startswith("sign_in.")}
    with pytest.raises(KeyError):
        Texts()("no.such.text")
