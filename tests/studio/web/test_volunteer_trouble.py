"""What goes wrong in front of a volunteer, in a real browser: nothing is lost, and there is always a next step."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from serving import CHROMIUM
from volunteering import answer, drafts_in, record, rows, sign, step, watched, words

from facefatigue.studio import people, study
from facefatigue.studio.access import Access, new_link
from facefatigue.studio.database.tables import Check, Consent, Person, Recording, Session, State, now

if TYPE_CHECKING:
    from serving import Served

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium"),
]
# Some private windows have no database at all; a full disk takes the small row of a draft, but no video.
NO_DATABASE = "IDBFactory.prototype.open = () => { throw new DOMException('', 'SecurityError'); };"
FULL_DISK = """
const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (value) {
  if (this.name === "drafts" && value.blob) throw new DOMException("", "QuotaExceededError");
  return put.call(this, value);
};
"""
PIECES_STAY = """
const forget = IDBObjectStore.prototype.delete;
IDBObjectStore.prototype.delete = function (key) {
  if (this.name === "pieces" && !window.mended) throw new DOMException("", "DataError");
  return forget.call(this, key);
};
"""
UNPLUG = """
const track = document.getElementById("live-picture").srcObject.getVideoTracks()[0];
track.stop();
track.dispatchEvent(new Event("ended"));
"""


def to_the_camera(page: Any) -> None:
    page.click("[data-step=home] [data-go=camera]")
    page.click("#camera-next:not([disabled])")
    answer(page)


def stored(page: Any, name: str) -> int:
    """How many entries a store of the browser's database has."""
    found = page.evaluate(
        """async (name) => {
          const db = await new Promise((r) => (indexedDB.open("facefatigue-studio").onsuccess = (e) => r(e.target.result)));
          const count = db.transaction(name).objectStore(name).count();
          return new Promise((r) => (count.onsuccess = () => { db.close(); r(count.result); }));
        }""",
        name,
    )
    return int(found)


