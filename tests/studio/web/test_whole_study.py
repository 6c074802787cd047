"""A whole study as people go through it: set up, recorded, checked, rated by three, agreed on, exported, learnt from."""

from __future__ import annotations

import contextlib
import csv
import os
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")

from filming import faces, film  # noqa: E402
from serving import CHROMIUM, chromium_arguments, fake_camera  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1400, "height": 900}
WAIT_MS = 120_000
RATERS = ("Ada", "Bob", "Cem")
PLAYABLE = """video => new Promise(done => {
  const found = () => done(video.duration);
  video.readyState >= 2 ? found() : video.addEventListener("loadeddata", found, {once: true});
})"""
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def facefatigue(*arguments: object) -> str:
    """Run a command, which must succeed; returns what it printed."""
    command = [sys.executable, "-m", "facefatigue", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


@contextmanager
def studio(folder: Path) -> Iterator[str]:
    """A studio that was never started before; gives the link that sets its owner's password."""
    command = [sys.executable, "-m", "facefatigue", "studio", "--folder", folder, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        try:
            lines = iter(process.stdout.readline, "")  # type: ignore[union-attr]
            yield next(found.group() for line in lines if (found := re.search(r"http://\S+/enter/\S+", line)))
        finally:
            process.terminate()


@contextmanager
def visit(browser: Any, link: str, size: dict[str, int]) -> Iterator[Any]:
    """Somebody with a browser of their own; whatever goes wrong in its pages is told."""
    context = browser.new_context(viewport=size, permissions=["camera", "microphone"], reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(link)
    yield page
    context.close()
    assert not wrong


def sign(page: Any) -> None:
    page.fill("#consent [name=name]", "A. Volunteer")
    page.check("#consent [name=agree]")
    page.click("#consent button.main")


def answer(page: Any, scenario: int, kss: int) -> None:
    page.wait_for_selector("[data-step=questions]:not([hidden])")
    page.locator("#questions [name=scenario_id]").nth(scenario).check(force=True)
    page.locator(f"#questions [name=kss][value='{kss}']").check(force=True)
    page.click("#questions button.main")


def send(page: Any) -> None:
    page.click("#review-send")
    page.wait_for_selector("[data-step=result]:not([hidden])")
    playwright.expect(page.locator("#result-mark")).to_have_class(re.compile("good"), timeout=WAIT_MS)


def film_in_the_page(page: Any) -> None:
    page.click("[data-step=home] [data-go=camera]")
    page.click("#camera-next:not([disabled])")
    answer(page, 0, 3)
    page.click("#record-start")
    page.click("#record-stop:not([disabled])")
    send(page)


def bring_a_file(page: Any, path: Path, scenario: int, kss: int) -> None:
    page.click("[data-step=home] [data-go=file]")
    page.set_input_files("#file", path)
    answer(page, scenario, kss)
    send(page)


def set_up(owner: Any, owner_link: str, volunteers: int) -> tuple[list[str], dict[str, str]]:
    """All that an owner does before anybody records; the links of volunteers, and of raters by name."""
    address = owner_link.split("/enter/", maxsplit=1)[0]
    for field in ("password", "again"):
        owner.fill(f"[name={field}]", "correct horse battery")
    owner.click("button.main")
    owner.wait_for_url(f"{address}/study*")
    owner.goto(f"{address}/study/consent")
    with owner.expect_navigation():
        owner.click("[data-form='/api/study/consent'] button.main")
    owner.goto(f"{address}/study/people")
    owner.click("[data-open=several]")
    owner.fill("[name=names]", "\n".join(f"person {number}" for number in range(volunteers)))
    owner.click("[data-invite-several] button.main")
    links = owner.locator("#new-links:not([hidden]) [data-list] input")
    playwright.expect(links).to_have_count(volunteers, timeout=WAIT_MS)
    raters = {}
    invited = [field.input_value() for field in links.all()]
    owner.goto(f"{address}/study/team")
    for name in RATERS:
        owner.fill("[data-new-account] [name=name]", name)
        owner.click("[data-new-account] button.main")
        field = owner.get_by_label(name, exact=True)
        field.wait_for()
        raters[name] = field.input_value()
    return invited, raters


def wait_for_copies(folder: Path) -> None:
    """Until every recording can be played by raters."""
    end = time.monotonic() + WAIT_MS / 1000
    with contextlib.closing(sqlite3.connect(folder / "studio.sqlite3")) as database:
        while (kinds := [kind for (kind,) in database.execute("SELECT playback FROM recording")]).count("waiting"):
            assert time.monotonic() < end, kinds
            time.sleep(0.2)
    assert sorted(kinds) == ["copy", "copy", "original", "original"]


def rate(page: Any, recordings: int, *, half_more: bool) -> None:
    """By keyboard: 1 for the shortest video, one point more for each second more. Every rater sees another order."""
    for place in range(1, recordings + 1):
        playwright.expect(page.locator("#place")).to_have_text(f"Recording {place} of {recordings}", timeout=WAIT_MS)
        seconds = page.locator("#player video").evaluate(PLAYABLE)
        page.keyboard.press(f"Digit{max(1, round(seconds) - 5)}")
        if half_more:
            page.keyboard.press("Period")
        page.keyboard.press("Enter")
    page.wait_for_selector("#done:not([hidden])")


def learn(data: Path, folder: Path, video: Path) -> None:
    """From the exported data set to a model that scores a video."""
    facefatigue("data", "check", data)
    facefatigue("data", "agreement", data)
    facefatigue("prepare", data, folder / "clips", "--frames", "16", "--size", "32")
    facefatigue(
        *("train", "--clips", folder / "clips", "--split", data / "split.json", "--out", folder / "run"),
        *("--frames", "16", "--size", "32", "--first-channel", "8", "--epochs", "1", "--batch-size", "2"),
    )
    facefatigue("predict", video, "--model", folder / "run" / "model", "--no-signs", "--out", folder / "out")
    assert list((folder / "out").glob("*.report.json"))


def test_a_study_from_nothing_to_a_trained_model(tmp_path: Path) -> None:
    camera = fake_camera(tmp_path / "camera.mjpeg")
    # Different lengths, by which the raters of this test tell them apart; browsers play one.
    videos = [
        film(tmp_path / f"{seconds}.mp4", faces(seconds), codec=codec, loudness=0.3)
        for seconds, codec in ((7.0, "mpeg4"), (8.0, "libx264"), (9.0, "mpeg4"))
    ]
    data = tmp_path / "dataset"
    with studio(tmp_path / "studio") as owner_link, playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=chromium_arguments(camera))
        with visit(browser, owner_link, DESK) as owner:
            invited, raters = set_up(owner, owner_link, 4)
            with visit(browser, invited[0], PHONE) as volunteer:
                sign(volunteer)
                film_in_the_page(volunteer)
            for number, video in enumerate(videos, 1):
                with visit(browser, invited[number], DESK) as volunteer:
                    sign(volunteer)
                    bring_a_file(volunteer, video, number, 4 + number)
            wait_for_copies(tmp_path / "studio")
            for name, link in raters.items():
                with visit(browser, link, DESK) as rater:
                    rate(rater, 4, half_more=name == "Bob")
            owner.goto(owner_link.split("/enter/")[0] + "/study/agreement")
            # Worked out beside the requests: the page shows it when it is there.
            playwright.expect(owner.locator("#figures")).to_contain_text("ICC(2,1)", timeout=WAIT_MS)
            text = owner.locator("main").inner_text()
            assert all(name in text for name in RATERS)
        browser.close()
        facefatigue("studio", "--folder", tmp_path / "studio", "export", data)  # while the studio runs
    with (data / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["kss"])
    assert len({row["subject"] for row in rows}) == len(rows) == 4
    assert [row["kss"] for row in rows] == ["3", "5", "6", "7"]
    means = [float(row["score"]) * 4 + 1 for row in rows]
    assert means == pytest.approx([1 + 1 / 6, 2 + 1 / 6, 3 + 1 / 6, 4 + 1 / 6], abs=0.01)
    learn(data, tmp_path, videos[0])
