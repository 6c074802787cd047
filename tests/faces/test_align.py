import json

import numpy as np
import pytest
from PIL import Image

from facefatigue.faces import align_face, eye_transform
from facefatigue.faces.align import EYE_Y

FRONTAL = np.array([[100.0, 120.0], [160.0, 120.0], [130.0, 150.0], [110.0, 180.0], [150.0, 180.0]])


def dot_image(points: np.ndarray, height: int = 300, width: int = 300) -> np.ndarray:
    """A smooth bright spot at each point, in a channel of its own."""
    y, x = np.mgrid[:height, :width]
    image = np.zeros((height, width, 3))
    for channel, (px, py) in enumerate(points[:2]):
        image[..., channel] = 255 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 50)
    return image.astype(np.uint8)


def centre(channel: np.ndarray) -> tuple[float, float]:
    weight = channel.astype(float)
    y, x = np.mgrid[: channel.shape[0], : channel.shape[1]]
    return float((x * weight).sum() / weight.sum()), float((y * weight).sum() / weight.sum())


@pytest.mark.parametrize("angle_deg", [0, 25, -60, 180])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.6])
def test_the_eyes_land_where_the_method_says(angle_deg: float, scale: float) -> None:
    angle = np.radians(angle_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    middle = FRONTAL[:2].mean(axis=0)
    landmarks = (FRONTAL - middle) @ turn * scale + [150, 150]
    crop = align_face(dot_image(landmarks), landmarks, 112)
    assert crop.shape == (112, 112, 3)
    assert crop.dtype == np.uint8
    for channel, share in ((0, 0.35), (1, 0.65)):
        assert centre(crop[..., channel]) == pytest.approx((share * 112, EYE_Y * 112), abs=0.6)


def test_outside_the_frame_the_edge_is_repeated() -> None:
    rgb = np.full((200, 200, 3), 90, np.uint8)
    rgb[:, :20] = (60, 200, 70)
    crop = align_face(rgb, FRONTAL - [90, 0], 112)  # the left third of the crop lies outside
    assert np.abs(crop[:, :10].astype(int) - (60, 200, 70)).max() <= 2
    assert crop.min() >= 40  # no black anywhere


def test_the_crop_is_a_view_of_nothing_and_ignores_memory_layout() -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    crop = align_face(rgb, FRONTAL, 64)
    turned = np.asfortranarray(rgb)
    np.testing.assert_array_equal(align_face(turned, FRONTAL, 64), crop)


@pytest.mark.parametrize(
    "landmarks",
    [np.full((5, 2), 50.0), np.full((5, 2), np.nan), FRONTAL + 5000, FRONTAL - 5000],
    ids=["eyes in one place", "not a number", "beyond the frame", "before the frame"],
)
def test_impossible_landmarks_are_refused(landmarks: np.ndarray) -> None:
    with pytest.raises(ValueError):
        align_face(np.zeros((300, 300, 3), np.uint8), landmarks, 112)


def test_the_transform_rounds_the_midpoint_down_only_when_asked() -> None:
    marks = FRONTAL + 0.75
    exact, rounded = (eye_transform(marks, 224, round_eye_centre=r) for r in (False, True))
    np.testing.assert_allclose(exact[:, :2], rounded[:, :2])
    np.testing.assert_allclose(exact[:, 2] - rounded[:, 2], 0.75)


def test_published_crops(shared) -> None:
    folder = shared / "parity" / "mtcnn"
    expected = json.loads((folder / "expected.json").read_text())
    compared = 0
    for name, entry in expected.items():
        if not entry.get("seed_crop_landmarks_in_padded_image"):
            continue
        rgb = np.asarray(Image.open(folder / f"{name}.png").convert("RGB"))
        landmarks = np.array(entry["seed_crop_landmarks_in_padded_image"]).reshape(-1, 5, 2)[0] - 200
        crop = align_face(rgb, landmarks, 224, round_eye_centre=True).astype(int)
        published = np.asarray(Image.open(folder / f"{name}.seed_crop.png").convert("RGB")).astype(int)
        inside = np.s_[40:200, 30:194]  # the face, without what the frame did not hold
        assert np.abs(crop - published)[inside].mean() <= 1.0, name  # asked for: 4 grey levels
        compared += 1
    assert compared == 7
