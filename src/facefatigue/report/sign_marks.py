"""The signs of a face on the frames of an overlay: bars of the eyes, labels of events, words, and a strip over time."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.report.face_signs import EVENT_KINDS
from facefatigue.report.lid_course import drawn_gaps, lid_course, line_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from PIL import ImageDraw, ImageFont

    from facefatigue.report.face_signs import EventKind, FaceSigns

SIGN_COLOURS: dict[EventKind, tuple[int, int, int]] = {
    "blinks": (60, 200, 160),
    "microsleeps": (240, 150, 200),
    "yawns": (245, 185, 60),
    "nods": (150, 185, 255),
}
_DARK = (16, 18, 20)
_LIGHT = (225, 228, 232)
_GREY = (80, 80, 80)
_WIDE_EYES = 1.2
# A blink is over before anybody could read its label; this is how long it stays.
_LABEL_S = 0.5
# A reading counts for frames so near to it: readings may be fewer than frames.
_NEAR_S = 0.12


@dataclass(frozen=True)
class Pencil:
    """What things are drawn with: a font, its height, and the width of lines, in pixels."""

    font: ImageFont.FreeTypeFont | ImageFont.ImageFont
    font_px: int
    line_px: int


class SignMarks:
    """What the overlay says about the signs of one face.

    Args:
        face: Its signs.
    """

    def __init__(self, face: FaceSigns) -> None:
        self._face = face
        self._course = lid_course(face)
        self._events = {kind: face.events(kind) for kind in EVENT_KINDS}
        self._starts_s = {kind: [event.start_s for event in events] for kind, events in self._events.items()}
        self._perclos = [(time_s, value) for time_s, value in face.perclos_over_time() if value is not None]

    def eyes_at(self, time_s: float) -> NDArray[np.float64] | None:
        """Openness of the left and the right eye of the image, 0 shut to 1 open; NaN for an eye that is not seen.

        None where nothing was read near enough (0.12 s).
        """
        if self._course is None:
            return None
        times_s = self._course.time_s
        after = int(np.searchsorted(times_s, time_s))
        near = [place for place in (after - 1, after) if 0 <= place < len(times_s)]
        place = min(near, key=lambda place: abs(float(times_s[place]) - time_s))
        if abs(float(times_s[place]) - time_s) > _NEAR_S or np.isnan(self._course.eyes[place]).all():
            return None
        eyes: NDArray[np.float64] = self._course.eyes[place]
        return eyes

    def labels_at(self, time_s: float) -> list[tuple[EventKind, str]]:
        """The events that go on, each with its label; a blink's stays for half a second, so that it can be seen."""
        found: list[tuple[EventKind, str]] = []
        for kind in reversed(EVENT_KINDS):
            place = bisect_right(self._starts_s[kind], time_s) - 1
            if place < 0:
                continue
            event = self._events[kind][place]
            if time_s <= max(event.end_s, event.start_s + _LABEL_S):
                shut_s = min(time_s, event.end_s) - event.start_s
                found.append((kind, f"eyes shut {shut_s:.1f} s" if kind == "microsleeps" else kind.removesuffix("s")))
        return found

    def words_at(self, time_s: float) -> str:
        """Blinks so far, and PERCLOS of the minute before."""
        if self._face.reason_against("blinks") is not None:
            return "blinks not measurable"
        count = bisect_right(self._starts_s["blinks"], time_s)
        words = f"{count} {'blink' if count == 1 else 'blinks'}"
        place = bisect_right(self._perclos, (time_s, np.inf)) - 1
        return words if place < 0 else f"{words}, {100 * self._perclos[place][1]:.0f} % shut"

    def draw_beside(
        self,
        draw: ImageDraw.ImageDraw,
        box: NDArray[np.float64],
        time_s: float,
        size: tuple[int, int],
        pencil: Pencil,
    ) -> None:
        """Draw the bars of both eyes and the labels at a face.

        Args:
            draw: Of the frame.
            box: (4,) x0, y0, x1, y1 of the face.
            time_s: Now.
            size: Width of the frame, and its height above the panel.
            pencil: What to draw with.
        """
        width, bottom = size
        x0, y0, x1, y1 = (round(edge) for edge in box.tolist())
        gap = 2 * pencil.line_px
        top = max(y0, 0)
        foot = top
        eyes = self.eyes_at(time_s)
        if eyes is not None:
            bar_px = max(round(pencil.font_px * 0.45), 4)
            wide = 2 * bar_px + 3 * pencil.line_px
            left = _beside(x0, x1, wide, width, gap)
            foot = min(top + max((y1 - y0) // 2, 2 * pencil.font_px), bottom)
            _draw_bars(draw, (x1 - wide if left is None else left, top, foot), eyes, bar_px, pencil.line_px)
            foot += gap
        high = round(1.5 * pencil.font_px)
        for kind, text in self.labels_at(time_s):
            wide = round(pencil.font.getlength(text)) + 2 * gap
            left = _beside(x0, x1, wide, width, gap)
            # Rather beside the face than over it: what the label is about should be seen.
            left = min(max(x0, 0), max(width - wide, 0)) if left is None else left
            at = min(foot, bottom - high)
            draw.rectangle((left, at, left + wide, at + high - pencil.line_px), fill=SIGN_COLOURS[kind])
            draw.text((left + gap, at + (high - pencil.line_px) / 2), text, font=pencil.font, fill=_DARK, anchor="lm")
            foot = at + high

    def draw_strip(
        self,
        pen: ImageDraw.ImageDraw,
        x: Callable[[float], float],
        y_span: tuple[float, float],
        end_s: float,
        pencil: Pencil,
    ) -> None:
        """Draw the opening of the eyes and the events over time.

        Args:
            pen: Of the panel.
            x: Where a time lies.
            y_span: Top and bottom.
            end_s: Where time ends.
            pencil: What to draw with.
        """
        y0, y1 = y_span
        foot = y1 - max(round((y1 - y0) * 0.3), 2)
        columns = max(round((x(end_s) - x(0)) / 2), 1)
        if self._course is not None:
            line = line_of(
                self._course.time_s, self._course.openness, end_s=end_s, columns=columns, most_gap_s=self._course.most_gap_s
            )

            def y(openness: float) -> float:
                return (
                    foot - pencil.line_px - min(max(openness, 0.0), _WIDE_EYES) / _WIDE_EYES * (foot - y0 - pencil.line_px)
                )

            for gap in drawn_gaps(self._course.gaps, end_s=end_s, columns=columns):
                pen.rectangle((x(gap.start_s), y0, max(x(gap.end_s), x(gap.start_s) + 1), foot), fill=(*_GREY, 230))
            for piece in line.pieces:
                places = [x(time_s) for time_s in piece.time_s.tolist()]
                if line.shape != "frames":
                    shade = (*_LIGHT, 255) if line.shape == "range" else (130, 134, 140, 255)
                    for at, low, high in zip(places, piece.low.tolist(), piece.high.tolist(), strict=True):
                        pen.line((at, y(low), at, y(high)), fill=shade)
                pen.line(
                    [(at, y(value)) for at, value in zip(places, piece.middle.tolist(), strict=True)], fill=(*_LIGHT, 255)
                )
        for event in (event for events in self._events.values() for event in events):
            left, right = x(event.start_s), x(event.end_s)
            if event.kind == "blinks":
                left = right = x(event.peak_s)
            # A head often nods in a microsleep: one would hide the other.
            ends = (y0, (y0 + foot) / 2) if event.kind == "microsleeps" else (foot, y1)
            pen.rectangle((left, ends[0], max(right, left + 1), ends[1]), fill=(*SIGN_COLOURS[event.kind], 255))


def _beside(x0: int, x1: int, wide: int, width: int, gap: int) -> int | None:
    """Where something fits beside a face: at its right, else at its left."""
    if x1 + gap + wide <= width:
        return x1 + gap
    return x0 - gap - wide if x0 - gap - wide >= 0 else None


def _draw_bars(
    draw: ImageDraw.ImageDraw, place: tuple[int, int, int], eyes: NDArray[np.float64], bar_px: int, line_px: int
) -> None:
    """A bar an eye, left eye of the image first; an eye that is not seen has an empty one."""
    left, top, bottom = place
    if bottom - top < 4 * line_px:
        return
    draw.rectangle((left, top, left + 2 * bar_px + 3 * line_px, bottom), fill=_DARK)
    for eye, openness in enumerate(eyes.tolist()):
        x = left + line_px + eye * (bar_px + line_px)
        inner_top, inner_bottom = top + line_px, bottom - line_px
        draw.rectangle((x, inner_top, x + bar_px, inner_bottom), fill=_GREY)
        if not np.isnan(openness):
            full = inner_bottom - inner_top
            y = inner_bottom - round(min(max(openness, 0.0), 1.0) * full)
            draw.rectangle((x, min(y, inner_bottom - 1), x + bar_px, inner_bottom), fill=_LIGHT)
