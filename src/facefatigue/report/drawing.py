"""What is drawn onto a frame of the overlay: face boxes, score and class, signs, the timeline with a cursor."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facefatigue.estimate.report import FaceReport
from facefatigue.report.cells import Cell, axis_end_s, reason_text, timeline_cells
from facefatigue.report.face_signs import FaceSigns
from facefatigue.report.sign_marks import Pencil, SignMarks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.estimate.report import Analysis, Trajectory

_COLOURS = {"alert": (110, 200, 250), "fatigue": (255, 150, 70), "abstain": (190, 190, 190)}
_SIGN_WORDS = (200, 204, 210)
_PANEL = (16, 18, 20)
_PANEL_OPACITY = 200  # of 255
_MAX_PANEL = 0.4  # of the frame's height
# A box is drawn between two positions of a face no further apart than this.
_BRIDGED_S = 0.3
_NO_CELL = Cell(
    start_s=0.0, end_s=0.0, score=None, low=0.0, high=0.0, label="abstain", reason="no score", windows=0, joined=False
)
# The row of a video without a face.
_NOBODY = FaceReport(
    track=0,
    frames=0,
    coverage=0.0,
    score=None,
    score_interval=None,
    fatigue_probability=None,
    label="abstain",
    abstain_reason="no_face",
    windows=(),
)


class FrameArtist:
    """Draws the overlay of one source onto its frames, one after the other.

    Text is at least 11 pixels high and grows with the frame. The panel at the bottom has a row a face; where many faces
    would cover more than 40 % of the frame, those with most windows are shown. Of a face with signs, bars beside its box
    show how far each eye is open, labels below it say what happens, and its row in the panel has a second strip with the
    opening of the eyes, blinks, microsleeps, yawns and nods over time.

    Args:
        analysis: The report and the trajectories.
        width, height: Size of the frames in pixels.
    """

    def __init__(self, analysis: Analysis, width: int, height: int) -> None:
        self._size = (width, height)
        self._font_px = max(round(min(width, height) * 0.036), 11)
        self._font = ImageFont.load_default(self._font_px)
        self._line_px = max(round(self._font_px / 7), 2)
        report = analysis.report
        self._named = len(report.faces) > 1
        self._end_s = axis_end_s(report)
        self._pencil = Pencil(self._font, self._font_px, self._line_px)
        self._shown = [_Shown.of(face, analysis) for face in report.faces or (_NOBODY,)]
        # Beside the timeline where there is room, else above it.
        beside = width >= 26 * self._font_px
        self._text_px = 14 * self._font_px if beside else 0
        # The second strip, and, where they stand above the strips, the words of the signs.
        self._strip_px = 0
        if any(shown.marks is not None for shown in self._shown):
            self._strip_px = round(self._font_px * (1.9 if beside else 3.1))
        self._row_px = round(self._font_px * (2.4 if beside else 3.4)) + self._strip_px
        most_rows = max(int(height * _MAX_PANEL / self._row_px), 1)
        busiest = sorted(self._shown, key=lambda shown: len(shown.cells), reverse=True)[:most_rows]
        self._rows = [shown for shown in self._shown if shown in busiest]
        self._panel = self._empty_panel()
        self._panel_text: tuple[tuple[str, str], ...] = ()
        self._filled_panel = self._panel

    def draw(self, rgb: NDArray[np.uint8], time_s: float) -> NDArray[np.uint8]:
        """A copy of the frame with the overlay.

        Args:
            rgb: (H, W, 3) uint8.
            time_s: Its time on the source's clock, in seconds.

        Returns:
            (H, W, 3) uint8.
        """
        image = Image.fromarray(rgb)
        draw = ImageDraw.Draw(image)
        for shown in self._shown:
            box = None if shown.trajectory is None else box_at(shown.trajectory, time_s)
            if box is not None:
                self._draw_box(draw, shown, box, time_s)
                if shown.marks is not None:
                    above_panel = (self._size[0], self._size[1] - self._panel.height)
                    shown.marks.draw_beside(draw, box, time_s, above_panel, self._pencil)
        self._draw_panel(image, draw, time_s)
        return np.asarray(image)

    def _draw_box(self, draw: ImageDraw.ImageDraw, shown: _Shown, box: NDArray[np.float64], time_s: float) -> None:
        cell = shown.cell_at(time_s)
        colour = _COLOURS[cell.label]
        x0, y0, x1, y1 = (round(float(edge)) for edge in box)
        draw.rectangle((x0, y0, max(x1, x0), max(y1, y0)), outline=colour, width=self._line_px)
        room = max(x1 - x0, 3 * self._font_px) if self._named else self._size[0]
        text = next((words for words in self._labels(shown, cell) if self._font.getlength(words) <= room), "")
        if not text:
            return
        pad = self._line_px
        left, top, right, bottom = draw.textbbox((0, 0), text, font=self._font)
        width, height = right - left + 2 * pad, bottom - top + 2 * pad
        x = min(max(x0, 0), max(self._size[0] - width, 0))
        y = y0 - height if y0 >= height else max(y0, 0)
        draw.rectangle((x, y, x + width, y + height), fill=_PANEL)
        draw.text((x + pad - left, y + pad - top), text, font=self._font, fill=colour)

    def _draw_panel(self, image: Image.Image, draw: ImageDraw.ImageDraw, time_s: float) -> None:
        if not self._rows:
            return
        cells = [shown.cell_at(time_s) for shown in self._rows]
        texts = tuple(
            (self._text(shown, cell), "" if shown.marks is None else shown.marks.words_at(time_s))
            for shown, cell in zip(self._rows, cells, strict=True)
        )
        if texts != self._panel_text:
            self._panel_text = texts
            self._filled_panel = self._panel.copy()
            pen = ImageDraw.Draw(self._filled_panel)
            for row, ((text, words), cell) in enumerate(zip(texts, cells, strict=True)):
                top = row * self._row_px
                high = self._row_px - self._strip_px
                y = top + (high / 2 if self._text_px else self._font_px * 0.8)
                fill = (*_COLOURS[cell.label], 255)
                pen.text((self._font_px * 0.6, y), text, font=self._font, fill=fill, anchor="lm")
                if words:
                    y = top + high + (self._strip_px / 2 - self._font_px * 0.2 if self._text_px else self._font_px * 0.5)
                    pen.text((self._font_px * 0.6, y), words, font=self._font, fill=(*_SIGN_WORDS, 255), anchor="lm")
        top = self._size[1] - self._filled_panel.height
        image.paste(self._filled_panel, (0, top), self._filled_panel)
        x = self._x(min(time_s, self._end_s))
        for row in range(len(self._rows)):
            y0, y1 = self._spark(row)
            if self._rows[row].marks is not None:
                y1 = self._strip(row)[1]
            draw.line((x, top + y0, x, top + y1), fill=(255, 255, 255), width=max(self._line_px // 2, 1))

    def _labels(self, shown: _Shown, cell: Cell) -> list[str]:
        """What may stand at a box, longest first: beside other faces it must not cover their labels."""
        number = str(shown.face.track) if self._named else ""
        if not cell.windows:
            return [number]
        name = f"{number}: " if number else ""
        if cell.score is None:
            return [f"{name}abstain", number]
        return [f"{name}{cell.score:.2f}  {cell.label}", f"{name}{cell.score:.2f}", number]

    def _text(self, shown: _Shown, cell: Cell) -> str:
        name = f"{shown.face.track}: " if self._named else ""
        if not shown.cells:
            return f"{name}abstain: {reason_text(shown.face.abstain_reason)}"
        if not cell.windows:
            return f"{name}{cell.reason}"
        return f"{name}abstain: {cell.reason}" if cell.score is None else f"{name}{cell.score:.2f}  {cell.label}"

    def _x(self, time_s: float) -> float:
        left = self._text_px + self._font_px * 0.6
        return left + time_s / self._end_s * (self._size[0] - left - self._font_px * 0.6)

    def _spark(self, row: int) -> tuple[float, float]:
        """Top and bottom of a row's timeline within the panel, in pixels."""
        above = 0.35 if self._text_px else 1.5
        return row * self._row_px + above * self._font_px, (row + 1) * self._row_px - self._strip_px - 0.35 * self._font_px

    def _strip(self, row: int) -> tuple[float, float]:
        """Top and bottom of a row's strip of signs within the panel, in pixels."""
        bottom = (row + 1) * self._row_px - 0.35 * self._font_px
        return bottom - 1.5 * self._font_px, bottom

    def _empty_panel(self) -> Image.Image:
        panel = Image.new("RGBA", (self._size[0], max(self._row_px * len(self._rows), 1)), (*_PANEL, _PANEL_OPACITY))
        pen = ImageDraw.Draw(panel)
        for row, shown in enumerate(self._rows):
            y0, y1 = self._spark(row)
            middle = (y0 + y1) / 2
            for x in np.arange(self._x(0), self._x(self._end_s), 6 * self._line_px):
                pen.line(
                    (x, middle, x + 2 * self._line_px, middle), fill=(120, 120, 120, 255), width=max(self._line_px // 2, 1)
                )
            for cell in timeline_cells(shown.face):
                ends = (self._x(cell.start_s), max(self._x(cell.end_s), self._x(cell.start_s) + 1))
                if cell.score is None:
                    pen.rectangle((ends[0], y0, ends[1], y1), fill=(80, 80, 80, 230))
                else:
                    y = y1 - cell.score * (y1 - y0)
                    pen.line((ends[0], y, ends[1], y), fill=(*_COLOURS[cell.label], 255), width=self._line_px)
            if shown.marks is not None:
                shown.marks.draw_strip(pen, self._x, self._strip(row), self._end_s, self._pencil)
        return panel


@dataclass(frozen=True, eq=False)
class _Shown:
    face: FaceReport
    cells: list[Cell]
    starts_s: list[float]
    trajectory: Trajectory | None
    marks: SignMarks | None

    @classmethod
    def of(cls, face: FaceReport, analysis: Analysis) -> _Shown:
        cells = timeline_cells(face, most=max(len(face.windows), 1))
        trajectory = next((entry for entry in analysis.trajectories if entry.track == face.track), None)
        marks = None
        if face.signs is not None:
            series = analysis.sign_series.get(face.track)
            marks = SignMarks(FaceSigns(track=face.track, signs=face.signs, series=series))
        return cls(face, cells, [cell.start_s for cell in cells], trajectory, marks)

    def cell_at(self, time_s: float) -> Cell:
        index = bisect_right(self.starts_s, time_s) - 1
        if index < 0 or time_s > self.cells[index].end_s + _BRIDGED_S / 2:
            return _NO_CELL
        return self.cells[index]


def box_at(trajectory: Trajectory, time_s: float) -> NDArray[np.float64] | None:
    """Where a face was at a time, between its two nearest positions.

    Args:
        trajectory: Its positions.
        time_s: Seconds on the source's clock.

    Returns:
        (4,) float64, x0 y0 x1 y1 in upright source pixels, or None where no position is near enough (0.3 s).
    """
    times_s = trajectory.time_s
    if not len(times_s):
        return None
    after = min(int(np.searchsorted(times_s, time_s)), len(times_s) - 1)
    before = after if time_s >= times_s[after] else max(after - 1, 0)
    start_s, end_s = float(times_s[before]), float(times_s[after])
    first, last = trajectory.boxes[[before, after]].astype(np.float64)
    if start_s < time_s < end_s and end_s - start_s <= _BRIDGED_S:
        return np.asarray(first + (time_s - start_s) / (end_s - start_s) * (last - first), np.float64)
    nearest_s, nearest = (start_s, first) if time_s - start_s < end_s - time_s else (end_s, last)
    # Inside a wider gap a position holds for the time of a frame or two only.
    return nearest if abs(nearest_s - time_s) <= _BRIDGED_S / 4 else None
