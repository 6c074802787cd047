"""The face rig: a neutral head, how people differ from it, and how faces move.

The rig is ICT-FaceKit (Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR 2020; MIT licence) as one
npz file. It does not ship with facefatigue.
"""

from __future__ import annotations

import dataclasses
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.errors import ConfigurationError
from facefatigue.synth.raster import add_weighted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

WHERE_FROM = (
    "make one with 'facefatigue synth rig FACEKIT OUT' from a clone of ICT-FaceKit, the light face model of the USC ICT"
    " Vision and Graphics Lab (MIT licence; search for ICT-FaceKit on GitHub)"
)

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

# What is drawn solid, and what is drawn as a film over it: lashes, and the shade that lids throw on the eyeball.
SOLIDS = ("M_BackHead", "M_Face", "M_GumsTongue", "M_IrisLeft", "M_IrisRight", "M_Teeth")
FILMS = ("M_EyeLashes", "M_EyeOcclusion")
MATERIALS = (*SOLIDS, *FILMS)
EYEBALLS = ("M_IrisLeft", "M_IrisRight")
INSIDE_MOUTH = ("M_GumsTongue", "M_Teeth")
_ONE_SIDED = (
    "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthFunnel", "mouthLeft", "mouthPucker", "mouthRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
)  # fmt: skip
_TWO_SIDED = (
    "PupilDilate", "browDown", "browInnerUp", "browOuterUp", "cheekPuff", "cheekRaiser", "cheekSquint", "eyeBlink",
    "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide", "mouthDimple", "mouthFrown",
    "mouthLowerDown", "mouthPress", "mouthSmile", "mouthStretch", "mouthUpperUp", "noseSneer",
)  # fmt: skip
EXPRESSIONS = (*_ONE_SIDED, *(name + side for name in _TWO_SIDED for side in ("_L", "_R")))
MOVED_CM = 1e-4  # a vertex that an expression moves by less is left where it is
# Of the back of the head only what can be seen from the front.
HIDDEN_BEHIND_CM = -1.0


@dataclass(frozen=True, eq=False)
class Rig:
    """A rig in memory, without what is never drawn; in centimetres, x to the person's left, y up, z to the viewer.

    Attributes:
        neutral: (V, 3) float32 vertices.
        identities: (I, V, 3) float32: what one unit of each identity coefficient adds.
        expressions: By name, what a fully raised expression adds: (D,) int32 vertex numbers and (D, 3) float32.
        triangles: (T, 3) int32 vertex numbers of what is solid, but for the inside of the mouth.
        mouth_triangles: (M, 3) int32 of gums, tongue and teeth.
        film_triangles: (F, 3) int32 of what lies over it, seen from both sides.
        material: (V,) int8: index into MATERIALS.
        eyeballs: By side, "L" or "R", the numbers of their vertices; ``mouth``: of gums, tongue and teeth.
        marks: (68,) int32 vertices of the landmarks.
    """

    neutral: NDArray[np.float32]
    identities: NDArray[np.float32]
    expressions: Mapping[str, tuple[NDArray[np.int32], NDArray[np.float32]]]
    triangles: NDArray[np.int32]
    mouth_triangles: NDArray[np.int32]
    film_triangles: NDArray[np.int32]
    material: NDArray[np.int8]
    eyeballs: Mapping[str, NDArray[np.intp]]
    mouth: NDArray[np.intp]
    marks: NDArray[np.int32]

    def person(self, coefficients: NDArray[np.floating]) -> NDArray[np.float32]:
        """(V, 3) neutral face of the person with these (I,) identity coefficients (standard normal over people)."""
        face = self.neutral + np.tensordot(np.asarray(coefficients, np.float32), self.identities, 1)
        return np.asarray(face, np.float32)

    def pose(self, vertices: NDArray[np.float32], weights: Mapping[str, float]) -> NDArray[np.float32]:
        """Raise expressions of (V', 3) float32 vertices, of which the rig's come first, in place; returns them."""
        for name, weight in weights.items():
            if abs(weight) > 1e-3:
                add_weighted(vertices, *self.expressions[name], np.float32(weight))
        return vertices

    def without_hidden(self, seen: NDArray[np.bool_]) -> Rig:
        """The same rig without the triangles of which no vertex is ever seen, (V,): the backs of eyeballs and the like."""
        kept = self.triangles[seen[self.triangles].any(axis=1)]
        return dataclasses.replace(self, triangles=np.ascontiguousarray(kept))

    def made_of(self, *materials: str) -> NDArray[np.bool_]:
        """(V,) whether a vertex belongs to one of these materials."""
        return np.isin(self.material, [MATERIALS.index(name) for name in materials])


