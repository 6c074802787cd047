"""The report's page leads to the explanation of its scores, whichever was written first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefatigue.report.explained import link_explanation, link_to
from facefatigue.report.page import write_html

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefatigue.estimate.report import Analysis

LINK = '<a href="a%20%231%2C%20%22b%22.explain.html">'
STEM = 'a #1, "b"'


def test_a_report_that_was_there_before_is_given_the_link_once(
    tmp_path: Path, make_analysis: Callable[..., Analysis]
) -> None:
    page = tmp_path / f"{STEM}.report.html"
    write_html(make_analysis(), page)
    before = page.read_text(encoding="utf-8")
    assert "explain.html" not in before
    assert not link_explanation(page)
    (tmp_path / f"{STEM}.explain.html").write_text("why")
    assert link_explanation(page)
    assert link_explanation(page)
    after = page.read_text(encoding="utf-8")
    assert after.count(LINK) == 1
    start = next(index for index, (one, other) in enumerate(zip(before, after, strict=False)) if one != other)
    assert after[start + len(after) - len(before) :] == before[start:]


def test_a_report_that_is_written_later_has_the_link(tmp_path: Path, make_analysis: Callable[..., Analysis]) -> None:
    (tmp_path / f"{STEM}.explain.html").write_text("why")
    (tmp_path / "other.explain.html").write_text("why")
    page = tmp_path / f"{STEM}.report.html"
    write_html(make_analysis(), page)
    assert page.read_text(encoding="utf-8").count(LINK) == 1
    (tmp_path / f"{STEM}.explain.html").unlink()
    assert not link_explanation(page)
    assert "explain.html" not in page.read_text(encoding="utf-8")


def test_pages_without_marks_are_left_as_they_are(tmp_path: Path) -> None:
    page = tmp_path / "a.report.html"
    assert not link_explanation(page)
    (tmp_path / "a.explain.html").write_text("why")
    for content in (b"<html>an older page</html>", b"\xff\xfe<!-- explanation: begin -->"):
        page.write_bytes(content)
        assert not link_explanation(page)
        assert page.read_bytes() == content


def test_names_and_texts_are_escaped(tmp_path: Path) -> None:
    assert link_to(tmp_path / 'x"><script>.html', "a < b") == '<a href="x%22%3E%3Cscript%3E.html">a &lt; b</a>'
