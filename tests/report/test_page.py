from __future__ import annotations

import base64
import dataclasses
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from facefatigue.errors import OutputError
from facefatigue.report.chart import chart_of
from facefatigue.report.page import write_html

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.estimate.report import Analysis, Report
    from facefatigue.signs import SignSeries

VOID = {"meta", "img", "rect", "line", "path", "br"}


class Page(HTMLParser):
    """Counts tags, keeps attributes, and checks that every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(path: Path, analysis: Analysis) -> Page:
    write_html(analysis, path)
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_says_what_the_report_says(tmp_path: Path, make_analysis: Callable[..., Analysis]) -> None:
    analysis = make_analysis(warnings=("Two timestamps were repaired.",))
    page = page_of(tmp_path / "p.html", analysis)
    face = analysis.report.faces[0]
    text = " ".join(page.texts)
    for said in (
        "driver 07.mp4",
        "Fatigue",
        f"{face.score:.2f}",
        "6 of 10 scored windows say fatigue.",
        "the class is not certain",
        "Two timestamps were repaired.",
        "5f" * 32,
        "Apache-2.0",
        "onnxruntime",
        "2 missing",
        "not a medical or safety device",
        "abstain: too dark",
        "2 – 4 s: score 0.73, fatigue",
    ):
        assert said in text
    assert len(page.all("tbody")) == 1
    assert sum("id" in attributes for attributes in page.all("tr")) == 11
    assert len(page.all("caption")) == 1
    assert page.all("details")[0].get("open", "closed") is None
    assert page.all("svg")[0]["role"] == "img"
    assert page.all("svg")[0]["aria-label"]


def test_thumbnails_are_in_the_page_and_lead_to_their_window(tmp_path: Path, make_analysis: Callable[..., Analysis]) -> None:
    analysis = make_analysis(faces=2)
    page = page_of(tmp_path / "p.html", analysis)
    images = page.all("img")
    assert len(images) == len(analysis.thumbnails) == 22
    first = images[0]["src"] or ""
    assert base64.b64decode(first.removeprefix("data:image/jpeg;base64,")) == analysis.thumbnails[0].jpeg
    ids = {attributes.get("id") for attributes in page.all("tr")}
    assert {(attributes["href"] or "")[1:] for attributes in page.all("a")} <= ids
    assert page.all("a")[1]["title"] == "2 s: fatigue, 0.73"


def test_nothing_is_loaded_and_nothing_runs(tmp_path: Path, make_analysis: Callable[..., Analysis]) -> None:
    page = page_of(tmp_path / "p.html", make_analysis())
    assert not page.all("script")
    assert not page.all("link")
    policy = next(meta for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert (policy["content"] or "").startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    text = (tmp_path / "p.html").read_text(encoding="utf-8")
    assert re.search(r"https?:|url\(|@import", text) is None
    assert all((attributes["href"] or "").startswith("#") for attributes in page.all("a"))


def test_every_text_is_escaped(tmp_path: Path, make_analysis: Callable[..., Analysis]) -> None:
    evil = '"><script>alert(1)<\u2044script><img src=x onerror=alert(1)>.mp4'
    analysis = make_analysis(path=evil, warnings=("<script>alert(2)</script>", "{{ 7 * 7 }}"))
    model = dataclasses.replace(analysis.report.model, name="<b>m</b>", licence="<i>", engine="'\"><svg onload=x>")
    analysis = dataclasses.replace(analysis, report=dataclasses.replace(analysis.report, model=model))
    page = page_of(tmp_path / "p.html", analysis)
    assert not page.all("script")
    assert len(page.all("svg")) == 1
    assert len(page.all("img")) == len(analysis.thumbnails)
    assert not any("onerror" in attributes or "onload" in attributes for _, attributes in page.tags)
    assert "{{ 7 * 7 }}" in " ".join(page.texts)
    assert evil in page.texts


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"faces": 0}, "No face was found in 25.0 s of video"),
        ({"windows": 0, "duration_s": 1.2}, "too short (face followed for 1.2 s)"),
        ({"scored": False}, "No window could be scored: too dark"),
    ],
)
def test_an_abstention_says_why(
    tmp_path: Path, make_analysis: Callable[..., Analysis], given: dict[str, object], said: str
) -> None:
    page = page_of(tmp_path / "p.html", make_analysis(**given))
    assert "Abstains" in page.texts
    assert said in " ".join(page.texts)


def test_many_windows_are_folded_and_few_shapes_are_drawn(tmp_path: Path, make_analysis: Callable[..., Analysis]) -> None:
    page = page_of(tmp_path / "p.html", make_analysis(windows=2000, length_s=5.4))
    assert "open" not in page.all("details")[0]
    assert len(page.all("tbody")) == 1
    assert sum("id" in attributes for attributes in page.all("tr")) == 1999
    assert len(page.all("g")) < 400
    assert (tmp_path / "p.html").stat().st_size < 1_000_000


def test_chart_numbers(make_report: Callable[..., Report]) -> None:
    report = make_report()
    chart = chart_of(report, report.faces[0])
    window = report.faces[0].windows[1]
    assert window.score is not None
    assert (chart.bars[1].x, chart.bars[1].width) == (80.0, 80.0)  # 2 s of 25 s, of 1000
    assert chart.bars[1].y == pytest.approx(100 * (1 - window.score), abs=0.01)
    assert [(block.x, block.width) for block in chart.blocks] == [(720.0, 80.0)]
    assert chart.ticks[0].text == "0"
    assert [tick.percent for tick in chart.ticks] == [0, 20, 40, 60, 80, 100]
    # No line over the gap at 12 s nor over the dark stretch.
    assert {riser[0] for riser in chart.risers} == {80.0, 160.0, 240.0, 320.0, 400.0, 640.0, 880.0}


def test_a_page_that_cannot_be_written(tmp_path: Path, make_analysis: Callable[..., Analysis]) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        write_html(make_analysis(), tmp_path / "gone" / "p.html")


def test_signs_with_what_is_usual_and_what_was_not_measurable(
    tmp_path: Path,
    make_analysis: Callable[..., Analysis],
    with_signs: Callable[..., Analysis],
    make_series: Callable[..., SignSeries],
) -> None:
    series = make_series(duration_s=72, yawns=[(10, 16.5)], shut=[(50, 52.5)])
    analysis = with_signs(make_analysis(windows=36, duration_s=72), {0: series})
    page = page_of(tmp_path / "p.html", analysis)
    signs = analysis.report.faces[0].signs
    assert signs is not None
    text = " ".join(page.texts)
    for said in (
        "Signs",
        f"{100 * signs['perclos']:.1f}",
        f"{signs['blink_rate_per_min']:.1f}",
        "17 at rest",
        "(Bentivoglio et al. 1997)",
        "Movement Disorders 12",
        "Not measurable:",
        "there is no baseline",
        signs["not_measurable"]["yawns_per_hour"],
        "Microsleeps, yawns and nods (2)",
        "eyes shut for 2.5 s",
        "blink of 0.",
    ):
        assert said in text
    kinds = [attributes["class"] for attributes in page.all("g")]
    assert kinds.count("mark yawns") == 1
    assert kinds.count("mark microsleeps") == 2  # over the lids, and in a lane
    assert kinds.count("mark blinks") == len(signs["blinks"])


def test_a_page_without_signs_says_nothing_of_them(tmp_path: Path, make_analysis: Callable[..., Analysis]) -> None:
    text = " ".join(page_of(tmp_path / "p.html", make_analysis()).texts)
    assert "PERCLOS" not in text
    assert "Bentivoglio" not in text


def test_reasons_are_escaped_and_null_signs_are_no_obstacle(
    tmp_path: Path,
    make_analysis: Callable[..., Analysis],
    with_signs: Callable[..., Analysis],
    make_series: Callable[..., SignSeries],
) -> None:
    evil = "<script>alert(1)</script>"
    nothing = dict.fromkeys(("openness", "perclos", "blinks", "microsleeps", "yawns", "nods", "head_pose"))
    reasons = dict.fromkeys(nothing, evil)
    given = {**nothing, "not_measurable": reasons}
    page = page_of(tmp_path / "p.html", with_signs(make_analysis(), {0: make_series(duration_s=25)}, **given))
    assert not page.all("script")
    assert evil in " ".join(page.texts)
    bare = make_analysis()
    face = dataclasses.replace(bare.report.faces[0], signs={})
    page_of(tmp_path / "p.html", dataclasses.replace(bare, report=dataclasses.replace(bare.report, faces=(face,))))


def test_three_hours_of_signs_are_a_small_page(
    tmp_path: Path,
    make_analysis: Callable[..., Analysis],
    with_signs: Callable[..., Analysis],
    make_series: Callable[..., SignSeries],
) -> None:
    series = make_series(duration_s=10_800, rate_hz=10)
    without = make_analysis(windows=100, length_s=108.0, duration_s=10_800)
    write_html(without, tmp_path / "without.html")
    write_html(with_signs(without, {0: series}), tmp_path / "with.html")
    sizes = [(tmp_path / name).stat().st_size for name in ("without.html", "with.html")]
    assert sizes[1] - sizes[0] < 120_000


def test_both_estimates_and_what_is_usual_are_shown(
    tmp_path: Path, make_analysis: Callable[..., Analysis], compared: Callable[..., Analysis]
) -> None:
    page = page_of(tmp_path / "p.html", compared(make_analysis()))
    text = " ".join(" ".join(page.texts).split())
    for said in (
        "Two estimates of fatigue",
        "compared with this person's own alert blinks",
        "Compared with what is usual for me",
        "Glasses: yes now, no in the baseline.",
        "head is held higher, beyond usual for you (−2.6)",
        "much beyond usual for you (+12.0)",
    ):
        assert said in text
    places = [attributes["style"] for attributes in page.all("i") if "style" in attributes]
    # Two estimates and the joint one; then the signs, of which the last but one is off the scale.
    assert len(places) == 3 + 3
    assert places[1] == "left:30.0%"
    assert places[3:] == ["left:51.0%", "left:100.0%", "left:24.0%"]
    unusual = [attributes for attributes in page.all("tr") if attributes.get("class") == "unusual"]
    assert len(unusual) == 2


def test_an_estimate_that_is_missing_has_its_reason(
    tmp_path: Path, make_analysis: Callable[..., Analysis], compared: Callable[..., Analysis]
) -> None:
    page = page_of(tmp_path / "p.html", compared(make_analysis(faces=2), name=None, blinks=None))
    text = " ".join(" ".join(page.texts).split())
    assert "The network alone, since 3 blinks are too few" in text
    assert "Face 1 compared with people at large" in text
    assert text.count("people at large") == 2 + 6
    assert any(attributes.get("title") == "<i>Doughty</i> 2001" for attributes in page.all("span"))


def test_without_them_nothing_is_said_of_them(tmp_path: Path, make_analysis: Callable[..., Analysis]) -> None:
    text = " ".join(page_of(tmp_path / "p.html", make_analysis()).texts)
    assert "estimates" not in text
    assert "Compared with" not in text
