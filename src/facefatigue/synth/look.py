"""What one synthetic person looks like: skin, brows, lips, beard, irises, hair, glasses, as a colour for every vertex."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefatigue.synth.hair import HAIR, Head, draw_hair
from facefatigue.synth.paint import along, between, inside, mix, noise, spot, step, streaks
from facefatigue.synth.parts import Part, join_parts
from facefatigue.synth.raster import vertex_normals
from facefatigue.synth.rig import BROWS, EYES, OUTER_LIPS
from facefatigue.synth.wear import draw_glasses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefatigue.synth.cues import SkinState
    from facefatigue.synth.rig import Rig

    Colours = NDArray[np.float64]
    Face = NDArray[np.float32]

# sRGB skin from very light to very dark, evenly spaced in lightness (after the Monk skin tone scale).
_SKIN = np.array(
    [[0.96, 0.85, 0.78], [0.91, 0.74, 0.63], [0.80, 0.61, 0.48], [0.63, 0.44, 0.32], [0.42, 0.28, 0.20], [0.25, 0.16, 0.12]]
)
_IRIS = np.array([[0.20, 0.12, 0.07], [0.30, 0.20, 0.10], [0.25, 0.33, 0.22], [0.32, 0.45, 0.58], [0.40, 0.42, 0.42]])
_PUPIL_DEG, _IRIS_DEG = 9.0, 25.0
_EYE_SHARPNESS, _SKIN_SHARPNESS = 90.0, 14.0


@dataclass(frozen=True, eq=False)
class Person:
    """A person, ready to be animated.

    Attributes:
        rig: The rig whose vertices come first.
        vertices: (V, 3) float32 neutral face, hair and glasses included as further vertices.
        triangles: (T, 3) int32 of what is solid, but for the inside of the mouth.
        film_triangles: (F, 3) int32 of lashes, shade and lenses.
        albedo: (V, 3) float32 reflectance, 0 to 1.
        gloss: (V,) float32 strength of the highlight, and ``sharpness``, (V,) float32, its exponent.
        alpha: (V,) float32 how much a film hides.
        openness: (V,) float32 factor of the light from everywhere.
        under_eyes, whites, skin: (V,) float32 shares: where dark circles show, the white of the eyes, all skin.
        skin_tone: Where the skin lies between very light (0) and very dark (1).
        glasses: Whether glasses are worn.
    """

    rig: Rig
    vertices: NDArray[np.float32]
    triangles: NDArray[np.int32]
    film_triangles: NDArray[np.int32]
    albedo: NDArray[np.float32]
    gloss: NDArray[np.float32]
    sharpness: NDArray[np.float32]
    alpha: NDArray[np.float32]
    openness: NDArray[np.float32]
    under_eyes: NDArray[np.float32]
    whites: NDArray[np.float32]
    skin: NDArray[np.float32]
    skin_tone: float
    glasses: bool

    @property
    def rig_vertices(self) -> int:
        """How many of the vertices are the rig's own."""
        return len(self.rig.neutral)


def make_person(rig: Rig, rng: np.random.Generator) -> Person:
    """Draw a person at random: shape, skin, hair, brows, lips, beard, irises, glasses, make-up, age."""
    face = rig.person(rng.normal(0, rng.uniform(0.6, 1.05), len(rig.identities)))
    tone = float(rng.uniform())
    marks = face[rig.marks]
    hair_colour = HAIR[rng.integers(len(HAIR))] * rng.uniform(0.7, 1.2)
    under_eyes, whites, skin_mask = _masks(rig, face, marks)
    albedo, gloss = _paint(rig, face, marks, rng, tone=tone, hair=hair_colour, under_eyes=under_eyes)
    normals = vertex_normals(face, rig.triangles)
    alpha, film_colour = _films(rig, face, marks, rng)
    films = rig.made_of("M_EyeLashes", "M_EyeOcclusion")
    albedo[films] = film_colour[films]
    sharpness = np.full(len(face), _SKIN_SHARPNESS)
    sharpness[rig.made_of("M_IrisLeft", "M_IrisRight", "M_Teeth")] = _EYE_SHARPNESS
    base = Part(face, rig.triangles, rig.film_triangles, albedo, gloss, sharpness, alpha, np.ones(len(face)))
    further = draw_hair(Head(rig, face, normals, marks), hair_colour, albedo, rng)
    glasses = bool(rng.uniform() < 0.28)
    if glasses:
        further += draw_glasses(marks, rng)
    whole = join_parts([base, *further])
    behind = np.zeros(len(whole.vertices) - len(face))
    return Person(
        rig=rig,
        vertices=whole.vertices.astype(np.float32),
        triangles=whole.triangles,
        film_triangles=whole.films,
        albedo=np.clip(whole.albedo, 0.01, 1.0).astype(np.float32),
        gloss=whole.gloss.astype(np.float32),
        sharpness=whole.sharpness.astype(np.float32),
        alpha=np.clip(whole.alpha, 0, 1).astype(np.float32),
        openness=whole.openness.astype(np.float32),
        under_eyes=np.concatenate([under_eyes, behind]).astype(np.float32),
        whites=np.concatenate([whites, behind]).astype(np.float32),
        skin=np.concatenate([skin_mask, behind]).astype(np.float32),
        skin_tone=tone,
        glasses=glasses,
    )


