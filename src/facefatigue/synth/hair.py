"""Hair, caps and scarves: a shell over the scalp, and locks that hang from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.synth.paint import distance, inside, mix, noise, step, streaks
from facefatigue.synth.parts import Part, band, plain_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.synth.rig import Rig

    Face = NDArray[np.float32]
    Colours = NDArray[np.float64]

# Black, dark brown, brown, blond, grey, red, white.
HAIR = np.array(
    [
        [0.04, 0.035, 0.035], [0.10, 0.065, 0.05], [0.24, 0.15, 0.09], [0.58, 0.43, 0.26], [0.45, 0.44, 0.43],
        [0.40, 0.17, 0.08], [0.75, 0.74, 0.72],
    ]
)  # fmt: skip
_LOCK_POINTS = 7


@dataclass(frozen=True, eq=False)
class Head:
    """A bare head.

    Attributes:
        rig: Whose vertices these are.
        face: (V, 3) float32 vertices, cm.
        normals: (V, 3) float32 of them.
        marks: (68, 3) float32 landmarks.
    """

    rig: Rig
    face: Face
    normals: Face
    marks: Face

    @property
    def skull(self) -> NDArray[np.bool_]:
        """(V,) whether a vertex belongs to the face, the neck or the back of the head."""
        return self.rig.made_of("M_Face", "M_BackHead")


def draw_hair(head: Head, colour: Colours, albedo: Colours, rng: np.random.Generator) -> list[Part]:
    """Draw what is on a head: nothing, short or long hair with or without a fringe, a cap, a scarf.

    Args:
        head: The bare head.
        colour: (3,) of the hair.
        albedo: (V, 3) of the face; the scalp and the clothes are painted here.
        rng: For everything else.

    Returns:
        The pieces to add.
    """
    face, marks = head.face, head.marks
    clothes = rng.uniform(0.02, 0.95) * rng.uniform(0.5, 1.0, 3)
    neckline = marks[8, 1] - rng.uniform(3.0, 7.0) + rng.uniform(-0.1, 0.4) * np.abs(face[:, 0])
    mix(albedo, clothes, step((neckline - face[:, 1]) / 0.15))
    kind = rng.choice(["bald", "short", "long", "cap", "scarf"], p=[0.09, 0.46, 0.28, 0.10, 0.07])
    if kind == "scarf":
        return _scarf(head, rng)
    top = marks[27, 1] + rng.uniform(5.0, 7.2)
    across, curve = face[:, 0], rng.uniform(0.015, 0.06)
    line_cm = top - curve * across**2 + rng.uniform(0, 0.4) * np.sin(across * rng.uniform(0.5, 2))
    scalp = step((face[:, 1] - line_cm) / 0.2) * head.skull
    # Around the ears: in front of them the hair ends in sideburns.
    side = (np.abs(across) > 6.3) & (np.abs(across) < 7.5) & (face[:, 2] < rng.uniform(2.0, 4.0))
    scalp = np.maximum(scalp, side & head.skull & (face[:, 1] > marks[2, 1] + rng.uniform(-1, 4)))
    if kind == "bald":
        mix(albedo, colour, rng.uniform(0, 0.5) * scalp * (1 - 0.5 * np.abs(noise(face, rng, size_cm=1.0))))
        return []
    if kind == "cap":
        return _cap(head, rng)
    hairs = 1 - 0.35 * np.abs(streaks(face, rng, across=(1.0, rng.normal(0, 0.5)), width_cm=rng.uniform(0.15, 0.6)))
    mix(albedo, colour * 0.8, scalp)
    thick_cm = rng.uniform(0.3, 1.6) if kind == "short" else rng.uniform(0.5, 2.0)
    rough_cm = thick_cm * rng.uniform(0.05, 0.3)
    away = np.clip((face[:, 1] - line_cm) / rng.uniform(0.5, 2.5), 0.15, 1)
    height = thick_cm * away + rough_cm * noise(face, rng, size_cm=rng.uniform(0.4, 1.5))
    parts = _shell(head, scalp > 0.5, np.maximum(height, 0.05), colour * hairs[:, None], gloss=0.03)
    if rng.uniform() < (0.35 if kind == "short" else 0.55):
        parts += _fringe(face, marks, line_cm, colour, rng)
    if kind == "long":
        parts += _curtains(marks, colour, rng)
    return parts


def _shell(
    head: Head,
    covered: NDArray[np.bool_],
    height_cm: NDArray[np.float64] | float,
    colours: Colours,
    *,
    gloss: float,
) -> list[Part]:
    """The covered part of a head once more, lifted along its normals."""
    own = head.rig.triangles[covered[head.rig.triangles].all(axis=1)]
    if not len(own):
        return []
    used, triangles = np.unique(own, return_inverse=True)
    lifted = head.face + head.normals * np.broadcast_to(np.asarray(height_cm), len(head.face))[:, None]
    colours = np.clip(np.broadcast_to(colours, lifted.shape), 0, 1)
    return [plain_part(lifted[used], triangles.reshape(-1, 3), colours[used], gloss=gloss, openness=0.9)]


def _lock(path: NDArray[np.floating], width_cm: float, colour: Colours, rng: np.random.Generator) -> Part:
    """A flat lock of hair along a path (P, 3), narrower towards its tip."""
    share = np.linspace(0, 1, len(path))[:, None]
    direction = np.gradient(path, axis=0)
    across = np.stack([direction[:, 1], -direction[:, 0], np.zeros(len(path))], 1)
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-6
    half = across * width_cm / 2 * np.sqrt(1 - 0.8 * share)
    return band(path - half, path + half, colour * rng.uniform(0.6, 1.25), gloss=0.03, openness=0.8)


def _fringe(face: Face, marks: Face, line_cm: NDArray[np.float64], colour: Colours, rng: np.random.Generator) -> list[Part]:
    """Locks that hang over the forehead, as far down as to the eyes."""
    count = int(rng.integers(6, 26))
    from_x, to_x = (-5.5, 5.5) if rng.uniform() < 0.6 else sorted(rng.uniform(-6, 6, 2))
    reach = marks[19, 1] + rng.uniform(-0.9, 3.0)
    sweep = rng.normal(0, 1.2)
    front = face[:, 2] > 4
    parts = []
    for x in np.linspace(from_x, to_x, count) + rng.normal(0, 0.25, count):
        near = np.argmin(np.abs(face[:, 0] - x) + np.abs(face[:, 1] - line_cm) + 100 * ~front)
        root = face[near] + np.array([0, 0.5, 0.5])
        drop = np.linspace(0, 1, _LOCK_POINTS)
        y = root[1] + drop * (reach + rng.normal(0, 0.4) - root[1])
        forward = root[2] + 0.5 + 1.6 * np.sin(np.minimum(drop * 1.4, 1.0) * np.pi / 2) - 0.03 * x**2 * drop
        path = np.stack([root[0] + sweep * drop, y, forward], 1)
        parts.append(_lock(path, rng.uniform(0.4, 1.3), colour, rng))
    return parts


def _curtains(marks: Face, colour: Colours, rng: np.random.Generator) -> list[Part]:
    """Long hair that falls at both sides of the face, in front of the ears or behind."""
    parts = []
    inner = rng.uniform(5.6, 7.6)
    length = rng.uniform(8, 22)
    ahead = rng.uniform(-1.0, 5.0)
    wave, phase = rng.uniform(0, 0.6), rng.uniform(0, 6)
    for side in (-1.0, 1.0):
        if rng.uniform() < 0.12:
            continue  # tucked away at this side
        for k in range(int(rng.integers(5, 9))):
            start = np.array([side * (inner - 1.5 + 0.45 * k), marks[19, 1] + rng.uniform(2.0, 4.0), ahead - 0.5 * k])
            drop = np.linspace(0, 1, _LOCK_POINTS)
            bend = side * (0.5 + 0.45 * k * 0.5) * np.sin(drop * np.pi / 2) * 1.6
            x = start[0] + bend + wave * np.sin(phase + 7 * drop + k)
            path = np.stack([x, start[1] - length * drop, start[2] + 1.2 * np.sin(drop * np.pi)], 1)
            parts.append(_lock(path, rng.uniform(1.0, 2.2), colour, rng))
    return parts


def _cap(head: Head, rng: np.random.Generator) -> list[Part]:
    """A woollen cap or one with a brim."""
    face, marks = head.face, head.marks
    colour = rng.uniform(0.02, 0.9) * rng.uniform(0.4, 1.0, 3)
    edge = marks[19, 1] + rng.uniform(0.8, 3.5)
    covered = (face[:, 1] > edge - 0.02 * face[:, 0] ** 2) & head.skull
    ribs = 1 - 0.15 * np.abs(streaks(face, rng, across=(1.0, 0.0), width_cm=0.4))
    parts = _shell(head, covered, rng.uniform(0.4, 1.2), colour * ribs[:, None], gloss=0.01)
    if rng.uniform() < 0.6:
        angle = np.linspace(-1.15, 1.15, 15)
        front = face[covered & (face[:, 2] > 5)]
        depth = float(front[:, 2].max()) if len(front) else 9.0
        inner = np.stack([7.0 * np.sin(angle), np.full(15, edge + 0.6), depth - 6 + 6.2 * np.cos(angle)], 1)
        reach, fall = rng.uniform(3.5, 6.5), rng.uniform(-0.5, 2.0)
        outer = inner + np.stack([0.15 * reach * np.sin(angle), np.full(15, -fall), reach * np.cos(angle) ** 0.5], 1)
        parts.append(band(inner, outer, colour * 0.8, gloss=0.02, openness=0.8))
    return parts


def _scarf(head: Head, rng: np.random.Generator) -> list[Part]:
    """A scarf around the face: everything outside an oval is covered."""
    face, marks = head.face, head.marks
    colour = rng.uniform(0.03, 0.95) * rng.uniform(0.4, 1.0, 3)
    brow = marks[19, 1] + rng.uniform(1.5, 4.5)
    forehead = np.array([[x, brow - 0.035 * x**2, 9.0] for x in np.linspace(6.5, -6.5, 9)])
    chin = marks[3:14] + np.array([0, rng.uniform(-0.6, 0.3), 0])
    outline = np.concatenate([chin, forehead])
    outer = 1 - inside(face, outline, soft_cm=0.05)
    covered = (outer > 0.5) & head.skull
    folds = 1 - 0.25 * np.abs(streaks(face, rng, across=(0.7, rng.normal(0, 0.7)), width_cm=rng.uniform(0.6, 1.5)))
    away = np.clip(distance(face[:, :2], np.concatenate([outline, outline[:1]])[:, :2]) / 1.0, 0.4, 1)
    return _shell(head, covered, rng.uniform(0.5, 1.3) * away, colour * folds[:, None], gloss=0.01)
