"""The volunteer's page in a real browser, with a fake camera that films a face; and kills, of page and server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from filming import faces, film
from serving import CHROMIUM
from volunteering import answer, drafts_in, record, rows, sign, step, watched, words

from facefatigue.studio.checking.examine import LENGTH_GRACE_S
from facefatigue.studio.database.tables import State

if TYPE_CHECKING:
    from pathlib import Path

    from serving import Served

pytest.importorskip("playwright.sync_api", reason="needs playwright")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium"),
]


def test_record_send_and_be_accepted(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    sign(page, served.link()[1])
    record(page)
    page.click("#review-send")
    step(page, "result")
    assert "Thank you" in page.inner_text("#result-title")
    (row,) = rows(served)
    assert row.state == State.ACCEPTED
    assert (row.kss, row.slept_h, row.brought, row.media_type) == (4, 6.5, False, "video/webm")
    assert row.duration_s is not None
    assert 5 - LENGTH_GRACE_S <= row.duration_s <= 60
    assert row.has_sound
    assert drafts_in(page) == 0  # only now the browser forgets it
    # What the vault serves has a length, and a player can go anywhere in it.
    page.click("#result-home")
    page.get_by_role("button", name="Play the recording").click()
    length, at, shown = page.evaluate(
        """async () => {
          const video = document.querySelector("#recordings video");
          if (!(video.readyState > 0)) await new Promise((r) => (video.onloadedmetadata = r));
          video.pause();
          video.currentTime = 3.5;
          await new Promise((r) => (video.onseeked = r));
          return [video.duration, video.currentTime, video.videoWidth];
        }"""
    )
    # Of picture and sound the longer one counts for a player; on a busy machine the fake camera's pictures end before the sound.
    assert row.duration_s - 0.3 <= length <= row.duration_s + 3
    assert at == pytest.approx(3.5, abs=0.01)
    assert shown == 640
    # And withdrawn: all of it is gone.
    code = page.inner_text(".who span")
    page.click("#withdraw >> xpath=.. >> summary")
    page.fill("#withdraw [name=confirm]", code)
    page.click("#withdraw button")
    step(page, "gone")
    assert rows(served) == []
    assert list((served.folder / "vault").glob("??/*")) == []


def test_a_page_closed_before_sending_offers_the_video_again(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    sign(page, served.link()[1])
    record(page)
    page.close()
    page = watched(context.new_page())
    page.goto(f"{served.url}/me")
    page.get_by_role("button", name="Look at it and send it").click()
    step(page, "review")
    assert page.locator("#review").evaluate(
        """async (video) => {
          while (!(video.duration > 4 && video.duration < 60)) await new Promise((r) => setTimeout(r, 50));
          return video.duration;
        }"""
    )
    page.click("#review-send")
    step(page, "result")
    assert [row.state for row in rows(served)] == [State.ACCEPTED]


def test_a_page_closed_while_it_films_keeps_what_was_filmed(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    sign(page, served.link()[1])
    page.click("[data-step=home] [data-go=camera]")
    page.click("#camera-next")
    answer(page)
    page.click("#record-start")
    page.wait_for_selector("#record-stop:not([disabled])")
    page.wait_for_timeout(2500)
    page.close(run_before_unload=False)
    page = watched(context.new_page())
    page.goto(f"{served.url}/me")
    page.get_by_role("button", name="Look at it and send it").click()
    step(page, "review")
    page.click("#review-send")
    step(page, "result")
    assert [row.state for row in rows(served)] == [State.ACCEPTED]


def test_server_killed_and_page_closed_in_the_middle_of_sending(served: Served, context: Any, tmp_path: Path) -> None:
    big = film(tmp_path / "big.mp4", list(faces()) * 3, loudness=0.1)
    big.write_bytes(big.read_bytes() + bytes(7 << 20))  # players do not mind what follows; eight chunks to send
    page = watched(context.new_page())
    sign(page, served.link()[1])
    page.click("[data-step=home] [data-go=file]")
    page.set_input_files("#file", str(big))
    answer(page)
    step(page, "review")
    puts = 0

    def kill_at_the_third(route: Any) -> None:
        nonlocal puts
        puts += 1
        if puts == 3:
            served.kill()
        route.continue_()

    page.route("**/bytes", kill_at_the_third)
    page.click("#review-send")
    words(page, "cannot be reached")
    assert served.process is None
    page.close()  # and the page, too
    before = next((served.folder / "uploads").iterdir()).stat().st_size
    assert before >= 2 << 20
    served.start()
    page = watched(context.new_page())
    page.goto(f"{served.url}/me")
    page.get_by_role("button", name="Go on sending").click()
    step(page, "result")
    (row,) = rows(served)
    assert row.state == State.ACCEPTED
    assert row.size_bytes == big.stat().st_size
    assert (served.folder / "vault" / row.id[:2] / f"{row.id}.video").read_bytes() == big.read_bytes()


def test_a_broken_connection_goes_on_by_itself(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    sign(page, served.link()[1])
    record(page)
    context.set_offline(True)
    page.click("#review-send")
    words(page, "connection is broken")
    context.set_offline(False)
    step(page, "result")
    assert [row.state for row in rows(served)] == [State.ACCEPTED]


def test_a_video_without_a_face_is_refused_with_a_friendly_word(served: Served, context: Any, tmp_path: Path) -> None:
    dark = film(tmp_path / "dark.mp4", [frame // 16 for frame in faces()])
    page = watched(context.new_page())
    sign(page, served.link()[1])
    page.click("[data-step=home] [data-go=file]")
    page.set_input_files("#file", str(dark))
    answer(page)
    page.click("#review-send")
    step(page, "result")
    assert page.inner_text("#result-title") == "Please record once more"
    assert any(word in page.inner_text("#advice") for word in ("not enough light", "not find a face"))
    assert page.inner_text("#result-again") == "Record again"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("NotAllowedError", "does not let us use the camera"),
        ("NotFoundError", "No camera or no microphone"),
        ("NotReadableError", "camera is in use"),
    ],
)
def test_camera_problems_are_explained(served: Served, context: Any, name: str, title: str) -> None:
    page = watched(context.new_page())
    page.add_init_script(f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{name}'); }};")
    sign(page, served.link()[1])
    page.click("[data-step=home] [data-go=camera]")
    page.wait_for_selector("#camera-problem:not([hidden])")
    assert title in page.inner_text("#camera-problem-title")


def test_by_keyboard_alone_and_never_wider_than_the_screen(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(served.link()[1])
    step(page, "consent")

    def tab_to(selector: str) -> None:
        for _ in range(60):
            if page.evaluate(f"document.activeElement.matches({selector!r})"):
                return
            page.keyboard.press("Tab")
        pytest.fail(f"no way to {selector} by the keyboard")

    def fits() -> bool:
        return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    assert fits()
    tab_to("[name=name]")
    page.keyboard.type("Anna Example")
    tab_to("[name=agree]")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    step(page, "home")
    assert page.evaluate("document.activeElement.tagName") == "H1"  # a screen reader hears where it is
    assert fits()
    tab_to("[data-go=camera]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#camera-next:not([disabled])")
    assert fits()
    tab_to("#camera-next")
    page.keyboard.press("Enter")
    tab_to("[name=scenario_id]")
    page.keyboard.press("ArrowDown")
    assert fits()
    tab_to("#questions button.main")
    page.keyboard.press("Enter")
    step(page, "record")
    assert page.evaluate("document.activeElement.id") == "record-start"
    page.keyboard.press("Enter")
    page.wait_for_selector("#record-stop:not([disabled])")
    time.sleep(0.5)
    assert page.evaluate("document.activeElement.id") == "record-stop"
    page.keyboard.press("Enter")
    step(page, "review")
    assert fits()
