import numpy as np
import pytest

from facefatigue.video import Orientation, open_video, probe

ONE = 1 << 16
# name: (matrix rows a b / c d, clockwise turn, mirrored)
MATRICES = {
    "upright": ((1, 0, 0, 1), 0, False),
    "turned right": ((0, 1, -1, 0), 90, False),
    "upside down": ((-1, 0, 0, -1), 180, False),
    "turned left": ((0, -1, 1, 0), 270, False),
    "mirrored": ((-1, 0, 0, 1), 0, True),
    "mirrored, upside down": ((1, 0, 0, -1), 180, True),
    "mirrored, turned right": ((0, -1, -1, 0), 90, True),
    "mirrored, turned left": ((0, 1, 1, 0), 270, True),
}


def corner_after(matrix: tuple[int, int, int, int], corner: tuple[int, int]) -> tuple[int, int]:
    """Where the display matrix shows a corner given by its signs from the middle."""
    a, b, c, d = matrix
    x, y = corner
    return a * x + c * y, b * x + d * y


@pytest.mark.parametrize("name", MATRICES)
def test_every_display_matrix_is_applied_to_the_pixels(name: str, write_video) -> None:
    (a, b, c, d), rotation_deg, mirrored = MATRICES[name]
    path = write_video(matrix=[a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30])
    with open_video(path) as video:
        rgb = next(iter(video)).rgb
        info = video.info
    assert (info.rotation_deg, info.mirrored) == (rotation_deg, mirrored)
    assert rgb.shape == ((96, 64, 3) if b else (64, 96, 3))
    assert (info.height, info.width) == rgb.shape[:2]
    for corner, channel in {(-1, -1): 0, (1, -1): 1, (-1, 1): 2}.items():
        x, y = corner_after((a, b, c, d), corner)
        pixel = rgb[rgb.shape[0] // 2 + y * 10, rgb.shape[1] // 2 + x * 10].astype(int)
        assert pixel.argmax() == channel, (corner, pixel)
        assert pixel.max() > 150


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_rotation_is_reported_without_decoding_everything(rotation_deg: int, write_video) -> None:
    path = write_video(rotation_deg=rotation_deg)  # FFmpeg counts anticlockwise
    assert probe(path).rotation_deg == (360 - rotation_deg) % 360


def test_turning_twice_by_the_same_mirror_is_nothing() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    for flip in (Orientation(flip_x=True), Orientation(flip_y=True), Orientation(transpose=True)):
        turned = flip.apply(image)
        assert turned.flags["C_CONTIGUOUS"]
        np.testing.assert_array_equal(flip.apply(turned), image)


def test_a_slanted_matrix_becomes_the_nearest_quarter_turn() -> None:
    angle = np.radians(80)
    turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 0]])
    assert Orientation.from_display_matrix((turn * ONE).astype(np.int32)).rotation_deg == 90
