"""The independent eye reader: squares, blinks, and refusing another model; its networks are not fetched in tests."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

import landmarker
from landmarker import BLENDSHAPE_LANDMARKS, EyeReader, LandmarkerError, Reading, Region, count_blinks

if TYPE_CHECKING:
    from pathlib import Path


def test_blinks_are_rises_above_the_threshold_and_unread_frames_do_not_split_one() -> None:
    closure = np.array([0.1, 0.5, 0.6, 0.1, 0.36, np.nan, 0.4, 0.2, 0.35])
    assert count_blinks(closure) == 2
    assert count_blinks(np.array([0.9, 0.9])) == 1
    assert count_blinks(np.array([np.nan])) == 0


def test_the_square_is_one_and_a_half_times_the_longer_side_and_turned_with_the_eyes() -> None:
    landmarks = np.zeros((478, 2))
    landmarks[:] = (100, 50)
    landmarks[0], landmarks[1] = (60, 20), (140, 120)  # 80 wide, 100 high, centre (100, 70)
    landmarks[33], landmarks[263] = (90, 50), (110, 70)
    region = landmarker.region_of_landmarks(landmarks)
    assert region.centre == pytest.approx([100, 70])
    assert region.side_px == pytest.approx(150)
    assert region.turn_rad == pytest.approx(math.radians(45))


def test_the_matrix_maps_the_middle_to_the_centre_and_turns_clockwise() -> None:
    region = Region(np.array([30.0, 40.0]), 512.0, math.radians(90))
    assert region.matrix @ [128, 128, 1] == pytest.approx([30, 40])
    # Right of the middle in the crop is below the centre in the frame; one input pixel is two of the frame.
    assert region.matrix @ [138, 128, 1] == pytest.approx([30, 60])


def test_landmarks_of_the_blendshape_network_are_those_it_was_made_for() -> None:
    assert len(BLENDSHAPE_LANDMARKS) == 146
    assert sorted(set(BLENDSHAPE_LANDMARKS)) == list(BLENDSHAPE_LANDMARKS)
    assert BLENDSHAPE_LANDMARKS[-1] == 477


class _Scripted:
    """Stands for the networks: sees a face of a given size wherever one really is, and notes where it was asked to look."""

    def __init__(self, presence: float = 0.9) -> None:
        self.presence, self.asked, self.place = presence, list[Region](), np.array([50.0, 50.0])

    def read(self, rgb: np.ndarray, region: Region) -> Reading:
        self.asked.append(region)
        grid = np.stack(np.meshgrid(np.linspace(-20, 20, 22), np.linspace(-20, 20, 22)), axis=-1).reshape(-1, 2)[:478]
        return Reading(self.presence, self.place + grid, 0.25)


BOX, EYES = np.array([30.0, 30, 70, 70]), np.array([[40.0, 45], [60, 45], [50, 55], [43, 62], [57, 62]])
FRAME = np.zeros((100, 100, 3), np.uint8)


def test_a_face_is_looked_for_where_the_tracker_has_it_and_then_where_its_landmarks_were() -> None:
    networks = _Scripted()
    reader = EyeReader(networks)  # type: ignore[arg-type]
    assert reader.see(FRAME, BOX, EYES) == 0.25
    assert len(networks.asked) == 2  # from the box, and again from its own landmarks
    assert networks.asked[0].side_px == pytest.approx(60)
    reader.see(FRAME, BOX, EYES)
    assert len(networks.asked) == 3
    reader.lost()
    reader.see(FRAME, BOX, EYES)
    assert len(networks.asked) == 5


def test_a_doubtful_face_or_somebody_elses_is_not_read() -> None:
    networks = _Scripted(presence=0.4)
    assert math.isnan(EyeReader(networks).see(FRAME, BOX, EYES))  # type: ignore[arg-type]
    other = _Scripted()
    reader = EyeReader(other)  # type: ignore[arg-type]
    assert reader.see(FRAME, BOX, EYES) == 0.25
    other.place = np.array([90.0, 50.0])  # wandered off to another face
    assert math.isnan(reader.see(FRAME, BOX, EYES))


def test_another_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / landmarker.MODEL_FILE
    with pytest.raises(LandmarkerError, match=r"cannot be read .*landmarker.py fetch"):
        landmarker.Landmarker(path)
    path.write_bytes(b"something else")
    with pytest.raises(LandmarkerError, match="is not the expected model"):
        landmarker.Landmarker(path)
    with pytest.raises(LandmarkerError, match="is not the expected model"):
        landmarker.fetch(tmp_path)
