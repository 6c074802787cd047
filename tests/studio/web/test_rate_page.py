"""The rater's page in a real browser, by keyboard alone, and on a phone."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from facefatigue.studio import accounts
from facefatigue.studio.access import new_link
from facefatigue.studio.database import Database
from facefatigue.studio.database.tables import Account, Rating, Recording, Role, Session

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")

if TYPE_CHECKING:
    from collections.abc import Iterator

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """SQLite alone: what differs between databases is below the page."""
    opened = Database(f"sqlite:///{tmp_path / 'studio.sqlite3'}")
    opened.upgrade()
    yield opened
    opened.close()


@contextlib.contextmanager
def opened(in_process: tuple[str, Any], width: int, height: int) -> Iterator[Any]:
    """The page of a new rater, with what went wrong in it told at the end."""
    address, studio = in_process
    with studio.database.writing() as db:
        token = studio.access.token(new_link(db, accounts.create(db, f"rater {width}", Role.RATER, actor="test")))
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        page = context.new_page()
        page.set_default_timeout(60_000)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{address}/enter/{token}")
        page.goto(f"{address}/rate")
        page.wait_for_selector("#desk:not([hidden])")
        yield page
        browser.close()
    assert not wrong


def ratings(studio: Any) -> list[tuple[float | None, int | None, str]]:
    with studio.database.reading() as db:
        found = db.scalars(sa.select(Rating).order_by(Rating.id))
        return [(rating.value, rating.confidence, rating.note) for rating in found]


def place(page: Any, text: str) -> None:
    """Wait until the page is at a recording, as it is told to screen readers."""
    playwright.expect(page.locator("#place")).to_have_text(text, timeout=60_000)


def test_by_keyboard_alone(in_process: Any, rows: Any) -> None:
    _, studio = in_process
    rows.recordings(1, training=[2.0])
    rows.recordings(4)
    with opened(in_process, 1400, 900) as page:
        place(page, "Training, recording 1 of 1")
        assert page.evaluate("document.activeElement.id") == "place"
        page.keyboard.press("Enter")
        assert "Choose a number" in page.locator("#problem").inner_text()
        page.keyboard.press("2")
        page.keyboard.press(".")
        page.keyboard.press("Enter")
        page.wait_for_selector("#feedback:not([hidden])")
        assert "You saw more tiredness, by 0.5." in page.locator("#feedback").inner_text()
        page.keyboard.press("Enter")
        place(page, "Recording 1 of 4")
        page.keyboard.press("Shift+Digit4")
        page.keyboard.press("c")
        page.keyboard.press("c")
        page.keyboard.press("n")
        page.keyboard.type("slow, x b s 3")  # letters are letters here
        page.keyboard.press("Enter")
        place(page, "Recording 2 of 4")
        page.keyboard.press("s")
        playwright.expect(page.locator("#progress-text")).to_contain_text("1 put off", timeout=60_000)
        page.keyboard.press("x")
        page.keyboard.press("Enter")
        place(page, "Recording 3 of 4")
        page.keyboard.press("b")
        page.wait_for_selector("#again-notice:not([hidden])")
        assert page.locator("input[name=value]:checked").input_value() == ""
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        page.wait_for_selector("#again-notice", state="hidden")
        for expected in ("Recording 3 of 4", "Recording 4 of 4"):
            place(page, expected)
            page.keyboard.press("5")
            page.keyboard.press("Enter")
        page.wait_for_selector("#done:not([hidden])")
    assert ratings(studio) == [(2.5, None, ""), (4.5, 2, "slow, x b s 3"), (1.0, None, ""), (5.0, None, ""), (5.0, None, "")]


def test_by_touch_on_a_phone_and_a_recording_that_goes(in_process: Any, rows: Any) -> None:
    _, studio = in_process
    rows.recordings(3)
    with opened(in_process, 360, 740) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.get_by_role("radio", name="3.5").check()
        page.get_by_role("radio", name="Sure", exact=True).check()
        page.get_by_role("button", name="Save and go on").click()
        place(page, "Recording 2 of 3")
        with studio.database.writing() as db:
            db.execute(sa.delete(Recording).where(Recording.rated_times == 0))
        page.get_by_role("radio", name="5, extremely tired").check()
        page.get_by_role("button", name="Save and go on").click()
        page.wait_for_selector("#done:not([hidden])")
        assert "not here any more" in page.locator("#toasts").inner_text()
    assert ratings(studio) == [(3.5, 3, "")]


def test_single_keys_can_be_turned_off(in_process: Any, rows: Any) -> None:
    rows.recordings(2)
    with opened(in_process, 1400, 900) as page:
        page.keyboard.press("?")
        page.locator("#keys-on").uncheck()
        page.keyboard.press("Escape")
        page.reload()
        place(page, "Recording 1 of 2")
        for key in ("3", "x", "s", "?"):
            page.keyboard.press(key)
        assert page.locator("#word input:checked").count() == 0
        assert not page.locator("#help").evaluate("dialog => dialog.open")
        place(page, "Recording 1 of 2")
        page.get_by_role("radio", name="3.5").focus()
        page.keyboard.press("Space")
        page.get_by_role("button", name="Save and go on").focus()
        page.keyboard.press("Enter")
        place(page, "Recording 2 of 2")


def test_a_video_that_cannot_be_played_and_a_session_that_ends(in_process: Any, rows: Any) -> None:
    address, studio = in_process
    rows.recordings(2)  # of which the vault has no video
    with opened(in_process, 1400, 900) as page:
        page.wait_for_selector("#video-problem:not([hidden])")
        problem, player = (page.locator(where).bounding_box() for where in ("#video-problem", "#player"))
        assert problem["y"] + problem["height"] <= player["y"]  # in sight, also on a small screen
        page.keyboard.press("x")
        page.keyboard.press("n")
        page.keyboard.type("the picture stays black")
        with studio.database.writing() as db:
            db.execute(sa.delete(Session))
        page.keyboard.press("Enter")
        page.locator("#problem", has_text="not signed in any more").wait_for()
        with studio.database.writing() as db:
            rater = db.scalars(sa.select(Account).where(Account.role == Role.RATER)).one()
            token = studio.access.token(new_link(db, rater))
        other = page.context.new_page()
        other.goto(f"{address}/enter/{token}")
        other.close()
        page.get_by_role("button", name="Save and go on").click()
        place(page, "Recording 2 of 2")
    assert ratings(studio) == [(None, None, "the picture stays black")]
