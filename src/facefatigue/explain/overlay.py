"""The overlay video: heat laid back to where the face is in every frame of the source, at the source's own times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facefatigue.atomic import atomic_path, output_error
from facefatigue.estimate.source import frames_of
from facefatigue.explain.drawing import blend, drawn_face, heat_in_frame
from facefatigue.explain.windows import face_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefatigue.estimate.report import Trajectory
    from facefatigue.estimate.source import Progress
    from facefatigue.report.encode import Mp4Writer
    from facefatigue.video import Video

_COLOURS = {"alert": (110, 200, 250), "fatigue": (255, 150, 70), "abstain": (190, 190, 190)}
_BAND = (16, 18, 20)
_DRAWN_PX = 448  # side of a video that shows the drawn face
_SAME_S = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class HeatWindow:
    """The heat of one window, to be laid over frames.

    Attributes:
        start_s, end_s: When it is shown.
        time_s: (T,) times of the maps.
        label: Class of the window.
        text: What is written below.
        heat: Gives (T, S, S) float32 in [0, 1]; called when the window begins.
    """

    start_s: float
    end_s: float
    time_s: NDArray[np.float64]
    label: str
    text: str
    heat: Callable[[], NDArray[np.float32]]


def write_heat_video(
    source: str, trajectory: Trajectory, windows: Sequence[HeatWindow], path: Path, *, progress: Progress | None = None
) -> None:
    """Write the frames from the first window's start to the last one's end, with the heat on the face: H.264 in MP4.

    Every frame is kept at its own time, counted from the first one that is shown. There is no sound. One window of heat and
    one frame are held at a time.

    Args:
        source: What was analysed; read once more.
        trajectory: Where the face was.
        windows: In order of time, not overlapping; at least one.
        path: Where to, ending in .mp4.
        progress: As for :meth:`facefatigue.Estimator.analyze`.

    Raises:
        SourceError: The source cannot be read any more.
        OutputError: The video cannot be written.
    """
    import av  # slow to import

    from facefatigue.report.encode import Mp4Writer
    from facefatigue.video import open_video

    with atomic_path(path) as partial, open_video(source) as video:
        try:
            with Mp4Writer(partial, video.info.width, video.info.height, video.info.frame_rate_hz) as writer:
                _write_frames(video, writer, trajectory, windows, progress)
        except av.FFmpegError as error:  # what is wrong with the source is met, and counted, by the video itself
            raise output_error(path, error) from error


def _write_frames(
    video: Video, writer: Mp4Writer, trajectory: Trajectory, windows: Sequence[HeatWindow], progress: Progress | None
) -> None:
    begin_s, end_s = windows[0].start_s, windows[-1].end_s
    left = list(windows)
    shown: _Shown | None = None
    first_s: float | None = None
    for frame in frames_of(video, None, progress):
        if frame.time_s >= end_s - _SAME_S:
            return
        if frame.time_s < begin_s - _SAME_S:
            continue
        while left and frame.time_s >= left[0].start_s - _SAME_S:
            shown = _Shown(left.pop(0))
        first_s = frame.time_s if first_s is None else first_s
        rgb = frame.rgb
        if shown is not None and frame.time_s < shown.window.end_s - _SAME_S:
            face = face_at(trajectory, frame.time_s)
            placed = None if face is None else heat_in_frame(shown.at(frame.time_s), face.landmarks, *rgb.shape[1::-1])
            if placed is not None:
                heat, (x0, y0, x1, y1) = placed
                rgb = rgb.copy()
                rgb[y0:y1, x0:x1] = blend(rgb[y0:y1, x0:x1], heat)
            rgb = with_band(rgb, shown.window.text, shown.window.label)
        writer.write(rgb, frame.time_s - first_s)


class _Shown:
    """The window that is being shown, with its heat."""

    def __init__(self, window: HeatWindow) -> None:
        self.window = window
        self._heat = window.heat()

    def at(self, time_s: float) -> NDArray[np.float32]:
        """(S, S) the heat at a time, between the two nearest maps."""
        place = float(np.interp(time_s, self.window.time_s, np.arange(len(self._heat))))
        before = int(place)
        after = min(before + 1, len(self._heat) - 1)
        part = np.float32(place - before)
        return np.asarray((1 - part) * self._heat[before] + part * self._heat[after])


def write_drawn_video(windows: Sequence[HeatWindow], path: Path) -> None:
    """Write the heat of windows on the drawn face, map by map: nobody is seen in it.

    Args:
        windows: In order of time; at least one, their heat already on the drawn face.
        path: Where to, ending in .mp4.

    Raises:
        OutputError: The video cannot be written.
    """
    import av  # slow to import

    from facefatigue.report.encode import Mp4Writer

    begin_s = windows[0].start_s
    rate_hz = 1 / float(np.diff(windows[0].time_s).mean())
    face = drawn_face(_DRAWN_PX)
    with atomic_path(path) as partial:
        try:
            with Mp4Writer(partial, _DRAWN_PX, _DRAWN_PX, rate_hz) as writer:
                for window in windows:
                    for time_s, heat in zip(window.time_s, window.heat(), strict=True):
                        fine = Image.fromarray(heat).resize((_DRAWN_PX, _DRAWN_PX), Image.Resampling.BILINEAR)
                        picture = blend(face, np.asarray(fine))
                        writer.write(with_band(picture, window.text, window.label), float(time_s) - begin_s)
        except av.FFmpegError as error:
            raise output_error(path, error) from error


def with_band(rgb: NDArray[np.uint8], text: str, label: str) -> NDArray[np.uint8]:
    """A picture with a line of text at its bottom, in the colour of a class; what does not fit is cut off part by part.

    Args:
        rgb: (H, W, 3) uint8.
        text: The line.
        label: "alert", "fatigue" or "abstain".

    Returns:
        (H, W, 3) uint8.
    """
    image = Image.fromarray(rgb)
    draw = ImageDraw.Draw(image)
    font_px = max(round(min(image.size) * 0.036), 11)
    font = ImageFont.load_default(font_px)
    while font.getlength(text) > image.width - font_px and ", " in text:
        text = text.rpartition(", ")[0]
    high = round(1.8 * font_px)
    draw.rectangle((0, image.height - high, image.width, image.height), fill=_BAND)
    draw.text((font_px / 2, image.height - high / 2), text, font=font, fill=_COLOURS[label], anchor="lm")
    return np.asarray(image)