def load_rig(path: Path) -> Rig:
    """Read a rig file.

    Args:
        path: npz with neutral, identity_delta, expression_delta, expression_name, faces, face_material, material_name, and
            perhaps landmark_vertices (else those of ICT-FaceKit).

    Raises:
        ConfigurationError: No such file, or not a rig; in one line.
    """
    if not path.is_file():
        raise ConfigurationError(f"{path}: no rig file there; {WHERE_FROM}")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            neutral = data["neutral"].astype(np.float32)
            identities = data["identity_delta"].astype(np.float32)
            deltas = data["expression_delta"].astype(np.float32)
            names = [str(name) for name in data["expression_name"]]
            quads = data["faces"].astype(np.int32)
            materials = [str(name) for name in data["material_name"]]
            quad_material = data["face_material"]
            marks = data.get("landmark_vertices", np.array(LANDMARK_VERTICES)).astype(np.int32)
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ConfigurationError(f"{path}: is not a rig file ({error}); {WHERE_FROM}") from error
    fits = (
        neutral.ndim == 2
        and neutral.shape[1] == 3
        and deltas.shape == (len(names), *neutral.shape)
        and identities.shape[1:] == neutral.shape
        and quads.shape == (*quad_material.shape, 4)
        and quads[:, :3].min(initial=0) >= 0
        and quads.max(initial=-1) < len(neutral)
        and marks.shape == (68,)
        and marks.min() >= 0
    )
    if not fits:
        raise ConfigurationError(f"{path}: is not a rig file (its arrays do not fit together); {WHERE_FROM}")
    if marks.max() >= len(neutral):
        raise ConfigurationError(f"{path}: has only {len(neutral)} vertices; {WHERE_FROM}")
    if missing := [name for name in EXPRESSIONS if name not in names]:
        raise ConfigurationError(f"{path}: has no expression {', '.join(missing)}; {WHERE_FROM}")
    if "M_Face" not in materials:
        raise ConfigurationError(f"{path}: has no material M_Face; {WHERE_FROM}")
    drawn = _drawn(quads, quad_material, materials, neutral)
    return _compact(neutral, identities, dict(zip(names, deltas, strict=True)), drawn, marks)


def _drawn(
    quads: NDArray[np.int32], quad_material: NDArray[np.int16], names: list[str], neutral: NDArray[np.float32]
) -> dict[str, NDArray[np.int32]]:
    """(T, 3) triangles of each material."""
    drawn = {}
    for name in MATERIALS:
        own = quads[quad_material == names.index(name)] if name in names else np.empty((0, 4), np.int32)
        if name == "M_BackHead":
            own = own[neutral[own, 2].max(axis=1) > HIDDEN_BEHIND_CM]
        drawn[name] = np.concatenate([own[:, :3], own[own[:, 3] >= 0][:, [0, 2, 3]]])
    return drawn


def _compact(
    neutral: NDArray[np.float32],
    identities: NDArray[np.float32],
    deltas: dict[str, NDArray[np.float32]],
    drawn: dict[str, NDArray[np.int32]],
    marks: NDArray[np.int32],
) -> Rig:
    """Leave out the vertices that nothing is drawn from."""
    used = np.unique(np.concatenate([marks, *(own.ravel() for own in drawn.values())]))
    number = np.full(len(neutral), -1, np.int32)
    number[used] = np.arange(len(used), dtype=np.int32)
    material = np.full(len(used), MATERIALS.index("M_Face"), np.int8)
    for index, name in enumerate(MATERIALS):
        material[number[drawn[name].ravel()]] = index

    def join(names: tuple[str, ...]) -> NDArray[np.int32]:
        return np.ascontiguousarray(number[np.concatenate([drawn[name] for name in names])], np.int32)

    expressions = {}
    for name, delta in deltas.items():
        moved = np.flatnonzero(np.abs(delta[used]).max(axis=1) > MOVED_CM).astype(np.int32)
        expressions[name] = (moved, np.ascontiguousarray(delta[used][moved]))
    films = join(FILMS)
    return Rig(
        neutral=np.ascontiguousarray(neutral[used]),
        identities=np.ascontiguousarray(identities[:, used]),
        expressions=expressions,
        triangles=join(tuple(name for name in SOLIDS if name not in INSIDE_MOUTH)),
        mouth_triangles=join(INSIDE_MOUTH),
        film_triangles=np.ascontiguousarray(np.concatenate([films, films[:, ::-1]])),
        material=material,
        eyeballs={name[6]: np.flatnonzero(material == MATERIALS.index(name)) for name in EYEBALLS},
        mouth=np.flatnonzero(np.isin(material, [MATERIALS.index(name) for name in INSIDE_MOUTH])),
        marks=number[marks],
    )


def five_landmarks(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """The five landmarks of the face detector from the 68: eye centres (image left first), nose, mouth corners.

    Args:
        points: (68, D) in the order of LANDMARK_VERTICES.

    Returns:
        (5, D) float64.
    """
    eyes = [points[eye].mean(axis=0) for eye in EYES]
    return np.stack([*eyes, points[NOSE_TIP], *(points[corner] for corner in MOUTH_CORNERS)]).astype(np.float64)
