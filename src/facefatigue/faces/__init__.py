"""Faces in frames: detect (MTCNN), follow, five landmarks, aligned crop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefatigue.faces.align import align_face, eye_transform
from facefatigue.faces.face import Face
from facefatigue.faces.mtcnn import Mtcnn
from facefatigue.faces.track import FaceTracker, TrackedFace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Face", "FaceTracker", "Mtcnn", "TrackedFace", "align_face", "detect_faces", "eye_transform"]


def detect_faces(rgb: NDArray[np.uint8], *, min_face_px: float = 20) -> list[Face]:
    """Find all faces in one picture, with the published settings.

    Args:
        rgb: (H, W, 3) uint8 RGB, upright.
        min_face_px: Smallest face to look for, in pixels.

    Returns:
        Faces, largest first.

    Raises:
        ValueError: ``rgb`` is not a (H, W, 3) uint8 array.
    """
    check_frame(rgb)
    return sorted(Mtcnn().detect(rgb, min_face_px=min_face_px), key=lambda face: -face.size_px)


def check_frame(rgb: NDArray[np.uint8]) -> None:
    """Raise ValueError unless ``rgb`` is a (H, W, 3) uint8 array with pixels."""
    if getattr(rgb, "dtype", None) != "uint8" or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        got = f"{getattr(rgb, 'dtype', type(rgb).__name__)} {getattr(rgb, 'shape', '')}"
        raise ValueError(f"a frame is a (height, width, 3) uint8 RGB array, not {got}")
