"""What a volunteer does in the page, for tests in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from facefatigue.studio.database.tables import Recording

if TYPE_CHECKING:
    from serving import Served


def watched(page: Any) -> Any:
    """A page whose script errors fail the test."""
    page.on("pageerror", lambda error: pytest.fail(f"error in the page: {error}"))
    return page


def step(page: Any, name: str) -> None:
    page.wait_for_selector(f'[data-step="{name}"]:not([hidden])')


def words(page: Any, text: str) -> None:
    """Wait until it says so (playwright's own wait for a function needs an eval, which the page does not allow)."""
    page.locator("#send-words", has_text=text).wait_for()


def sign(page: Any, link: str) -> None:
    page.goto(link)
    step(page, "consent")
    page.fill("#consent [name=name]", "Anna Example")
    page.check("#consent [name=agree]")
    page.click("#consent button.main")
    step(page, "home")


def answer(page: Any) -> None:
    step(page, "questions")
    page.get_by_label("Working", exact=True).check(force=True)
    page.get_by_label("Rather alert").check(force=True)
    page.fill("[name=slept_h]", "6.5")
    page.click("#questions button.main")


def record(page: Any) -> None:
    page.click("[data-step=home] [data-go=camera]")
    page.click("#camera-next")
    answer(page)
    page.click("#record-start")
    page.wait_for_selector("#recording-sign:not([hidden])")
    assert page.locator("#record-stop").is_disabled()
    page.wait_for_selector("#record-stop:not([disabled])")
    page.click("#record-stop")
    step(page, "review")


def rows(served: Served) -> list[Recording]:
    with served.database.reading() as db:
        return list(db.scalars(sa.select(Recording)))


def drafts_in(page: Any) -> int:
    count = page.evaluate(
        """async () => {
          const db = await new Promise((r) => (indexedDB.open("facefatigue-studio").onsuccess = (e) => r(e.target.result)));
          const found = db.transaction("drafts").objectStore("drafts").count();
          return new Promise((r) => (found.onsuccess = () => { db.close(); r(found.result); }));
        }"""
    )
    return int(count)