def tired_skin(person: Person, state: SkinState) -> NDArray[np.float32]:
    """(V, 3) float32 albedo of a person in a state: red eyes, pale skin, dark circles (Sundelin et al., Sleep 2013)."""
    albedo = person.albedo.copy()
    grey = albedo.mean(axis=1, keepdims=True)
    pale = np.float32(0.35 * state.paleness) * person.skin[:, None]
    albedo += pale * (0.6 * (grey - albedo) + 0.08 * (1 - albedo))
    albedo *= 1 - person.under_eyes[:, None] * np.array([0.42, 0.46, 0.38], np.float32) * np.float32(state.dark_circles)
    return albedo * (1 - person.whites[:, None] * np.array([0.02, 0.30, 0.28], np.float32) * np.float32(state.redness))


def swollen(person: Person, amount: float) -> NDArray[np.float32]:
    """(V, 3) float32 neutral vertices with bags under the eyes, up to 0.25 cm thick."""
    vertices = person.vertices.copy()
    vertices[:, 2] += np.float32(0.25 * amount) * person.under_eyes
    return vertices


def _masks(rig: Rig, face: Face, marks: Face) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    skin = rig.made_of("M_Face")
    under_eyes = np.zeros(len(face))
    for eye in EYES:
        centre = marks[eye].mean(axis=0)
        below = spot(face, centre - np.array([0, 0.95, 0]), (1.5, 0.5))
        under_eyes = np.maximum(under_eyes, below * (face[:, 2] > centre[2] - 1.5) * skin)
    return under_eyes, rig.made_of("M_IrisLeft", "M_IrisRight").astype(float), skin.astype(float)


def _paint(
    rig: Rig,
    face: Face,
    marks: Face,
    rng: np.random.Generator,
    *,
    tone: float,
    hair: Colours,
    under_eyes: NDArray[np.float64],
) -> tuple[Colours, NDArray[np.float64]]:
    skin = between(_SKIN, tone) * rng.uniform(0.92, 1.07, 3)
    albedo = np.tile(skin, (len(face), 1))
    gloss = np.full(len(face), rng.uniform(0.02, 0.22)) * (1 + 0.5 * noise(face, rng, size_cm=2.0))
    for size_cm, strength in ((0.35, 0.03), (0.8, 0.04), (3.0, 0.05)):
        albedo *= 1 + (strength * rng.uniform(0.3, 1.5) * noise(face, rng, size_cm=size_cm))[:, None]
    blush = rng.uniform(0, 0.25)
    for cheek in (marks[2] * 0.45 + marks[31] * 0.55, marks[14] * 0.45 + marks[35] * 0.55, marks[30]):
        albedo *= 1 - blush * spot(face, cheek, (1.8, 1.6))[:, None] * np.array([0.05, 0.45, 0.4])
    if rng.uniform() < 0.2:  # freckles, spots, moles
        rough = noise(face, rng, size_cm=0.12) * noise(face, rng, size_cm=0.3)
        albedo *= 1 - (rng.uniform(0.03, 0.2) * step(8 * (rough - rng.uniform(0.8, 1.8))))[:, None]
    _paint_age(albedo, face, marks, rng)
    albedo *= 1 - (rng.uniform(0, 0.35) * under_eyes)[:, None] * np.array([0.9, 1.0, 0.8])
    bearded = bool(rng.uniform() < 0.32)
    made_up = bool(rng.uniform() < (0.02 if bearded else 0.3))
    _paint_lids(albedo, face, marks, hair, rng, made_up=made_up)
    _paint_lips(albedo, face, marks, skin, rng, made_up=made_up)
    _paint_brows(albedo, face, marks, hair, rng)
    if bearded:
        _paint_beard(albedo, face, marks, hair, rng)
    _paint_inside_mouth(albedo, rig, marks, face, rng)
    _paint_irises(albedo, gloss, face, rig, rng)
    return albedo, np.clip(gloss, 0, 1)


