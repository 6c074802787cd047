"""What is read from one face in one frame: 478 points and 52 blendshapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POINTS = 478

# Category names of MediaPipe's Face Landmarker, in the order of its output (kBlendshapeNames of face_blendshapes_graph.cc).
# Left and right are the person's own: eyeBlinkLeft is the eye at the right side of an image that is not mirrored.
BLENDSHAPES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft",
    "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class FaceReading:
    """One face in one frame.

    Attributes:
        presence: Probability that there is a face where the nets looked, 0 to 1.
        points: (478, 3) float32 in pixels of the frame: x right, y down (pixel centres are whole numbers), z away from the
            camera in the same scale, 0 near the middle of the head. The numbering is that of MediaPipe's face mesh, with the
            irises in 468-477. Points may lie outside the frame.
        blendshapes: (52,) float32, 0 to 1, in the order of :data:`BLENDSHAPES`.
    """

    presence: float
    points: NDArray[np.float32]
    blendshapes: NDArray[np.float32]
