"""The Face Landmarker's two nets, run by ONNX Runtime.

Google's Face Landmarker (Apache-2.0; model cards "MediaPipe Face Mesh V2" and "MediaPipe Blendshape V2") in the form that
tools/convert_landmarker.py gives it. The first net turns a square of the frame, sampled at 256 x 256, into 478 points and
the probability that there is a face at all; the second turns 146 of these points, in pixels of the frame, into 52
blendshapes. MediaPipe's smoothing of points over time, which would flatten blinks, is left out.
"""

from __future__ import annotations

import hashlib
import math
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from facefatigue.errors import ModelError
from facefatigue.faces.align import warp
from facefatigue.landmarks.reading import FaceReading
from facefatigue.offline import import_onnxruntime

if TYPE_CHECKING:
    import onnxruntime
    from numpy.typing import NDArray

    from facefatigue.landmarks.region import Region

WEIGHTS_SHA256 = {
    "landmarks": "5dd30ac9a856185a4ed80a64f2203848169dbabc76c1e35eb89f4e0cbc02dd33",
    "blendshapes": "bc93425221591bed8931e6903ee95d3b26ee1d4779e379123aa86db00c612147",
}
INPUT_PX = 256
# kLandmarksSubsetIdxs of mediapipe/tasks/cc/vision/face_landmarker/face_blendshapes_graph.cc.
BLENDSHAPE_POINTS = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80, 81, 82,
    84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157,
    158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270,
    276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334,
    336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398,
    400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
)  # fmt: skip


class Landmarker:
    """Both nets over the weights that ship; safe to use from one thread at a time.

    Args:
        threads: Threads for each net.

    Raises:
        ModelError: The weights that ship with the package are missing or damaged.
    """

    def __init__(self, *, threads: int = 1) -> None:
        self._points, self._blendshapes = (_session(net, threads) for net in ("landmarks", "blendshapes"))
        self._chosen = np.array(BLENDSHAPE_POINTS)

    def read(self, rgb: NDArray[np.uint8], region: Region) -> FaceReading:
        """Look into one square of a frame; each net runs once.

        Args:
            rgb: (H, W, 3) uint8 RGB, upright.
            region: The square; what of it lies outside the frame repeats the nearest edge pixel.

        Returns:
            What is seen there, a face or not; all numbers are finite.

        Raises:
            ValueError: The square has no size or lies wholly outside the frame.
        """
        places = (region.centre_x_px, region.centre_y_px, region.side_px, region.turn_rad)
        if not all(math.isfinite(place) for place in places) or region.side_px <= 0:
            raise ValueError(f"{region} is no square")
        matrix = region.matrix(INPUT_PX)
        crop = warp(rgb, matrix, INPUT_PX, resampling=Image.Resampling.BILINEAR)
        (inside,), (presence,) = self._points.run(None, {"image": crop[None]})
        points = np.empty_like(inside)
        points[:, :2] = inside[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        points[:, 2] = inside[:, 2] * (region.side_px / INPUT_PX)
        (blendshapes,) = self._blendshapes.run(None, {"points": points[None, self._chosen, :2]})
        return FaceReading(float(presence), points, blendshapes)


def _session(net: str, threads: int) -> onnxruntime.InferenceSession:
    onnxruntime = import_onnxruntime()
    try:
        data = resources.files("facefatigue.landmarks").joinpath("weights", f"{net}.onnx").read_bytes()
    except OSError:
        data = b""
    if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256[net]:
        raise ModelError(f"the landmarker's weights ({net}.onnx) are missing or damaged; reinstall facefatigue")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
