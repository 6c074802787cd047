"""MTCNN: three small nets in a cascade find faces and five landmarks.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks", IEEE Signal Processing
Letters 23 (2016). P-Net slides over an image pyramid, R-Net and O-Net look at each candidate; every stage suppresses
overlaps and calibrates its boxes. Thresholds, suppression and rounding follow the published implementation.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.errors import ModelError
from facefatigue.faces.boxes import calibrate, squared, suppress
from facefatigue.faces.face import Face
from facefatigue.faces.resample import AreaSampler, reduce_frame, sample_boxes
from facefatigue.offline import import_onnxruntime

if TYPE_CHECKING:
    import onnxruntime
    from numpy.typing import NDArray

    from facefatigue.faces.boxes import Boxes

WEIGHTS_SHA256 = {
    "pnet": "8016b9a3e437210d46ad2c1e6577741053fbf2da1aacda1c69383b7fb6829dd7",
    "rnet": "046eb21750437dc9a5cf4d8da6dd734d16db1889bf5bf6576d5e401ee0b9fe1e",
    "onet": "249665f83d95f994476b69d4e95134e0577c156678f42e55122536c30bbb4ce5",
}
THRESHOLDS = (0.6, 0.7, 0.7)
PYRAMID_FACTOR = 0.709
MIN_FACE_PX = 20
_PNET_CELL_PX = 12
_PNET_STRIDE_PX = 2
# Candidates kept after each stage: far above any real crowd, so that a picture made to trigger P-Net everywhere stays cheap.
_MAX_CANDIDATES = 1500
_MAX_CANDIDATES_BOUNDED = 200
_MIN_FACE_REDUCED_PX = 24


class Mtcnn:
    """The cascade over one set of weights; safe to use from one thread at a time.

    Args:
        threads: Threads for each net; one is fastest for nets this small.

    Raises:
        ModelError: The weights that ship with the package are missing or damaged.
    """

    def __init__(self, *, threads: int = 1) -> None:
        self._pnet, self._rnet, self._onet = (_session(net, threads) for net in ("pnet", "rnet", "onet"))

    def detect(
        self,
        rgb: NDArray[np.uint8],
        *,
        min_face_px: float = MIN_FACE_PX,
        thresholds: tuple[float, float, float] = THRESHOLDS,
        max_side_px: int | None = None,
    ) -> list[Face]:
        """Find all faces in a frame.

        Args:
            rgb: (H, W, 3) uint8 RGB, upright.
            min_face_px: Smallest face to look for, in pixels of ``rgb``.
            thresholds: Probabilities from which P-, R- and O-Net let a candidate pass.
            max_side_px: Let P-Net search a copy reduced to this longer side, so that its cost has a bound; R-Net too;
                O-Net always looks at the full frame. ``min_face_px`` then grows with the reduction.

        Returns:
            Faces, most probable first.
        """
        width = rgb.shape[1]
        reduced = rgb if max_side_px is None else reduce_frame(rgb, max_side_px)
        scale = reduced.shape[1] / width
        least_px = max(min_face_px * scale, _MIN_FACE_REDUCED_PX if scale < 1 else 0)
        boxes = self._propose(reduced, least_px, thresholds[0]) / scale
        if max_side_px is not None:
            boxes = boxes[:_MAX_CANDIDATES_BOUNDED]  # best first
        if len(boxes):
            boxes = self._select(reduced, boxes * scale, thresholds[1]) / scale
        if not len(boxes):
            return []
        return self._finish(rgb, boxes, thresholds[2])

    def refine(self, rgb: NDArray[np.uint8], boxes: Boxes, *, threshold: float = 0.0) -> list[Face | None]:
        """Look with O-Net alone at known places, one answer a box.

        Args:
            rgb: (H, W, 3) uint8 RGB, upright.
            boxes: (N, 4) where faces were a moment ago; they are made square.
            threshold: Least probability for an answer.

        Returns:
            For each box the face in it, or None when it is less probable than ``threshold``.
        """
        if not len(boxes):
            return []
        boxes = squared(boxes)
        crops = sample_boxes(rgb, boxes, 48, exact_up_to_px=192, stretch=False)
        probability, regression, points = self._onet.run(None, {"image": crops})
        landmarks = _landmarks(boxes, points)
        moved = calibrate(boxes, regression, extra_px=1)
        return [
            Face(box, float(p), marks) if p >= threshold else None
            for box, p, marks in zip(moved, probability, landmarks, strict=True)
        ]

    def _propose(self, rgb: NDArray[np.uint8], min_face_px: float, threshold: float) -> Boxes:
        height, width = rgb.shape[:2]
        pyramid = AreaSampler(rgb)
        found: list[tuple[Boxes, NDArray[np.float64], NDArray[np.float64]]] = []
        scale = _PNET_CELL_PX / min_face_px
        while min(height, width) * scale >= _PNET_CELL_PX:
            level = pyramid.resize(int(width * scale + 1), int(height * scale + 1))
            probability, regression = self._pnet.run(None, {"image": level[None]})
            found.append(_candidates(probability[0], regression[0], scale, threshold))
            scale *= PYRAMID_FACTOR
        if not found:
            return np.empty((0, 4))
        boxes, scores, regression = (np.concatenate(part) for part in zip(*found, strict=True))
        kept = suppress(boxes, scores, 0.7)[:_MAX_CANDIDATES]
        return squared(calibrate(boxes[kept], regression[kept]))

    def _select(self, rgb: NDArray[np.uint8], boxes: Boxes, threshold: float) -> Boxes:
        boxes = _with_area(boxes, rgb)
        if not len(boxes):
            return boxes
        probability, regression = self._rnet.run(None, {"image": sample_boxes(rgb, boxes, 24)})
        passed = np.flatnonzero(probability > threshold)
        kept = passed[suppress(boxes[passed], probability[passed], 0.7)]
        return squared(calibrate(boxes[kept], regression[kept], extra_px=1))

    def _finish(self, rgb: NDArray[np.uint8], boxes: Boxes, threshold: float) -> list[Face]:
        boxes = _with_area(boxes, rgb)
        if not len(boxes):
            return []
        probability, regression, points = self._onet.run(None, {"image": sample_boxes(rgb, boxes, 48)})
        landmarks = _landmarks(boxes, points)
        boxes = calibrate(boxes, regression, extra_px=1)
        passed = np.flatnonzero(probability > threshold)
        kept = passed[suppress(boxes[passed], probability[passed], 0.7, "smaller")]
        return [Face(boxes[k], float(probability[k]), landmarks[k]) for k in kept]


def _session(net: str, threads: int) -> onnxruntime.InferenceSession:
    onnxruntime = import_onnxruntime()
    data = resources.files("facefatigue.faces").joinpath("weights", f"{net}.onnx").read_bytes()
    if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256[net]:
        raise ModelError(f"the face detector's weights ({net}.onnx) are damaged; reinstall facefatigue")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # inputs come in many sizes; an arena would keep the largest of each
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _candidates(
    probability: NDArray[np.float32], regression: NDArray[np.float32], scale: float, threshold: float
) -> tuple[Boxes, NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = np.nonzero(probability >= threshold)
    scores = probability[rows, columns].astype(np.float64)
    corners = _PNET_STRIDE_PX * np.stack([columns, rows], axis=1) + 1.0
    boxes = np.concatenate([np.floor(corners / scale), np.floor((corners + _PNET_CELL_PX - 1) / scale)], axis=1)
    if len(boxes) > _MAX_CANDIDATES:
        best = np.argsort(-scores, kind="stable")[:_MAX_CANDIDATES]
        boxes, scores, rows, columns = boxes[best], scores[best], rows[best], columns[best]
    kept = suppress(boxes, scores, 0.5)
    return boxes[kept], scores[kept], regression[rows[kept], columns[kept]].astype(np.float64)


def _landmarks(boxes: Boxes, points: NDArray[np.float32]) -> NDArray[np.float64]:
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    shares = points.reshape(-1, 2, 5).transpose(0, 2, 1)
    marks: NDArray[np.float64] = boxes[:, None, :2] + shares * sides[:, None, :] - 1
    return marks


def _with_area(boxes: Boxes, rgb: NDArray[np.uint8]) -> Boxes:
    height, width = rgb.shape[:2]
    inside = (boxes[:, 2] > 1) & (boxes[:, 3] > 1) & (boxes[:, 0] < width) & (boxes[:, 1] < height)
    sides = boxes[:, 2:] - boxes[:, :2]
    kept: Boxes = boxes[inside & (sides >= 1).all(axis=1)]
    return kept
