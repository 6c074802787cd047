"""What one synthetic person looks like: skin, brows, lips, hair, beard, irises, glasses, as a colour for every vertex."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.synth.rig import BROWS, EYES, LANDMARK_VERTICES, MATERIALS, OUTER_LIPS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.synth.rig import Rig

# sRGB skin from very light to very dark, evenly spaced in lightness (after the Monk skin tone scale).
_SKIN = np.array(
    [[0.96, 0.85, 0.78], [0.91, 0.74, 0.63], [0.80, 0.61, 0.48], [0.63, 0.44, 0.32], [0.42, 0.28, 0.20], [0.25, 0.16, 0.12]]
)
_HAIR = np.array(
    [[0.05, 0.04, 0.04], [0.16, 0.10, 0.07], [0.32, 0.20, 0.12], [0.62, 0.47, 0.30], [0.55, 0.53, 0.52], [0.45, 0.20, 0.10]]
)
_IRIS = np.array([[0.20, 0.12, 0.07], [0.30, 0.20, 0.10], [0.25, 0.33, 0.22], [0.32, 0.45, 0.58], [0.40, 0.42, 0.42]])
_PUPIL_DEG, _IRIS_DEG = 9.0, 25.0
_RING_POINTS = 40


@dataclass(frozen=True, eq=False)
class Person:
    """A person, ready to be animated.

    Attributes:
        vertices: (V, 3) float32 neutral face, glasses included as further vertices.
        triangles: (T, 3) int32.
        albedo: (V, 3) float32 reflectance, 0 to 1.
        gloss: (V,) float32 strength of the highlight.
        rig_vertices: How many of the vertices are the rig's own.
        skin_tone: Where the skin lies between very light (0) and very dark (1).
        glasses: Whether glasses are worn.
    """

    vertices: NDArray[np.float32]
    triangles: NDArray[np.int32]
    albedo: NDArray[np.float32]
    gloss: NDArray[np.float32]
    rig_vertices: int
    skin_tone: float
    glasses: bool


def make_person(rig: Rig, rng: np.random.Generator) -> Person:
    """Draw a person at random: shape, skin tone, hair, brows, lips, beard, irises, glasses."""
    face = rig.person(rng.normal(0, 0.8, len(rig.identities)))
    tone = float(rng.uniform())
    marks = face[list(LANDMARK_VERTICES)]
    albedo, gloss = _paint(face, rig.material, marks, tone, rng)
    vertices, triangles = face, rig.triangles
    glasses = bool(rng.uniform() < 0.25)
    if glasses:
        frame_vertices, frame_triangles = _glasses(marks, rng)
        triangles = np.concatenate([triangles, frame_triangles + len(vertices)]).astype(np.int32)
        vertices = np.concatenate([vertices, frame_vertices])
        colour = rng.uniform(0.02, 0.5) * rng.uniform(0.7, 1.0, 3)
        albedo = np.concatenate([albedo, np.tile(colour, (len(frame_vertices), 1))])
        gloss = np.concatenate([gloss, np.full(len(frame_vertices), 0.5)])
    return Person(
        vertices=vertices.astype(np.float32),
        triangles=triangles,
        albedo=albedo.astype(np.float32),
        gloss=gloss.astype(np.float32),
        rig_vertices=len(face),
        skin_tone=tone,
        glasses=glasses,
    )


def _between(colours: NDArray[np.float64], where: float) -> NDArray[np.float64]:
    position = where * (len(colours) - 1)
    low = min(int(position), len(colours) - 2)
    return np.asarray(colours[low] + (position - low) * (colours[low + 1] - colours[low]), np.float64)


def _paint(
    face: NDArray[np.float32], material: NDArray[np.int8], marks: NDArray[np.float32], tone: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    skin = _between(_SKIN, tone) * rng.uniform(0.94, 1.06, 3)
    albedo = np.tile(skin, (len(face), 1))
    gloss = np.full(len(face), rng.uniform(0.02, 0.15))
    albedo *= 1 + _blotches(face, rng, size_cm=0.8, strength=0.05) + _blotches(face, rng, size_cm=3.0, strength=0.06)
    hair = _HAIR[rng.integers(len(_HAIR))] * rng.uniform(0.8, 1.2)
    _paint_around_eyes(albedo, face, marks, rng)
    lip_colour = skin * np.array([0.95, 0.62, 0.62]) * rng.uniform(0.8, 1.05)
    _mix(
        albedo, lip_colour, _inside(face, marks[OUTER_LIPS], soft_cm=0.15) * (face[:, 2] > marks[OUTER_LIPS, 2].min() - 1.2)
    )
    brow_strength, brow_cm = rng.uniform(0.25, 1.0), rng.uniform(0.18, 0.40)
    for brow in BROWS:
        _mix(albedo, hair * 0.9, brow_strength * np.exp(-((_distance_to_line(face, marks[brow]) / brow_cm) ** 2)))
    if rng.uniform() < 0.3:  # beard or stubble: jaw, chin and upper lip
        low = _step((marks[33, 1] - 0.6 - 0.15 * np.abs(face[:, 0]) - face[:, 1]) / 0.3)
        lips = _inside(face, marks[OUTER_LIPS], soft_cm=0.2)
        _mix(albedo, hair, rng.uniform(0.2, 0.9) * low * (1 - lips))
    if rng.uniform() < 0.85:  # hair or cap above a hairline that falls towards the ears
        line_cm = marks[19, 1] + rng.uniform(2.2, 4.5) - rng.uniform(0.02, 0.06) * face[:, 0] ** 2
        above = _step((face[:, 1] - line_cm) / 0.15)
        behind = (
            (material == MATERIALS.index("M_BackHead"))
            & (face[:, 1] > marks[2, 1] + rng.uniform(-3, 3))
            & (face[:, 2] < 3.0)
        )
        _mix(albedo, hair if rng.uniform() < 0.85 else rng.uniform(0.1, 0.9, 3), np.maximum(above, behind))
    clothes = rng.uniform(0.05, 0.9, 3)
    _mix(albedo, clothes, (face[:, 1] < marks[8, 1] - rng.uniform(4.0, 7.0)).astype(float))
    _paint_inside_mouth(albedo, material, marks, face)
    _paint_irises(albedo, gloss, face, material, rng)
    return np.clip(albedo, 0.01, 1.0), gloss


def _paint_around_eyes(
    albedo: NDArray[np.float64], face: NDArray[np.float32], marks: NDArray[np.float32], rng: np.random.Generator
) -> None:
    circles, lashes = rng.uniform(0, 0.35), rng.uniform(0.3, 0.95)
    for eye in EYES:
        contour = marks[eye]
        centre = contour.mean(axis=0)
        below = np.exp(-(((face[:, 0] - centre[0]) / 1.6) ** 2 + ((face[:, 1] - centre[1] + 1.0) / 0.6) ** 2))
        _mix(albedo, albedo * np.array([0.55, 0.5, 0.6]), circles * below * (face[:, 2] > centre[2] - 1.5))
        closed = np.concatenate([contour, contour[:1]])
        rim = np.exp(-((_distance_to_line(face, closed) / rng.uniform(0.07, 0.13)) ** 2))
        _mix(albedo, np.array([0.08, 0.06, 0.05]), lashes * rim)


def _paint_inside_mouth(
    albedo: NDArray[np.float64], material: NDArray[np.int8], marks: NDArray[np.float32], face: NDArray[np.float32]
) -> None:
    gums, teeth, skin = (material == MATERIALS.index(name) for name in ("M_GumsTongue", "M_Teeth", "M_Face"))
    albedo[gums] = (0.42, 0.16, 0.15)
    albedo[teeth] = (0.80, 0.77, 0.68)
    inside = skin & (np.abs(face[:, 0]) < 2.2) & (face[:, 2] < marks[OUTER_LIPS, 2].min() - 1.0)
    inside &= np.abs(face[:, 1] - marks[OUTER_LIPS, 1].mean()) < 1.2
    albedo[inside] = (0.20, 0.07, 0.07)
    deep = np.clip((marks[OUTER_LIPS, 2].mean() - face[:, 2] - 0.8) / 4, 0, 1)  # less light the deeper it lies
    for part in (gums, teeth, inside):
        albedo[part] *= (1 - 0.85 * deep[part])[:, None]


def _paint_irises(
    albedo: NDArray[np.float64],
    gloss: NDArray[np.float64],
    face: NDArray[np.float32],
    material: NDArray[np.int8],
    rng: np.random.Generator,
) -> None:
    iris = _IRIS[rng.integers(len(_IRIS))] * rng.uniform(0.7, 1.3)
    white = np.array([0.86, 0.84, 0.82]) * rng.uniform(0.8, 1.05) * np.array([1, *rng.uniform(0.9, 1.0, 2)])
    for name in ("M_IrisLeft", "M_IrisRight"):
        own = material == MATERIALS.index(name)
        if not own.any():
            continue
        ball = face[own]
        centre = (ball.min(axis=0) + ball.max(axis=0)) / 2
        direction = ball - centre
        angle_deg = np.degrees(np.arccos(np.clip(direction[:, 2] / np.linalg.norm(direction, axis=1), -1, 1)))
        colours = np.where((angle_deg < _IRIS_DEG)[:, None], iris, white)
        albedo[own] = np.where((angle_deg < _PUPIL_DEG)[:, None], 0.02, colours)
        gloss[own] = 0.6


def _step(value: NDArray[np.floating]) -> NDArray[np.float64]:
    """A soft step from 0 to 1 around 0."""
    return np.asarray(0.5 * (1 + np.tanh(value / 2)))


def _mix(albedo: NDArray[np.float64], colour: NDArray[np.float64], share: NDArray[np.float64]) -> None:
    albedo += np.clip(share, 0, 1)[:, None] * (colour - albedo)


def _blotches(
    face: NDArray[np.float32], rng: np.random.Generator, *, size_cm: float, strength: float
) -> NDArray[np.float64]:
    """(V, 1) smooth noise over the face: a sum of plane waves of random direction."""
    waves = rng.normal(0, 1 / size_cm, (12, 3))
    noise = np.cos(face @ waves.T + rng.uniform(0, 2 * np.pi, 12)).mean(axis=1, keepdims=True)
    return np.asarray(strength * np.sqrt(12) * noise, np.float64)


def _distance_to_line(face: NDArray[np.float32], line: NDArray[np.float32]) -> NDArray[np.float64]:
    """(V,) distance of every vertex to a polyline (P, 3), in centimetres."""
    best = np.full(len(face), np.inf)
    for start, end in itertools.pairwise(line):
        along = end - start
        share = np.clip((face - start) @ along / max(float(along @ along), 1e-9), 0, 1)
        best = np.minimum(best, np.linalg.norm(face - (start + share[:, None] * along), axis=1))
    return best


def _inside(face: NDArray[np.float32], outline: NDArray[np.float32], *, soft_cm: float) -> NDArray[np.float64]:
    """(V,) 1 inside an outline (P, 3) as seen from the front, 0 outside, soft at the edge."""
    closed = np.concatenate([outline, outline[:1]])[:, :2]
    x, y = face[:, 0], face[:, 1]
    crossings = np.zeros(len(face), bool)
    for (x0, y0), (x1, y1) in itertools.pairwise(closed):
        spans = (y0 > y) != (y1 > y)
        crossings ^= spans & (x < (x1 - x0) * (y - y0) / (y1 - y0 + 1e-12) + x0)
    flat = face.copy()
    flat[:, 2] = 0
    edge = np.concatenate([closed, np.zeros((len(closed), 1), np.float32)], axis=1).astype(np.float32)
    return np.where(crossings, 1.0, np.exp(-((_distance_to_line(flat, edge) / soft_cm) ** 2)))


def _glasses(marks: NDArray[np.float32], rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Two rings, a bridge and temples, as flat bands in front of the eyes."""
    width_cm, height_cm, bar_cm = rng.uniform(2.1, 2.9), rng.uniform(1.5, 2.3), rng.uniform(0.08, 0.28)
    front = max(marks[27:30, 2].min(), marks[36:48, 2].max()) + rng.uniform(0.4, 0.9)
    centres = [marks[eye].mean(axis=0) - np.array([0, 0.2, 0]) for eye in EYES]
    angle = np.linspace(0, 2 * np.pi, _RING_POINTS, endpoint=False)
    corner = rng.uniform(0.45, 1.0)  # below 1 the ring becomes a rounded rectangle
    x, y = np.cos(angle), np.sin(angle)
    shape = np.stack([np.sign(x) * np.abs(x) ** corner, np.sign(y) * np.abs(y) ** corner], 1)
    bands = []
    for centre in centres:
        inner = centre[:2] + shape * [width_cm, height_cm]
        outer = centre[:2] + shape * [width_cm + bar_cm, height_cm + bar_cm]
        depth = np.full(len(inner), front)
        bands.append((np.column_stack([inner, depth]), np.column_stack([outer, depth]), True))
    for side, centre in zip((-1, 1), centres, strict=True):
        edge = centre[0] + side * width_cm
        top = np.array([[edge, centre[1] + 0.5, front], [side * 7.8, centre[1] + 0.3, 0.0]])
        bands.append((top - [0, bar_cm, 0], top, False))
    bridge = np.array(
        [[centres[0][0] + width_cm, centres[0][1] + 0.3, front], [centres[1][0] - width_cm, centres[1][1] + 0.3, front]]
    )
    bands.append((bridge - [0, bar_cm, 0], bridge, False))
    vertices, triangles, offset = [], [], 0
    for one, other, closed in bands:
        count = len(one)
        vertices += [one, other]
        for i in range(count if closed else count - 1):
            j = (i + 1) % count
            a, b, c, d = offset + i, offset + j, offset + count + j, offset + count + i
            triangles += [[a, b, c], [a, c, d], [a, c, b], [a, d, c]]  # both sides
        offset += 2 * count
    return np.concatenate(vertices).astype(np.float32), np.array(triangles, np.int32)
