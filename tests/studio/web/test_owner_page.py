"""The owner's pages in a real browser: what scripts do there."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from serving import CHROMIUM
from volunteering import watched

from facefatigue import sample_video
from facefatigue.studio import accounts
from facefatigue.studio.access import new_link
from facefatigue.studio.database import Database
from facefatigue.studio.database.tables import Check, Person, Recording, Role, Session, State

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """SQLite alone: what differs between databases is below the page."""
    opened = Database(f"sqlite:///{tmp_path / 'studio.sqlite3'}")
    opened.upgrade()
    yield opened
    opened.close()


def signed_in(context: Any, studio: Any, address: str, name: str) -> None:
    """Let a context come in as this owner, who is made if there is none."""
    with studio.database.writing() as db:
        owner = db.scalar(sa.select(accounts.Account).where(accounts.Account.name == name))
        owner = owner or accounts.create(db, name, Role.OWNER, actor="test")
        cookie = studio.access.open(db, owner)
    context.add_cookies([{"name": studio.access.cookie, "value": cookie, "url": address}])


@pytest.fixture
def page(chromium: Any, in_process: tuple[str, Any]) -> Iterator[Any]:
    """A page of an owner; questions are answered with yes, and errors in the console fail the test."""
    address, studio = in_process
    browser = chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
    context = browser.new_context(base_url=address)
    signed_in(context, studio, address, "boss")
    one = watched(context.new_page())
    one.set_default_timeout(60_000)
    one.on("dialog", lambda dialog: dialog.accept())
    wrong: list[str] = []
    one.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    yield one
    browser.close()
    refused = ("status of 401", "status of 403")  # told in the page, see the tests of sessions that end
    assert [text for text in wrong if not any(status in text for status in refused)] == []


def told(page: Any, text: str) -> None:
    page.locator("#toasts", has_text=text).wait_for()


def focused(page: Any, within: str) -> bool:
    return bool(page.evaluate(f"document.querySelector({within!r}).contains(document.activeElement)"))


def test_who_is_invited_is_in_the_list_and_the_link_has_the_focus(page: Any) -> None:
    page.goto("/study/people")
    assert "Nobody is invited yet" in page.inner_text("main")
    page.click("[data-open=several]")
    page.fill("[name=names]", "  \n")
    page.click("[data-invite-several] button.main")
    page.locator("#several .problem", has_text="at least one name").wait_for()
    page.fill("[name=names]", "Grace\nAda")
    page.click("[data-invite-several] button.main")
    playwright.expect(page.locator("[data-rows] tbody tr")).to_have_count(2)
    assert focused(page, "#new-links")
    assert not page.locator("#several").evaluate("dialog => dialog.open")
    # The renewed list works like the first one.
    link = page.locator("[data-rows] [data-copy]").first.get_attribute("data-copy")
    assert link in [field.input_value() for field in page.locator("#new-links input").all()]
    page.goto("/study/team")
    page.fill("[data-new-account] [name=name]", "Bob")
    page.click("[data-new-account] button.main")
    page.get_by_role("row", name="Bob").get_by_role("button", name="New link").click()
    playwright.expect(page.locator("#new-links input")).to_have_count(1)
    page.get_by_role("row", name="Bob").get_by_role("button", name="Disable").click()
    told(page, "Done.")
    page.get_by_role("row", name="Bob").get_by_role("button", name="Enable").wait_for()


def test_a_recording_is_checked_again(page: Any, in_process: tuple[str, Any], rows: Any) -> None:
    _, studio = in_process
    (recording,) = rows.recordings(1)
    studio.vault.put(recording, io.BytesIO(sample_video().read_bytes()))
    with studio.database.writing() as db:
        db.add(Check(recording_id=recording, findings=[]))
    page.goto(f"/study/recordings/{recording}")
    page.get_by_role("button", name="Check again").click()
    told(page, "Done.")
    assert "being checked" in page.inner_text("main")
    assert page.get_by_role("button", name="Check again").count() == 0
    with studio.database.reading() as db:
        assert db.get_one(Recording, recording).state == State.CHECKING


def test_a_session_that_ends_costs_no_text(page: Any, in_process: tuple[str, Any]) -> None:
    address, studio = in_process
    page.goto("/study/consent")
    page.fill("[name=title]", "What took an hour to write")
    with studio.database.writing() as db:
        db.execute(sa.delete(Session))
    page.click("form[data-form] button.main")
    page.locator(".problem", has_text="not signed in any more").wait_for()
    assert page.input_value("[name=title]") == "What took an hour to write"
    signed_in(page.context, studio, address, "somebody else")
    page.click("form[data-form] button.main")
    page.locator(".problem", has_text="out of date").wait_for()
    signed_in(page.context, studio, address, "boss")
    page.click("form[data-form] button.main")
    told(page, "Saved.")
    assert page.get_by_text("What took an hour to write").count()


def test_a_consent_text_with_gaps_is_asked_about(page: Any) -> None:
    page.goto("/study/consent")
    assert "[Say here who has access" in page.input_value("[name=body]")
    with page.expect_event("dialog") as asked:
        page.click("form[data-form] button.main")
    assert "square brackets" in asked.value.message
    told(page, "Saved.")


def test_who_only_looks_is_led_to_the_way_in(page: Any, in_process: tuple[str, Any]) -> None:
    address, studio = in_process
    with studio.database.writing() as db:
        rater = accounts.create(db, "Ada", Role.RATER, actor="test")
        token = studio.access.token(new_link(db, rater))
    page.goto(f"/enter/{token}")
    page.wait_for_selector("#done:not([hidden])")
    with studio.database.writing() as db:
        db.execute(sa.delete(Session))
    page.click("#done-again")
    page.wait_for_url(f"{address}/?ended")
    page.wait_for_selector("#ended:not([hidden])")


def test_a_signature_is_shown_as_it_was_drawn(page: Any, in_process: tuple[str, Any], rows: Any) -> None:
    _, studio = in_process
    rows.recordings(1, people=1)
    with studio.database.writing() as db:
        person = db.scalars(sa.select(Person)).one()
        person.consents[0].drawing = [[[0.0, 0.0], [1.0, 1.0]], [[0.5, 0.5]]]
        code = person.code
    page.goto(f"/study/people/{code}")
    box = page.locator("svg.signature").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(10 / 3, abs=0.02)  # of the field in which it is drawn
    dot = page.locator("svg.signature polyline").nth(1)
    assert dot.get_attribute("points").split() == ["500.0,150.0", "500.0,150.0"]  # a dot of one point shows


def test_on_a_phone_all_can_be_hit(chromium: Any, in_process: tuple[str, Any], rows: Any) -> None:
    address, studio = in_process
    (recording, *_) = rows.recordings(3)
    browser = chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
    with contextlib.closing(browser):
        context = browser.new_context(
            base_url=address, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
        )
        signed_in(context, studio, address, "boss")
        page = context.new_page()
        for area in ("", "/people", "/recordings", f"/recordings/{recording}", "/team", "/consent", "/settings", "/export"):
            page.goto(f"/study{area}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, area
            small = page.evaluate(
                """[...document.querySelectorAll("button, select, summary, nav a, .check, input:not([type=checkbox])")]
                  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 43.5)
                  .map((one) => one.outerHTML.slice(0, 80))"""
            )
            assert small == [], area
