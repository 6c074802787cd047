"""Another language than English: every word that anybody sees comes from its texts, with its own forms of plural."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from serving import CHROMIUM

from facefatigue.studio import people, study
from facefatigue.studio.access import new_link
from facefatigue.studio.database.tables import (
    Account,
    Check,
    Consent,
    Person,
    Purpose,
    Rating,
    Recording,
    Role,
    Scenario,
    State,
)
from facefatigue.studio.rating import keep_in_step
from facefatigue.studio.web import texts
from facefatigue.studio.web.texts import Texts, plural_form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Polish has four forms; the words are English ones in brackets, so that what lacks them was never translated.
LANGUAGE = "pl"
FORMS = ("one", "few", "many", "other")
SPOKEN_ATTRIBUTES = {
    "alt",
    "aria-label",
    "placeholder",
    "title",
    "data-sure",
    "data-name",
    "data-different",
    "data-done",
    "data-unfinished",
}
# Codes, times, units, commands, kinds of files, names in the log: what is the same in all languages.
SAME = re.compile(
    r"P-[0-9A-Z]+|\b[0-9a-f]{8,}|SHA-256|^English$|\d k?B\b|facefatigue .*|video/\w+|\btest\b|\w+_\d\d|\bUTC\b|https?://\S+|"
    r"\b(?:version|sha256|name|contact|prompt|language|role|names|owner:|rater:)\b.*",
    re.DOTALL,
)
WORD = re.compile(r"[^\W\d_]{2,}")


@pytest.fixture
def translated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A second folder of texts: each in brackets, and in each form of plural."""
    english = texts.FOLDER / "en"
    folder = tmp_path / "texts"
    for path in english.glob("*.json"):
        own: dict[str, str] = {}
        for key, text in json.loads(path.read_text(encoding="utf-8")).items():
            name, _, form = key.rpartition(".")
            if form == "other":
                own |= {f"{name}.{one}": f"⟦{one}: {text}⟧" for one in FORMS}
            elif form != "one":
                own[key] = f"⟦{text}⟧"
        for language, content in (("en", json.loads(path.read_text(encoding="utf-8"))), (LANGUAGE, own)):
            (folder / language).mkdir(parents=True, exist_ok=True)
            (folder / language / path.name).write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.setattr(texts, "FOLDER", folder)
    for cached in (texts.languages, texts._read):
        cached.cache_clear()
    yield
    for cached in (texts.languages, texts._read):
        cached.cache_clear()


class Words(HTMLParser):
    """All that a page shows or says, apart from what people wrote."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.language = ""
        self._silent = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in {"script", "style"}
        self.found += [value for name, value in attrs if name in SPOKEN_ATTRIBUTES and value]
        if tag == "html":
            self.language = dict(attrs)["lang"] or ""

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.found.append(" ".join(data.split()))


WRITTEN = "«written»"  # marks what people wrote themselves


def untranslated(words: list[str]) -> list[str]:
    return [one for one in words if "⟦" not in one and WRITTEN not in one and WORD.search(SAME.sub("", one))]


def fill(studio: Any, rater_id: int) -> tuple[str, str]:
    """Something on every page; a person's code and a recording."""
    with studio.database.writing() as db:
        study.write(db, study.Study(name=f"S {WRITTEN}", contact=WRITTEN, prompt=WRITTEN, language=LANGUAGE), actor="test")
        for number, scenario in enumerate(db.scalars(sa.select(Scenario))):
            scenario.name = f"{number} {WRITTEN}"
        person, _ = people.invite(db, WRITTEN, actor="test")
        text = people.write_text(db, f"title {WRITTEN}", WRITTEN, actor="test")
        consent = people.sign(db, person, text.id, WRITTEN, [[[0.1, 0.2], [0.3, 0.4]]])
        scenario_id = db.scalars(sa.select(Scenario.id).limit(1)).one()
        made = []
        for state in (*4 * [State.ACCEPTED], State.REFUSED, State.CHECKING, State.FAILED, State.UPLOADING):
            one = Recording(
                person_id=person.id,
                consent_id=consent.id,
                scenario_id=scenario_id,
                state=state,
                size_bytes=1000,
                sha256="0" * 64,
                media_type="video/mp4",
                duration_s=12.0,
            )
            db.add(one)
            db.flush()
            made.append(one.id)
            db.add(Check(recording_id=one.id, findings=[{"name": "light", "level": "warning", "value": 0.1}]))
        accounts = [rater_id, *db.scalars(sa.select(Account.id).where(Account.id != rater_id))]
        for account, value in zip(accounts, (1.0, 4.0), strict=True):
            db.add(Rating(account_id=account, recording_id=made[0], purpose=Purpose.MAIN, value=value, note=WRITTEN))
        db.flush()
        keep_in_step(db, made)
        return person.code, made[0]


