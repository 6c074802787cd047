"""Glasses with lenses that reflect, and a hand before the face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facefatigue.synth.parts import Part, band, join_parts, plain_part
from facefatigue.synth.rig import EYES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Face = NDArray[np.float32]

_RING_POINTS = 28
# The landmark that a hand goes to, and how far from it: out to its side, up, and towards the camera.
_PLACES = {
    "mouth": (57, (0.0, -0.5, 2.2)),
    "eye": (37, (0.0, -1.0, 2.4)),
    "cheek": (3, (-0.8, -1.5, 1.5)),
    "chin": (8, (0.0, -1.5, 1.5)),
}


def draw_glasses(marks: Face, rng: np.random.Generator) -> list[Part]:
    """Draw glasses: two rims, a bridge, temples, and lenses with what is mirrored in them; seldom dark ones.

    Args:
        marks: (68, 3) landmarks of the face.
        rng: For everything.
    """
    width_cm, height_cm, bar_cm = rng.uniform(2.1, 2.9), rng.uniform(1.5, 2.3), rng.uniform(0.05, 0.35)
    front = max(marks[27:30, 2].min(), marks[36:48, 2].max()) + rng.uniform(0.4, 0.9)
    drop_cm = rng.uniform(-0.1, 0.7)
    centres = [marks[eye].mean(axis=0) - np.array([0, drop_cm, 0]) for eye in EYES]
    angle = np.linspace(0, 2 * np.pi, _RING_POINTS, endpoint=False)
    corner = rng.uniform(0.45, 1.0)  # below 1 the ring becomes a rounded rectangle
    x, y = np.cos(angle), np.sin(angle)
    shape = np.stack([np.sign(x) * np.abs(x) ** corner, np.sign(y) * np.abs(y) ** corner], 1)
    rimless = rng.uniform() < 0.2
    colour = rng.uniform(0.01, 0.6) * rng.uniform(0.6, 1.0, 3)
    dark = rng.uniform(0.35, 0.8) if rng.uniform() < 0.06 else rng.uniform(0.0, 0.08)
    parts = []
    for centre in centres:
        ring = np.column_stack([centre[:2] + shape * [width_cm, height_cm], np.full(_RING_POINTS, front)])
        outer = np.column_stack([centre[:2] + shape * [width_cm + bar_cm, height_cm + bar_cm], np.full(_RING_POINTS, front)])
        if not rimless:
            parts.append(band(ring, outer, colour, closed=True, gloss=0.4, sharpness=30))
        parts += _lens(centre, ring, front, dark, rng)
    for side, centre in zip((-1, 1), centres, strict=True):
        edge = centre[0] + side * width_cm
        top = np.array([[edge, centre[1] + 0.5, front], [side * 7.8, centre[1] + 0.3, 0.0]])
        parts.append(band(top - [0, max(bar_cm, 0.12), 0], top, colour, gloss=0.3))
    bridge = np.array(
        [[centres[0][0] + width_cm, centres[0][1] + 0.3, front], [centres[1][0] - width_cm, centres[1][1] + 0.3, front]]
    )
    parts.append(band(bridge - [0, max(bar_cm, 0.1), 0], bridge, colour))
    return parts


def _lens(
    centre: NDArray[np.floating], ring: NDArray[np.floating], front: float, dark: float, rng: np.random.Generator
) -> list[Part]:
    """Tinted glass, and on it the mirror image of a window, a lamp or a screen."""
    count = len(ring)
    middle = np.array([[centre[0], centre[1], front]])
    fan = np.stack([np.full(count, count), np.arange(count), (np.arange(count) + 1) % count], 1)
    glass = np.concatenate([ring, middle])
    parts = [plain_part(glass, fan, rng.uniform(0.0, 0.15, 3), alpha=np.full(count + 1, dark))]
    for _ in range(int(rng.choice([0, 1, 2], p=[0.45, 0.4, 0.15]))):
        size = rng.uniform(0.2, 0.9, 2)
        place = rng.uniform(-0.6, 0.6, 2) * (ring[:, :2].max(axis=0) - centre[:2])
        slant = rng.normal(0, 0.3)
        square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * size
        square[:, 0] += slant * square[:, 1]
        limits = ring[:, :2].min(axis=0), ring[:, :2].max(axis=0)
        spot = np.clip(centre[:2] + place + square, *limits)
        vertices = np.column_stack([spot, np.full(4, front + 0.02)])
        strength = rng.uniform(0.1, 0.8)
        tint = 1.5 * rng.uniform(0.6, 1.0, 3)
        soft = strength * rng.uniform(0.3, 1.0, 4)
        parts.append(plain_part(vertices, np.array([[0, 1, 2], [0, 2, 3]]), tint, alpha=soft))
    return parts


def draw_hand(place: str, marks: Face, skin: NDArray[np.floating], rng: np.random.Generator) -> Part:
    """Draw a hand at its place before a face: palm and five fingers, curled and turned at random.

    Args:
        place: "mouth", "eye", "cheek" or "chin".
        marks: (68, 3) landmarks of the face.
        skin: (3,) albedo.
        rng: For everything else.
    """
    mark, shift = _PLACES[place]
    side = rng.choice([-1.0, 1.0])
    curl, spread = rng.uniform(0.1, 1.3), rng.uniform(0.02, 0.2)
    thick = rng.uniform(0.8, 1.1)
    parts = [_blob(np.zeros(3), np.array([0, 8.0, 0]), (4.0 * thick, 4.4, 1.3), skin, rng)]
    for finger, (x, length) in enumerate(((-3.0, 6.2), (-1.0, 7.2), (1.0, 6.8), (2.9, 5.4))):
        root = np.array([x * thick, 3.4 - 0.12 * x**2, 0])
        lean = spread * (finger - 1.5)
        joint = root + 0.55 * length * np.array([np.sin(lean), np.cos(0.5 * curl), -np.sin(0.5 * curl)])
        tip = joint + 0.45 * length * np.array([np.sin(lean), np.cos(1.5 * curl), -np.sin(1.5 * curl)])
        parts += [_blob(root, joint, (0.85 * thick,) * 3, skin, rng), _blob(joint, tip, (0.75 * thick,) * 3, skin, rng)]
    thumb = np.array([-3.6 * thick, -1.0, 0])
    parts.append(_blob(thumb, thumb + np.array([-2.5, 4.0, -0.8 * curl]), (1.0 * thick,) * 3, skin, rng))
    hand = join_parts(parts)
    roll = rng.normal(0, 0.6) + (0.7 * side if place != "chin" else 1.4 * side)
    c, s = np.cos(roll), np.sin(roll)
    points = hand.vertices * [side, 1, 1] * 0.9 @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    anchor = marks[mark] * ([side, 1, 1] if place in ("eye", "cheek") else [1, 1, 1])
    depth = float(marks[27:36, 2].max()) if place == "mouth" else float(anchor[2])
    target = np.array([anchor[0] + side * shift[0], anchor[1] + shift[1], depth + shift[2]])
    target += rng.normal(0, 0.7, 3) * [1, 1, 0.3]
    finger_part = np.array([0, 4.0, 0]) if place == "eye" else np.zeros(3)
    points = points + target - finger_part
    triangles = hand.triangles if side > 0 else hand.triangles[:, ::-1]
    return Part(points, triangles, hand.films, hand.albedo, hand.gloss, hand.sharpness, hand.alpha, hand.openness)


def _blob(
    start: NDArray[np.floating],
    end: NDArray[np.floating],
    radius_cm: tuple[float, ...],
    skin: NDArray[np.floating],
    rng: np.random.Generator,
) -> Part:
    """A rounded piece from start to end, or around start for the palm: 8 columns, 6 rows."""
    rows, columns = 6, 8
    polar = np.linspace(0.05, np.pi - 0.05, rows)[:, None]
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]
    unit = np.stack([np.sin(polar) * np.sin(around), np.cos(polar) + 0 * around, np.sin(polar) * np.cos(around)], 2)
    unit = unit.reshape(-1, 3)
    if radius_cm[0] != radius_cm[1]:
        points = start + unit * radius_cm
    else:
        way = end - start
        length = float(np.linalg.norm(way))
        up = way / length
        right = np.cross(up, [0, 0, 1.0])
        right /= np.linalg.norm(right) + 1e-9
        scaled = unit * [radius_cm[0], length / 2 + 0.5 * radius_cm[0], radius_cm[0]]
        points = (start + end) / 2 + scaled @ np.stack([right, up, np.cross(right, up)])
    number = np.arange(rows * columns).reshape(rows, columns)
    beside = np.roll(number, -1, axis=1)
    quads = np.stack([number[:-1], number[1:], beside[1:], beside[:-1]], 2).reshape(-1, 4)
    triangles = np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]])
    colours = skin * (1 + rng.normal(0, 0.03, (len(points), 1)))
    return plain_part(points, triangles, colours, gloss=0.06)
