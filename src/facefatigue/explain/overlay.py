"""The overlay video: heat laid back to where the face is in every frame of the source, at the source's own times."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facefatigue.atomic import atomic_path, output_error
from facefatigue.estimate.source import frames_of
from facefatigue.explain.drawing import blend, drawn_face, heat_colours, heat_in_frame
from facefatigue.explain.windows import face_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefatigue.estimate.report import Trajectory
    from facefatigue.estimate.source import Progress
    from facefatigue.report.encode import Mp4Writer
    from facefatigue.video import Frame, Video

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
        scale: The value of the map that heat 1 stands for.
        heat: Gives (T, S, S) float32 in [0, 1]; called when the window begins.
    """

    start_s: float
    end_s: float
    time_s: NDArray[np.float64]
    label: str
    text: str
    scale: float
    heat: Callable[[], NDArray[np.float32]]


def write_heat_video(
    source: str, trajectory: Trajectory, windows: Sequence[HeatWindow], path: Path, *, progress: Progress | None = None
) -> None:
    """Write the frames from the first window's start to the last one's end, with the heat on the face: H.264 in MP4.

    Every frame is kept at its own time, counted from the first one that is shown, and so is the sound, as in
    :func:`facefatigue.report.overlay.write_overlay`. One window of heat and one frame are held at a time.

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
    track: _SoundTrack | None = None
    try:
        for frame in frames_of(video, None, progress):
            if frame.time_s >= end_s - _SAME_S:
                break
            if frame.time_s < begin_s - _SAME_S:
                continue
            while left and frame.time_s >= left[0].start_s - _SAME_S:
                shown = _Shown(left.pop(0))
            track = track or _SoundTrack(video, writer, frame.time_s)
            writer.write(_drawn_over(frame, shown, trajectory), frame.time_s - track.first_s)
            track.write_until(frame.time_s)
        if track is not None:
            track.write_until(min(video.clock.duration_s, end_s))
    finally:
        if track is not None:
            track.end()


def _drawn_over(frame: Frame, shown: _Shown | None, trajectory: Trajectory) -> NDArray[np.uint8]:
    """The frame with the heat on the face, and what it stands for; between windows the frame as it is."""
    rgb = frame.rgb
    if shown is None or frame.time_s >= shown.window.end_s - _SAME_S:
        return rgb
    face = face_at(trajectory, frame.time_s)
    placed = None if face is None else heat_in_frame(shown.at(frame.time_s), face.landmarks, *rgb.shape[1::-1])
    if placed is not None:
        heat, (x0, y0, x1, y1) = placed
        rgb = rgb.copy()
        rgb[y0:y1, x0:x1] = blend(rgb[y0:y1, x0:x1], heat)
    return with_band(rgb, shown.window.text, shown.window.label, shown.window.scale)


class _SoundTrack:
    """The sound of a video from a moment on; silent where there is none, and once the timestamps of the recording jump.

    Args:
        video: That is being read; its frame of that moment is at hand.
        writer: To which no frame was written yet.
        first_s: The moment.
    """

    def __init__(self, video: Video, writer: Mp4Writer, first_s: float) -> None:
        from facefatigue.report.sound import open_sound

        self._clock = video.clock
        self.first_s = first_s
        self._sound = open_sound(video.location, video.info, writer.container, start_s=first_s)

    def write_until(self, time_s: float) -> None:
        """Write the sound up to this time of the video."""
        if self._sound is None:
            return
        if self._clock.repairs["jump"]:  # nothing says any longer which sound belongs to which frame
            self._sound.end()
        self._sound.write_until(time_s - self.first_s)

    def end(self) -> None:
        """Write what is still held back."""
        if self._sound is not None:
            self._sound.end()


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
                        picture = with_band(picture, window.text, window.label, window.scale)
                        writer.write(picture, float(time_s) - begin_s)
        except av.FFmpegError as error:
            raise output_error(path, error) from error


def with_band(rgb: NDArray[np.uint8], text: str, label: str, scale: float) -> NDArray[np.uint8]:
    """A picture with a line of text at its bottom, in the colour of a class, and at the right the colours of heat.

    Of the text, what does not fit is cut off part by part; pictures too narrow for its first two parts have no colours.

    Args:
        rgb: (H, W, 3) uint8.
        text: The line.
        label: "alert", "fatigue" or "abstain".
        scale: What the lightest colour stands for.

    Returns:
        (H, W, 3) uint8.
    """
    image = Image.fromarray(rgb)
    draw = ImageDraw.Draw(image)
    font_px = max(round(min(image.size) * 0.036), 11)
    font = ImageFont.load_default(font_px)
    high = round(1.8 * font_px)
    middle = image.height - high / 2
    draw.rectangle((0, image.height - high, image.width, image.height), fill=_BAND)
    room = image.width - font_px
    key = _key(scale, font_px)
    if font.getlength(", ".join(text.split(", ")[:2])) + key.width + font_px // 2 <= room:
        image.paste(key, (image.width - key.width - font_px // 2, round(middle - key.height / 2)))
        room -= key.width + font_px // 2
    while font.getlength(text) > room and ", " in text:
        text = text.rpartition(", ")[0]
    draw.text((font_px / 2, middle), text, font=font, fill=_COLOURS[label], anchor="lm")
    return np.asarray(image)


@lru_cache(maxsize=1)
def _key(scale: float, font_px: int) -> Image.Image:
    """The colours of heat between the values that they stand for."""
    font = ImageFont.load_default(font_px)
    low, high = "0 ", f" {scale:.1e}"
    bar_px, left_px = 2 * font_px, round(font.getlength(low))
    image = Image.new("RGB", (left_px + bar_px + round(font.getlength(high)), font_px), _BAND)
    colours = heat_colours(np.linspace(0, 1, bar_px, dtype=np.float32)[None].repeat(font_px, axis=0))
    image.paste(Image.fromarray(colours.astype(np.uint8)), (left_px, 0))
    draw = ImageDraw.Draw(image)
    draw.text((0, font_px / 2), low, font=font, fill=_COLOURS["abstain"], anchor="lm")
    draw.text((left_px + bar_px, font_px / 2), high, font=font, fill=_COLOURS["abstain"], anchor="lm")
    return image