@pytest.mark.usefixtures("translated")
def test_no_page_shows_a_word_that_cannot_be_translated(studio: Any, sign_in: Callable[..., Any], stranger: Any) -> None:
    owner, rater = sign_in(Role.OWNER, f"o {WRITTEN}"), sign_in(Role.RATER, f"r {WRITTEN}")
    code, recording = fill(studio, rater.account_id)
    volunteer = sign_in(Role.VOLUNTEER)
    areas = ("", "/people", "/recordings", "/team", "/agreement", "/consent", "/settings", "/export", "/log")
    pages = [(owner, f"/study{area}") for area in areas]
    pages += [(owner, f"/study/people/{code}"), (owner, f"/study/recordings/{recording}"), (owner, "/account")]
    pages += [(rater, "/rate"), (volunteer, "/me"), (stranger, "/"), (stranger, "/enter/x"), (owner, "/study/nothing")]
    studio.agreement.summary(wait_s=30)
    for browser, path in pages:
        words = Words(browser.get(path).text)
        assert words.language == LANGUAGE, path
        assert len(words.found) > 5, path
        assert untranslated(words.found) == [], path
    refused = owner.post("/api/study/settings", json={"name": ""}).json()
    assert refused["message"].startswith("⟦")


@pytest.mark.usefixtures("translated")
def test_each_number_has_its_form() -> None:
    told = {count: Texts(LANGUAGE).plural("owner.found", count) for count in (0, 1, 2, 5, 12, 22)}
    assert told[1] == "⟦one: 1 recordings⟧"
    assert (told[2], told[22]) == ("⟦few: 2 recordings⟧", "⟦few: 22 recordings⟧")
    assert (told[0], told[5], told[12]) == ("⟦many: 0 recordings⟧", "⟦many: 5 recordings⟧", "⟦many: 12 recordings⟧")


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")
def test_numbers_have_the_forms_that_browsers_know() -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    others = [
        "da",
        "de",
        "el",
        "en",
        "es",
        "et",
        "fi",
        "hu",
        "it",
        "nb",
        "nl",
        "pt-BR",
        "sv",
        "ta",
        "tr",
    ]  # mostly like English
    languages = [*texts._RULES, *others]
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        known = browser.new_page().evaluate(
            """(languages) => languages.map((one) => {
              const rules = new Intl.PluralRules(one);
              return [rules.resolvedOptions().locale, Array.from({ length: 301 }, (_, count) => rules.select(count))];
            })""",
            languages,
        )
        browser.close()
    for language, (locale, forms) in zip(languages, known, strict=True):
        assert locale.partition("-")[0] == language.partition("-")[0]
        assert [plural_form(language, count) for count in range(301)] == forms, language


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")
@pytest.mark.usefixtures("translated")
def test_scripts_speak_the_language_too(in_process: tuple[str, Any], sign_in: Callable[..., Any]) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    address, studio = in_process
    owner, rater = sign_in(Role.OWNER, f"o {WRITTEN}"), sign_in(Role.RATER, f"r {WRITTEN}")
    code, _ = fill(studio, rater.account_id)
    with studio.database.writing() as db:
        person = db.scalars(sa.select(Person).where(Person.code == code)).one()
        assert db.scalar(sa.select(sa.func.count()).select_from(Consent)) == 1
        link = studio.access.token(new_link(db, person))
    seen: list[str] = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])

        def shown(page: Any) -> list[str]:
            visible = page.evaluate("document.body.innerText.split('\\n')")
            return [" ".join(line.split()) for line in visible if line.strip()]

        page = browser.new_page(locale="pl-PL")
        page.goto(f"{address}/enter/{link}")
        page.wait_for_selector("#recordings li >> nth=7")
        seen += [line for line in shown(page) if not re.match(r"\d+ \w+ \d{4}, \d\d:\d\d", line)]  # in Polish already
        page.click("[data-step=home] [data-go=camera]")
        page.wait_for_selector("#camera-problem:not([hidden])")
        seen += shown(page)
        page.context.add_cookies(
            [{"name": studio.access.cookie, "value": rater.cookies[studio.access.cookie], "url": address}]
        )
        page.goto(f"{address}/rate")
        page.wait_for_selector("#desk:not([hidden])")
        page.keyboard.press("Enter")
        page.wait_for_selector("#problem:not([hidden])")
        page.keyboard.press("s")
        page.locator("#progress-text", has_text="one: 1").wait_for()
        seen += shown(page)
        page.context.add_cookies(
            [{"name": studio.access.cookie, "value": owner.cookies[studio.access.cookie], "url": address}]
        )
        page.goto(f"{address}/study/log")
        page.click("[data-check-log]")
        page.wait_for_selector("[data-log-result]:not([hidden])")
        seen.append(page.inner_text("[data-log-result]"))
        browser.close()
    assert len(seen) > 40
    assert [line for line in untranslated(seen) if line != code] == []
