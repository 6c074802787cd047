"""The report as one self-contained HTML page: no network, no script, nothing to install."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from facefatigue._version import __version__
from facefatigue.atomic import atomic_path
from facefatigue.report.cells import axis_end_s, clock_text, clock_unit, duration_text, reason_text, why_nothing
from facefatigue.report.chart import Chart, between, chart_of
from facefatigue.report.comparison_rows import ComparisonRow, compared_with, comparison_rows
from facefatigue.report.estimates import EstimateRow, estimate_rows
from facefatigue.report.explained import explanation_link
from facefatigue.report.face_signs import EVENT_KINDS, FaceSigns
from facefatigue.report.names import display_name
from facefatigue.report.sign_chart import SignChart, sign_chart_of
from facefatigue.report.sign_rows import REFERENCES, SignRow, sign_rows

if TYPE_CHECKING:
    from pathlib import Path

    from facefatigue.estimate.report import Analysis, FaceReport, Report, WindowResult

# More rows than this start folded away.
_OPEN_ROWS = 50


@dataclass(frozen=True, kw_only=True)
class _Row:
    number: int
    time: str
    window: WindowResult
    reason: str


@dataclass(frozen=True, kw_only=True)
class _Picture:
    data: str
    time: str
    kind: str
    score: str
    row: int


@dataclass(frozen=True, kw_only=True)
class _SignsPart:
    """The signs of one face: strips over time, rows of a table, and (time, what) of every event but blinks."""

    chart: SignChart
    rows: list[SignRow]
    unmeasured: list[tuple[str, str]]
    events: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class _ComparisonPart:
    """What is usual beside what was measured: for whom, a row a sign, and what makes it less sure."""

    whose: str
    rows: list[ComparisonRow]
    cautions: list[str]


@dataclass(frozen=True, kw_only=True)
class _EstimatesPart:
    """Both estimates and the joint one on one axis, and in words how they agree."""

    rows: list[EstimateRow]
    words: str


@dataclass(frozen=True, kw_only=True)
class _Section:
    face: FaceReport
    name: str
    scored: int
    headline: str
    sureness: str
    chart: Chart
    rows: list[_Row]
    folded: bool
    pictures: list[_Picture]
    signs: _SignsPart | None
    comparison: _ComparisonPart | None
    estimates: _EstimatesPart | None


def write_html(analysis: Analysis, path: Path) -> None:
    """Write the page: headline, timeline, thumbnails, estimates, comparison, signs, windows, source and model, warnings.

    It forbids itself the network by a content security policy and holds no script. Every text is escaped. It follows the
    reader's light or dark setting, fits a phone, reads well aloud and prints. It links to the explanation of the scores
    where that lies beside it (:mod:`facefatigue.report.explained`).

    Args:
        analysis: The report; its thumbnails are put into the page as they are.
        path: Where to.

    Raises:
        OutputError: The page cannot be written.
    """
    import jinja2  # slow to import

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["number"] = _number
    environment.filters["unbroken"] = _unbroken
    environment.filters["sentence"] = _sentence
    template = resources.files("facefatigue.report").joinpath("page.html.jinja").read_text(encoding="utf-8")
    report = analysis.report
    sections = [_section(analysis, face) for face in report.faces]
    html = environment.from_string(template).render(
        report=report,
        name=display_name(report.source.path),
        duration=duration_text(report.source.duration_s),
        time_unit=clock_unit(axis_end_s(report)),
        sections=sections,
        nothing="" if report.faces else why_nothing(report),
        references=REFERENCES if any(section.signs for section in sections) else {},
        source_facts=_source_facts(report),
        explanation=explanation_link(path),
        version=__version__,
    )
    with atomic_path(path) as partial:
        # A file name that is not UTF-8 comes as lone surrogates.
        partial.write_text(html, encoding="utf-8", errors="replace", newline="\n")


def _section(analysis: Analysis, face: FaceReport) -> _Section:
    report = analysis.report
    end_s = axis_end_s(report)
    rows = [
        _Row(
            number=number,
            time=f"{clock_text(window.start_s, end_s=end_s)} – {clock_text(window.end_s, end_s=end_s)}",
            window=window,
            reason=reason_text(window.abstain_reason) if window.score is None else "",
        )
        for number, window in enumerate(face.windows)
    ]
    scored = sum(window.score is not None for window in face.windows)
    return _Section(
        face=face,
        name=f"Face {face.track}",
        scored=scored,
        headline=face.label.capitalize() if face.score is not None else "Abstains",
        sureness=_sureness(report, face, scored),
        chart=chart_of(report, face),
        rows=rows,
        folded=len(rows) > _OPEN_ROWS,
        pictures=_pictures(analysis, face, end_s),
        signs=_signs(analysis, face, end_s),
        comparison=None
        if face.comparison is None
        else _ComparisonPart(
            whose=compared_with(face.comparison),
            rows=comparison_rows(face.comparison),
            cautions=[str(caution) for caution in face.comparison.get("cautions") or ()],
        ),
        estimates=None
        if face.fusion is None
        else _EstimatesPart(rows=estimate_rows(face.fusion), words=str(face.fusion["words"])),
    )


def _sureness(report: Report, face: FaceReport, scored: int) -> str:
    if face.score is None:
        return why_nothing(report, face)
    agree = sum(window.label == face.label for window in face.windows)
    text = f"{agree:,} of {scored:,} scored windows say {face.label}."
    if face.score_interval is not None:
        low, high = face.score_interval
        text += f" The 95 % interval of the mean score is {low:.2f} to {high:.2f}"
        text += ", on both sides of 0.5: the class is not certain." if low < 0.5 <= high else "."
    if len(face.windows) > scored:
        text += f" {len(face.windows) - scored:,} of {len(face.windows):,} windows could not be scored."
    return text


def _pictures(analysis: Analysis, face: FaceReport, end_s: float) -> list[_Picture]:
    rows = {round(window.start_s, 3): (number, window) for number, window in enumerate(face.windows)}
    pictures = []
    for thumbnail in analysis.thumbnails:
        found = rows.get(round(thumbnail.start_s, 3))
        if thumbnail.track != face.track or found is None:
            continue
        number, window = found
        pictures.append(
            _Picture(
                data=base64.b64encode(thumbnail.jpeg).decode("ascii"),
                time=clock_text(window.start_s, end_s=end_s) + (" s" if end_s < 120 else ""),
                kind=window.label,
                score=reason_text(window.abstain_reason) if window.score is None else f"{window.score:.2f}",
                row=number,
            )
        )
    return pictures


def _signs(analysis: Analysis, face: FaceReport, end_s: float) -> _SignsPart | None:
    if face.signs is None:
        return None
    signs = FaceSigns(track=face.track, signs=face.signs, series=analysis.sign_series.get(face.track))
    rows = sign_rows(face.signs)
    unmeasured: dict[str, list[str]] = {}
    for row in rows:
        if row.reason:
            unmeasured.setdefault(row.reason, []).append(row.name)
    events = [event for kind in EVENT_KINDS if kind != "blinks" for event in signs.events(kind)]
    return _SignsPart(
        chart=sign_chart_of(signs, end_s=end_s),
        rows=[row for row in rows if not row.reason],
        unmeasured=[(", ".join(names), reason) for reason, names in unmeasured.items()],
        events=[
            (between(event.start_s, event.end_s, end_s), event.text)
            for event in sorted(events, key=lambda event: event.start_s)
        ],
    )


def _source_facts(report: Report) -> list[tuple[str, str]]:
    source = report.source
    rate = "" if source.frame_rate_hz is None else f", {source.frame_rate_hz:.4g} frames/s"
    facts = [
        ("Length", f"{duration_text(source.duration_s)}, {source.frames:,} frames{rate}"),
        ("Size", f"{source.width} × {source.height} px"),
        ("Frame rate", "variable" if source.variable_frame_rate else "constant"),
    ]
    if source.rotation_deg or source.mirrored:
        turn = f"turned by {source.rotation_deg}°" if source.rotation_deg else ""
        facts.append(("Made upright", " and ".join(part for part in (turn, "mirrored" if source.mirrored else "") if part)))
    if any(source.timestamp_repairs.values()):
        repairs = ", ".join(f"{count:,} {kind}" for kind, count in source.timestamp_repairs.items() if count)
        facts.append(("Repaired timestamps", repairs))
    if source.corrupt_frames:
        facts.append(("Damaged frames", f"{source.corrupt_frames:,}"))
    return facts


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _sentence(text: str) -> str:
    """The text with a capital in front and a full stop behind."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _unbroken(text: str) -> str:
    """The text with numbers and their signs kept on one line."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%").replace(" s.", "\N{NO-BREAK SPACE}s.")