def _paint_age(albedo: Colours, face: Face, marks: Face, rng: np.random.Generator) -> None:
    """Lines of the forehead, from the nose to the mouth, and beside the eyes."""
    age = rng.uniform(0, 1) ** 1.5
    dark = np.array([0.55, 0.6, 0.6])

    def line(points: list[Face], width_cm: float, strength: float) -> None:
        share = strength * age * along(face, np.stack(points).astype(np.float32), width_cm)
        albedo[:] *= 1 - share[:, None] * dark

    for nose, corner, way in ((31, 48, -1.0), (35, 54, 1.0)):
        out = np.array([way, 0, 0])
        line([marks[nose] + 0.3 * out, (marks[nose] + marks[corner]) / 2 + 0.5 * out, marks[corner] + 0.3 * out], 0.14, 0.6)
    for height_cm in np.arange(1.2, 4.5, rng.uniform(0.7, 1.1)):
        lift = np.array([0, height_cm + rng.normal(0, 0.1), 0])
        line([marks[18] + lift, marks[20] + lift, marks[23] + lift, marks[25] + lift], 0.12, rng.uniform(0.1, 0.5))
    for corner, way in ((36, -1.0), (45, 1.0)):
        for slope in (-0.5, 0.1, 0.6):
            line([marks[corner] + [0.4 * way, 0, 0], marks[corner] + [1.5 * way, slope, -0.6]], 0.09, 0.4)


def _paint_lids(albedo: Colours, face: Face, marks: Face, hair: Colours, rng: np.random.Generator, *, made_up: bool) -> None:
    """The fold of the upper lid, its shadow or make-up, the dark line of the lashes' roots."""
    fold_cm, fold = rng.uniform(0.25, 0.65), rng.choice([0.0, rng.uniform(0.1, 0.5)], p=[0.2, 0.8])
    shadow = rng.uniform(0.1, 0.9, 3) if made_up else np.array([0.75, 0.62, 0.6])
    shadow_share = rng.uniform(0.2, 0.6) if made_up else rng.uniform(0.0, 0.4)
    root = rng.uniform(0.35, 1.0)
    root_cm = rng.uniform(0.05, 0.10) * (1.5 if made_up else 1.0)
    for eye in EYES:
        outline = marks[eye]
        upper, lower = outline[:4], np.stack([outline[0], outline[5], outline[4], outline[3]])
        centre = outline.mean(axis=0)
        lid = spot(face, centre + np.array([0, 0.75, 0]), (1.7, 0.7)) * (face[:, 1] > centre[1])
        if made_up:
            mix(albedo, shadow, shadow_share * lid)
        else:
            albedo *= 1 - shadow_share * lid[:, None] * (1 - shadow)
        lift = np.array([0, fold_cm, 0.05], np.float32)
        albedo *= 1 - fold * along(face, upper + lift, 0.10)[:, None] * np.array([0.8, 0.9, 0.9])
        mix(albedo, 0.25 * hair + 0.01, root * along(face, upper, root_cm))
        mix(albedo, 0.3 * hair + 0.02, 0.5 * root * along(face, lower, 0.7 * root_cm))


def _paint_lips(albedo: Colours, face: Face, marks: Face, skin: Colours, rng: np.random.Generator, *, made_up: bool) -> None:
    colour = skin * np.array([0.92, 0.68, 0.68]) * rng.uniform(0.8, 1.1)
    share = rng.uniform(0.4, 1.0)
    if made_up and rng.uniform() < 0.7:  # lipstick
        colour = np.array([rng.uniform(0.35, 0.85), rng.uniform(0.05, 0.4), rng.uniform(0.1, 0.45)])
    lips = inside(face, marks[OUTER_LIPS], soft_cm=0.15) * (face[:, 2] > marks[OUTER_LIPS, 2].min() - 1.2)
    mix(albedo, colour, share * lips)


def _paint_brows(albedo: Colours, face: Face, marks: Face, hair: Colours, rng: np.random.Generator) -> None:
    strength, width_cm = rng.uniform(0.2, 1.0), rng.uniform(0.18, 0.48)
    colour = hair * rng.uniform(0.5, 1.0)
    drop = np.array([0, rng.uniform(-0.55, 0.05), 0.0], np.float32)
    hairs = 1 - 0.25 * np.abs(streaks(face, rng, across=(0.9, 0.4), width_cm=0.15))
    for brow in BROWS:
        mix(albedo, colour, strength * hairs * along(face, marks[brow] + drop, width_cm, sharpness=3))


