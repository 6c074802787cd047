"""The timeline of a face as cells that tile the time axis; every picture of a report draws these."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefatigue.estimate.report import FaceReport, Label, Report, SourceInfo, WindowResult

# More windows than this cannot be told apart on a page 2,000 pixels wide.
MAX_CELLS = 360
# Windows whose ends are closer than this share of their length touch: less than a frame of 32.
_TOUCHING = 0.1


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One piece of the timeline: a window, or several of the same kind where there are too many to draw.

    Attributes:
        start_s, end_s: Its place on the time axis; cells never overlap.
        score: Mean score of its windows, or None where they abstain.
        low, high: Smallest and largest of these scores; 0 where they abstain.
        label: Class of most of its windows.
        reason: Why it abstains, as words; empty where it does not.
        windows: Number of windows.
        joined: Whether it touches the cell before and both are scored, so that a line may connect them.
    """

    start_s: float
    end_s: float
    score: float | None
    low: float
    high: float
    label: Label
    reason: str
    windows: int
    joined: bool


@dataclass(frozen=True, kw_only=True)
class Span:
    """A stretch of time without a score, for one reason (as words)."""

    start_s: float
    end_s: float
    reason: str


def timeline_cells(face: FaceReport, *, most: int = MAX_CELLS) -> list[Cell]:
    """Cut a face's timeline into cells, in order of time.

    Windows that overlap (a stride shorter than the window) are cut in the middle of the overlap. More than ``most``
    windows are put together by equal stretches of time, but never over a gap, nor a scored one with one that abstains.

    Args:
        face: The face.
        most: Number of windows up to which each is a cell of its own.
    """
    windows = sorted(face.windows, key=lambda window: window.start_s)
    bounds = _bounds(windows)
    if not windows:
        return []
    first_s = bounds[0][0]
    width_s = (bounds[-1][1] - first_s) / most if len(windows) > most else 0.0
    groups: list[list[int]] = []
    stretches: list[int] = []  # the stretch of time in which each group starts
    for index in range(len(windows)):
        stretch = int((bounds[index][0] - first_s) / width_s) if width_s > 0 else index
        if (
            groups
            and stretch == stretches[-1]
            and _alike(windows[index - 1], windows[index])
            and _touch(windows, bounds, index)
        ):
            groups[-1].append(index)
        else:
            groups.append([index])
            stretches.append(stretch)
    cells: list[Cell] = []
    for group in groups:
        joined = bool(cells) and cells[-1].score is not None and _touch(windows, bounds, group[0])
        cells.append(_cell([windows[i] for i in group], bounds[group[0]][0], bounds[group[-1]][1], joined=joined))
    return cells


def abstained_spans(cells: Sequence[Cell]) -> list[Span]:
    """The stretches without a score, neighbours of the same reason put together."""
    spans: list[Span] = []
    for cell in cells:
        if cell.score is not None:
            continue
        last = spans[-1] if spans else None
        if last and last.reason == cell.reason and cell.start_s - last.end_s <= _TOUCHING * (cell.end_s - cell.start_s):
            spans[-1] = Span(start_s=last.start_s, end_s=cell.end_s, reason=cell.reason)
        else:
            spans.append(Span(start_s=cell.start_s, end_s=cell.end_s, reason=cell.reason))
    return spans


def axis_end_s(report: Report) -> float:
    """Where the time axis ends, in seconds: the source's duration, and never before the last window; at least 1 ms."""
    ends = [window.end_s for face in report.faces for window in face.windows]
    return max([report.source.duration_s, 0.001, *ends])


def axis_step_s(end_s: float, *, most_ticks: int = 8) -> float:
    """The distance of the ticks of a time axis, in seconds: a round number of seconds, minutes or hours."""
    steps = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
    return next((step for step in steps if end_s / step <= most_ticks), float(steps[-1]))


def clock_text(time_s: float, *, end_s: float) -> str:
    """A time as it is written on an axis that ends at ``end_s``: seconds below two minutes, then m:ss, then h:mm:ss."""
    if end_s < 120:
        return f"{round(time_s, 1):g}"
    whole = round(time_s)
    minutes, seconds = divmod(whole, 60)
    if end_s < 3600:
        return f"{minutes}:{seconds:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def clock_unit(end_s: float) -> str:
    """The unit of :func:`clock_text`."""
    if end_s < 120:
        return "s"
    return "min:s" if end_s < 3600 else "h:min:s"


def duration_text(duration_s: float) -> str:
    """A length of time as one says it: ``24.5 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if duration_s < 120:
        return f"{duration_s:.1f} s"
    seconds = round(duration_s)
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    minutes = round(duration_s / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def reason_text(reason: str | None) -> str:
    """An abstain reason as words: ``too_dark`` becomes ``too dark``."""
    return (reason or "no score").replace("_", " ")


def why_nothing(report: Report, face: FaceReport | None = None) -> str:
    """One sentence that says why a report, or a face, has no timeline."""
    if face is not None:
        seconds = face.coverage * report.source.duration_s
        return f"No window could be scored: {reason_text(face.abstain_reason)} (face followed for {seconds:.1f} s)."
    return nobody(report.source)


def nobody(source: SourceInfo) -> str:
    """One sentence that says why there is no face."""
    if not source.frames:
        return "No frame could be read."
    return f"No face was found in {source.duration_s:.1f} s of video ({source.frames} frames)."


def _bounds(windows: Sequence[WindowResult]) -> list[tuple[float, float]]:
    bounds = [(window.start_s, window.end_s) for window in windows]
    for index in range(1, len(bounds)):
        (before_s, end_s), (start_s, after_s) = bounds[index - 1], bounds[index]
        if start_s < end_s:
            middle_s = (start_s + end_s) / 2
            bounds[index - 1] = (before_s, middle_s)
            bounds[index] = (middle_s, max(after_s, middle_s))
    return bounds


def _touch(windows: Sequence[WindowResult], bounds: Sequence[tuple[float, float]], index: int) -> bool:
    length_s = windows[index].end_s - windows[index].start_s
    return bounds[index][0] - bounds[index - 1][1] <= _TOUCHING * length_s


def _alike(a: WindowResult, b: WindowResult) -> bool:
    return (a.score is None) == (b.score is None) and a.abstain_reason == b.abstain_reason


def _cell(windows: Sequence[WindowResult], start_s: float, end_s: float, *, joined: bool) -> Cell:
    scores = [window.score for window in windows if window.score is not None]
    return Cell(
        start_s=start_s,
        end_s=end_s,
        score=sum(scores) / len(scores) if scores else None,
        low=min(scores, default=0.0),
        high=max(scores, default=0.0),
        label=Counter(window.label for window in windows).most_common(1)[0][0],
        reason="" if scores else reason_text(windows[0].abstain_reason),
        windows=len(windows),
        joined=joined and bool(scores),
    )
