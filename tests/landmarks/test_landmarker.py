"""The converted nets: equal to ai-edge-litert's numbers, finite whatever they are shown, and named the right way round."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefatigue.errors import ModelError
from facefatigue.landmarks import BLENDSHAPES, POINTS, FaceReading, Landmarker
from facefatigue.landmarks import landmarker as landmarker_module
from facefatigue.landmarks.landmarker import BLENDSHAPE_POINTS, INPUT_PX
from facefatigue.landmarks.region import Region, region_of_face, region_of_points

if TYPE_CHECKING:
    from facefatigue.faces import Face

# What ai-edge-litert reads from patterns and from frames of the sample (tools/check_landmarker.py litert --reference).
NUMBERS = np.load(Path(__file__).with_name("litert.npz"))
PATTERNS = 8
WHOLE = Region(INPUT_PX / 2, INPUT_PX / 2, INPUT_PX, 0.0)
LEFT_BLINK, RIGHT_BLINK, JAW_OPEN = (BLENDSHAPES.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight", "jawOpen"))


def pattern(seed: int) -> np.ndarray:
    tiles = 2 ** (1 + seed % 8)
    coarse = np.random.default_rng(seed).integers(0, 256, (tiles, tiles, 3), np.uint8)
    return coarse.repeat(INPUT_PX // tiles, axis=0).repeat(INPUT_PX // tiles, axis=1)


@pytest.mark.parametrize("seed", range(PATTERNS))
def test_equals_the_original_nets_on_patterns(landmarker: Landmarker, seed: int) -> None:
    reading = landmarker.read(pattern(seed), WHOLE)
    np.testing.assert_allclose(reading.points, NUMBERS["points"][seed], atol=5e-3)  # of 256 px; measured: 1e-3
    np.testing.assert_allclose(reading.blendshapes, NUMBERS["blendshapes"][seed], atol=5e-4)  # measured: 6e-5
    assert reading.presence == pytest.approx(NUMBERS["presence"][seed], abs=1e-4)


def test_equals_the_original_nets_on_a_rendered_face(landmarker: Landmarker, frames: dict[int, np.ndarray]) -> None:
    for index, rgb in enumerate(frames.values()):
        region = Region(*NUMBERS["regions"][index].tolist())
        reading = landmarker.read(rgb, region)
        # Another decoder may round colours differently by a grey level.
        np.testing.assert_allclose(reading.points, NUMBERS["points"][PATTERNS + index], atol=0.1 * region.side_px / INPUT_PX)
        np.testing.assert_allclose(reading.blendshapes, NUMBERS["blendshapes"][PATTERNS + index], atol=0.02)
        assert reading.presence > 0.99


def test_a_rendered_face_is_read_as_it_is(landmarker: Landmarker, frames: dict[int, np.ndarray], face: Face) -> None:
    readings = []
    for rgb in frames.values():
        region = region_of_face(face)
        for _ in range(2):
            reading = landmarker.read(rgb, region)
            region = region_of_points(reading.points)
        readings.append(reading)
        assert reading.points.shape == (POINTS, 3)
        assert reading.points.dtype == reading.blendshapes.dtype == np.float32
        assert reading.blendshapes.shape == (len(BLENDSHAPES),)
    awake, yawning, asleep = (reading.blendshapes for reading in readings)
    assert max(awake[[LEFT_BLINK, RIGHT_BLINK]]) < 0.2
    assert min(asleep[[LEFT_BLINK, RIGHT_BLINK]]) > 0.4
    assert max(awake[JAW_OPEN], asleep[JAW_OPEN]) < 0.2
    assert yawning[JAW_OPEN] > 0.5
    left, right, nose, mouth_left, mouth_right = readings[0].points[[33, 263, 4, 61, 291]]
    assert left[0] < nose[0] < right[0]
    assert mouth_left[0] < nose[0] < mouth_right[0]
    assert max(left[1], right[1]) < nose[1] < min(mouth_left[1], mouth_right[1])
    assert nose[2] < min(left[2], right[2])  # nearer to the camera


def test_left_and_right_are_the_persons_own(landmarker: Landmarker, portrait: np.ndarray, face: Face) -> None:
    points = landmarker.read(portrait, region_of_face(face)).points
    points = landmarker.read(portrait, region_of_points(points)).points
    assert points[263, 0] > points[33, 0]
    # Upper lids, each point with the one of the lower lid below it, of the eye at the right of the image.
    for upper, lower in ((384, 381), (385, 380), (386, 374), (387, 373), (388, 390)):
        points[upper] = points[lower]
    chosen = points[None, list(BLENDSHAPE_POINTS), :2]
    (shapes,) = landmarker._blendshapes.run(None, {"points": chosen})
    assert shapes[LEFT_BLINK] > 0.5
    assert shapes[RIGHT_BLINK] < 0.3


def test_readings_do_not_depend_on_where_the_face_is_or_how_large(
    landmarker: Landmarker, portrait: np.ndarray, face: Face
) -> None:
    region = region_of_face(face)
    plain = landmarker.read(portrait, region)
    moved = landmarker.read(
        np.pad(portrait, ((0, 0), (300, 0), (0, 0)), mode="edge"),
        dataclasses.replace(region, centre_x_px=region.centre_x_px + 300),
    )
    np.testing.assert_allclose(moved.points - [300, 0, 0], plain.points, atol=0.05)
    np.testing.assert_allclose(moved.blendshapes, plain.blendshapes, atol=0.01)
    large = landmarker.read(
        portrait.repeat(2, axis=0).repeat(2, axis=1),
        Region(2 * region.centre_x_px + 0.5, 2 * region.centre_y_px + 0.5, 2 * region.side_px, region.turn_rad),
    )
    assert np.abs((large.points[:, :2] - 0.5) / 2 - plain.points[:, :2]).mean() < 0.005 * region.side_px


def test_the_same_input_gives_the_same_bits(landmarker: Landmarker, portrait: np.ndarray, face: Face) -> None:
    region = region_of_face(face)
    first, again, other = (one.read(portrait, region) for one in (landmarker, landmarker, Landmarker()))
    for reading in (again, other):
        assert reading.presence == first.presence
        np.testing.assert_array_equal(reading.points, first.points)
        np.testing.assert_array_equal(reading.blendshapes, first.blendshapes)


@pytest.mark.parametrize("shape", [(1, 1), (2, 500), (480, 640), (2160, 3840)])
@pytest.mark.parametrize("side_px", [3.0, 90.0, 900.0, 30000.0])
def test_any_frame_gives_finite_numbers(landmarker: Landmarker, shape: tuple[int, int], side_px: float) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    for place in ((0.0, 0.0), (shape[1] / 2, shape[0] / 2)):
        reading = landmarker.read(rgb, Region(*place, side_px, 0.7))
        assert np.isfinite(reading.points).all()
        assert np.isfinite(reading.blendshapes).all()
        assert 0 <= reading.presence <= 1
        assert 0 <= reading.blendshapes.min() <= reading.blendshapes.max() <= 1


def test_a_square_outside_the_frame_or_of_no_size_is_refused(landmarker: Landmarker, portrait: np.ndarray) -> None:
    with pytest.raises(ValueError, match="outside the"):
        landmarker.read(portrait, Region(-500, 100, 100, 0.0))
    for region in (Region(100, 100, 0, 0.0), Region(np.nan, 100, 50, 0.0), Region(100, 100, 50, np.inf)):
        with pytest.raises(ValueError, match="is no square"):
            landmarker.read(portrait, region)


def test_damaged_or_missing_weights_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(landmarker_module.WEIGHTS_SHA256, "blendshapes", "0" * 64)
    with pytest.raises(ModelError, match=r"blendshapes\.onnx.*reinstall"):
        Landmarker()
    monkeypatch.setattr(landmarker_module, "WEIGHTS_SHA256", {"absent": "0" * 64})
    with pytest.raises(ModelError, match=r"absent\.onnx.*missing"):
        landmarker_module._session("absent", 1)


def test_the_names_are_those_that_are_published() -> None:
    assert len(BLENDSHAPES) == len(set(BLENDSHAPES)) == 52
    assert (BLENDSHAPES[0], BLENDSHAPES[9], BLENDSHAPES[25], BLENDSHAPES[51]) == (
        "_neutral", "eyeBlinkLeft", "jawOpen", "noseSneerRight",
    )  # fmt: skip
    assert len(BLENDSHAPE_POINTS) == 146
    assert sorted(set(BLENDSHAPE_POINTS)) == list(BLENDSHAPE_POINTS)
    assert FaceReading.__dataclass_params__.frozen  # type: ignore[attr-defined]
