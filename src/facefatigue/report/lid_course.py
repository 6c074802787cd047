"""The course of the lids as a line that can be drawn: few points however long the video, gaps where nothing was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from facefatigue.report.cells import Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.report.face_signs import FaceSigns
    from facefatigue.signs import SignSeries

    Track = NDArray[np.float64]

# Frames a column up to which every frame is drawn.
_FEW = 3
# In columns of up to this length the range is drawn, so that no blink (0.1 to 0.5 s) is lost; in longer ones, nearly all of
# which hold a blink, it would always reach down to shut eyes, so that quantiles tell more.
_SHORT_S = 0.5
_QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece of a line without a gap: (n,) times, and the lower edge, the middle and the upper edge at each."""

    time_s: Track
    low: Track
    middle: Track
    high: Track


@dataclass(frozen=True, eq=False)
class Line:
    """A line in pieces.

    Attributes:
        pieces: In order of time.
        shape: "frames": edges and middle are the same; "range": the edges are the extremes of a column; "quantiles": the
            edges are its 10 and 90 % quantiles. The middle is always the median.
    """

    pieces: tuple[Piece, ...]
    shape: Literal["frames", "range", "quantiles"]


@dataclass(frozen=True, eq=False)
class LidCourse:
    """How far the eyes were open.

    Attributes:
        time_s: (T,) of frames in which the face was read.
        openness: (T,) by the person's own measure, 0 shut to 1 open; NaN where the lids could not be read.
        eyes: (T, 2) the same of the left and the right eye of the image, not smoothed.
        gaps: Where nothing was measured, with the reason.
        most_gap_s: Frames further apart are not joined.
    """

    time_s: Track
    openness: Track
    eyes: NDArray[np.float64]
    gaps: tuple[Span, ...]
    most_gap_s: float


def lid_course(face: FaceSigns) -> LidCourse | None:
    """The openness that the signs of a face were measured from; None where it was not measured or not kept."""
    from facefatigue.signs import LidLevels, relative_openness  # loads the landmark nets' module
    from facefatigue.signs.blinks import lid_signal
    from facefatigue.signs.series import MOST_GAP_S

    series, levels = face.series, face.signs.get("lid_levels")
    if series is None or not len(series) or levels is None or face.signs.get("openness") is None:
        return None
    pair = LidLevels(open=tuple(levels["open"]), shut=tuple(levels["shut"]))
    eyes, mean = relative_openness(series, pair)
    lids = lid_signal(series.time_s, eyes, mean)
    openness = np.where(lids.steady, lids.openness, np.nan)
    return LidCourse(series.time_s, openness, eyes, tuple(_gaps(series, np.isfinite(openness), MOST_GAP_S)), MOST_GAP_S)


def line_of(time_s: Track, values: Track, *, end_s: float, columns: int, most_gap_s: float) -> Line:
    """Turn a signal into a line of at most a few points a column.

    Args:
        time_s: (T,) strictly increasing, from 0 to ``end_s``.
        values: (T,) NaN where there is none.
        end_s: Where the time axis ends.
        columns: Into how many columns it is cut.
        most_gap_s: Values further apart are not joined.
    """
    known = np.isfinite(values)
    if len(time_s) <= _FEW * columns:
        together = known[1:] & known[:-1] & (np.diff(time_s) <= most_gap_s)
        firsts = np.flatnonzero(known & ~np.concatenate([[False], together]))
        afters = np.flatnonzero(known & ~np.concatenate([together, [False]])) + 1
        parts = [slice(first, after) for first, after in zip(firsts, afters, strict=True)]
        return Line(tuple(Piece(time_s[part], *(values[part],) * 3) for part in parts), "frames")
    width_s = end_s / columns
    column = np.minimum((time_s[known] / width_s).astype(np.int64), columns - 1)
    order = np.lexsort((values[known], column))
    ordered = values[known][order]
    places, first, count = np.unique(column, return_index=True, return_counts=True)
    shares = (0.0, 0.5, 1.0) if width_s <= _SHORT_S else _QUANTILES
    low, middle, high = (ordered[first + np.rint(share * (count - 1)).astype(np.int64)] for share in shares)
    centre_s = (places + 0.5) * width_s
    breaks = np.flatnonzero(np.diff(places) > max(most_gap_s / width_s, 1)) + 1
    parts = [slice(*ends) for ends in zip([0, *breaks], [*breaks, len(places)], strict=True) if ends[1] > ends[0]]
    pieces = tuple(Piece(centre_s[part], low[part], middle[part], high[part]) for part in parts)
    return Line(pieces, "range" if width_s <= _SHORT_S else "quantiles")


def drawn_gaps(gaps: tuple[Span, ...], *, end_s: float, columns: int) -> list[Span]:
    """Gaps that can be seen: those less than two columns apart are put together, those below half a column left out.

    Args:
        gaps: In order of time.
        end_s: Where the time axis ends.
        columns: Into how many columns it is cut.
    """
    width_s = end_s / columns
    merged: list[list[Span]] = []
    for gap in gaps:
        if merged and gap.start_s - merged[-1][-1].end_s < 2 * width_s:
            merged[-1].append(gap)
        else:
            merged.append([gap])
    found = []
    for group in merged:
        longest = max(group, key=lambda gap: gap.end_s - gap.start_s)
        if group[-1].end_s - group[0].start_s >= width_s / 2:
            found.append(Span(start_s=group[0].start_s, end_s=group[-1].end_s, reason=longest.reason))
    return found


def _gaps(series: SignSeries, known: NDArray[np.bool_], most_gap_s: float) -> list[Span]:
    """Where the lids were not read: no face, no eye in sight, or a reading that is not steady."""
    edges = np.concatenate([[series.start_s], series.time_s[known], [series.end_s]])
    places = np.flatnonzero(np.diff(edges) > most_gap_s)
    firsts = np.searchsorted(series.time_s, edges[places], side="right")
    afters = np.searchsorted(series.time_s, edges[places + 1], side="left")
    seen = np.concatenate([[0], np.cumsum(series.eye_visible.any(axis=1))])
    gaps = []
    for place, first, after in zip(places, firsts, afters, strict=True):
        start_s, end_s = float(edges[place]), float(edges[place + 1])
        read_s = (after - first) / (series.frame_rate_hz or np.inf)
        if read_s < (end_s - start_s) / 2:
            reason = "face not read"
        else:
            reason = "lids not read" if 2 * (seen[after] - seen[first]) >= after - first else "eyes not seen"
        gaps.append(Span(start_s=start_s, end_s=end_s, reason=reason))
    return gaps
