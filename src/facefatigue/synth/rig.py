"""The face rig: a neutral head, how people differ from it, and how faces move.

The rig is ICT-FaceKit (Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR 2020; MIT licence) as one
npz file. It does not ship with facefatigue.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

WHERE_FROM = "it is made from ICT-FaceKit (MIT licence), the light face model published by USC ICT Vision & Graphics Lab"

# Vertices of the 68 landmarks in the order of the iBUG 300-W markup; from vertex_indices.json of ICT-FaceKit.
LANDMARK_VERTICES = (
    1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443,  # jaw
    268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509,  # brows
    978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360,  # nose
    1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732,  # eyes
    5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841,  # outer lips
    5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966,  # inner lips
)  # fmt: skip
BROWS = (slice(17, 22), slice(22, 27))
EYES = (slice(36, 42), slice(42, 48))
NOSE_TIP, MOUTH_CORNERS, OUTER_LIPS = 30, (48, 54), slice(48, 60)

# What is drawn; the other materials are transparent films over the eyes.
MATERIALS = ("M_BackHead", "M_Face", "M_GumsTongue", "M_IrisLeft", "M_IrisRight", "M_Teeth")
# Of the back of the head only what can be seen from the front.
HIDDEN_BEHIND_CM = -1.0


@dataclass(frozen=True, eq=False)
class Rig:
    """A rig in memory. Lengths are in centimetres, x to the person's left, y up, z towards the viewer.

    Attributes:
        neutral: (V, 3) float32 vertices.
        identities: (I, V, 3) float32: what one unit of each identity coefficient adds.
        expressions: By name, (V, 3) float32: what a fully raised expression adds.
        triangles: (T, 3) int32 vertex numbers.
        material: (V,) int8: index into MATERIALS, -1 for vertices that are not drawn.
    """

    neutral: NDArray[np.float32]
    identities: NDArray[np.float32]
    expressions: Mapping[str, NDArray[np.float32]]
    triangles: NDArray[np.int32]
    material: NDArray[np.int8]

    def person(self, coefficients: NDArray[np.floating]) -> NDArray[np.float32]:
        """(V, 3) neutral face of the person with these (I,) identity coefficients (standard normal over people)."""
        face = self.neutral + np.tensordot(np.asarray(coefficients, np.float32), self.identities, 1)
        return np.asarray(face, np.float32)


def load_rig(path: Path) -> Rig:
    """Read a rig file.

    Args:
        path: npz with neutral, identity_delta, expression_delta, expression_name, faces, face_material, material_name.

    Raises:
        ConfigurationError: No such file, or not a rig; in one line.
    """
    if not path.is_file():
        raise ConfigurationError(f"{path}: no rig file there; {WHERE_FROM}, and given with --rig")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            neutral = data["neutral"].astype(np.float32)
            identities = data["identity_delta"].astype(np.float32)
            deltas = data["expression_delta"].astype(np.float32)
            names = [str(name) for name in data["expression_name"]]
            quads = data["faces"].astype(np.int32)
            materials = [str(name) for name in data["material_name"]]
            quad_material = data["face_material"]
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ConfigurationError(f"{path}: is not a rig file ({error}); {WHERE_FROM}") from error
    if neutral.ndim != 2 or deltas.shape != (len(names), *neutral.shape) or quads.max(initial=-1) >= len(neutral):
        raise ConfigurationError(f"{path}: is not a rig file (its arrays do not fit together); {WHERE_FROM}")
    if max(LANDMARK_VERTICES) >= len(neutral):
        raise ConfigurationError(f"{path}: has only {len(neutral)} vertices; {WHERE_FROM}")
    triangles, material = _drawn(quads, quad_material, materials, neutral)
    return Rig(neutral, identities, dict(zip(names, deltas, strict=True)), triangles, material)


def _drawn(
    quads: NDArray[np.int32], quad_material: NDArray[np.int16], names: list[str], neutral: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    material = np.full(len(neutral), -1, np.int8)
    parts: list[NDArray[np.int32]] = []
    for number, name in enumerate(MATERIALS):
        if name not in names:
            continue
        own = quads[quad_material == names.index(name)]
        material[own[own >= 0]] = number
        if name == "M_BackHead":
            own = own[neutral[own, 2].max(axis=1) > HIDDEN_BEHIND_CM]
        parts += [own[:, :3], own[own[:, 3] >= 0][:, [0, 2, 3]]]
    triangles = np.concatenate(parts) if parts else np.empty((0, 3), np.int32)
    return np.ascontiguousarray(triangles, np.int32), material


def five_landmarks(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """The five landmarks of the face detector from the 68: eye centres (image left first), nose, mouth corners.

    Args:
        points: (68, D) in the order of LANDMARK_VERTICES.

    Returns:
        (5, D) float64.
    """
    eyes = [points[eye].mean(axis=0) for eye in EYES]
    return np.stack([*eyes, points[NOSE_TIP], *(points[corner] for corner in MOUTH_CORNERS)]).astype(np.float64)
