"""A made-up rig in the layout of the real one: an egg for a head, two balls for eyes, a row of teeth, two rows of lashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.synth.clips import rig_at
from facefatigue.synth.cues import make_temperament, perform
from facefatigue.synth.rig import EXPRESSIONS, LANDMARK_VERTICES, MATERIALS, load_rig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from facefatigue.synth.light import Visibility
    from facefatigue.synth.parts import Part
    from facefatigue.synth.performance import Performance
    from facefatigue.synth.rig import Rig

UPPER_LIDS = {"_R": (37, 38), "_L": (43, 44)}  # landmarks; the person's right eye is at image left


def _egg(rows: int, columns: int, radius: tuple[float, float, float], centre: tuple[float, float, float]):  # type: ignore[no-untyped-def]
    """(rows·columns, 3) vertices and quads of a closed surface, quads anticlockwise from outside."""
    polar = np.linspace(0.02, np.pi - 0.02, rows)[:, None]
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]
    unit = np.stack([np.sin(polar) * np.sin(around), np.cos(polar) + 0 * around, np.sin(polar) * np.cos(around)], axis=2)
    number = np.arange(rows * columns).reshape(rows, columns)
    right = np.roll(number, -1, axis=1)
    quads = np.stack([number[:-1], number[1:], right[1:], right[:-1]], axis=2).reshape(-1, 4)
    return unit.reshape(-1, 3) * radius + centre, quads


def _landmarks() -> NDArray[np.float64]:
    """(68, 3) plausible places on the front of the egg, in cm."""
    marks = np.zeros((68, 3))
    marks[:17, :2] = [(7 * np.sin(a), 2 - 9 * np.cos(a)) for a in np.linspace(-1.6, 1.6, 17)]
    for side, brow, eye in ((-1, 17, 36), (1, 22, 42)):
        marks[brow : brow + 5, :2] = [(side * 3.2 + dx, 6) for dx in (-2, -1, 0, 1, 2)]
        marks[eye : eye + 6, :2] = np.array([side * 3.2, 3.5]) + [
            (-1.3, 0),
            (-0.5, 0.4),
            (0.5, 0.4),
            (1.3, 0),
            (0.5, -0.4),
            (-0.5, -0.4),
        ]
    marks[27:31, :2] = [(0, y) for y in (3.5, 2.5, 1.5, 0.5)]
    marks[31:36, :2] = [(x, -1) for x in (-1.2, -0.6, 0, 0.6, 1.2)]
    marks[48:60, :2] = [(-2.4 * np.cos(a), -3.5 + 0.9 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 12, endpoint=False)]
    marks[60:68, :2] = [(-1.8 * np.cos(a), -3.5 + 0.2 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 8, endpoint=False)]
    marks[:, 2] = 10.3 - 0.03 * (marks[:, :2] ** 2).sum(axis=1) / 2
    return marks


def _rig_arrays() -> dict[str, NDArray[np.generic]]:
    """The arrays of a rig file; landmarks stand at the numbers they have in the real rig."""
    head, head_quads = _egg(18, 24, (7.5, 11.0, 10.0), (0, 1, 0.5))
    balls = [_egg(8, 10, (1.3, 1.3, 1.3), (side * 3.2, 3.5, 9.2)) for side in (-1, 1)]
    first = max(LANDMARK_VERTICES) + 1
    row = np.array([[0, 1, 2, 3]])
    teeth = np.array([(-1.5, -3.8, 9.6), (1.5, -3.8, 9.6), (1.5, -3.2, 9.6), (-1.5, -3.2, 9.6)])
    lashes = [np.array([(-1, 3.9, 10.5), (1, 3.9, 10.5), (1, 4.2, 11.0), (-1, 4.2, 11.0)]) + [x, 0, 0] for x in (-3.2, 3.2)]
    parts = [
        (head, head_quads, "M_Face"), (*balls[0], "M_IrisRight"), (*balls[1], "M_IrisLeft"), (teeth, row, "M_Teeth"),
        *((lash, row, "M_EyeLashes") for lash in lashes),
    ]  # fmt: skip
    vertices, quads, materials = [np.zeros((first, 3))], [], []
    names = ("M_LacrimalFluid", *MATERIALS)
    for points, own, name in parts:
        quads.append(own + sum(map(len, vertices)))
        materials.append(np.full(len(own), names.index(name)))
        vertices.append(points)
    neutral = np.concatenate(vertices)
    marks = list(LANDMARK_VERTICES)
    neutral[marks] = _landmarks()
    deltas = {name: np.zeros_like(neutral) for name in EXPRESSIONS}
    for side, lids in UPPER_LIDS.items():
        for lid in lids:
            deltas[f"eyeBlink{side}"][marks[lid], 1] = -0.8
    deltas["jawOpen"][neutral[:, 1] < -3.5, 1] = -3.0
    upper_left_half = np.array([[marks[17], marks[26], marks[30], -1]])  # a triangle, and a film that is not drawn
    film = np.array([[marks[36], marks[39], marks[42], marks[45]]])
    rng = np.random.default_rng(7)
    return {
        "neutral": neutral.astype(np.float32),
        "identity_delta": (0.1 * rng.normal(size=(3, 1, 3)) * neutral / 10).astype(np.float16),
        "expression_delta": np.stack([deltas[name] for name in EXPRESSIONS]).astype(np.float16),
        "expression_name": np.array(EXPRESSIONS),
        "faces": np.concatenate([*quads, upper_left_half, film]).astype(np.int32),
        "face_material": np.concatenate([*materials, [names.index("M_Face"), names.index("M_LacrimalFluid")]]).astype(
            np.int16
        ),
        "material_name": np.array(names),
    }


@pytest.fixture
def rig_arrays() -> dict[str, NDArray[np.generic]]:
    return _rig_arrays()


@pytest.fixture(scope="session")
def rig_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rig") / "rig.npz"
    np.savez(path, **_rig_arrays())  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="session")
def rig(rig_path: Path) -> Rig:
    return load_rig(rig_path)


@pytest.fixture(scope="session")
def stage(rig_path: Path) -> tuple[Rig, Visibility]:
    """The rig without what is never seen, and what its vertices see."""
    return rig_at(rig_path)


def _act(seed: int = 0, *, fatigue: float = 0.5, frames: int = 8, rate_hz: float = 10.0) -> Performance:
    """What somebody does in a clip."""
    rng = np.random.default_rng([3, seed])
    return perform(fatigue, make_temperament(rng), np.arange(frames) / rate_hz, rng)


@pytest.fixture(scope="session")
def performances() -> list[Performance]:
    return [_act(seed, fatigue=seed / 7) for seed in range(8)]


def _check_part(part: Part) -> None:
    """Whether a piece is whole: numbers that exist, colours and shares in their ranges, nothing that is not finite."""
    count = len(part.vertices)
    assert part.vertices.shape == part.albedo.shape == (count, 3)
    assert part.gloss.shape == part.sharpness.shape == part.alpha.shape == part.openness.shape == (count,)
    for numbers in (part.triangles, part.films):
        assert numbers.dtype == np.int32
        assert numbers.shape[1:] == (3,)
        assert numbers.min(initial=0) >= 0
        assert numbers.max(initial=-1) < count
    for values in (part.vertices, part.albedo, part.gloss, part.sharpness, part.openness):
        assert np.isfinite(values).all()
    assert part.alpha.min(initial=0) >= 0
    assert part.alpha.max(initial=0) <= 1
    assert part.albedo.min(initial=0) >= 0


@pytest.fixture(scope="session")
def act() -> Callable[..., Performance]:
    """The function that acts, for more of it."""
    return _act


@pytest.fixture(scope="session")
def check_part() -> Callable[[Part], None]:
    """The function that looks a piece through."""
    return _check_part


@pytest.fixture(scope="session")
def real_rig_path(shared: Path) -> Path:
    path = shared / "data" / "ict_face" / "ict_face.npz"
    if not path.is_file():
        pytest.skip("no face rig beside the project")
    return path
