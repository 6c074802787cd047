"""Opening a container: what a source says about itself, and every way in which it can fail to be a video."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av

from facefatigue.errors import BrokenVideoError, NotAVideoError, SourceError, SourceNotFoundError

if TYPE_CHECKING:
    from av.container import InputContainer

    from facefatigue.video.location import Location

# Larger pictures are refused as a decompression bomb: four times 8K.
MAX_PIXELS = 4 * 7680 * 4320
# Demuxers that turn any bytes into pictures; a text file is not a video.
_NOT_VIDEO_FORMATS = {"tty", "bin", "xbin", "adf", "idf", "rawvideo", "image2pipe"}


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What the container and the first frame say; nothing here is measured.

    Attributes:
        width, height: Size of the frames as they come: upright, in square pixels.
        rotation_deg: Clockwise turn that makes the stored frames upright: 0, 90, 180 or 270.
        mirrored: Whether the stored frames are also mirrored left-right, before that turn.
        duration_s: Claimed length in seconds, or None.
        frames: Claimed number of frames, or None.
        frame_rate_hz: Claimed mean frame rate, or None.
        codec: Name of the video codec.
        pixel_format: Name of the stored pixel format, or None.
        pixel_aspect: Width of a stored pixel over its height.
        audio: Whether there is sound.
        stream: Number of the video stream among the video streams.
    """

    width: int
    height: int
    duration_s: float | None
    frames: int | None
    frame_rate_hz: float | None
    codec: str
    pixel_format: str | None
    pixel_aspect: float
    audio: bool
    stream: int
    rotation_deg: int = 0
    mirrored: bool = False

    def square_size(self, width: int, height: int) -> tuple[int, int]:
        """The size in square pixels of a stored picture of this size."""
        return max(round(width * self.pixel_aspect), 1), height


def open_container(location: Location) -> InputContainer:
    """Open the demuxer.

    Raises:
        SourceNotFoundError, NotAVideoError, BrokenVideoError: In one line that names the source.
    """
    if location.file is not None:
        location.file.seek(0)
    source = location.url if location.file is None else location.file
    try:
        container = av.open(source, "r", format=location.format, options=dict(location.options), timeout=location.timeout_s)
    except (av.FileNotFoundError, av.HTTPNotFoundError) as error:
        raise SourceNotFoundError(f"{location}: not found") from error
    except (av.PermissionError, av.HTTPUnauthorizedError, av.HTTPForbiddenError) as error:
        raise SourceNotFoundError(f"{location}: permission denied") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _unreadable(location, error) from error
    if container.format.name in _NOT_VIDEO_FORMATS:
        container.close()
        raise NotAVideoError(f"{location}: is not a video")
    return container


def _unreadable(location: Location, error: Exception) -> SourceError:
    reason = (getattr(error, "strerror", None) or str(error)).strip().rstrip(".")
    if location.kind in ("address", "camera"):
        return BrokenVideoError(f"{location}: cannot be opened ({reason}); is it running and reachable?")
    return NotAVideoError(f"{location}: is not a video, or is damaged ({reason})")


def describe(container: InputContainer, location: Location) -> VideoInfo:
    """Pick the video stream and read what the container says about it; the size is not yet turned upright.

    Raises:
        NotAVideoError: There is no video stream that can be decoded.
    """
    # A cover picture in a music file is a video stream to FFmpeg, but no video.
    pictures = [s for s in container.streams.video if s.disposition & s.disposition.__class__.attached_pic]
    streams = [s for s in container.streams.video if s not in pictures]
    if not streams:
        what = "sound only, no video" if container.streams.audio else "no video in it"
        container.close()
        raise NotAVideoError(f"{location}: {what}")
    stream = max(streams, key=lambda s: (s.width or 0) * (s.height or 0))
    if stream.codec_context is None or not stream.width or not stream.height:
        container.close()
        raise NotAVideoError(f"{location}: the video stream cannot be decoded")
    aspect = float(stream.sample_aspect_ratio or 1) or 1.0
    if not 1 / 8 <= aspect <= 8:
        aspect = 1.0
    if stream.width * stream.height * max(aspect, 1.0) > MAX_PIXELS:
        container.close()
        raise NotAVideoError(f"{location}: frames of {stream.width}x{stream.height} px are larger than this tool reads")
    stream.thread_type = "FRAME" if location.kind == "file" else "SLICE"
    duration_s = None
    if stream.duration is not None and stream.time_base is not None:
        duration_s = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        duration_s = container.duration / av.time_base
    rate = stream.average_rate or stream.guessed_rate
    return VideoInfo(
        width=max(round(stream.width * aspect), 1),
        height=stream.height,
        duration_s=duration_s if duration_s and duration_s > 0 else None,
        frames=stream.frames or None,
        frame_rate_hz=float(Fraction(rate)) if rate else None,
        codec=stream.codec_context.name,
        pixel_format=stream.codec_context.pix_fmt,
        pixel_aspect=aspect,
        audio=bool(container.streams.audio),
        stream=container.streams.video.index(stream),
    )