def test_a_browser_that_keeps_nothing_sends_what_it_filmed(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    page.add_init_script(NO_DATABASE)
    sign(page, served.link()[1])
    record(page)
    assert page.is_visible("#review-memory")
    page.click("#review-send")
    words(page, "has arrived")
    assert len(rows(served)) == 1


def test_a_full_disk_loses_no_video_and_keeps_none_that_was_sent(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    page.add_init_script(FULL_DISK)
    sign(page, served.link()[1])
    record(page)
    assert page.is_visible("#review-memory")
    assert stored(page, "pieces") >= 5  # a second each: all that the disk had taken
    page.click("#review-send")
    words(page, "has arrived")
    assert (stored(page, "drafts"), stored(page, "pieces")) == (0, 0)


def test_pieces_that_cannot_be_removed_do_not_cost_the_recording(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    page.add_init_script(PIECES_STAY)
    sign(page, served.link()[1])
    record(page)
    page.evaluate("window.mended = true")
    page.click("#review-send")
    words(page, "has arrived")
    assert (stored(page, "drafts"), stored(page, "pieces")) == (0, 0)


def test_a_camera_that_vanishes_while_it_films(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    sign(page, served.link()[1])
    to_the_camera(page)
    page.click("#record-start")
    page.locator("#clock", has_text="0:02").wait_for()
    page.evaluate(UNPLUG)
    step(page, "review")
    page.wait_for_selector("#review-short:not([hidden])")
    assert "shorter than 5 seconds" in page.inner_text("#review-short")
    page.click("#review-again")
    page.wait_for_selector("#camera-next:not([disabled])")
    assert drafts_in(page) == 0


def test_a_camera_that_vanishes_before(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    sign(page, served.link()[1])
    to_the_camera(page)
    page.wait_for_selector("#record-start:not([hidden])")
    page.evaluate(UNPLUG)
    page.wait_for_selector("#camera-problem:not([hidden])")
    assert "camera stopped" in page.inner_text("#camera-problem-title")
    page.click("#camera-retry")
    page.wait_for_selector("#camera-next:not([disabled])")


def test_a_permission_that_comes_late_leaves_no_camera_on(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    page.add_init_script(
        """
        const open = MediaDevices.prototype.getUserMedia;
        window.opened = [];
        MediaDevices.prototype.getUserMedia = async function (wanted) {
          const stream = await open.call(this, wanted);
          window.opened.push(stream);
          if (window.opened.length === 1) await new Promise((r) => (window.allow = r));
          return stream;
        };
        """
    )
    sign(page, served.link()[1])
    page.click("[data-step=home] [data-go=camera]")
    page.locator("#camera-words", has_text="Waiting for the camera").wait_for()
    page.click("[data-step=camera] > [data-go=home]")
    page.click("[data-step=home] [data-go=camera]")
    page.wait_for_selector("#camera-next:not([disabled])")
    page.evaluate("window.allow()")
    page.wait_for_timeout(200)
    states = "window.opened.map((stream) => stream.getTracks().map((track) => track.readyState).join())"
    assert page.evaluate(states) == ["ended,ended", "live,live"]


def test_the_picture_is_shown_as_it_is_filmed_and_the_face_is_looked_at(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    sign(page, served.link()[1])
    page.click("[data-step=home] [data-go=camera]")
    page.locator("#hint-face[data-level=good]").wait_for()
    assert "well placed" in page.inner_text("#hint-face")
    page.locator("#live", has_text="well placed").wait_for(state="attached")  # a screen reader hears it, too
    stage = page.locator("[data-step=camera] .stage")
    box = stage.bounding_box()
    assert box["width"] / box["height"] == pytest.approx(640 / 480, abs=0.01)
    # A phone that is turned: the camera's picture stands upright.
    page.evaluate(
        """() => {
          const canvas = Object.assign(document.createElement("canvas"), { width: 360, height: 640 });
          canvas.getContext("2d").fillRect(0, 0, 360, 640);
          document.getElementById("preview").srcObject = canvas.captureStream(10);
        }"""
    )
    playwright.expect(stage).to_have_css("aspect-ratio", "0.5625 / 1")
    box, oval = stage.bounding_box(), page.locator(".oval ellipse").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(360 / 640, abs=0.01)
    assert oval["x"] >= box["x"]
    assert oval["x"] + oval["width"] <= box["x"] + box["width"]
    page.locator("#hint-face[data-level=bad]", has_text="no face").wait_for()
    assert not stage.evaluate("stage => stage.classList.contains('good')")


def test_the_longest_recording_ends_by_itself(served: Served, context: Any) -> None:
    with served.database.writing() as db:
        study.write(db, study.Study(longest_s=7.0), actor="test")
    page = watched(context.new_page())
    sign(page, served.link()[1])
    to_the_camera(page)
    page.click("#record-start")
    step(page, "review")
    length = page.locator("#review").evaluate(
        """async (video) => {
          while (!(video.duration > 0 && video.duration < 60)) await new Promise((r) => setTimeout(r, 50));
          return video.duration;
        }"""
    )
    assert 5.0 < length <= 7.5
    assert not page.is_visible("#review-short")


def test_answers_of_the_morning_are_not_those_of_noon(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    sign(page, served.link()[1])
    to_the_camera(page)
    page.click("#record-cancel")
    step(page, "home")
    page.click("[data-step=home] [data-go=camera]")
    page.click("#camera-next:not([disabled])")
    step(page, "questions")
    assert page.locator("#questions input:checked").count() == 0
    assert page.input_value("[name=slept_h]") == ""
    # An answer can be taken back.
    page.get_by_label("Working", exact=True).check(force=True)
    page.get_by_label("Rather alert").check(force=True)
    page.locator("[name=kss][value='']").check(force=True)
    page.click("#questions button.main")
    page.click("#record-start")
    page.click("#record-stop:not([disabled])")
    page.click("#review-send")
    words(page, "has arrived")
    (row,) = rows(served)
    assert (row.kss, row.slept_h) == (None, None)


def test_a_consent_text_that_changes_before_the_video_is_sent(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    sign(page, served.link()[1])
    record(page)
    with served.database.writing() as db:
        people.write_text(db, "Taking part, second version", "We also keep the sound.", actor="test")
    page.click("#review-send")
    words(page, "consent text has changed")
    page.click("#send-problem [data-go=home]")
    page.get_by_role("heading", name="second version").wait_for()
    page.fill("#consent [name=name]", "Anna Example")
    page.check("#consent [name=agree]")
    page.click("#consent button.main")
    page.get_by_role("button", name="Go on sending").click()
    words(page, "has arrived")


def test_a_session_that_ends_is_begun_anew_in_another_tab(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    number, link = served.link()
    sign(page, link)
    record(page)
    with served.database.writing() as db:
        db.execute(sa.delete(Session))
    page.click("#review-send")
    words(page, "not signed in any more")
    with served.database.writing() as db:
        link = Access(served.settings).url(new_link(db, db.get_one(Person, number)))
    watched(context.new_page()).goto(link)
    page.click("#send-retry")
    words(page, "has arrived")


def test_somebody_else_in_another_tab_is_not_taken_for_this_volunteer(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    sign(page, served.link()[1])
    record(page)
    sign(watched(context.new_page()), served.link()[1])
    page.click("#review-send")
    words(page, "out of date")
    assert rows(served) == []
    assert drafts_in(page) == 1


def test_what_plays_goes_on_while_another_is_checked(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    number, link = served.link()
    sign(page, link)
    with served.database.writing() as db:
        consent = db.scalars(sa.select(Consent).where(Consent.person_id == number)).one()
        for name, state in (("a" * 32, State.REFUSED), ("b" * 32, State.CHECKING)):
            about = {"size_bytes": 1, "sha256": "0" * 64, "media_type": "video/webm"}
            db.add(Recording(id=name, person_id=number, consent_id=consent.id, state=state, **about))
            db.add(Check(recording_id=name, findings=[], claimed_at=now()))
    page.goto(f"{served.url}/me")
    page.get_by_role("button", name="Play the recording").first.click()
    page.get_by_role("button", name="Close").or_(page.get_by_role("button", name="Play")).first.focus()
    page.evaluate("window.player = document.querySelector('#recordings video')")
    with served.database.writing() as db:
        db.get_one(Recording, "b" * 32).state = State.ACCEPTED
    with page.expect_response("**/api/me"):
        pass
    page.wait_for_timeout(300)
    assert page.evaluate("window.player.isConnected && document.activeElement.closest('#recordings') !== null")
    assert page.locator("#recordings .badge", has_text="Being checked").count() == 1
    page.get_by_role("heading", level=1, name="Hello").focus()
    page.evaluate("window.player.remove()")
    page.locator("#recordings .badge", has_text="Accepted").wait_for()


def test_strange_answers_and_none_at_all(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    sign(page, served.link()[1])
    record(page)
    answers = iter(["strange", "none"])

    def answer_strangely(route: Any) -> None:
        kind = next(answers, "")
        if kind == "strange":
            route.fulfill(status=200, content_type="text/html", body="<h1>Sign in to this hotel</h1>")
        elif not kind:
            route.continue_()

    page.route("**/bytes", answer_strangely)
    page.click("#review-send")
    words(page, "cannot be reached")
    words(page, "has arrived")
    assert next(answers, "") == ""


def test_what_another_tab_films_is_not_offered(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    sign(page, served.link()[1])
    to_the_camera(page)
    page.click("#record-start")
    page.locator("#clock", has_text="0:02").wait_for()
    other = watched(context.new_page())
    other.goto(f"{served.url}/me")
    step(other, "home")
    other.wait_for_load_state("networkidle")
    assert page.is_visible("#recording-sign")
    assert other.locator("#waiting .card").count() == 0
    page.close()
    other.reload()
    other.locator("#waiting .card").wait_for()


def test_checksums_are_those_of_sha256(served: Served, context: Any) -> None:
    page = watched(context.new_page())
    page.goto(served.url)
    chosen = random.Random(0)  # noqa: S311  # of the test's data
    lengths = [0, 1, 55, 56, 57, 63, 64, 65, 111, 112, 119, 120, 127, 128, 129, 1000, 65_537]
    for length in lengths:
        data = chosen.randbytes(length)
        cuts = sorted(chosen.randrange(length + 1) for _ in range(6))
        found = page.evaluate(
            """async ([bytes, cuts]) => {
              const { Sha256, sha256 } = await import("/static/volunteer/sha256.js");
              const data = new Uint8Array(bytes);
              const pieces = new Sha256();
              [0, ...cuts].forEach((from, at) => pieces.update(data.subarray(from, cuts[at] ?? data.length)));
              return [pieces.hex(), await sha256(new Blob([data]), 100)];
            }""",
            [list(data), cuts],
        )
        assert found == [hashlib.sha256(data).hexdigest()] * 2, length