def _paint_beard(albedo: Colours, face: Face, marks: Face, hair: Colours, rng: np.random.Generator) -> None:
    """Stubble or beard of the jaw, the chin, the upper lip, or some of these."""
    whole, chin, lip = rng.uniform(size=3) < (0.6, 0.8, 0.8)
    edge = marks[33, 1] - rng.uniform(0.2, 1.4) + rng.uniform(0.0, 0.25) * (np.abs(face[:, 0]) - 4)
    share = np.zeros(len(face))
    if whole:
        share = np.maximum(share, step((edge - face[:, 1]) / 0.25) * step((np.abs(face[:, 0]) - 2.8) / 0.3))
    if chin or whole:
        share = np.maximum(share, step((marks[57, 1] - 0.35 - face[:, 1]) / 0.15) * step((3.4 - np.abs(face[:, 0])) / 0.3))
    if lip or whole:
        middle = (marks[33] + marks[51]) / 2
        share = np.maximum(share, spot(face, middle - [0, 0.1, 0], (2.6, 0.55)))
        for corner in (48, 54):
            share = np.maximum(share, 0.8 * spot(face, marks[corner] - [0, 0.3, 0], (0.8, 1.3)))
    share *= 1 - inside(face, marks[OUTER_LIPS], soft_cm=0.1)
    share *= face[:, 1] > marks[8, 1] - 3.0
    hairs = 1 - 0.15 * np.abs(noise(face, rng, size_cm=0.15))
    mix(albedo, hair * rng.uniform(0.7, 1.2), rng.uniform(0.12, 0.95) * hairs * share)


def _paint_inside_mouth(albedo: Colours, rig: Rig, marks: Face, face: Face, rng: np.random.Generator) -> None:
    gums, teeth, skin = (rig.made_of(name) for name in ("M_GumsTongue", "M_Teeth", "M_Face"))
    albedo[gums] = np.array([0.42, 0.16, 0.15]) * rng.uniform(0.8, 1.2)
    albedo[teeth] = np.array([0.80, 0.77, 0.68]) * rng.uniform(0.75, 1.1)
    hollow = skin & (np.abs(face[:, 0]) < 2.2) & (face[:, 2] < marks[OUTER_LIPS, 2].min() - 1.0)
    hollow &= np.abs(face[:, 1] - marks[OUTER_LIPS, 1].mean()) < 1.2
    albedo[hollow] = (0.20, 0.07, 0.07)
    deep = np.clip((marks[OUTER_LIPS, 2].mean() - face[:, 2] - 0.8) / 7, 0, 1)  # less light the deeper it lies
    darkness = rng.uniform(0.6, 0.97)
    for part in (gums, teeth, hollow):
        albedo[part] *= (1 - darkness * deep[part])[:, None]


def _paint_irises(albedo: Colours, gloss: NDArray[np.float64], face: Face, rig: Rig, rng: np.random.Generator) -> None:
    iris = _IRIS[rng.choice(len(_IRIS), p=[0.45, 0.25, 0.1, 0.13, 0.07])] * rng.uniform(0.7, 1.3)
    white = np.array([0.80, 0.78, 0.76]) * rng.uniform(0.75, 1.1) * np.array([1, *rng.uniform(0.9, 1.0, 2)])
    pupil_deg = _PUPIL_DEG * rng.uniform(0.7, 1.5)
    for name in ("M_IrisLeft", "M_IrisRight"):
        own = rig.made_of(name)
        if not own.any():
            continue
        ball = face[own]
        centre = (ball.min(axis=0) + ball.max(axis=0)) / 2
        direction = ball - centre
        angle_deg = np.degrees(np.arccos(np.clip(direction[:, 2] / np.linalg.norm(direction, axis=1), -1, 1)))
        ring = np.clip((angle_deg - _IRIS_DEG + 6) / 6, 0, 1)[:, None]
        colours = np.where((angle_deg < _IRIS_DEG)[:, None], iris * (1 - 0.55 * ring), white)
        corner = np.clip((angle_deg - 45) / 40, 0, 1)[:, None]
        colours = colours * (1 - corner * np.array([0.1, 0.35, 0.35]))
        albedo[own] = np.where((angle_deg < pupil_deg)[:, None], 0.02, colours)
        gloss[own] = 0.35


def _films(rig: Rig, face: Face, marks: Face, rng: np.random.Generator) -> tuple[NDArray[np.float64], Colours]:
    """How much lashes and the shade of the lids hide, and their colour."""
    alpha, colour = np.zeros(len(face)), np.full((len(face), 3), 0.02)
    lashes = rig.made_of("M_EyeLashes")
    corners = marks[[36, 39, 42, 45], :2]
    lower = face[:, 1] < np.interp(face[:, 0], *corners[corners[:, 0].argsort()].T) - 0.1
    alpha[lashes] = rng.uniform(0.05, 0.4) * np.where(lower, rng.uniform(0.05, 0.35), 1.0)[lashes]
    shade = rig.made_of("M_EyeOcclusion")
    edge = np.zeros(len(face))
    for eye in EYES:
        outline = marks[eye]
        edge = np.maximum(edge, along(face, outline[:4], 0.25))
        edge = np.maximum(edge, 0.5 * along(face, np.stack([outline[3], outline[4], outline[5], outline[0]]), 0.15))
    alpha[shade] = (rng.uniform(0.2, 0.6) * edge)[shade]
    return alpha, colour
