"""RGB frames with their times become the H.264 stream of an MP4 file."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Self

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

TIME_BASE = Fraction(1, 90000)
_CRF = "20"
_PRESET = "fast"
# The encoder looks this many frames ahead; fewer of large ones, of which it holds each in memory.
_LOOKAHEAD = 30
_LOOKAHEAD_LARGE = 8
_LARGE_PX = 1280 * 736
# H.264's own code for BT.709, the colours of high-definition video; players assume others for untagged small video.
_BT709 = 1


class Mp4Writer:
    """An MP4 file that frames are written to, each at its own time; a context manager that ends the file.

    H.264 in yuv420p, quality 20 (CRF), BT.709 colours, index in front. Odd sizes are padded to even ones on the right and
    below with the last pixel.

    Args:
        path: The file.
        width, height: Size of the frames in pixels.
        frame_rate_hz: Nominal rate, which the encoder plans with; None assumes 25.

    Attributes:
        container: The open file, to which a sound stream may be added before the first frame.
    """

    def __init__(self, path: Path, width: int, height: int, frame_rate_hz: float | None) -> None:
        self.container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._pad = ((0, height % 2), (0, width % 2), (0, 0))
        rate = frame_rate_hz if frame_rate_hz and 1 <= frame_rate_hz <= 1000 else 25.0
        options = {"crf": _CRF, "preset": _PRESET}
        if width * height > _LARGE_PX:
            options["rc-lookahead"] = str(_LOOKAHEAD_LARGE)
        else:
            options["rc-lookahead"] = str(_LOOKAHEAD)
        self._stream = self.container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001), options=options)
        self._stream.width = width + width % 2
        self._stream.height = height + height % 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = TIME_BASE
        codec = self._stream.codec_context
        codec.time_base = TIME_BASE
        codec.colorspace = codec.color_primaries = codec.color_trc = _BT709
        codec.color_range = ColorRange.MPEG
        self._last_pts = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.container.mux(self._stream.encode(None))
        finally:
            self.container.close()

    def write(self, rgb: NDArray[np.uint8], time_s: float) -> None:
        """Add a frame.

        Args:
            rgb: (H, W, 3) uint8.
            time_s: Its presentation time in seconds from 0, later than that of the frame before.

        Raises:
            OSError, av.FFmpegError: The file cannot be written.
        """
        if self._pad[0][1] or self._pad[1][1]:
            rgb = np.pad(rgb, self._pad, mode="edge")
        picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        picture = picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
        picture.time_base = TIME_BASE
        picture.pts = max(round(time_s / TIME_BASE), self._last_pts + 1)
        self._last_pts = picture.pts
        self.container.mux(self._stream.encode(picture))
